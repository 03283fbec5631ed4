"""The core's histogram of durations: quantiles as good as sorting gives, in memory that does not grow."""

from __future__ import annotations

import math
import threading

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth._native import Histogram
from thoth.errors import InvalidOption

PRECISION = 0.008
HALF_A_MICROSECOND = 0.5e-6
LARGEST_S = 2**36 * 1e-6

# From below a microsecond to a day, each order of magnitude as often as any other.
durations = st.floats(-7, 5).map(lambda exponent: 10.0**exponent)


def filled(seconds: list[float]) -> Histogram:
    histogram = Histogram()
    for value in seconds:
        histogram.record(value)
    return histogram


@settings(deadline=None)
@given(st.lists(durations.filter(lambda s: s < LARGEST_S), min_size=1, max_size=300), st.floats(0, 1))
def test_a_quantile_is_what_sorting_gives_within_the_precision(seconds: list[float], q: float) -> None:
    exact = sorted(seconds)[max(math.ceil(q * len(seconds)), 1) - 1]
    tolerance = max(PRECISION * exact, HALF_A_MICROSECOND) + 1e-9
    assert abs(filled(seconds).quantile(q) - exact) <= tolerance


@settings(deadline=None)
@given(st.lists(durations, min_size=1), st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_quantiles_grow_with_the_share_and_end_at_the_largest(seconds: list[float], shares: list[float]) -> None:
    histogram = filled(seconds)
    quantiles = [histogram.quantile(q) for q in sorted(shares)]
    assert quantiles == sorted(quantiles)
    assert quantiles[-1] <= histogram.largest == pytest.approx(max(seconds), abs=1e-9)


@pytest.mark.parametrize("us", range(1, 128))
def test_short_durations_are_known_to_the_microsecond(us: int) -> None:
    assert filled([us * 1e-6]).quantile(0.5) == pytest.approx(us * 1e-6, abs=1e-10)


@pytest.mark.parametrize("bits", range(6, 36))
def test_no_bucket_is_missed_or_doubled_where_their_width_changes(bits: int) -> None:
    around = [(2**bits + step) * 1e-6 for step in (-1, 0, 1)]
    histogram = filled(around)
    for number, exact in enumerate(around, 1):
        assert histogram.quantile(number / 3) == pytest.approx(exact, rel=PRECISION)


def test_an_empty_one_says_zero() -> None:
    histogram = Histogram()
    assert (histogram.count, histogram.largest, histogram.quantile(0.5)) == (0, 0.0, 0.0)


def test_beyond_nineteen_hours_only_the_largest_tells() -> None:
    histogram = filled([1e6, math.inf])
    assert histogram.quantile(1.0) == pytest.approx(LARGEST_S, rel=PRECISION)
    assert histogram.largest == 1e9


@pytest.mark.parametrize("seconds", [-1e-9, -1.0, math.nan, -math.inf])
def test_what_is_no_duration_is_refused_and_not_counted(seconds: float) -> None:
    histogram = Histogram()
    with pytest.raises(InvalidOption, match="seconds from 0"):
        histogram.record(seconds)
    assert histogram.count == 0


@pytest.mark.parametrize("q", [-0.01, 1.01, math.nan, math.inf])
def test_what_is_no_share_is_refused(q: float) -> None:
    with pytest.raises(InvalidOption, match="from 0 to 1"):
        filled([1.0]).quantile(q)


def test_a_million_durations_take_no_memory() -> None:
    histogram = filled([0.001] * 1000)
    process = psutil.Process()
    before = process.memory_info().rss
    for number in range(1_000_000):
        histogram.record(number * 1e-6)
    assert histogram.count == 1_001_000
    assert process.memory_info().rss - before < 2**20


def test_threads_lose_no_duration() -> None:
    histogram = Histogram()
    begin = threading.Barrier(9)

    def record(number: int) -> None:
        begin.wait()
        for _ in range(5000):
            histogram.record(number)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    begin.wait()
    while any(thread.is_alive() for thread in threads):
        assert 0.0 <= histogram.quantile(0.5) <= 7.1
    for thread in threads:
        thread.join()
    assert (histogram.count, histogram.largest) == (40_000, 7.0)
