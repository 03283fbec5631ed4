"""The states of a dictation: every step that is allowed, and every one that is not."""

from __future__ import annotations

from typing import get_args

import pytest

from thoth.dictation.states import STAGES, TRANSITIONS, FinalState, PipelineState, StateMachine
from thoth.errors import InvalidTransition

STATES: tuple[PipelineState, ...] = get_args(PipelineState)
FINAL: tuple[FinalState, ...] = get_args(FinalState)


def way_to(state: PipelineState) -> list[PipelineState]:
    """The states from idle to `state`, the shortest way."""
    ways: list[list[PipelineState]] = [["idle"]]
    for way in ways:
        if way[-1] == state:
            return way[1:]
        ways.extend([*way, after] for after in sorted(TRANSITIONS[way[-1]]) if after not in way)
    raise AssertionError(f"{state} cannot be reached")


def machine_in(state: PipelineState) -> tuple[StateMachine, list[tuple[PipelineState, str]]]:
    told: list[tuple[PipelineState, str]] = []
    machine = StateMachine(lambda state, message: told.append((state, message)))
    for step in way_to(state):
        machine.to(step, "on the way")
    told.clear()
    return machine, told


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_every_step_is_allowed_as_the_table_says_or_refused(before: PipelineState, after: PipelineState) -> None:
    machine, told = machine_in(before)
    assert machine.state == before
    if after in TRANSITIONS[before]:
        machine.to(after, "a line")
        assert machine.state == after
        assert told == [(after, "a line")]
    else:
        with pytest.raises(InvalidTransition, match=f"{before} cannot become {after}"):
            machine.to(after, "a line")
        assert machine.state == before
        assert told == []


def test_the_table_is_the_plan() -> None:
    assert TRANSITIONS["completed"] == TRANSITIONS["failed"] == TRANSITIONS["cancelled"] == {"idle"}
    for at, stage in enumerate(STAGES):
        assert {"failed", "cancelled"} <= TRANSITIONS[stage], "each stage may fail, and be cancelled"
        going_back = set(STAGES[: at + 1]) & TRANSITIONS[stage]
        assert not going_back, "no stage comes twice"
    assert "outputting" not in TRANSITIONS["recording"], "no text without transcribing"
    assert "completed" not in TRANSITIONS["recording"]
