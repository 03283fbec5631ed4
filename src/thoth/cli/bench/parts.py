"""What `thoth bench` times of the parts around a model: voice activity detection, resampling, the ring."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from thoth import _native
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.cli.bench.figures import Measurement
from thoth.model.whisper import VAD_MODEL

CARD_RATE_HZ: Final = 48_000
CARD_BLOCK: Final = 480
"""Ten milliseconds: what sound cards hand over at a time."""
FILE_BLOCK: Final = 4096
RING_BLOCKS: Final = 20_000
AUDIO_S: Final = 10

MS_PER_S: Final = "ms per s of audio"
NS_PER_BLOCK: Final = "ns per block"

_PITCH_HZ = 120.0
_VOICE_HZ = 4000.0
_FORMANTS_HZ = (600.0, 1300.0, 2600.0)
_FORMANT_WIDTH_HZ = 200.0
_SYLLABLES_HZ = 4.0
_PEAK = 0.3


def speech_like(seconds: float, rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """Make what sounds like a voice and says nothing, the same each time; float32 `(frames,)`, at most 0.3.

    A buzz whose pitch rises and falls, three resonances, four syllables a second, a faint hiss: the package carries no
    recording, and what is said makes no difference to the time it takes.
    """
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * (_PITCH_HZ * times + 6.0 * np.sin(2 * np.pi * 0.5 * times))
    voice = np.zeros_like(times)
    for number in range(1, int(_VOICE_HZ / _PITCH_HZ)):
        distances = (number * _PITCH_HZ - np.array(_FORMANTS_HZ)) / _FORMANT_WIDTH_HZ
        voice += (0.05 + np.exp(-(distances**2)).sum()) / number * np.sin(number * phase)
    syllables = np.clip(np.sin(2 * np.pi * _SYLLABLES_HZ * times) + 0.4, 0, 1)
    hiss = np.random.default_rng(1).standard_normal(len(times)) * 0.002
    loud = voice * syllables + hiss
    return np.asarray(loud * (_PEAK / np.abs(loud).max()), np.float32)


def part_measurements() -> Iterator[Measurement]:
    """Give what to time. Raises ModelError where the VAD model cannot be loaded."""
    vad, speech = _native.Vad(os.fsencode(VAD_MODEL)), speech_like(AUDIO_S)
    card = speech_like(AUDIO_S, CARD_RATE_HZ)

    def listen() -> dict[str, float]:
        vad.reset()
        begin_s = time.perf_counter()
        vad.process(speech)
        return {"voice activity": 1000 * (time.perf_counter() - begin_s) / AUDIO_S}

    def convert() -> dict[str, float]:
        live_s = _native.time_resampling(card, CARD_RATE_HZ, SAMPLE_RATE_HZ, CARD_BLOCK, live=True)
        file_s = _native.time_resampling(card, CARD_RATE_HZ, SAMPLE_RATE_HZ, FILE_BLOCK, live=False)
        return {
            "resampler, live, 48 to 16 kHz": 1000 * live_s / AUDIO_S,
            "resampler, files, 48 to 16 kHz": 1000 * file_s / AUDIO_S,
        }

    def hand_over() -> dict[str, float]:
        return {
            f"ring, {CARD_BLOCK} samples, {name}": 1e9
            * _native.time_ring(CARD_RATE_HZ, CARD_BLOCK, RING_BLOCKS, threads)
            for name, threads in (("one thread", 1), ("two threads", 2))
        }

    yield Measurement(listen, MS_PER_S)
    yield Measurement(convert, MS_PER_S)
    yield Measurement(hand_over, NS_PER_BLOCK)
