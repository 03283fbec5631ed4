"""The updates of a recording on their way to whoever iterates over them."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from thoth.errors import ThothError, WorkerError
from thoth.live.update import LiveUpdate

MOST_WAITING: Final = 1000
"""Updates kept for a reader who does not come; beyond, the oldest go. The session's transcript has their text."""

_log = logging.getLogger(__name__)


class LiveUpdates(Iterator[LiveUpdate], AsyncIterator[LiveUpdate]):
    """The updates of one recording, for `for` and for `async for`. Ends with the recording.

    Of tentative text that nobody has read yet only the latest is kept; what is committed waits, up to `MOST_WAITING`
    updates. Raises at its end the error that ended the recording, if one did. Any thread; what one reads no other gets.
    """

    def __init__(self) -> None:
        self._waiting: deque[LiveUpdate] = deque()
        self._changed = threading.Condition()
        self._wakers: set[Callable[[], object]] = set()  # of tasks that wait; each on an event loop of whatever thread
        self._ended = False
        self._error: ThothError | None = None
        self._dropped = 0
        self._process = os.getpid()

    @property
    def dropped(self) -> int:
        """Updates that gave way to later ones, since nobody read them."""
        return self._dropped

    def put(self, update: LiveUpdate) -> None:
        """Add an update; never waits. For use within Thoth."""
        with self._changed:
            if self._waiting and _only_tentative(self._waiting[-1]) and self._waiting[-1].utterance == update.utterance:
                self._waiting.pop()
            self._waiting.append(update)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._dropped += 1
                if self._dropped == 1:
                    _log.warning("updates of a live session are not read: the oldest of %d give way", MOST_WAITING)
            self._wake()

    def end(self, error: ThothError | None = None) -> None:
        """Say that no more will come. For use within Thoth."""
        with self._changed:
            self._ended = True
            self._error = self._error or error
            self._wake()

    def get(self, timeout_s: float | None = None) -> LiveUpdate | None:
        """Return the next update; None at the end, or when `timeout_s` seconds have passed: `ended` tells which."""
        if os.getpid() != self._process:
            # Whoever makes them stayed behind, and so, maybe, did the lock.
            raise WorkerError("these updates are those of the process that this one was forked from")
        with self._changed:
            self._changed.wait_for(self._ready, timeout_s)
            return self._waiting.popleft() if self._waiting else None

    @property
    def finished(self) -> bool:
        """Whether the recording is over, though not all may have been read."""
        return self._ended

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self._ended and not self._waiting

    def __iter__(self) -> LiveUpdates:
        return self

    def __next__(self) -> LiveUpdate:
        update = self.get()
        if update is None:
            self._raise_error()
            raise StopIteration
        return update

    def __aiter__(self) -> LiveUpdates:
        return self

    async def __anext__(self) -> LiveUpdate:
        while True:
            update = self.get(0)
            if update is not None:
                return update
            if self.ended:
                self._raise_error()
                raise StopAsyncIteration
            await self._wait_async()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error.with_traceback(None)  # it may be raised again and again

    async def _wait_async(self) -> None:
        """Wait without a thread. It takes nothing, so that a cancelled task loses no update."""
        import asyncio  # 5 MB that only this needs

        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def resolve() -> None:
            if not woken.done():
                woken.set_result(None)

        def wake() -> None:
            loop.call_soon_threadsafe(resolve)

        with self._changed:
            if self._ready():
                return
            self._wakers.add(wake)
        try:
            await woken
        finally:
            with self._changed:
                self._wakers.discard(wake)

    def _wake(self) -> None:
        """Wake everybody, with `_changed` held: who is woken may be cancelled before it reads."""
        self._changed.notify_all()
        for wake in tuple(self._wakers):
            with contextlib.suppress(RuntimeError):  # its loop was closed over it
                wake()

    def _ready(self) -> bool:
        return bool(self._waiting) or self._ended


def _only_tentative(update: LiveUpdate) -> bool:
    return not (update.committed or update.gaps or update.is_final)
