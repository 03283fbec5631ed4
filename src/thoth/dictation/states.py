"""The states of a dictation, and which may follow which."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Literal

from thoth.errors import InvalidTransition

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

STAGES: Final[tuple[PipelineState, ...]] = ("recording", "transcribing", "filtering", "enhancing", "outputting")
"""What a run goes through, in this order."""

TRANSITIONS: Final[dict[PipelineState, frozenset[PipelineState]]] = {
    "idle": frozenset({"recording", "transcribing", "failed", "cancelled"}),
    "recording": frozenset({"transcribing", "failed", "cancelled"}),
    "transcribing": frozenset({"filtering", "enhancing", "outputting", "completed", "failed", "cancelled"}),
    "filtering": frozenset({"enhancing", "outputting", "completed", "failed", "cancelled"}),
    "enhancing": frozenset({"outputting", "completed", "failed", "cancelled"}),
    "outputting": frozenset({"completed", "failed", "cancelled"}),
    "completed": frozenset({"idle"}),
    "failed": frozenset({"idle"}),
    "cancelled": frozenset({"idle"}),
}
"""From each state to those that may follow.

From idle, a recording that is there already goes to transcribing when it is tried again, and a microphone that cannot
be opened to failed. Filtering, enhancing and outputting come only where there is text and something to do with it.
"""


class StateMachine:
    """Holds the state of a dictation, and refuses what does not follow. Any thread.

    on_change: called with each state come to and its message, on the thread that made the change, in their order. It
        must not wait for another thread that makes one.
    """

    def __init__(self, on_change: Callable[[PipelineState, str], object]) -> None:
        self._on_change = on_change
        self._lock = threading.RLock()
        self._state: PipelineState = "idle"

    @property
    def state(self) -> PipelineState:
        """The state now."""
        return self._state

    def to(self, state: PipelineState, message: str) -> None:
        """Go to `state`. Raises InvalidTransition where it does not follow from the present one."""
        with self._lock:
            if state not in TRANSITIONS[self._state]:
                raise InvalidTransition(
                    f"a dictation that is {self._state} cannot become {state}; from there it goes to "
                    + " or ".join(sorted(TRANSITIONS[self._state]))
                )
            self._state = state
            self._on_change(state, message)
