"""Streams for the wake-phrase tests, as a microphone would give them: a phrase with near-silence around it."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from encoded_audio import Floats, recording

RATE_HZ = 16_000
BEFORE_S = 1.0
"""What stands before a phrase in `spoken()`."""

_FLOOR = 1e-4  # -80 dB: a quiet room


def quiet(duration_s: float, seed: int = 0) -> Floats:
    """A room in which nobody speaks."""
    noise = np.random.default_rng(seed).normal(scale=_FLOOR, size=round(duration_s * RATE_HZ))
    return noise.astype(np.float32)


def spoken(*names: str, pause_s: float = 1.5) -> Floats:
    """Recordings with quiet before, between and behind them."""
    pieces = [quiet(BEFORE_S)]
    for name in names:
        pieces += [recording(name), quiet(pause_s)]
    return np.concatenate(pieces)


def as_wav(stream: Floats) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    soundfile.write(file, stream, RATE_HZ, format="WAV")
    return file.getvalue()
