"""NumPy input of any shape, dtype and rate as the one form that Thoth works on."""

from __future__ import annotations

import math
import numbers
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thoth._native import Resampler
from thoth.errors import AudioError, InvalidOption

Samples = npt.NDArray[np.float32]

SAMPLE_RATE_HZ: Final = 16_000
"""The rate of all audio inside Thoth: what Whisper models were trained on."""

MAX_PEAK: Final = 8.0
"""Largest float sample taken for audio.

Full scale is 1; lossy codecs and careless gain overshoot it by a few dB, 8 is 18 dB over. Floats beyond that
are integer samples that nobody scaled: 16-bit speech peaks in the thousands.
"""

MIN_RATE_HZ: Final = 1_000
MAX_RATE_HZ: Final = 768_000
MAX_CHANNELS: Final = 32


def as_samples(audio: object, rate: float | None = None) -> Samples:
    """Return `audio` as 16 kHz mono float32: 1-D, C-contiguous, full scale at ±1.

    audio: a NumPy array, or a tuple `(array, rate)`. Floats are taken as they are; integers are divided by
    their
        full range, unsigned ones centred first. One axis is mono. Two axes are `(frames, channels)` as
        soundfile gives them, unless the first has 1 to 32 entries and the second more than 32: then
        `(channels, frames)` as torchaudio and librosa give them. Channels are averaged. No samples at all are
        allowed.
    rate: sample rate of `audio` in Hz, 1 kHz to 768 kHz; 16 kHz when neither it nor a tuple says otherwise.
    Other
        rates are resampled (libsoxr, VHQ).

    Samples that are right already come back as the same array, not copied.

    Raises AudioError for a wrong type, dtype or shape, for samples that are not finite (naming the first),
    and for values that were plainly never scaled; InvalidOption for a rate that makes no sense. Safe from any
    thread.
    """
    array, rate_hz = _array_and_rate(audio, rate)
    _check_dtype(array)
    frames_first = _frames_first(array)
    _check_values(array)
    mono = mean_of_channels(to_float32(frames_first))
    if rate_hz != SAMPLE_RATE_HZ:
        mono = _resampled(mono, rate_hz)
    return np.ascontiguousarray(mono)


def to_float32(array: npt.NDArray[Any]) -> Samples:
    """Scale samples of any float or integer dtype to float32 with full scale at ±1; same shape.

    float32 comes back as it is. Signed integers are divided by 2 to the power of their bits less one;
    unsigned ones have their middle at zero.
    """
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    bits = 8 * array.dtype.itemsize
    if array.dtype.kind == "u":
        # Flipping the top bit moves the middle to zero and stays exact, where a subtraction would need a
        # wider type.
        top_bit = array.dtype.type(1 << (bits - 1))
        array = (array ^ top_bit).view(f"i{array.dtype.itemsize}")
    scaled = array.astype(np.float32)
    scaled *= np.float32(2.0 ** (1 - bits))
    return scaled


def mean_of_channels(frames_first: Samples) -> Samples:
    """Mix `(frames, channels)` float32 down to `(frames,)`; one axis passes through.

    Channels are added one after another in their order, so that a frame's result depends on that frame alone.
    """
    if frames_first.ndim == 1:
        return frames_first
    channels = frames_first.shape[1]
    if channels == 1:
        return frames_first[:, 0]
    mixed: Samples = frames_first[:, 0] + frames_first[:, 1]
    for channel in range(2, channels):
        mixed += frames_first[:, channel]
    mixed /= np.float32(channels)
    return mixed


def _array_and_rate(audio: object, rate: float | None) -> tuple[npt.NDArray[Any], float]:
    if isinstance(audio, tuple):
        audio, rate = _unpacked(audio, rate)
    if not isinstance(audio, np.ndarray):
        raise AudioError(
            f"audio is a {type(audio).__name__}, not a NumPy array: convert it with numpy.asarray(audio), "
            "or give a path, a binary file or bytes where files are taken"
        )
    return audio, SAMPLE_RATE_HZ if rate is None else _checked_rate(rate)


def _unpacked(pair: tuple[Any, ...], rate: float | None) -> tuple[Any, Any]:
    if len(pair) != 2 or not isinstance(pair[0], np.ndarray):
        hint = " (scipy's (rate, samples) the other way round)" if _is_rate_first(pair) else ""
        raise AudioError(f"a tuple of audio holds (samples, rate), samples being a NumPy array{hint}")
    if rate is not None:
        raise InvalidOption("the rate was given twice, in the tuple and as rate: give one")
    return pair


def _is_rate_first(pair: tuple[Any, ...]) -> bool:
    return len(pair) == 2 and isinstance(pair[0], numbers.Real) and isinstance(pair[1], np.ndarray)


def _checked_rate(rate: object) -> float:
    if not isinstance(rate, bool) and isinstance(rate, numbers.Real):
        rate_hz = float(rate)
        if math.isfinite(rate_hz) and MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            return rate_hz
    raise InvalidOption(f"rate takes a sample rate of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, not {rate!r}")


def _check_dtype(array: npt.NDArray[Any]) -> None:
    if array.dtype.kind not in "fiu":
        raise AudioError(f"audio of dtype {array.dtype} is not samples: any float or integer dtype is taken")


def _frames_first(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.ndim not in (1, 2):
        raise AudioError(
            f"audio of shape {array.shape} has {array.ndim} axes: give (frames,) or (frames, channels), "
            "one recording at a time"
        )
    if array.ndim == 1:
        return array
    if array.size == 0:
        return array.reshape(-1)
    if 1 <= array.shape[0] <= MAX_CHANNELS < array.shape[1]:
        array = array.T
    if array.shape[1] > MAX_CHANNELS:
        raise AudioError(
            f"audio of shape {array.shape} would have {array.shape[1]} channels, at most {MAX_CHANNELS} pass"
        )
    return array


def _check_values(array: npt.NDArray[Any]) -> None:
    if array.size == 0:
        return
    # The two extremes show a NaN, an infinity and the scale without a temporary of the input's size.
    peak = max(float(array.max()), -float(array.min()))
    if array.dtype.kind == "f":
        _check_float_peak(array, peak)
    elif array.dtype.itemsize == 8 and array.dtype.kind == "i" and 0 < peak < 2**31:
        raise AudioError(
            f"audio of dtype int64 with a peak of {peak:.0f} holds samples of a narrower format: convert it "
            "to the one they were made for, mostly audio.astype(numpy.int16)"
        )


def _check_float_peak(array: npt.NDArray[Any], peak: float) -> None:
    if not math.isfinite(peak):
        index = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
        where = ", ".join(str(int(axis)) for axis in index)
        raise AudioError(f"audio[{where}] is {float(array[index])}: every sample must be finite")
    if peak > MAX_PEAK:
        raise AudioError(
            f"float audio with a peak of {peak:g} was never scaled (full scale is 1): divide 16-bit samples "
            "by 32768, or keep them in their integer dtype"
        )


def _resampled(mono: Samples, rate_hz: float) -> Samples:
    resampler = Resampler(rate_hz, SAMPLE_RATE_HZ)
    head = resampler.process(np.ascontiguousarray(mono))
    return np.concatenate((head, resampler.flush()))
