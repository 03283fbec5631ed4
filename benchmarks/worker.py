"""The process that one contender runs in: loads it, answers questions, one JSON line each.

Started by ``workers.py``, never by hand. The time is taken here, around the call alone.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from functools import cache
from typing import Any, TextIO

import numpy as np
from contenders import Audio, Contender, Samples
from kinds import KINDS
from machine import peak_rss_bytes

SAMPLE_RATE_HZ = 16_000


@cache
def noise(seconds: float) -> Samples:
    """Quiet white noise, always the same: what the samples are makes no difference to the arithmetic."""
    values = np.random.default_rng(7).standard_normal(round(seconds * SAMPLE_RATE_HZ), np.float32)
    return np.asarray(values * np.float32(0.05), np.float32)


FIRST_LIMIT = 8


class Answerer:
    """Runs one contender and finds, per audio and number of tokens, the limit that makes it decode that many.

    A try tells into how many windows the contender cuts the audio; each gets an equal share of the tokens. Some decode
    one token more in each than their limit says.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._limits: dict[tuple[float | str, int], int] = {}

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        name, tokens = question["path"] or question["seconds"], question["tokens"]
        audio = question["path"] or noise(question["seconds"])
        if (name, tokens) not in self._limits:
            self._limits[name, tokens] = self._limit(audio, tokens)
        begin, begin_cpu_s = time.perf_counter(), _processor_s()
        outcome = self._contender.transcribe(audio, self._limits[name, tokens])
        elapsed_s, cpu_s = time.perf_counter() - begin, _processor_s() - begin_cpu_s
        return {
            "elapsed_s": elapsed_s,
            "cpu_s": cpu_s,
            "tokens": outcome.tokens,
            "reruns": outcome.reruns,
            "windows": outcome.windows,
            "peak_rss": peak_rss_bytes(),
        }

    def _limit(self, audio: Audio, tokens: int) -> int:
        tried = self._contender.transcribe(audio, FIRST_LIMIT)
        return math.ceil(tokens / tried.windows) + FIRST_LIMIT - round(tried.tokens / tried.windows)


def main() -> None:
    answers = _protocol_stream()
    before = peak_rss_bytes()
    contender: Contender = KINDS[sys.argv[1]](**json.loads(sys.argv[2]))
    ready = {"description": contender.description, "rss_before": before, "rss_loaded": peak_rss_bytes()}
    print(json.dumps(ready), file=answers)
    answerer = Answerer(contender)
    for line in sys.stdin:
        print(json.dumps(answerer.answer(json.loads(line))), file=answers)


def _processor_s() -> float:
    """The processor time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def _protocol_stream() -> TextIO:
    """The real standard output, out of the libraries' reach: what they print goes where errors go."""
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return stream


if __name__ == "__main__":
    main()
