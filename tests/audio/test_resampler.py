"""The native resampler: right samples, whatever the blocks, and clear refusals."""

from __future__ import annotations

import gc
import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from tones import ABOVE_SPEECH, COMMON_HZ, SPEECH_HZ, find_sine, level_db, sine

from thoth._native import Resampler
from thoth.errors import AudioError, InvalidOption

Floats = npt.NDArray[np.float32]

QUALITIES = ["QQ", "LQ", "MQ", "HQ", "VHQ"]
RATES = [
    *((rate_hz, SPEECH_HZ) for rate_hz in COMMON_HZ),
    (16_000, 44_100), (44_100.7, 16_000), (12_345, 16_000), (1_000, 768_000), (768_000, 1_000),
]  # fmt: skip


def noise(frames: int, channels: int = 1, seed: int = 0) -> Floats:
    shape = frames if channels == 1 else (frames, channels)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def resample(
    block: Floats, in_hz: float, out_hz: float, *, quality: str = "VHQ", cuts: list[int] | None = None
) -> Floats:
    resampler = Resampler(in_hz, out_hz, 1 if block.ndim == 1 else block.shape[1], quality)
    edges = [0, *sorted(cuts or []), len(block)]
    pieces = [resampler.process(block[start:end]) for start, end in pairwise(edges)]
    return np.concatenate([*pieces, resampler.flush()])


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(("in_hz", "out_hz"), RATES)
def test_gives_what_the_soxr_package_gives(in_hz: float, out_hz: float, quality: str) -> None:
    block = noise(6_000)
    expected = soxr.resample(block, in_hz, out_hz, quality=quality)
    np.testing.assert_allclose(resample(block, in_hz, out_hz, quality=quality), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("rates", RATES)
@given(
    quality=st.sampled_from(QUALITIES),
    channels=st.integers(1, 3),
    frames=st.integers(0, 9_000),
    data=st.data(),
)
@settings(max_examples=15, deadline=None)
def test_blocks_of_any_size_give_the_same_bits_as_one(
    rates: tuple[float, float], quality: str, channels: int, frames: int, data: st.DataObject
) -> None:
    block = noise(frames, channels)
    cuts = data.draw(st.lists(st.integers(0, frames), max_size=30))
    in_small = cuts + list(range(min(frames, 4)))  # with blocks of one frame and of none among them
    whole = resample(block, *rates, quality=quality)
    cut = resample(block, *rates, quality=quality, cuts=in_small)
    assert whole.tobytes() == cut.tobytes()


def test_input_far_longer_than_an_inner_piece_is_whole() -> None:
    block = noise(200_000, 2)
    expected = soxr.resample(block, 44_100, 16_000, quality="VHQ")
    np.testing.assert_allclose(resample(block, 44_100, 16_000), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("frames", [0, 1, 2, 99, 100, 101, 4_410, 44_099])
@pytest.mark.parametrize(("in_hz", "out_hz"), RATES)
def test_length_is_that_of_the_same_time(frames: int, in_hz: float, out_hz: float) -> None:
    assert abs(len(resample(noise(frames), in_hz, out_hz)) - frames * out_hz / in_hz) <= 0.51


@pytest.mark.parametrize(("in_hz", "out_hz"), [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000)])
def test_a_click_stays_at_its_time(in_hz: int, out_hz: int) -> None:
    block = np.zeros(in_hz, np.float32)
    block[in_hz // 2] = 1
    assert int(np.argmax(resample(block, in_hz, out_hz))) == out_hz // 2


@pytest.mark.parametrize("frequency_hz", [50, 1_000, 4_000, 7_000])
def test_speech_band_passes_unchanged(frequency_hz: int) -> None:
    out = resample(sine(frequency_hz, 48_000), 48_000, 16_000)
    assert abs(level_db(out)) < 0.001
    np.testing.assert_allclose(out[2_000:-2_000], sine(frequency_hz, 16_000)[2_000:-2_000], atol=2e-6)


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("in_hz", COMMON_HZ)
def test_the_band_passes_at_every_rate_and_nothing_joins_it(in_hz: int, share: float) -> None:
    frequency_hz = share * min(in_hz, SPEECH_HZ) / 2
    found = find_sine(resample(sine(frequency_hz, in_hz), in_hz, SPEECH_HZ), frequency_hz, SPEECH_HZ)
    assert abs(found.level_db) < 0.01  # libsoxr's default roll-off, which some ratios use up
    assert found.rest_db < -135


@pytest.mark.parametrize(("in_hz", "frequency_hz"), ABOVE_SPEECH)
def test_what_lies_above_the_new_band_does_not_fold_back(in_hz: int, frequency_hz: int) -> None:
    assert level_db(resample(sine(frequency_hz, in_hz), in_hz, SPEECH_HZ)) < -140


def test_equal_rates_pass_bits_through() -> None:
    block = noise(1_000)
    block[3] = -0.0
    assert resample(block, 16_000, 16_000, cuts=[1, 5, 5, 700]).tobytes() == block.tobytes()


def test_channels_stay_apart() -> None:
    block = noise(5_000, 2)
    out = resample(block, 44_100, 16_000)
    for channel in range(2):
        alone = resample(np.ascontiguousarray(block[:, channel]), 44_100, 16_000)
        np.testing.assert_array_equal(out[:, channel], alone)


def test_output_outlives_the_resampler() -> None:
    resampler = Resampler(48_000, 16_000)
    out = resampler.process(noise(96_000))
    kept = out.copy()
    del resampler
    gc.collect()
    noise(96_000)
    assert out.dtype == np.float32
    assert out.flags.writeable
    np.testing.assert_array_equal(out, kept)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((0, 16_000), "in_rate_hz .* not 0"),
        ((-44_100, 16_000), "in_rate_hz"),
        ((math.nan, 16_000), "in_rate_hz .* not nan"),
        ((16_000, math.inf), "out_rate_hz .* not inf"),
        ((999, 16_000), "1000 to 768000"),
        ((768_001, 16_000), "1000 to 768000"),
        ((48_000, 16_000, 0), "channels takes 1 to 32, not 0"),
        ((48_000, 16_000, -1), "channels takes 1 to 32, not -1"),
        ((48_000, 16_000, 33), "channels takes 1 to 32, not 33"),
        ((48_000, 16_000, 1, "best"), "QQ, LQ, MQ, HQ or VHQ, not 'best'"),
        ((16_000, 16_000, 1, "best"), "not 'best'"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options: tuple[Any, ...], named: str) -> None:
    with pytest.raises(InvalidOption, match=named):
        Resampler(*options)


@pytest.mark.parametrize(
    "block",
    [
        np.zeros(6),
        np.zeros(6, np.int16),
        np.zeros(6, ">f4"),
        np.zeros(12, np.float32)[::2],
        np.zeros((3, 2), np.float32),
        np.float32(1),
        [0.0, 1.0],
    ],
)
def test_blocks_of_another_form_are_refused_and_change_nothing(block: Any) -> None:
    resampler = Resampler(48_000, 16_000)
    with pytest.raises(AudioError, match=r"C-contiguous float32 array of shape \(frames,\)"):
        resampler.process(block)
    assert len(resampler.flush()) == 0


def test_a_block_of_the_wrong_channel_count_is_refused() -> None:
    with pytest.raises(AudioError, match=r"\(frames, 2\), not float32 of shape \(3, 3\)"):
        Resampler(48_000, 16_000, 2).process(np.zeros((3, 3), np.float32))
