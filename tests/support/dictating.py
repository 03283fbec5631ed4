"""What tests of dictations share: what was told meanwhile, and parts that stop where the test wants them to."""

from __future__ import annotations

import threading
from typing import Any

import thoth
from thoth.dictation.events import PipelineProgress
from thoth.dictation.pipeline import Dictation

LIMIT_S = 60.0
"""How long anything is waited for: far longer than it takes, also on a busy machine."""


class Told:
    """The events of a dictation, in their order."""

    def __init__(self, dictation: Dictation) -> None:
        self._changed = threading.Condition()
        self.events: list[Any] = []
        self._subscription = dictation.events.subscribe(self._note)

    def _note(self, event: Any) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    @property
    def states(self) -> list[str]:
        with self._changed:
            return [event.state for event in self.events if isinstance(event, PipelineProgress)]

    def of(self, kind: type) -> list[Any]:
        with self._changed:
            return [event for event in self.events if isinstance(event, kind)]

    def wait_for(self, *states: str) -> None:
        """Wait until the latest states are these."""
        with self._changed:
            assert self._changed.wait_for(lambda: tuple(self.states[-len(states) :]) == states, LIMIT_S), self.states


class Held:
    """A part of a pipeline that waits until it is let go: a filter, an enhancer and a sink in one.

    obeys: whether it looks at the token, as the parts of Thoth do, or hangs.
    """

    name = "a held part"

    def __init__(self, *, obeys: bool = True) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()
        self.got: list[str] = []
        self._obeys = obeys

    def __call__(self, text: str) -> str:
        self._hold(text, None)
        return text

    def enhance(self, text: str, cancel: thoth.CancelToken | None = None, on_text: object = None) -> str:
        self._hold(text, cancel)
        return text.upper()

    def deliver(self, text: str, cancel: thoth.CancelToken) -> None:
        self._hold(text, cancel)

    def _hold(self, text: str, cancel: thoth.CancelToken | None) -> None:
        self.got.append(text)
        self.reached.set()
        while not self.let_go.wait(0.01):
            if self._obeys and cancel is not None and cancel.cancelled:
                raise thoth.Cancelled("cancelled")


class Kept:
    """A sink that keeps what it is given."""

    name = "a list"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def deliver(self, text: str, cancel: thoth.CancelToken) -> None:
        self.texts.append(text)
