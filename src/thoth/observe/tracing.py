"""Traces: which part of the work took how long, when, on which thread, and inside of what.

    from thoth.observe.tracing import TraceLevel, tracer

    tracer.level = "full"
    with tracer.span("chunk_process", chunk=7):
        with tracer.span("encode", TraceLevel.FULL):
            ...
    tracer.write_chrome("trace.json")  # opens in ui.perfetto.dev

Spans are kept in memory up to a number, the oldest making room; exporters get each as it ends. While tracing is off,
which it is until somebody asks for it, a span costs well under a microsecond.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Final, Self

from thoth.errors import InvalidOption
from thoth.observe.chrome_trace import write
from thoth.observe.complaints import Complaints, name_of
from thoth.observe.spans import Attribute, OpenSpan
from thoth.observe.spans import Span as Span
from thoth.observe.spans import TraceLevel as TraceLevel

DEFAULT_CAPACITY: Final = 100_000
"""Spans kept: at one chunk a second and ten spans for each, the last two and a half hours, in some 50 MB."""

_MOST_CAPACITY: Final = 10_000_000
_ROOTS: Final = 4096
"""So many spans later a span's root is forgotten: a part recorded then, from another thread, counts it as the root."""

_LONGEST_TEXT: Final = 500
_logger = logging.getLogger(__name__)


class Tracer:
    """Keeps spans, and hands them to exporters. Any thread may call anything.

    level: "off", "light", "medium" or "full"; may be changed at any time, from any thread. A span that is open then is
        still recorded when it ends.
    capacity: how many spans are kept; the oldest make room, and `dropped` counts them.

    Within a thread, and within an asyncio task, a span's parent is the one around it; a task begins inside the span
    that created it. Another thread says so with `parent_id`. A span must not stand around a `yield`, since what comes
    between is the caller's. In a process made by fork() it goes on as in any other.
    """

    def __init__(self, level: str | TraceLevel = "off", capacity: int = DEFAULT_CAPACITY) -> None:
        self._level = TraceLevel.of(level)
        # Re-entrant: a finaliser or a signal handler may trace while this thread is in here.
        self._lock = threading.RLock()
        self._ids = itertools.count(1)
        self._open: ContextVar[tuple[int, int] | None] = ContextVar("thoth_span", default=None)
        self._spans: deque[Span] = deque(maxlen=_checked_capacity(capacity))
        self._dropped = 0
        self._roots: list[tuple[int, int]] = [(0, 0)] * _ROOTS
        self._exporters: tuple[tuple[Callable[[Span], object]], ...] = ()
        self._exporting = threading.local()
        self._complaints = Complaints(_logger)
        _tracers.add(self)

    @property
    def level(self) -> TraceLevel:
        """How much is traced now; takes a name as well. Setting it raises InvalidOption for what is no level."""
        return self._level

    @level.setter
    def level(self, level: str | TraceLevel) -> None:
        self._level = TraceLevel.of(level)

    def wants(self, level: TraceLevel) -> bool:
        """Tell whether spans of `level` are traced now: for what is costly to find out."""
        return 0 < level <= self._level

    def span(
        self,
        name: str,
        /,
        level: TraceLevel = TraceLevel.LIGHT,
        *,
        parent_id: int | None = None,
        **attributes: Attribute,
    ) -> OpenSpan:
        """Trace what is done in a `with` block.

        name: what it is.
        level: from which level on it is traced; below, nothing happens.
        parent_id: of which span it is a part, for one on another thread; else it is the one around.
        attributes: what is known of it; more may be `set()` later.

        An exception goes through, and stands in the attribute "error".
        """
        if 0 < level <= self._level:
            return _Traced(self, name, parent_id, attributes)
        return _NOTHING

    def record(
        self,
        name: str,
        /,
        start_ns: int,
        end_ns: int,
        level: TraceLevel = TraceLevel.LIGHT,
        *,
        parent_id: int | None = None,
        **attributes: Attribute,
    ) -> int | None:
        """Add a span that was measured elsewhere, on the clock of `time.perf_counter_ns()`.

        It counts as this thread's. Returns its number, to be the `parent_id` of its parts; None if not traced.
        """
        if not 0 < level <= self._level:
            return None
        span_id, parent_id, root_id = self._place(parent_id)
        self._keep(name, start_ns, max(start_ns, end_ns), span_id, parent_id, root_id, attributes)
        return span_id

    @property
    def current_id(self) -> int | None:
        """The number of the span around the caller, to be handed to another thread; None outside of any."""
        here = self._open.get()
        return None if here is None else here[0]

    def spans(self) -> list[Span]:
        """Return the spans that are kept, in the order in which they ended."""
        with self._lock:
            return list(self._spans)

    @property
    def dropped(self) -> int:
        """How many spans made room for later ones since the last `clear()`."""
        return self._dropped

    def clear(self) -> None:
        """Forget all spans, and how many were dropped."""
        with self._lock:
            self._spans.clear()
            self._dropped = 0

    def add_exporter(self, exporter: Callable[[Span], object]) -> Callable[[], None]:
        """Have `exporter` called with each span from now on, and return what ends that.

        It is called as the span ends, on the thread of the span, and should be done in microseconds: a network belongs
        behind a queue. What it raises is logged and harms nobody; what it traces itself is not exported.
        """
        if not callable(exporter):
            raise InvalidOption(f"exporter takes a function of one Span, not {exporter!r}")
        added = (exporter,)  # by its identity: the same function may be added twice, and removed once
        with self._lock:
            self._exporters = (*self._exporters, added)

        def remove() -> None:
            with self._lock:
                self._exporters = tuple(other for other in self._exporters if other is not added)

        return remove

    def write_chrome(self, path: str | os.PathLike[str]) -> None:
        """Write the spans that are kept for Chrome's and Perfetto's viewers (ui.perfetto.dev).

        A file that is there is replaced, when the new one is whole. Raises InvalidOption if `path` cannot be written.
        """
        write(path, self.spans(), dropped=self.dropped)

    def _place(self, parent_id: int | None) -> tuple[int, int | None, int]:
        """Give a span its number, with its parent's and its root's."""
        span_id = next(self._ids)
        here = self._open.get()
        if parent_id is not None:
            root_id = self._root_of(parent_id)
        elif here is not None:
            parent_id, root_id = here
        else:
            root_id = span_id
        self._roots[span_id % _ROOTS] = span_id, root_id
        return span_id, parent_id, root_id

    def _root_of(self, span_id: int) -> int:
        known_id, root_id = self._roots[span_id % _ROOTS]
        return root_id if known_id == span_id else span_id

    def _keep(
        self,
        name: str,
        start_ns: int,
        end_ns: int,
        span_id: int,
        parent_id: int | None,
        root_id: int,
        attributes: dict[str, Attribute],
    ) -> None:
        for key, value in attributes.items():
            if type(value) not in _PLAIN:
                attributes[key] = _plain(value)
        thread = threading.current_thread()
        thread_id = thread.native_id or threading.get_native_id()
        span = Span(name, start_ns, end_ns, thread_id, thread.name, span_id, parent_id, root_id, attributes)
        with self._lock:
            if len(self._spans) == self._spans.maxlen:
                self._dropped += 1
            self._spans.append(span)
        if self._exporters:
            self._export(span)

    def _export(self, span: Span) -> None:
        if getattr(self._exporting, "now", False):
            return
        self._exporting.now = True
        try:
            for (exporter,) in self._exporters:
                try:
                    exporter(span)
                except Exception as error:
                    self._complaints.warn(f"an exporter of spans raised: {name_of(exporter)}", error)
        finally:
            self._exporting.now = False

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()
        self._exporting = threading.local()


