"""The resampler of the live path: as good as the other to the ear, and with next to nothing held back."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from tones import ABOVE_SPEECH, COMMON_HZ, SPEECH_HZ, band_limited_noise, find_sine, level_db, sine

from thoth._native import FirResampler, Resampler
from thoth.errors import AudioError, InvalidOption

Floats = npt.NDArray[np.float32]

RATES = [*((rate_hz, SPEECH_HZ) for rate_hz in COMMON_HZ), (16_000, 44_100), (44_100, 48_000), (16_000, 1_000)]


def noise(samples: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def resample(block: Floats, in_hz: float, out_hz: float = SPEECH_HZ, *, cuts: list[int] | None = None) -> Floats:
    resampler = FirResampler(in_hz, out_hz)
    edges = [0, *sorted(cuts or []), len(block)]
    pieces = [resampler.process(block[start:end]) for start, end in pairwise(edges)]
    return np.concatenate([*pieces, resampler.flush()])


@pytest.mark.parametrize("rates", RATES)
@given(samples=st.integers(0, 9_000), data=st.data())
@settings(max_examples=25, deadline=None)
def test_blocks_of_any_size_give_the_same_bits_as_one(
    rates: tuple[float, float], samples: int, data: st.DataObject
) -> None:
    block = noise(samples)
    cuts = data.draw(st.lists(st.integers(0, samples), max_size=30))
    in_small = cuts + list(range(min(samples, 4)))  # with blocks of one sample and of none among them
    assert resample(block, *rates).tobytes() == resample(block, *rates, cuts=in_small).tobytes()


@given(samples=st.integers(0, 50_000))
@pytest.mark.parametrize("rates", RATES)
@settings(max_examples=10, deadline=None)
def test_length_is_that_of_the_other_resampler(rates: tuple[float, float], samples: int) -> None:
    for count in (samples, 0, 1, 2, 99, 100, 101):
        block = noise(count)
        other = Resampler(*rates)
        expected = len(other.process(block)) + len(other.flush())
        assert len(resample(block, *rates)) == expected
        assert abs(expected - count * rates[1] / rates[0]) <= 0.51


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.75, 0.9, 0.91])
@pytest.mark.parametrize("in_hz", COMMON_HZ)
def test_the_band_passes_unchanged_and_nothing_joins_it(in_hz: int, share: float) -> None:
    frequency_hz = share * min(in_hz, SPEECH_HZ) / 2
    out = resample(sine(frequency_hz, in_hz), in_hz)
    found = find_sine(out, frequency_hz, SPEECH_HZ)
    assert abs(found.level_db) < 1e-4
    assert found.rest_db < -125
    assert level_db(out - sine(frequency_hz, SPEECH_HZ)) < -120  # so its phase is right too


@pytest.mark.parametrize(("in_hz", "frequency_hz"), ABOVE_SPEECH)
def test_what_lies_above_the_new_band_does_not_fold_back(in_hz: int, frequency_hz: int) -> None:
    assert level_db(resample(sine(frequency_hz, in_hz), in_hz)) < -125


@pytest.mark.parametrize("in_hz", COMMON_HZ)
def test_agrees_with_the_soxr_package(in_hz: int) -> None:
    # libsoxr rolls off by up to 0.01 dB towards the edge in some ratios, but not in the lower half of the band.
    block = band_limited_noise(in_hz, 0.5 * min(in_hz, SPEECH_HZ) / 2)
    expected = soxr.resample(block, in_hz, SPEECH_HZ, quality="VHQ")
    assert level_db(resample(block, in_hz) - expected) < level_db(expected) - 100


@pytest.mark.parametrize("in_hz", COMMON_HZ)
def test_no_more_than_its_delay_is_held_back(in_hz: int) -> None:
    resampler = FirResampler(in_hz, SPEECH_HZ)
    block = noise(round(in_hz / 100))
    given_samples = got_samples = 0
    for _ in range(200):
        given_samples += len(block)
        got_samples += len(resampler.process(block))
        lag_s = given_samples / in_hz - got_samples / SPEECH_HZ
        assert 0 <= lag_s <= resampler.delay_s + 1e-9
    assert got_samples > 0
    narrower_hz = min(in_hz, SPEECH_HZ)
    assert resampler.delay_s < 0.0065 * SPEECH_HZ / narrower_hz


@pytest.mark.parametrize("in_hz", COMMON_HZ)
def test_a_click_stays_at_its_time(in_hz: int) -> None:
    block = np.zeros(in_hz, np.float32)
    block[in_hz // 5] = 1
    out = resample(block, in_hz)
    middle = SPEECH_HZ // 5
    assert int(np.argmax(out)) == middle
    np.testing.assert_allclose(out[middle - 300 : middle], out[middle + 300 : middle : -1], atol=1e-7)


def test_a_constant_stays_itself_between_its_ends() -> None:
    out = resample(np.ones(44_100, np.float32), 44_100)
    np.testing.assert_allclose(out[200:-200], 1, atol=1e-6)


def test_samples_count_for_one_filter_length_only() -> None:
    block = noise(48_000)
    spoilt = block.copy()
    spoilt[24_000] = 1e6
    whole, hit = resample(block, 48_000), resample(spoilt, 48_000)
    reach = math.ceil(FirResampler(48_000, SPEECH_HZ).delay_s * SPEECH_HZ) + 3
    assert whole[: 8_000 - reach].tobytes() == hit[: 8_000 - reach].tobytes()
    assert whole[8_000 + reach :].tobytes() == hit[8_000 + reach :].tobytes()


def test_equal_rates_pass_bits_through_at_once() -> None:
    block = noise(1_000)
    block[3] = -0.0
    assert FirResampler(16_000, 16_000).delay_s == 0
    assert FirResampler(16_000, 16_000).process(block).tobytes() == block.tobytes()
    assert resample(block, 16_000, cuts=[1, 5, 5, 700]).tobytes() == block.tobytes()


LONG_BLOCK = """
import numpy as np
from pathlib import Path
from thoth._native import FirResampler

