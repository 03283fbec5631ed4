"""Sines, and what a resampler made of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SPEECH_HZ = 16_000
# Rates of sound cards and files, all but Thoth's own.
COMMON_HZ = [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 176_400, 192_000]
# Rates with a frequency that they can hold and Thoth's cannot: from the edge of the band upwards.
ABOVE_SPEECH = [
    (rate_hz, frequency_hz)
    for rate_hz in COMMON_HZ
    for frequency_hz in (8_001, 8_100, 9_000, 10_900, 12_345, 15_900, 20_000, 40_000, 90_000)
    if frequency_hz < rate_hz / 2
]


def sine(frequency_hz: float, rate_hz: float, length_s: float = 1.0) -> Floats:
    phase = 2 * np.pi * frequency_hz * np.arange(round(length_s * rate_hz)) / rate_hz
    return np.asarray(np.sin(phase), dtype=np.float32)


def level_db(samples: npt.NDArray[np.floating]) -> float:
    """Level against a full-scale sine, away from the ends."""
    return _db(_middle(samples))


class Found(NamedTuple):
    """A sine as it came out, and all else that came out with it: images, aliases, noise. In dB of full scale."""

    level_db: float
    rest_db: float


def find_sine(samples: Floats, frequency_hz: float, rate_hz: float) -> Found:
    """Fit a sine of that frequency and any phase to the samples, away from the ends."""
    middle = _middle(samples)
    phase = 2 * np.pi * frequency_hz * np.arange(len(middle)) / rate_hz
    parts = np.column_stack([np.sin(phase), np.cos(phase)])
    amplitudes, *_ = np.linalg.lstsq(parts, middle, rcond=None)
    return Found(20 * math.log10(float(np.hypot(*amplitudes))), _db(middle - parts @ amplitudes))


def band_limited_noise(rate_hz: int, top_hz: float, length_s: float = 1.0, seed: int = 0) -> Floats:
    """White up to `top_hz` and nothing at all above, peaking at 0.9."""
    frames = round(rate_hz * length_s)
    generator = np.random.default_rng(seed)
    spectrum = np.zeros(frames // 2 + 1, np.complex128)
    count = int(top_hz * length_s)
    spectrum[1:count] = generator.standard_normal(count - 1) + 1j * generator.standard_normal(count - 1)
    samples = np.fft.irfft(spectrum, frames)
    return np.asarray(0.9 * samples / np.abs(samples).max(), dtype=np.float32)


def _middle(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    return samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)


def _db(samples: npt.NDArray[np.float64]) -> float:
    return 20 * math.log10(math.sqrt(2) * float(np.sqrt(np.mean(samples**2))) + 1e-300)
