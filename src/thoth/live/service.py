"""One life of a worker, from its start to its end: its queue, and the thread that works it off."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from thoth.errors import Cancelled, ThothError, WorkerError
from thoth.live.protocol import (
    Answer,
    Error,
    FromWorker,
    LoadModel,
    Metrics,
    ModelLoaded,
    Question,
    Ready,
    SetOptions,
    Transcribe,
    Transcription,
)
from thoth.live.servant import OnLoading
from thoth.observe.tracing import tracer

_LOG: Final = logging.getLogger("thoth.worker")

_LOOK_S: Final = 5.0
"""An idle service looks so often whether it is to end: a finaliser that runs on its own thread, just before that waits,
wakes nobody."""
_METRICS_INTERVAL_S: Final = 0.1
_LATENCIES: Final = 32
"""So many of the latest requests are averaged over."""


class Vessel(Protocol):
    """Where the work is done. Made for one service; `interrupt` is for any thread, the rest for the service's own."""

    @property
    def pid(self) -> int | None:
        """The process that does the work, if it is another one."""

    def launch(self, limit_s: float, on_death: Callable[[], object], /) -> None:
        """Begin; return when it can be asked. `on_death` is called, on any thread, when it ends by itself."""

    def ask(self, message: Question, limit_s: float, on_loading: OnLoading, /) -> Answer:
        """Wait for the answer. Raises WorkerError when the vessel is dead, or is ended for not answering in time."""

    def interrupt(self) -> None:
        """End what is under way, or at least the waiting for it."""

    def end(self) -> None:
        """Give back everything; bounded in time. After that nothing is left of it, whatever went wrong."""

    def cause_of_death(self) -> WorkerError:
        """Tell why it ended by itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a service is to do.

    - `load`: the model to load.
    - `options`: of the first passes.
    - `queue_size`: requests that may wait.
    - `answer_timeout_s`: the longest that one pass may take.
    """

    load: LoadModel
    options: Mapping[str, Any]
    queue_size: int
    answer_timeout_s: float


@dataclass(slots=True, eq=False)
class _Job:
    message: Transcribe | SetOptions
    future: Future[Any] = field(default_factory=Future)
    since_s: float = field(default_factory=time.perf_counter)
    context: Context = field(default_factory=copy_context)
    """The caller's: spans of the work belong inside of the one that it was asked for in."""


