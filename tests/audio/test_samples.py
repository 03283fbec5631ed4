"""Arrays of any kind become 16 kHz mono float32, or are refused with the reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thoth.audio.samples import MAX_PEAK, SAMPLE_RATE_HZ, as_samples, to_float32
from thoth.errors import AudioError, InvalidOption

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i2", ">u4"]
FLOATS = ["float16", "float32", "float64", "longdouble", ">f4"]


def is_canonical(samples: Any) -> bool:
    native = samples.dtype == np.float32 and samples.dtype.isnative
    return bool(native and samples.ndim == 1 and samples.flags.c_contiguous)


def test_right_samples_are_not_copied() -> None:
    audio = np.linspace(-1, 1, 100, dtype=np.float32)
    assert as_samples(audio) is audio
    assert as_samples((audio, 16_000)) is audio
    assert as_samples(audio, SAMPLE_RATE_HZ) is audio


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_divided_by_their_full_range(dtype: str) -> None:
    limits = np.iinfo(dtype)
    middle = 0 if limits.min < 0 else 1 << (limits.bits - 1)
    audio = np.array([limits.min, middle, middle + (1 << (limits.bits - 2)), limits.max], dtype=dtype)
    out = as_samples(audio)
    assert is_canonical(out)
    np.testing.assert_allclose(out, [-1, 0, 0.5, 1 - 2.0 ** (1 - limits.bits)], rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_are_taken_as_they_are(dtype: str) -> None:
    audio = np.array([0.5, -1.25, 0.0], dtype=dtype)
    out = as_samples(audio)
    assert is_canonical(out)
    np.testing.assert_array_equal(out, np.array([0.5, -1.25, 0], np.float32))


@given(hnp.arrays(np.int16, st.integers(0, 200)))
def test_sixteen_bits_survive_exactly(audio: Any) -> None:
    np.testing.assert_array_equal(np.round(as_samples(audio) * 32768).astype(np.int16), audio)


@given(
    frames=st.integers(33, 90),
    channels=st.integers(1, 32),
    dtype=st.sampled_from(["float32", "float64", "int16", "uint8"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_channels_are_averaged(frames: int, channels: int, dtype: str, seed: int) -> None:
    audio: Any = np.random.default_rng(seed).uniform(0, 1 if dtype[0] == "f" else 256, (frames, channels))
    audio = audio.astype(dtype)
    expected = to_float32(audio).astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(as_samples(audio), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "frames"),
    [
        ((100, 2), 100),
        ((100, 1), 100),
        ((1, 100), 100),  # torchaudio's mono
        ((2, 100), 100),  # torchaudio's stereo
        ((32, 33), 33),
        ((33, 32), 33),
        ((2, 32), 2),  # too few for channels first
        ((1, 1), 1),
    ],
)
def test_frames_come_first_unless_plainly_channels_do(shape: tuple[int, int], frames: int) -> None:
    assert len(as_samples(np.zeros(shape, np.float32))) == frames


def test_both_orders_of_a_stereo_recording_mean_the_same() -> None:
    stereo = np.random.default_rng(0).uniform(-1, 1, (5_000, 2)).astype(np.float32)
    np.testing.assert_array_equal(as_samples(stereo), as_samples(stereo.T))


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000.0, np.float32(96_000), np.int64(32_000)])
def test_other_rates_are_resampled(rate: float) -> None:
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, 4_000).astype(np.float32)
    out = as_samples(audio, rate)
    assert is_canonical(out)
    expected = soxr.resample(audio, float(rate), 16_000, quality="VHQ")
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(out, as_samples((audio, rate)))


def test_a_strided_view_is_taken() -> None:
    audio = np.arange(100, dtype=np.float32) / 100
    out = as_samples(audio[::2])
    assert is_canonical(out)
    np.testing.assert_array_equal(out, audio[::2])


@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_no_samples_give_no_samples(shape: tuple[int, ...], rate: int) -> None:
    out = as_samples(np.zeros(shape, np.float32), rate)
    assert is_canonical(out)
    assert len(out) == 0


@given(
    audio=hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(-1, 1)),
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
    data=st.data(),
)
@settings(deadline=None)
def test_the_first_sample_that_is_not_finite_is_named(audio: Any, bad: float, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(audio) - 1))
    audio[first] = bad
    audio[data.draw(st.integers(first, len(audio) - 1))] = math.nan
    with pytest.raises(AudioError, match=rf"audio\[{first}\] is .*finite"):
        as_samples(audio)


def test_a_bad_sample_in_two_axes_is_named_as_the_caller_counts() -> None:
    audio = np.zeros((2, 100))
    audio[1, 40] = math.nan
    with pytest.raises(AudioError, match=r"audio\[1, 40\] is nan"):
        as_samples(audio)


def test_floats_that_were_never_scaled_are_refused() -> None:
    with pytest.raises(AudioError, match=r"peak of 20000 .* 32768"):
        as_samples(np.array([0, -20_000.0]))
    with pytest.raises(AudioError, match="peak of 1e\\+300"):
        as_samples(np.array([1e300]))
    np.testing.assert_array_equal(as_samples(np.array([MAX_PEAK, -MAX_PEAK])), [MAX_PEAK, -MAX_PEAK])


def test_sixteen_bit_values_in_an_int64_array_are_refused() -> None:
    with pytest.raises(AudioError, match=r"int64 with a peak of 1234 .*int16"):
        as_samples(np.array([0, -1_234]))
    np.testing.assert_array_equal(as_samples(np.zeros(3, np.int64)), np.zeros(3))


@pytest.mark.parametrize(
    ("audio", "told"),
    [
        ([0.0, 0.1], r"list, not a NumPy array: .*numpy\.asarray"),
        (b"\0\0", "bytes, not a NumPy array"),
        (None, "NoneType, not a NumPy array"),
        (np.zeros(3, bool), "dtype bool"),
        (np.zeros(3, complex), "dtype complex128"),
        (np.array([None]), "dtype object"),
        (np.array(["a"]), "dtype <U1"),
        (np.zeros(3, "m8[s]"), "dtype timedelta64"),
        (np.float32(1), "float32, not a NumPy array"),
        (np.array(1.0), r"shape \(\) has 0 axes"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\) has 3 axes"),
        (np.zeros((100, 40)), "would have 40 channels"),
        ((np.zeros(3),), r"\(samples, rate\)"),
        ((16_000, np.zeros(3)), "the other way round"),
        (([0.0], 16_000), r"\(samples, rate\)"),
    ],
)
def test_what_is_no_audio_is_refused_with_the_reason(audio: Any, told: str) -> None:
    with pytest.raises(AudioError, match=told):
        as_samples(audio)


@pytest.mark.parametrize("rate", [0, -16_000, 999, 768_001, math.nan, math.inf, "16000", True, 1j])
def test_rates_that_make_no_sense_are_refused(rate: Any) -> None:
    with pytest.raises(InvalidOption, match="rate takes"):
        as_samples(np.zeros(3), rate)
    with pytest.raises(InvalidOption, match="rate takes"):
        as_samples((np.zeros(3), rate))


def test_a_rate_given_twice_is_refused() -> None:
    with pytest.raises(InvalidOption, match="twice"):
        as_samples((np.zeros(3), 16_000), 8_000)
