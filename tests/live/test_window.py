"""The window that grows and is cut: no sample lost, and the cut where it is quietest."""

from __future__ import annotations

import numpy as np
import pytest
from encoded_audio import recording
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.live.window import LiveWindow

LONGEST_S = st.floats(1.0, 15.0)


def noise(n: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-1, 1, n).astype(np.float32)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=10), st.integers(0, 10**9))
def test_a_window_is_all_that_was_appended(lengths: list[int], start: int) -> None:
    pieces = [noise(length, seed) for seed, length in enumerate(lengths)]
    window = LiveWindow(start, np.zeros(100, np.float32))
    for piece in pieces:
        window.append(piece)
    assert np.array_equal(window.samples, np.concatenate([np.zeros(100, np.float32), *pieces]))
    assert window.samples.dtype == np.float32
    assert window.end == start + 100 + sum(lengths)
    assert window.start_s == start / SAMPLE_RATE_HZ
    assert window.end_s == window.end / SAMPLE_RATE_HZ
    assert window.duration_s == pytest.approx(window.end_s - window.start_s, abs=1e-6)


@settings(deadline=None)
@given(LONGEST_S, st.floats(-0.1, 20), st.integers(0, 10**9), st.integers(0, 5))
def test_a_cut_loses_no_sample_and_lies_in_the_second_half_of_the_longest(
    longest_s: float, more_s: float, start: int, seed: int
) -> None:
    length = round((longest_s + more_s) * SAMPLE_RATE_HZ)
    window = LiveWindow(start, noise(length, seed))
    whole = window.samples
    head = window.split(longest_s)
    assert np.array_equal(np.concatenate((head.samples, window.samples)), whole)
    assert (head.start, head.end) == (start, window.start)
    assert window.end == start + length
    assert 0 < len(head.samples) < length
    part_s = min(longest_s, length / SAMPLE_RATE_HZ)
    assert part_s / 2 - 0.02 <= head.duration_s <= part_s


@settings(deadline=None)
@given(LONGEST_S, st.data())
def test_the_cut_is_made_in_the_quiet_where_there_is_any(longest_s: float, data: st.DataObject) -> None:
    window = LiveWindow(0, noise(round((longest_s + 2) * SAMPLE_RATE_HZ)))
    # A tenth of a second is looked at as a whole, in steps of a fiftieth.
    begin_s = data.draw(st.floats(longest_s / 2 + 0.02, longest_s - 0.2))
    first, last = round(begin_s * SAMPLE_RATE_HZ), round((begin_s + 0.15) * SAMPLE_RATE_HZ)
    window.samples[first:last] *= 0.001
    assert first <= window.split(longest_s).end <= last


def test_a_quiet_moment_inside_of_a_word_does_not_draw_the_cut() -> None:
    """A plosive's closure of 40 ms against a real pause that is not quite as quiet."""
    window = LiveWindow(0, noise(10 * SAMPLE_RATE_HZ))
    window.samples[6 * SAMPLE_RATE_HZ : round(6.04 * SAMPLE_RATE_HZ)] = 0
    window.samples[8 * SAMPLE_RATE_HZ : round(8.2 * SAMPLE_RATE_HZ)] *= 0.01
    assert 8.0 <= window.split(10.0).end_s <= 8.2


def test_what_is_split_off_is_not_changed_by_what_comes() -> None:
    window = LiveWindow(0, noise(4 * SAMPLE_RATE_HZ))
    head = window.split(4.0)
    was = head.samples.copy()
    window.append(noise(100))
    window.samples[:] = 0
    assert np.array_equal(head.samples, was)


def test_a_real_recording_is_cut_between_its_words(manifest: dict[str, dict[str, object]]) -> None:
    speech = recording("long_1_28s")
    segments = manifest["long_1_28s.flac"]["segments"]
    assert isinstance(segments, list)
    for start_s in range(18):
        window = LiveWindow(start_s * SAMPLE_RATE_HZ, speech[start_s * SAMPLE_RATE_HZ :])
        cut_s = window.split(10.0).end_s
        inside = [one for one in segments if one["start"] + 0.1 < cut_s < one["end"] - 0.1]
        edge = SAMPLE_RATE_HZ // 20
        around = speech[round(cut_s * SAMPLE_RATE_HZ) - edge : round(cut_s * SAMPLE_RATE_HZ) + edge]
        assert not inside or np.abs(around).max() < 0.2 * np.abs(speech).max(), (cut_s, inside)
