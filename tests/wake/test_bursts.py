"""Which windows a wake listener hears: where speech begins and goes on after a pause, never in silence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth.model.speech import FRAME_S, VadOptions
from thoth.wake.bursts import FIRST_PASS_S, HOP_S, BurstPlanner, Window, frames

LONGEST_S = 3.0
SPEECH, SILENCE = 0.9, 0.05


def windows_of(probabilities: Sequence[float], *, rolling: bool = False, longest_s: float = LONGEST_S) -> list[Window]:
    planner = BurstPlanner(longest_s, VadOptions(), rolling=rolling)
    return [window for probability in probabilities if (window := planner.push(probability)) is not None]


def stream(*stretches_s: float) -> list[float]:
    """Silence and speech in turns."""
    return [
        probability
        for stretch_s, probability in zip(stretches_s, itertools.cycle((SILENCE, SPEECH)), strict=False)
        for _ in range(frames(stretch_s))
    ]


def test_a_short_phrase_is_heard_once_where_it_pauses() -> None:
    (window,) = windows_of(stream(1.0, 0.5, 1.0))
    assert window.begin == frames(1.0)
    assert window.silent_from == frames(1.0) + frames(0.5)
    assert not window.more


def test_speech_that_goes_on_is_heard_from_its_beginning_in_longer_and_longer_windows() -> None:
    windows = windows_of(stream(1.0, 8.0))
    assert {window.begin for window in windows} == {frames(1.0)}
    ends = [window.end - frames(1.0) for window in windows]
    assert ends[0] == frames(FIRST_PASS_S)
    assert {later - earlier for earlier, later in itertools.pairwise(ends)} == {frames(HOP_S)}
    assert frames(LONGEST_S) - frames(HOP_S) < ends[-1] <= frames(LONGEST_S)
    assert [window.more for window in windows] == [True] * (len(windows) - 1) + [False]


def test_a_pause_begins_a_new_window() -> None:
    windows = windows_of(stream(1.0, 8.0, 0.3, 0.5, 1.0))
    assert windows[-1].begin == frames(1.0) + frames(8.0) + frames(0.3)


@pytest.mark.parametrize("longest_s", [1.0, 2.0, 3.0, 15.0])
def test_rolling_windows_go_on_while_speech_does_so_that_no_stretch_of_half_a_window_is_torn(longest_s: float) -> None:
    windows = windows_of(stream(1.0, 40.0), rolling=True, longest_s=longest_s)
    assert windows[-1].end >= frames(1.0) + frames(40.0) - frames(longest_s / 2)
    for earlier, later in itertools.pairwise(window for window in windows if not window.more):
        assert earlier.end - later.begin >= frames(longest_s / 2) - 1


def test_bursts_too_short_for_a_phrase_cost_nothing() -> None:
    assert windows_of(stream(1.0, 0.1, 1.0, 0.15, 1.0)) == []


def test_nothing_more_is_heard_of_a_burst_that_is_forgotten() -> None:
    planner = BurstPlanner(LONGEST_S, VadOptions(), rolling=False)
    windows = []
    for probability in stream(1.0, 5.0, 1.0):
        window = planner.push(probability)
        if window is not None:
            windows.append(window)
            planner.forget_burst()
    assert len(windows) == 1


def test_passes_are_put_off_but_not_that_at_the_pause() -> None:
    planner = BurstPlanner(LONGEST_S, VadOptions(), rolling=False)
    windows = []
    for probability in stream(1.0, 2.5, 1.0):
        window = planner.push(probability)
        if window is not None:
            windows.append(window)
            planner.put_off(100.0)
    assert [window.silent_from is None for window in windows] == [True, False]


@given(st.lists(st.floats(0, 1), max_size=800), st.booleans())
def test_windows_are_of_speech_in_order_and_bounded(probabilities: list[float], rolling: bool) -> None:
    options = VadOptions()
    planner = BurstPlanner(LONGEST_S, options, rolling=rolling)
    last_end = 0
    for frame, probability in enumerate(probabilities):
        held_from = planner.bursting
        window = planner.push(probability)
        if window is None:
            continue
        assert window.end == frame + 1 > last_end
        last_end = window.end
        assert held_from is not None  # whoever keeps audio from there on has all of the window
        assert held_from <= window.begin < window.end
        assert window.end - window.begin <= frames(LONGEST_S) + round(0.2 / FRAME_S) + 1
        assert max(probabilities[window.begin : window.end]) >= options.threshold


@given(st.lists(st.floats(0, 0.39), max_size=200))
def test_silence_has_no_windows(probabilities: list[float]) -> None:
    assert windows_of(probabilities, rolling=True) == []
