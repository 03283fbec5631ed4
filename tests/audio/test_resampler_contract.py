"""What both resamplers promise alike."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from tones import SPEECH_HZ

from thoth._native import FirResampler, Resampler
from thoth.errors import AudioError

KINDS = [Resampler, FirResampler]
Kind = type[Resampler] | type[FirResampler]


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, samples).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("in_hz", [16_000, 48_000])
def test_the_stream_ends_with_flush(kind: Kind, in_hz: int) -> None:
    resampler = kind(in_hz, SPEECH_HZ)
    resampler.process(noise(100))
    resampler.flush()
    assert len(resampler.flush()) == 0
    with pytest.raises(AudioError, match=f"this {kind.__name__} was flushed"):
        resampler.process(noise(100))


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_thread_is_refused_while_the_first_computes_without_the_gil(kind: Kind) -> None:
    resampler = kind(44_100, SPEECH_HZ)
    block = noise(44_100 * 20)
    done = threading.Event()

    def compute() -> None:
        while not done.is_set():
            try:
                resampler.process(block)
            except AudioError:
                continue

    worker = threading.Thread(target=compute)

    def meet_it() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            resampler.process(block[:1])

    worker.start()
    try:
        with pytest.raises(AudioError, match="two threads at once"):
            meet_it()
    finally:
        done.set()
        worker.join()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_block_that_is_not_finite_is_refused_and_changes_nothing(kind: Kind, bad: float) -> None:
    block = noise(4_800)
    spoilt = block.copy()
    spoilt[1_234] = bad
    resampler, untouched = kind(48_000, SPEECH_HZ), kind(48_000, SPEECH_HZ)
    with pytest.raises(
        AudioError, match=rf"a {kind.__name__} takes finite samples: number 1234 of this block is -?(nan|inf)"
    ):
        resampler.process(spoilt)
    assert resampler.process(block).tobytes() == untouched.process(block).tobytes()
    assert resampler.flush().tobytes() == untouched.flush().tobytes()