class _Traced:
    """A span that is being traced."""

    __slots__ = ("_attributes", "_name", "_parent_id", "_root_id", "_start_ns", "_token", "_tracer", "span_id")

    def __init__(self, tracer: Tracer, name: str, parent_id: int | None, attributes: dict[str, Attribute]) -> None:
        self._tracer = tracer
        self._name = name
        self._attributes = attributes
        self.span_id, self._parent_id, self._root_id = tracer._place(parent_id)
        self._start_ns = 0
        self._token: Token[tuple[int, int] | None] | None = None

    def set(self, **attributes: Attribute) -> None:
        self._attributes.update(attributes)

    def __enter__(self) -> Self:
        self._token = self._tracer._open.set((self.span_id, self._root_id))
        self._start_ns = time.perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_ns = time.perf_counter_ns()
        assert self._token is not None
        # A ValueError: it stood around a yield and ends in another context, which was never inside.
        with contextlib.suppress(ValueError):
            self._tracer._open.reset(self._token)
        if error is not None:
            self._attributes["error"] = f"{type(error).__name__}: {_plain(error)}"
        self._tracer._keep(
            self._name, self._start_ns, end_ns, self.span_id, self._parent_id, self._root_id, self._attributes
        )


class _Untraced:
    """What stands for every span that is not traced."""

    __slots__ = ()
    span_id: None = None

    def set(self, **attributes: Attribute) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def _checked_capacity(capacity: object) -> int:
    if isinstance(capacity, int) and not isinstance(capacity, bool) and 1 <= capacity <= _MOST_CAPACITY:
        return capacity
    raise InvalidOption(f"capacity takes a whole number of spans, 1 to {_MOST_CAPACITY}, not {capacity!r}")


def _plain(value: object) -> Attribute:
    """Turn what is no Attribute into a short text, so that no array is kept alive by its span."""
    try:
        return str(value)[:_LONGEST_TEXT]
    except Exception:
        return f"<{type(value).__name__}>"


def _renew_locks() -> None:
    """In a process made by fork(): another thread may have held a lock at that moment, and is not there to free it."""
    for tracer in _tracers:
        tracer._renew_lock()


_PLAIN: Final = frozenset({str, int, float, bool})
_NOTHING: Final = _Untraced()
_tracers: weakref.WeakSet[Tracer] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)

tracer: Final = Tracer()
"""The process's own: what Thoth traces of itself goes here."""
