"""How much of one recording is in another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]

_FINER = 8
"""The converters between here and there leave the recordings a fraction of a sample apart: so look at them finer."""


def correlation(heard: Samples, original: Samples, rate_hz: int = 16_000) -> float:
    """Return the normalised cross-correlation of `original` with where it fits best in `heard`, 0 to 1."""
    heard, original = (soxr.resample(audio, rate_hz, rate_hz * _FINER) for audio in (heard, original))
    size = 1 << (len(heard) + len(original) - 1).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(original, size))
    products = np.fft.irfft(spectrum, size)[: len(heard) - len(original) + 1]
    at = int(np.argmax(products))
    part = heard[at : at + len(original)].astype(np.float64)
    norm = np.linalg.norm(part) * np.linalg.norm(original.astype(np.float64))
    return float(products[at] / norm) if norm > 0 else 0.0
