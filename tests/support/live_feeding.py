"""A live session fed by hand, and what it reports."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from encoded_audio import Floats
from fed_input import Held

from thoth.live.events import StateChanged
from thoth.live.session import LiveSession
from thoth.live.states import SessionState

Event = TypeVar("Event")

_LONGEST_S = 60.0


def feed(session: LiveSession, samples: Floats, *, block: int = 1600, rate: float | None = None) -> None:
    """As fast as the model follows, so that nothing is dropped."""
    for start in range(0, len(samples), block):
        assert session.wait_until_taken(_LONGEST_S)
        session.feed(samples[start : start + block], rate)


def feed_blocks(session: LiveSession, blocks: Iterable[Any], rate: float | None = None) -> None:
    for block in blocks:
        assert session.wait_until_taken(_LONGEST_S)
        session.feed(block, rate)


class EventLog:
    """All that a session reports, from now until its next `close()`. A context manager."""

    def __init__(self, session: LiveSession) -> None:
        self.events: list[object] = []
        self._changed = threading.Condition()
        self._subscription = session.events.subscribe(self._add)

    def _add(self, event: object) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def states(self) -> list[SessionState]:
        return [event.after.state for event in self.of(StateChanged)]

    def wait_for(
        self, kind: type[Event], holds: Callable[[Event], bool] = lambda event: True, limit_s: float = _LONGEST_S
    ) -> Event:
        """Wait for the first event of a kind for which that holds."""

        def found() -> Event | None:
            return next((event for event in self.of(kind) if holds(event)), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, limit_s), self.events[-20:]
        event = found()
        assert event is not None
        return event

    def wait_for_state(self, state: SessionState) -> StateChanged:
        return self.wait_for(StateChanged, lambda change: change.after.state == state)

    def wait_for_states(self, states: list[SessionState]) -> None:
        """Wait until so many changes were told, and check that these are the states that they led to."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.states) >= len(states), _LONGEST_S)
        assert self.states == states

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscription.unsubscribe()


def wait_for_nothing_left(before: Held) -> None:
    """Wait until this process holds no more than it did. Less it may: what ran out before that is not counted."""

    def left() -> str:
        now = Held.now()
        names = [thread.name for thread in threading.enumerate()]
        if now.python_threads > before.python_threads or now.threads > before.threads:
            return f"{now.threads} threads instead of {before.threads}, of Python's: {names}"
        files = {name.partition(" ")[2] for name in now.files} - {name.partition(" ")[2] for name in before.files}
        return f"open files: {files}" if files else ""

    deadline_s = time.monotonic() + 20
    while problem := left():
        assert time.monotonic() < deadline_s, problem
        time.sleep(0.01)
