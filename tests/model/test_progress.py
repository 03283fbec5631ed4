"""How far a run has come, and how often it tells."""

from __future__ import annotations

from itertools import pairwise

import pytest
from standing_clock import StandingClock

from thoth.model import progress
from thoth.model.progress import REPORT_INTERVAL_S, Progress, ProgressReporter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    clock = StandingClock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_fraction_rate_and_time_left() -> None:
    half = Progress(done_s=30.0, duration_s=60.0, elapsed_s=3.0)
    assert (half.fraction, half.rtf) == (0.5, 0.1)
    assert half.eta_s == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Progress(0.0, 60.0, 1.0), (0.0, None, None)),
        (Progress(30.0, None, 3.0), (None, 0.1, None)),
        (Progress(0.0, None, 0.0), (None, None, None)),
        (Progress(0.0, 0.0, 1.0), (1.0, None, None)),
        (Progress(60.0, 60.0, 6.0), (1.0, 0.1, 0.0)),
    ],
    ids=["nothing done", "no duration", "neither", "no audio", "all done"],
)
def test_what_cannot_be_told_is_none(state: Progress, expected: tuple[float | None, ...]) -> None:
    assert (state.fraction, state.rtf, state.eta_s) == expected


def test_a_file_longer_than_it_said_is_never_more_than_done() -> None:
    late = Progress(done_s=80.0, duration_s=60.0, elapsed_s=8.0)
    assert (late.fraction, late.eta_s) == (1.0, 0.0)


def test_the_first_report_comes_at_once_and_then_one_per_interval(clock: StandingClock) -> None:
    seen: list[Progress] = []
    reporter = ProgressReporter(seen.append, 60.0)
    for tick in range(101):
        reporter.report(float(tick))
        clock.now_s += REPORT_INTERVAL_S / 10
    assert 10 <= len(seen) <= 11
    assert seen[0] == Progress(0.0, 60.0, 0.0)
    assert all(b.elapsed_s - a.elapsed_s >= REPORT_INTERVAL_S for a, b in pairwise(seen))


def test_the_end_is_always_told_with_the_duration_known_by_then(clock: StandingClock) -> None:
    seen: list[Progress] = []
    reporter = ProgressReporter(seen.append, None)
    reporter.report(1.0)
    clock.now_s += REPORT_INTERVAL_S / 10
    reporter.finish(2.0)
    assert [state.fraction for state in seen] == [None, 1.0]
    assert (seen[-1].done_s, seen[-1].duration_s) == (2.0, 2.0)
    assert seen[-1].elapsed_s == pytest.approx(REPORT_INTERVAL_S / 10)


def test_elapsed_time_runs_with_nobody_listening(clock: StandingClock) -> None:
    reporter = ProgressReporter(None, 60.0)
    clock.now_s += 5
    reporter.report(1.0)
    reporter.finish(60.0)
    assert reporter.elapsed_s == 5


def test_what_a_listener_raises_is_not_swallowed() -> None:
    def listener(state: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ProgressReporter(listener, 60.0).report(0.0)
