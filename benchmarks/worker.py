"""The process that one contender runs in: loads it, answers questions, one JSON line each.

Started by ``workers.py``, never by hand. The time is taken here, around the call alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import cache
from typing import Any, TextIO

import numpy as np
from contenders import KINDS, Contender, Samples
from machine import peak_rss_bytes

SAMPLE_RATE_HZ = 16_000


@cache
def noise(seconds: float) -> Samples:
    """Quiet white noise, always the same: what the samples are makes no difference to the arithmetic."""
    values = np.random.default_rng(7).standard_normal(round(seconds * SAMPLE_RATE_HZ), np.float32)
    return np.asarray(values * np.float32(0.05), np.float32)


class Answerer:
    """Runs one contender and finds, per number of tokens, the limit that makes it decode exactly that many.

    whisper.cpp decodes one token more than its limit says: a try tells.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._limits: dict[int, int] = {}

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        samples, tokens = noise(question["seconds"]), question["tokens"]
        if tokens not in self._limits:
            self._limits[tokens] = tokens + (tokens - self._contender.transcribe(samples, tokens).tokens)
        begin = time.perf_counter()
        outcome = self._contender.transcribe(samples, self._limits[tokens])
        elapsed_s = time.perf_counter() - begin
        return {
            "elapsed_s": elapsed_s,
            "tokens": outcome.tokens,
            "reruns": outcome.reruns,
            "peak_rss": peak_rss_bytes(),
        }


def main() -> None:
    answers = _protocol_stream()
    before = peak_rss_bytes()
    contender: Contender = KINDS[sys.argv[1]](**json.loads(sys.argv[2]))
    ready = {"description": contender.description, "rss_before": before, "rss_loaded": peak_rss_bytes()}
    print(json.dumps(ready), file=answers)
    answerer = Answerer(contender)
    for line in sys.stdin:
        print(json.dumps(answerer.answer(json.loads(line))), file=answers)


def _protocol_stream() -> TextIO:
    """The real standard output, out of the libraries' reach: what they print goes where errors go."""
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return stream


if __name__ == "__main__":
    main()
