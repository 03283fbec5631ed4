"""Warnings that come too often are left out, and counted."""

from __future__ import annotations

import logging

import pytest
from standing_clock import StandingClock

from thoth.observe import complaints
from thoth.observe.complaints import INTERVAL_S, Complaints


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    clock = StandingClock()
    monkeypatch.setattr(complaints, "time", clock)
    return clock


def test_the_first_is_logged_and_then_one_in_a_while(clock: StandingClock, caplog: pytest.LogCaptureFixture) -> None:
    sorrows = Complaints(logging.getLogger("thoth.test"))
    for _ in range(100):
        sorrows.warn("it hurts")
    assert caplog.messages == ["it hurts"]
    clock.now_s += INTERVAL_S
    sorrows.warn("it hurts")
    sorrows.warn("it hurts")
    clock.now_s += INTERVAL_S
    sorrows.warn("it hurts")
    assert caplog.messages[1:] == [
        "it hurts (99 more like this since the last message)",
        "it hurts (1 more like this since the last message)",
    ]


def test_the_traceback_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Complaints(logging.getLogger("thoth.test")).warn("it hurts", ValueError("here"))
    assert "ValueError: here" in caplog.text
