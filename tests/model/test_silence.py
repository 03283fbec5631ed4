"""No text is invented where nobody speaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import thoth

RATE = 16_000
SECONDS = 20
Samples = npt.NDArray[np.float32]


def _time() -> npt.NDArray[np.float64]:
    return np.arange(SECONDS * RATE) / RATE


def white_noise() -> Samples:
    return (0.1 * np.random.default_rng(1).standard_normal(SECONDS * RATE)).astype(np.float32)


def brown_noise() -> Samples:
    walk = np.cumsum(np.random.default_rng(2).standard_normal(SECONDS * RATE))
    walk -= np.convolve(walk, np.ones(800) / 800, "same")
    return (0.3 * walk / np.abs(walk).max()).astype(np.float32)


def mains_hum() -> Samples:
    return sum(0.1 / k * np.sin(2 * np.pi * 50 * k * _time()) for k in (1, 2, 3, 5)).astype(np.float32)


def chords() -> Samples:
    """Music-like: a chord change every half second, harmonics, an envelope for each note."""
    t = _time()
    beat = (t * 2).astype(int)
    envelope = np.exp(-3 * (t * 2 - beat))
    root = 220.0 * 2 ** (np.array([0, 5, 7, 4, 9, 2])[beat % 6] / 12)
    notes = [np.sin(2 * np.pi * np.cumsum(root * ratio * k) / RATE) / k for ratio in (1, 1.26, 1.5) for k in (1, 2, 3)]
    return (0.15 * envelope * np.sum(notes, axis=0)).astype(np.float32)


def clicks() -> Samples:
    samples = np.zeros(SECONDS * RATE, np.float32)
    samples[:: RATE // 3] = 0.9
    return samples


def offset() -> Samples:
    return np.full(SECONDS * RATE, 0.2, np.float32)


@pytest.mark.parametrize("noise", [white_noise, brown_noise, mains_hum, chords, clicks, offset])
@pytest.mark.parametrize("level", [1.0, 0.05])
def test_noise_gives_no_text(model: thoth.WhisperModel, noise: object, level: float) -> None:
    assert callable(noise)
    assert model.transcribe(level * noise()).text == ""


@pytest.mark.parametrize("seconds", [0.1, 1, 5, 30, 70])
def test_silence_gives_no_text(model: thoth.WhisperModel, seconds: float) -> None:
    samples = np.zeros(int(seconds * RATE), np.float32)
    assert model.transcribe(samples).text == ""
    assert model.transcribe(samples, without_timestamps=True, vad_filter=False).text == ""


@pytest.mark.parametrize("name", ["silence_0.flac", "noise_0.flac"])
def test_recorded_rooms_give_no_text(model: thoth.WhisperModel, audio: Path, name: str) -> None:
    for options in ({}, {"vad_filter": False}, {"audio_context": "full"}):
        assert model.transcribe(audio / name, **options).text == ""