class Service:
    """Works off requests one by one, in their order, until it is stopped or its vessel dies. Any thread.

    on_message: hears everything, on the service's thread, which keeps it alive; what it raises is logged.
    loaded: resolved when the model is loaded, or with why it is not.
    """

    def __init__(self, vessel: Vessel, terms: Terms, on_message: Callable[[FromWorker], object] | None) -> None:
        self._vessel = vessel
        self._terms = terms
        self._on_message = on_message
        self._process = os.getpid()
        self.loaded: Future[ModelLoaded] = Future()
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._current: _Job | None = None
        self._stop_reason: str | None = None
        self._vessel_died = False
        self._failure: ThothError | None = None
        self._over = False
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES)
        self._deadline_s = 0.0
        self._metrics_told_s = -_METRICS_INTERVAL_S
        self._thread = threading.Thread(target=copy_context().run, args=(self._live,), name="thoth-worker", daemon=True)

    def start(self, limit_s: float) -> None:
        """Begin; `loaded` tells when that is done. It is to take `limit_s` at most."""
        self._deadline_s = time.monotonic() + limit_s
        try:
            self._thread.start()
        except RuntimeError as error:
            self._over = True
            raise WorkerError(f"no thread could be started for the worker: {error}") from error

    @property
    def over(self) -> bool:
        """Whether it has ended, or is told to."""
        return self._over or self._stop_reason is not None

    @property
    def serving(self) -> bool:
        """Whether the model is loaded and requests are taken."""
        return not self.over and not self._vessel_died and self.loaded.done()

    @property
    def pid(self) -> int | None:
        """The process that does the work, if it is another one."""
        return self._vessel.pid

    def require_serving(self) -> None:
        """Raise WorkerError unless requests are taken."""
        if self._stop_reason is not None:
            raise WorkerError(self._stop_reason)
        if self._failure is not None:
            raise WorkerError(f"the worker has ended: {self._failure}")
        if not self.serving:
            raise WorkerError("the worker has died: restart() it" if self._vessel_died else "the worker is starting")

    def submit(self, request: Transcribe) -> Future[Transcription]:
        """Put `request` behind those that wait. Raises WorkerError where there is no room, or nobody to do it."""
        with self._changed:
            self.require_serving()
            self._forget_cancelled()
            if self._depth() >= self._terms.queue_size:
                raise WorkerError(f"the worker's queue is full: {self._depth()} requests wait; drop one, or try later")
            return self._put(_Job(request))

    def set_options(self, options: Mapping[str, Any]) -> Future[None]:
        """Put new options behind the requests that wait; the future is done when they hold, and cannot be cancelled."""
        with self._changed:
            self.require_serving()
            if self._waiting and isinstance(self._waiting[-1].message, SetOptions):
                self._waiting[-1].message = SetOptions(options)  # nothing was to use the others
                return self._waiting[-1].future
            job = _Job(SetOptions(options))
            job.future.set_running_or_notify_cancel()
            return self._put(job)

    def metrics(self) -> Metrics:
        """Tell how it keeps up."""
        with self._changed:
            mean_s = sum(self._latencies_s) / len(self._latencies_s) if self._latencies_s else 0.0
            return Metrics(self._depth(), mean_s * 1000)

    def stop(self, reason: str, limit_s: float) -> None:
        """End it: what waits or is in work gets Cancelled with that reason. Raises WorkerError if it takes too long."""
        self.stop_soon(reason)
        if self._thread is threading.current_thread() or self._thread.ident is None:
            return  # a callback, and the thread ends when that returns; or it never began
        self._thread.join(limit_s)
        if self._thread.is_alive():
            raise WorkerError(f"the worker's thread did not end within {limit_s:g} s; it is left to itself")

    def stop_soon(self, reason: str) -> None:
        """As `stop`, without waiting for it: a finaliser calls this, on whatever thread that runs."""
        if os.getpid() != self._process:
            return  # it is the parent's, and so is what its thread had locked
        with self._changed:
            if self._stop_reason is None:
                self._stop_reason = reason
            interrupts = self._current is not None or not self.loaded.done()
            self._changed.notify_all()
        if interrupts:
            self._vessel.interrupt()

    # All below: the service's thread, unless said otherwise.

    def _live(self) -> None:
        failure: ThothError | None = None
        try:
            self._begin()
            while (job := self._next()) is not None:
                self._perform(job)
                del job  # its future may hold an error, and with the traceback everybody who waited for it
        except ThothError as error:
            failure = error
        except BaseException as error:  # whatever it was, nobody shall wait for ever
            _LOG.exception("the worker's thread ended unexpectedly")
            failure = WorkerError(f"the worker ended by an unexpected {type(error).__name__}: {error}; restart it")
        finally:
            self._end(failure)

    def _begin(self) -> None:
        with tracer.span("worker_initialization"):
            self._vessel.launch(self._time_left_s(), self._note_death)
        self._tell(Ready())
        answer = self._vessel.ask(self._terms.load, self._time_left_s(), self._tell)
        if self._terms.options and isinstance(answer, ModelLoaded):
            self._vessel.ask(SetOptions(self._terms.options), self._time_left_s(), self._tell)
        if isinstance(answer, Error):
            if self._stop_reason is None:
                self._tell(answer)
            raise answer.exception()
        self._tell(answer)
        assert isinstance(answer, ModelLoaded)
        self.loaded.set_result(answer)

    def _time_left_s(self) -> float:
        return max(self._deadline_s - time.monotonic(), 0.0)

    def _next(self) -> _Job | None:
        with self._changed:
            self._current = None
            while not (self._waiting or self._stop_reason is not None or self._vessel_died):
                self._changed.wait(_LOOK_S)
            if self._stop_reason is not None:
                return None
            if not self._vessel_died:
                self._current = self._waiting.popleft()
                return self._current
        raise self._vessel.cause_of_death()

    def _perform(self, job: _Job) -> None:
        if not job.future.running() and not job.future.set_running_or_notify_cancel():
            return
        answer = job.context.run(self._vessel.ask, job.message, self._terms.answer_timeout_s, self._tell)
        if isinstance(answer, Error) and self._stop_reason is not None:
            raise answer.exception()
        if isinstance(answer, Transcription | Error):
            with self._changed:
                self._latencies_s.append(time.perf_counter() - job.since_s)
            self._tell(answer)
        if isinstance(answer, Error):
            job.future.set_exception(answer.exception())
        else:
            job.future.set_result(answer if isinstance(answer, Transcription) else None)
        self._tell_metrics()

    def _end(self, failure: ThothError | None) -> None:
        try:
            self._vessel.end()
        except Exception:
            _LOG.exception("something is left of a worker")
        with self._changed:
            self._over = True
            self._failure = failure
            stop_reason = self._stop_reason
            left = [*([self._current] if self._current else []), *self._waiting]
            self._current = None
            self._waiting.clear()
        ending = Cancelled(stop_reason) if stop_reason is not None else failure or WorkerError("the worker ended")
        if stop_reason is None and self.loaded.done():
            _LOG.error("%s", ending)
            self._tell(Error.about(ending, "crash"))
        self._fail(left, ending)

    def _fail(self, jobs: list[_Job], ending: ThothError) -> None:
        for job in jobs:
            if job.future.running() or (not job.future.done() and job.future.set_running_or_notify_cancel()):
                job.future.set_exception(ending)
        if not self.loaded.done():
            self.loaded.set_exception(ending)

    def _tell(self, message: FromWorker) -> None:
        if self._on_message is not None:
            try:
                self._on_message(message)
            except Exception:
                _LOG.exception("a worker's on_message failed on %s", type(message).__name__)

    def _tell_metrics(self) -> None:
        now_s = time.monotonic()
        if now_s - self._metrics_told_s >= _METRICS_INTERVAL_S:
            self._metrics_told_s = now_s
            self._tell(self.metrics())

    # Any thread.

    def _note_death(self) -> None:
        with self._changed:
            self._vessel_died = True
            self._changed.notify_all()

    def _put(self, job: _Job) -> Future[Any]:
        self._waiting.append(job)
        self._changed.notify_all()
        return job.future

    def _forget_cancelled(self) -> None:
        self._waiting = deque(job for job in self._waiting if not job.future.cancelled())

    def _depth(self) -> int:
        return sum(isinstance(job.message, Transcribe) and not job.future.cancelled() for job in self._waiting)
