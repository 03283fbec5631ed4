"""The states of a live session, and which may follow which."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from thoth.errors import InvalidTransition, ThothError

SessionState = Literal["uninitialized", "initializing_worker", "loading_model", "ready", "recording", "paused", "error"]

TRANSITIONS: Final[dict[SessionState, frozenset[SessionState]]] = {
    "uninitialized": frozenset({"initializing_worker"}),
    "initializing_worker": frozenset({"loading_model", "error", "uninitialized"}),
    "loading_model": frozenset({"ready", "error", "uninitialized"}),
    "ready": frozenset({"recording", "error", "uninitialized"}),
    "recording": frozenset({"paused", "ready", "error"}),
    "paused": frozenset({"recording", "ready", "error"}),
    "error": frozenset({"initializing_worker", "uninitialized"}),
}
"""From each state to those that may follow. An error that was recovered from goes the whole way round by
initializing_worker, loading_model and ready back to recording."""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session's state with what belongs to it.

    - `state`: one of `SessionState`.
    - `progress`: of loading_model, the part of the file read, 0 to 1.
    - `sent`, `received`: of a recording, chunks handed to the worker's side and updates that came of them, so far.
    - `error`, `recoverable`: of error, what happened, and whether the session mends itself.
    """

    state: SessionState = "uninitialized"
    progress: float = 0.0
    sent: int = 0
    received: int = 0
    error: ThothError | None = None
    recoverable: bool = False


class StateMachine:
    """Holds the state, and refuses what does not follow. Any thread.

    on_change: called with the status before and after, on the thread that made the change, one change at a time and in
        their order. It may call this machine, and must not wait for another thread that does.
    """

    def __init__(self, on_change: Callable[[SessionStatus, SessionStatus], object]) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._telling = threading.RLock()  # from a change until it is told; taken before the other one
        self._status = SessionStatus()

    @property
    def status(self) -> SessionStatus:
        """The state now, and its details."""
        return self._status

    @property
    def state(self) -> SessionState:
        """The state now."""
        return self._status.state

    def to(
        self,
        state: SessionState,
        *,
        error: ThothError | None = None,
        recoverable: bool = False,
        anew: bool = False,
    ) -> None:
        """Go to `state`, with a recording that begins there if `anew`: its counts do then.

        Raises InvalidTransition where it does not follow from the present one.
        """
        with self._telling:
            before, after = self._change(state, error, recoverable, anew)
            self._on_change(before, after)

    def to_if(self, state: SessionState, *expected: SessionState) -> bool:
        """Go to `state` if the present one is among `expected`; return whether it was."""
        if self.state not in expected:
            return False
        try:
            self.to(state)
        except InvalidTransition:  # another thread was faster
            return False
        return True

    def loading(self, progress: float) -> None:
        """Note how far the model is loaded."""
        with self._lock:
            if self._status.state == "loading_model":
                self._status = replace(self._status, progress=progress)

    def counted(self, *, sent: int = 0, received: int = 0) -> None:
        """Add to the counts of the recording."""
        with self._lock:
            status = self._status
            self._status = replace(status, sent=status.sent + sent, received=status.received + received)

    def _change(
        self, state: SessionState, error: ThothError | None, recoverable: bool, anew: bool
    ) -> tuple[SessionStatus, SessionStatus]:
        with self._lock:
            before = self._status
            if state not in TRANSITIONS[before.state]:
                raise InvalidTransition(
                    f"a live session that is {in_words(before.state)} cannot become {in_words(state)}; from there it "
                    "goes to " + " or ".join(sorted(map(in_words, TRANSITIONS[before.state])))
                )
            # The counts are of the whole recording: pauses and recoveries do not end it.
            fresh = anew or before.state == "uninitialized"
            self._status = SessionStatus(
                state,
                sent=0 if fresh else before.sent,
                received=0 if fresh else before.received,
                error=error,
                recoverable=recoverable,
            )
            return before, self._status


def in_words(state: SessionState) -> str:
    """Return a state as it stands in a message."""
    return state.replace("_", " ")
