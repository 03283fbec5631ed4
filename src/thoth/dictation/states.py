"""The states of a dictation, and which may follow which."""

from __future__ import annotations

from typing import Final, Literal

PipelineState = Literal[
    "idle",
    "recording",
    "transcribing",
    "filtering",
    "enhancing",
    "outputting",
    "completed",
    "failed",
    "cancelled",
]

FinalState = Literal["completed", "failed", "cancelled"]

_BROKEN_OFF: Final[frozenset[PipelineState]] = frozenset({"failed", "cancelled"})

TRANSITIONS: Final[dict[PipelineState, frozenset[PipelineState]]] = {
    "idle": frozenset({"recording", "transcribing", "failed"}),
    "recording": frozenset({"transcribing"}) | _BROKEN_OFF,
    "transcribing": frozenset({"filtering", "enhancing", "outputting"}) | _BROKEN_OFF,
    "filtering": frozenset({"enhancing", "outputting"}) | _BROKEN_OFF,
    "enhancing": frozenset({"outputting"}) | _BROKEN_OFF,
    "outputting": frozenset({"completed"}) | _BROKEN_OFF,
    "completed": frozenset({"idle"}),
    "failed": frozenset({"idle"}),
    "cancelled": frozenset({"idle"}),
}
"""From each state to those that may follow. From idle, a recording that is there already goes to transcribing when it is
tried again; a microphone that cannot be opened goes to failed."""

STAGES: Final[tuple[PipelineState, ...]] = ("recording", "transcribing", "filtering", "enhancing", "outputting")
"""What a run goes through, in this order; filtering and enhancing only where there are filters and an enhancer."""
