"""The states of a live session: every pair of them, what belongs to each, and what the counts count."""

from __future__ import annotations

import itertools
import threading
from typing import get_args

import pytest

from thoth.errors import InvalidTransition, WorkerError
from thoth.live.states import TRANSITIONS, SessionState, SessionStatus, StateMachine

STATES: tuple[SessionState, ...] = get_args(SessionState)

FOLLOWS: dict[SessionState, set[SessionState]] = {
    "uninitialized": {"initializing_worker"},
    "initializing_worker": {"loading_model", "error", "uninitialized"},
    "loading_model": {"ready", "error", "uninitialized"},
    "ready": {"recording", "error", "uninitialized"},
    "recording": {"paused", "ready", "error"},
    "paused": {"recording", "ready", "error"},
    "error": {"initializing_worker", "uninitialized"},
}
"""Said a second time: a change of the one table must not go unseen."""

WAY_TO: dict[SessionState, tuple[SessionState, ...]] = {
    "uninitialized": (),
    "initializing_worker": ("initializing_worker",),
    "loading_model": ("initializing_worker", "loading_model"),
    "ready": ("initializing_worker", "loading_model", "ready"),
    "recording": ("initializing_worker", "loading_model", "ready", "recording"),
    "paused": ("initializing_worker", "loading_model", "ready", "recording", "paused"),
    "error": ("initializing_worker", "error"),
}

Changes = list[tuple[SessionStatus, SessionStatus]]


def machine_in(state: SessionState) -> tuple[StateMachine, Changes]:
    changes: Changes = []
    machine = StateMachine(lambda before, after: changes.append((before, after)))
    for step in WAY_TO[state]:
        machine.to(step)
    changes.clear()
    return machine, changes


def test_the_table_of_what_follows_is_complete() -> None:
    assert set(TRANSITIONS) == set(STATES) == set(FOLLOWS)
    assert {state: set(after) for state, after in TRANSITIONS.items()} == FOLLOWS


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATES, STATES)))
def test_every_pair_of_states_is_allowed_or_refused_as_the_table_says(
    before: SessionState, after: SessionState
) -> None:
    machine, changes = machine_in(before)
    assert machine.state == before
    if after in FOLLOWS[before]:
        machine.to(after)
        assert machine.state == machine.status.state == after
        assert [(one.state, other.state) for one, other in changes] == [(before, after)]
    else:
        was = machine.status
        with pytest.raises(InvalidTransition) as refusal:
            machine.to(after)
        assert machine.status is was
        assert changes == []
        message = str(refusal.value)
        assert before.replace("_", " ") in message
        assert after.replace("_", " ") in message
        for possible in FOLLOWS[before]:
            assert possible.replace("_", " ") in message


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("expected", STATES)
def test_a_change_on_condition_happens_only_from_the_states_named(before: SessionState, expected: SessionState) -> None:
    (after,) = itertools.islice(sorted(FOLLOWS[before]), 1)
    machine, changes = machine_in(before)
    assert machine.to_if(after, expected) == (expected == before)
    assert machine.state == (after if expected == before else before)
    assert len(changes) == (expected == before)


def test_a_change_on_condition_that_does_not_follow_is_none() -> None:
    machine, changes = machine_in("ready")
    assert machine.to_if("paused", "ready") is False
    assert machine.state == "ready"
    assert changes == []


def test_an_error_is_told_with_what_it_was_and_is_over_with_the_next_state() -> None:
    machine, changes = machine_in("recording")
    error = WorkerError("the worker process 7 was ended by SIGKILL")
    machine.to("error", error=error, recoverable=True)
    assert (machine.status.error, machine.status.recoverable) == (error, True)
    machine.to("initializing_worker")
    assert (machine.status.error, machine.status.recoverable) == (None, False)
    assert changes[0][1].error is error


def test_progress_belongs_to_loading_the_model() -> None:
    machine, changes = machine_in("initializing_worker")
    machine.loading(0.5)
    assert machine.status.progress == 0.0
    machine.to("loading_model")
    machine.loading(0.25)
    machine.loading(0.75)
    assert machine.status == SessionStatus("loading_model", progress=0.75)
    machine.to("ready")
    assert machine.status.progress == 0.0
    machine.loading(0.9)
    assert machine.status.progress == 0.0
    assert len(changes) == 2  # progress is not a change of state


def test_counts_last_through_pauses_and_recoveries() -> None:
    machine, _ = machine_in("recording")
    machine.counted(sent=1)
    machine.counted(sent=2, received=1)
    for step in ("paused", "recording", "error", "initializing_worker", "loading_model", "ready", "recording"):
        machine.to(step)  # type: ignore[arg-type]
        assert (machine.status.sent, machine.status.received) == (3, 1)


def test_counts_begin_anew_where_the_session_does() -> None:
    machine, _ = machine_in("recording")
    machine.counted(sent=3, received=2)
    for step in ("ready", "uninitialized", "initializing_worker"):
        machine.to(step)  # type: ignore[arg-type]
    assert (machine.status.sent, machine.status.received) == (0, 0)


def test_of_many_threads_one_makes_a_change_and_no_count_is_lost() -> None:
    machine, changes = machine_in("ready")
    barrier = threading.Barrier(8)
    outcomes: list[bool] = []

    def race() -> None:
        barrier.wait()
        outcomes.append(machine.to_if("recording", "ready"))
        for _ in range(500):
            machine.counted(sent=1, received=2)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    assert len(changes) == 1
    assert (machine.status.sent, machine.status.received) == (4000, 8000)


def test_who_hears_of_a_change_may_look_at_the_machine_and_change_it() -> None:
    """Nobody waits for himself."""
    seen: list[SessionState] = []

    def on_change(before: SessionStatus, after: SessionStatus) -> None:
        seen.append(machine.state)
        if after.state == "initializing_worker":
            machine.to("loading_model")

    machine = StateMachine(on_change)
    machine.to("initializing_worker")
    assert seen == ["initializing_worker", "loading_model"]
    assert machine.state == "loading_model"


def test_changes_of_several_threads_are_told_in_their_order() -> None:
    """Though the thread that made the first is slow to tell it."""
    told: list[SessionState] = []
    second_told = threading.Event()

    def on_change(before: SessionStatus, after: SessionStatus) -> None:
        if after.state == "paused":
            other.start()
            second_told.wait(0.3)
        told.append(after.state)

    def change() -> None:
        machine.to("recording")
        second_told.set()

    other = threading.Thread(target=change)
    machine = StateMachine(on_change)
    for step in WAY_TO["paused"]:
        machine.to(step)
    other.join(10)
    assert told == [*WAY_TO["paused"], "recording"]
