"""The event bus: who publishes does not wait for who listens."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from thoth.errors import InvalidOption, InvalidTransition
from thoth.observe.complaints import Complaints, name_of

QUEUE_SIZE: Final = 1000
"""Events that may wait for one subscriber; at a hundred a second it may be away for ten seconds."""

CLOSE_S: Final = 1.0
"""How long a subscriber's last callback is waited for: long enough to write a line, short enough to quit a program."""

_logger = logging.getLogger(__name__)


class Subscription:
    """A callback's share of the events. Any thread may call anything; made by `Events.subscribe()`.

    A context manager, which unsubscribes.
    """

    def __init__(self, bus: Events, callback: Callable[[Any], object], kinds: tuple[type, ...]) -> None:
        self._bus = weakref.ref(bus)
        self._callback = callback
        self._kinds = kinds
        # A condition's lock is re-entrant: a finaliser or a signal handler may publish while this thread is in here.
        self._changed = threading.Condition()
        self._queue: deque[Any] = deque()
        self._ending = False
        self._dropped = 0
        self._errors = 0
        self._slow, self._failing = Complaints(_logger), Complaints(_logger)
        self._name = name_of(callback)
        self._thread = threading.Thread(target=self._run, name=f"thoth-events {self._name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many events it did not get, since it was too slow for them."""
        return self._dropped

    @property
    def errors(self) -> int:
        """How often the callback raised."""
        return self._errors

    def unsubscribe(self, timeout_s: float = CLOSE_S) -> None:
        """Get nothing more, what waits included. Called again, it does nothing.

        Waits, for `timeout_s` at most, until a callback that is running has returned, unless it is called by that. One
        that does not return is logged and left behind, on a thread that does not keep the process alive.
        """
        bus = self._bus()
        if bus is not None:
            bus._remove(self)
        self._end(discard=True)
        self._join(time.monotonic() + timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unsubscribe()

    def _offer(self, event: object) -> None:
        """Queue `event` if it is wanted. Never waits for the callback."""
        if self._kinds and not isinstance(event, self._kinds):
            return
        with self._changed:
            if self._ending:
                return
            if len(self._queue) >= QUEUE_SIZE:
                self._queue.popleft()
                self._dropped += 1
            self._queue.append(event)
            self._changed.notify()

    def _end(self, *, discard: bool = False) -> None:
        """Take no more events, and have the thread end when the queue is empty; at once if what waits is discarded."""
        with self._changed:
            self._ending = True
            if discard:
                self._queue.clear()
            self._changed.notify()

    def _join(self, deadline_s: float) -> None:
        if threading.current_thread() is self._thread:
            return
        self._thread.join(max(0.0, deadline_s - time.monotonic()))
        if not self._thread.is_alive():
            return
        with self._changed:
            self._dropped += len(self._queue)
            self._queue.clear()
        _logger.warning("a subscriber to events does not return and is left behind: %s", self._name)

    def _run(self) -> None:
        reported = 0
        while (event := self._next()) is not _NO_EVENT:
            self._call(event)
            event = None  # not kept alive while nothing happens
            if self._dropped > reported:
                reported = self._dropped
                self._slow.warn(f"{reported} events dropped: too slow a subscriber: {self._name}")

    def _next(self) -> object:
        with self._changed:
            while not self._queue and not self._ending:
                self._changed.wait()
            return self._queue.popleft() if self._queue else _NO_EVENT

    def _call(self, event: object) -> None:
        try:
            self._callback(event)
        except BaseException as error:  # a SystemExit too: it would end this thread, and the events with it
            self._errors += 1
            self._failing.warn(f"a subscriber to events raised: {self._name}", error)

    def _forget_thread(self) -> None:
        """In a process made by fork(): the thread is not here, and what it held is held for ever."""
        self._changed = threading.Condition()
        self._queue.clear()
        self._ending = True


class Events:
    """Hands events to subscribers, each on a thread of its own. Any thread may call anything.

    An event is any object, by habit a frozen dataclass. Each subscriber gets those of the kinds it asked for, one at a
    time and in the order in which a thread published them. One that is slow misses the oldest that wait for it, 1000 at
    most, and one that raises is logged; others notice neither.

    There is no thread while nobody subscribes. At the end of the interpreter, what waits is delivered, for 1 s at most.
    A process made by fork() has no subscribers until it subscribes itself.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._closed = False
        _buses.add(self)

    def subscribe(self, callback: Callable[[Any], object], *kinds: type) -> Subscription:
        """Have `callback` called with each event from now on that is an instance of one of `kinds`; none means all.

        Raises InvalidOption for what is no function or no class, and InvalidTransition after `close()`.
        """
        if not callable(callback):
            raise InvalidOption(f"callback takes a function of one event, not {callback!r}")
        for kind in kinds:
            if not isinstance(kind, type):
                raise InvalidOption(f"kinds takes classes of events, not {kind!r}")
        with self._lock:
            if self._closed:
                raise InvalidTransition("these events are closed, there will be no more: subscribe before that")
            subscription = Subscription(self, callback, kinds)
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def publish(self, event: object) -> None:
        """Hand `event` to whom it concerns; after `close()`, to nobody. Waits for no subscriber, and never raises."""
        for subscription in self._subscriptions:
            subscription._offer(event)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Deliver what waits, then end the threads. Called again, it does nothing.

        Waits for `timeout_s` at most, for all of them together. What could not be delivered by then counts as dropped,
        and a callback that does not return is logged and left behind, on a thread that does not keep the process alive.
        """
        with self._lock:
            self._closed = True
            ending, self._subscriptions = self._subscriptions, ()
        for subscription in ending:
            subscription._end()
        deadline_s = time.monotonic() + timeout_s
        for subscription in ending:
            subscription._join(deadline_s)

    def __del__(self) -> None:
        # Nobody can publish any more. No waiting here: this may be one of the subscribers' threads.
        for subscription in self._subscriptions:
            subscription._end()

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(other for other in self._subscriptions if other is not subscription)

    def _forget_threads(self) -> None:
        self._lock = threading.RLock()
        for subscription in self._subscriptions:
            subscription._forget_thread()
        self._subscriptions = ()


def _close_all() -> None:
    deadline_s = time.monotonic() + CLOSE_S
    for bus in list(_buses):
        bus.close(max(0.0, deadline_s - time.monotonic()))


def _forget_all_threads() -> None:
    for bus in list(_buses):
        bus._forget_threads()


_NO_EVENT: Final = object()
_buses: weakref.WeakSet[Events] = weakref.WeakSet()
atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all_threads)