def peak_bytes():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024

block = np.ones(48_000 * 600, np.float32)
resampler = FirResampler(48_000, 16_000)
before = peak_bytes()
out = resampler.process(block)
print(peak_bytes() - before - out.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_long_block_is_not_copied() -> None:
    run = subprocess.run([sys.executable, "-c", LONG_BLOCK], capture_output=True, text=True, check=True, timeout=120)
    assert -8e6 < int(run.stdout) < 8e6  # the block has 115 MB


@pytest.mark.parametrize(
    ("in_hz", "out_hz"), [*RATES, (16_000, 16_000), (44_100, 44_100), (768_000, 1_000), (1_000, 768_000)]
)
def test_takes_the_rates_of_sound_cards(in_hz: float, out_hz: float) -> None:
    assert FirResampler.supports(in_hz, out_hz)
    resampler = FirResampler(in_hz, out_hz)
    assert (resampler.in_rate_hz, resampler.out_rate_hz) == (in_hz, out_hz)


@pytest.mark.parametrize(
    ("in_hz", "out_hz"),
    [
        (44_101, 16_000),  # a table of 35 MB
        (44_100.5, 16_000),
        (44_100, 16_000.5),
        (44_100.5, 44_100.5),
        (0, 16_000),
        (-48_000, 16_000),
        (48_000, -16_000),
        (999, 16_000),
        (768_001, 16_000),
        (768_001, 768_001),
        (math.nan, 16_000),
        (16_000, math.inf),
        (math.nan, math.nan),
    ],
)
def test_other_rates_are_refused(in_hz: float, out_hz: float) -> None:
    assert not FirResampler.supports(in_hz, out_hz)
    with pytest.raises(InvalidOption, match=rf"whole Hz.* not {in_hz} and {out_hz}: use a Resampler"):
        FirResampler(in_hz, out_hz)


@pytest.mark.parametrize("block", [np.zeros(6), np.zeros((3, 2), np.float32), np.zeros(12, np.float32)[::2], [0.0]])
def test_blocks_of_another_form_are_refused_and_change_nothing(block: Any) -> None:
    resampler = FirResampler(48_000, SPEECH_HZ)
    with pytest.raises(AudioError, match=r"a FirResampler .* C-contiguous float32 array of shape \(frames,\)"):
        resampler.process(block)
    assert len(resampler.flush()) == 0
