"""What sound costs in the parts that every sample goes through. One figure is a call as the comment says."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from thoth import _native
from thoth.model.whisper import VAD_MODEL

CARD_HZ, MODEL_HZ = 48_000, 16_000
BLOCK = 480


@pytest.fixture
def second() -> np.ndarray[Any, np.dtype[np.float32]]:
    return (np.random.default_rng(0).standard_normal(CARD_HZ) * 0.1).astype(np.float32)


def test_ring_through_python(benchmark: Any) -> None:
    """A block of 10 ms in and out, by one thread."""
    ring, block = _native.RingBuffer(CARD_HZ), np.zeros(BLOCK, np.float32)

    def through() -> int:
        ring.write(block)
        return len(ring.read())

    assert benchmark(through) == BLOCK


@pytest.mark.parametrize("threads", [1, 2])
def test_ring_in_the_core(benchmark: Any, threads: int) -> None:
    """A thousand blocks of 10 ms, and the making of the ring."""
    assert benchmark(_native.time_ring, CARD_HZ, BLOCK, 1000, threads) > 0


@pytest.mark.parametrize("kind", [_native.FirResampler, _native.Resampler])
def test_resampler(benchmark: Any, kind: Any, second: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """A second of sound, 48 to 16 kHz."""
    resampler = kind(CARD_HZ, MODEL_HZ)
    resampler.process(second)  # it holds back some of the first
    assert len(benchmark(resampler.process, second)) == pytest.approx(MODEL_HZ, abs=2000)


def test_voice_activity(benchmark: Any, second: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """A second of sound, less the rest of a frame."""
    vad = _native.Vad(os.fsencode(VAD_MODEL))
    frames = MODEL_HZ // vad.FRAME_SAMPLES
    assert len(benchmark(vad.process, second[: frames * vad.FRAME_SAMPLES])) == frames
