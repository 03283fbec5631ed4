"""What the parts around the model cost: planning windows, checking a file, aligning words, writing files."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from thoth import _native
from thoth.live import seam
from thoth.model.formats import to_json, to_srt, to_vtt
from thoth.model.speech import FRAME_SAMPLES, VadOptions
from thoth.model.store import ASSETS
from thoth.model.transcript import Segment, Transcript, TranscriptionInfo
from thoth.model.windows import speech_windows

HOUR_S = 3600
RATE_HZ = 16_000


def test_planner(benchmark: Any) -> None:
    """Ten minutes of talk, 4 s of it in every 6, of which the probabilities are known; its samples are copied too."""
    block = np.zeros(6 * RATE_HZ // FRAME_SAMPLES * FRAME_SAMPLES, np.float32)
    frames = len(block) // FRAME_SAMPLES
    probabilities = (np.arange(frames) < frames * 2 // 3).astype(np.float32)

    def plan() -> int:
        return sum(1 for _ in speech_windows([block] * 100, lambda _: probabilities, 28.0, VadOptions()))

    assert benchmark(plan) > 10


def test_model_check(benchmark: Any) -> None:
    """The built-in model, 12 MB."""
    path = os.fsencode(next(ASSETS.glob("ggml-nano*.bin")))
    assert benchmark(_native.check_model, path)["n_mels"] == 80


@pytest.mark.parametrize("words", [20, 200])
def test_seam(benchmark: Any, words: int) -> None:
    """So many words that are known against a hypothesis that says them again and ten more."""
    ids = np.random.default_rng(0).integers(0, 500, words + 10)
    times = np.arange(words + 10) * 0.4
    assert benchmark(seam.covered, ids[:words], times[:words], ids, times) == words


@pytest.mark.parametrize("write", [to_json, to_srt, to_vtt])
def test_format(benchmark: Any, write: Any) -> None:
    """An hour of talk, a segment every four seconds."""
    text = " It was the best of times, it was the worst of times."
    segments = tuple(
        Segment(i + 1, 400 * i, 4.0 * i, 4.0 * i + 3.5, text, tuple(range(14)), -0.2, 1.1, 0.01)
        for i in range(HOUR_S // 4)
    )
    info = TranscriptionInfo(
        language="en", language_probability=1.0, duration=HOUR_S, duration_after_vad=HOUR_S, model="none", elapsed_s=1.0
    )
    transcript = Transcript(segments, info)
    assert len(benchmark(write, transcript)) > 10_000
