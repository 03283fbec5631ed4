"""One text to several sinks at once, each failing alone and in bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from thoth._native import CancelToken
from thoth.dictation.output.sink import POLL_S, Sink, described
from thoth.errors import Cancelled, OutputError

_LOG = logging.getLogger("thoth.output")

LIMIT_S: Final = 30.0
"""When a sink that names no limit of its own counts as hanging."""
_CANCEL_S: Final = 0.6
"""What sinks get to end after a cancel; a pipeline promises to be idle a second after it."""


def deliver_all(sinks: Sequence[Sink], text: str, cancel: CancelToken) -> tuple[OutputError, ...]:
    """Deliver the text to every sink, and return what went wrong, in the order of the sinks.

    Each sink works on a thread of its own, but sinks that share a `lane` (those of the desktop do) take turns in the
    order given. A sink that raises anything becomes an OutputError and costs the others nothing. One that is not done
    after its `limit_s`, counted from the start of its turn, is cancelled and left behind on its thread, an OutputError
    says so, and until it ends it is given no further text. Raises Cancelled, at most 0.6 s after `cancel` was set, if
    that kept a sink from its work; returns normally if all were done by then. Any thread; different calls may overlap.
    """
    progress = threading.Event()
    turns = [_Turn(sink, text, cancel, progress) for sink in sinks]
    lanes: dict[object, deque[_Turn]] = {}
    for turn in turns:
        lanes.setdefault(getattr(turn.sink, "lane", None) or turn, deque()).append(turn)
    deadline_s = None
    try:
        while [lane for lane in lanes.values() if _advance(lane, cancel)]:
            if cancel.cancelled and deadline_s is None:
                deadline_s = time.monotonic() + _CANCEL_S
            if deadline_s is not None and time.monotonic() > deadline_s:
                break
            progress.wait(POLL_S)
            progress.clear()
    except BaseException:  # Ctrl-C: nobody waits for the sinks any more
        for turn in turns:
            turn.call_off()
        raise
    return _outcome(turns, cancel)


def _advance(lane: deque[_Turn], cancel: CancelToken) -> bool:
    """Let the next of a lane begin when the one before it is over; True while one is at work."""
    while lane:
        if lane[0].is_at_work:
            return True
        if lane[0].is_over:
            lane.popleft()
        elif cancel.cancelled:
            return False
        else:
            lane[0].begin()
    return False


def _outcome(turns: Sequence[_Turn], cancel: CancelToken) -> tuple[OutputError, ...]:
    for turn in turns:
        turn.settle()
    if cancel.cancelled and any(turn.was_cancelled for turn in turns):
        raise Cancelled("the output was cancelled")
    return tuple(turn.error for turn in turns if turn.error is not None)


class _Turn:
    """A text on its way to one sink. All but `_run` belongs to the thread of `deliver_all`."""

    def __init__(self, sink: Sink, text: str, cancel: CancelToken, progress: threading.Event) -> None:
        self.sink = sink
        self.error: OutputError | None = None
        self.was_cancelled = False
        self.is_over = False
        self._name = str(getattr(sink, "name", type(sink).__name__))
        limit_s = getattr(sink, "limit_s", LIMIT_S)
        self._limit_s = float(limit_s) if isinstance(limit_s, (int, float)) else LIMIT_S
        self._deadline_s = 0.0
        self._text = text
        self._cancel = CancelToken(cancel)
        self._progress = progress
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"thoth-output {self._name}", daemon=True)

    @property
    def is_at_work(self) -> bool:
        """True from `begin` until the sink is done or has used up its time."""
        if self.is_over or self._thread.ident is None:
            return False
        if self._thread.is_alive() and time.monotonic() < self._deadline_s:
            return True
        self.settle()
        return False

    def begin(self) -> None:
        """Start the sink, unless it still hangs with an earlier text."""
        if _hanging.has(self.sink):
            self._fail("still hangs with a text before this one, and was not given it")
            return
        self._deadline_s = time.monotonic() + self._limit_s
        try:
            self._thread.start()
        except RuntimeError as error:
            self._raised = error
            self._fail(f"was not given the text: {error}")

    def call_off(self) -> None:
        """Tell the sink that nobody waits for it."""
        self._cancel.cancel()

    def settle(self) -> None:
        """Decide how this ended, for good; what is still at work is left behind."""
        if self.is_over:
            return
        self.is_over = True
        if self._thread.ident is None:
            self.was_cancelled = True
        elif self._thread.is_alive():
            self._leave_behind()
        elif isinstance(self._raised, Cancelled):
            self.was_cancelled = True
            self.error = OutputError(f"{self._name}: {self._raised}")
        elif isinstance(self._raised, OutputError):
            self.error = self._raised
        elif self._raised is not None:
            self._fail(f"failed: {described(self._raised)}")

    def _leave_behind(self) -> None:
        self.was_cancelled = self._cancel.cancelled
        self._cancel.cancel()
        _hanging.add(self.sink, self._thread)
        _LOG.warning("%s hangs and is left behind on its thread", self._name)
        self._fail(f"did not end within {self._limit_s:g} s and is left behind")

    def _fail(self, what: str) -> None:
        self.is_over = True
        self.error = OutputError(f"{self._name} {what}")
        self.error.__cause__ = self._raised

    def _run(self) -> None:
        try:
            self.sink.deliver(self._text, self._cancel)
        except BaseException as error:  # a sink may be anybody's code, and must not cost the others
            self._raised = error
        finally:
            self._progress.set()


class _Hanging:
    """The sinks that were left behind and have not ended. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Sink, threading.Thread]] = []

    def add(self, sink: Sink, thread: threading.Thread) -> None:
        with self._lock:
            self._left.append((sink, thread))

    def has(self, sink: Sink) -> bool:
        with self._lock:
            self._left = [(left, thread) for left, thread in self._left if thread.is_alive()]
            return any(left is sink for left, _ in self._left)


_hanging = _Hanging()
