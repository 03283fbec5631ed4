"""What `thoth bench` times of a model: its passes, stage by stage, and what a live session and a file take of it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from thoth import _native
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.cli.bench.figures import Measurement
from thoth.cli.bench.parts import speech_like
from thoth.model.catalog import suitability_of

POSITION_S: Final = 0.02
CONTEXTS: Final = (256, 448, 768)
"""What Thoth encodes for up to 2.5 s, 6 s and 12 s of audio; and the model's full context, 30 s."""

TOKENS_PER_S: Final = 4
"""What brisk English has: 170 words a minute, 1.3 tokens a word."""
LIVE_CHUNK_S: Final = 1.5
LIVE_WINDOW_S: Final = 6.0
"""With every chunk a live session looks again at all that it has not committed; that is seldom more."""

FEW_TOKENS: Final = 4
MANY_TOKENS: Final = 36

TOKEN: Final = "decoder, a token"
LIVE: Final = "live speech"
FILE: Final = "file"
REAL_TIME: Final = "of real time"
MS: Final = "ms"


class BenchedModel:
    """A loaded model that says as much as it is told to: its end of text is forbidden. One thread."""

    def __init__(self, path: Path, name: str) -> None:
        """Load it. Raises InvalidModel, or ModelError where memory does not suffice."""
        self.name = name
        self.file_bytes = path.stat().st_size
        self._engine = _native.Engine(os.fsencode(path))
        self._window_s = min(suitability_of(path).longest_window_s, self._engine.window_samples / SAMPLE_RATE_HZ)
        self._full_context = int(self._engine.info["n_audio_ctx"])
        self._speech = speech_like(self._window_s)

    def close(self) -> None:
        """Free the model."""
        self._engine.close()

    def measurements(self, threads: Sequence[int]) -> Iterator[Measurement]:
        """Give what to time, with each number of threads."""
        for count in threads:
            for context in (*(few for few in CONTEXTS if few < self._full_context), self._full_context):
                yield self._measurement(partial(self._encoder, context, count), MS, count)
            yield self._measurement(partial(self._token, count), MS, count)
            yield self._measurement(partial(self._following, count), REAL_TIME, count)

    def _measurement(self, once: Callable[[], dict[str, float]], unit: str, threads: int) -> Measurement:
        return Measurement(once, unit, self.name, threads)

    def _encoder(self, context: int, threads: int) -> dict[str, float]:
        stages = self._pass(self._speech, 1, context, threads)
        found = {f"encoder, {POSITION_S * context:.0f} s": 1000 * stages["encode"]}
        if context == self._full_context:
            found[f"mel, {self._window_s:g} s"] = 1000 * stages["mel"]
        return found

    def _token(self, threads: int) -> dict[str, float]:
        few_s, many_s = (
            self._pass(self._speech, tokens, CONTEXTS[0], threads)["decode"] for tokens in (FEW_TOKENS, MANY_TOKENS)
        )
        return {TOKEN: 1000 * (many_s - few_s) / (MANY_TOKENS - FEW_TOKENS)}

    def _following(self, threads: int) -> dict[str, float]:
        live_s = min(LIVE_WINDOW_S, self._window_s)
        live = self._speech[: round(live_s * SAMPLE_RATE_HZ)]
        return {LIVE: self._whole_pass_s(live, threads) / LIVE_CHUNK_S} | {
            FILE: self._whole_pass_s(self._speech, threads) / self._window_s
        }

    def _whole_pass_s(self, samples: Samples, threads: int) -> float:
        tokens = round(TOKENS_PER_S * len(samples) / SAMPLE_RATE_HZ)
        return sum(self._pass(samples, tokens, _native.DecodeOptions.REDUCED_CONTEXT, threads).values())

    def _pass(self, samples: Samples, tokens: int, context: int, threads: int) -> dict[str, float]:
        """Seconds of each stage, of a pass with exactly so many tokens."""
        options = _native.DecodeOptions()
        options.audio_context, options.threads, options.max_new_tokens = context, threads, tokens
        options.without_timestamps, options.temperature_step = True, 0.0
        options.suppress_tokens = [self._engine.end_of_text_token]
        options.log_prob_threshold = options.entropy_threshold = -math.inf
        stages: dict[str, float] = {}
        for stage, begin_s, end_s in self._engine.transcribe(samples, options).stages:
            stages[stage] = stages.get(stage, 0.0) + end_s - begin_s
        return stages
