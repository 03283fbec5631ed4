"""A worker that is replaced when it dies, with the session's state told all the while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Literal

from thoth.errors import Cancelled, InvalidModel, InvalidOption, ModelNotFound, ThothError, WorkerError
from thoth.live.events import ChunkFailed, LoadingProgress, WorkerRestarted
from thoth.live.protocol import FromWorker, ModelLoading, OutOfMemory, Ready, Transcribe, Transcription
from thoth.live.states import StateMachine
from thoth.live.worker import TranscriptionWorker
from thoth.observe.metrics import MetricsCollector

BACKOFF_S: Final = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Waits before the tries to bring a worker up; then the session gives up. A model file that is being replaced, or a
machine short of memory, may be well again by then."""

_TRIES_PER_CHUNK: Final = 2
"""A chunk on which the worker dies that often is given up: it may be what kills it."""

_log = logging.getLogger(__name__)


class Supervisor:
    """Runs passes on a worker, and brings it up again when it dies. One thread at a time, but for `close`.

    machine: the session's state, led through error, initializing_worker and loading_model meanwhile.
    report: called with LoadingProgress, WorkerRestarted and ChunkFailed.
    metrics: where failed passes are counted.
    """

    def __init__(self, machine: StateMachine, report: Callable[[object], None], metrics: MetricsCollector) -> None:
        self._machine = machine
        self._report = report
        self._metrics = metrics
        self._closing = threading.Event()
        self._wanting = threading.Lock()
        self._wanted: Literal["recording", "paused"] | None = None  # the state to return to after a recovery
        self._worker: TranscriptionWorker | None = None

    def on_message(self, message: FromWorker) -> None:
        """Take what the worker says by itself."""
        if isinstance(message, Ready):
            self._machine.to_if("loading_model", "initializing_worker")
        elif isinstance(message, ModelLoading):
            self._machine.loading(message.done_bytes / max(message.total_bytes, 1))
            self._report(LoadingProgress(message.done_bytes, message.total_bytes))

    def start(self, worker: TranscriptionWorker) -> None:
        """Bring up a worker that was made with `on_message`.

        Raises at once what no second try would mend, anything else after the last try.
        """
        self._worker = worker
        self._bring_up(worker.start, hopeless=(InvalidModel, ModelNotFound, InvalidOption, Cancelled))

    def transcribe(self, message: Transcribe) -> Transcription | None:
        """Run a pass; None where it failed and the next may do better.

        Raises WorkerError, or what loading the model raised, when the worker cannot be brought up again, OutOfMemory,
        and Cancelled when the session is closing.
        """
        worker = self._worker
        if worker is None:
            raise WorkerError("the session has no worker: start it first")
        for _ in range(_TRIES_PER_CHUNK):
            try:
                return worker.submit(message).result()
            except (Cancelled, OutOfMemory):
                raise
            except WorkerError as error:
                self._metrics.error()
                if self._closing.is_set():
                    raise Cancelled("the session is closing") from error
                if worker.alive:
                    self._give_up(error)
                    return None
                last = error
                self._recover(worker, error)
            except ThothError as error:
                self._metrics.error()
                self._give_up(error)
                return None
        self._give_up(WorkerError(f"the worker died of this chunk {_TRIES_PER_CHUNK} times: {last}"))
        return None

    def want(self, state: Literal["recording", "paused"]) -> None:
        """Go to `state`; where the worker is being replaced, when it is there again."""
        with self._wanting:
            self._wanted = state
            self._machine.to_if(state, "recording", "paused")

    def close(self) -> None:
        """End the worker, and every wait for it."""
        self._closing.set()
        if self._worker is not None:
            self._worker.close()

    def _give_up(self, error: ThothError) -> None:
        _log.warning("a chunk could not be transcribed, going on: %s", error)
        self._report(ChunkFailed(str(error)))

    def _recover(self, worker: TranscriptionWorker, error: WorkerError) -> None:
        _log.warning("the worker died and is replaced: %s", error)
        self._machine.to("error", error=error, recoverable=True)
        self._bring_up(worker.restart, hopeless=(Cancelled,))
        self._report(WorkerRestarted(str(error)))
        with self._wanting:
            if self._wanted is not None:
                self._machine.to_if("recording", "ready")
            if self._wanted == "paused":
                self._machine.to_if("paused", "recording")

    def _bring_up(self, attempt: Callable[[], object], hopeless: tuple[type[ThothError], ...]) -> None:
        for wait_s in BACKOFF_S:
            if self._closing.wait(wait_s):
                raise Cancelled("the session was closed before its worker was up")
            self._machine.to("initializing_worker")
            try:
                attempt()
            except ThothError as error:
                last = error
                final = isinstance(error, hopeless) or wait_s == BACKOFF_S[-1]
                self._machine.to("error", error=error, recoverable=not final)
                if final:
                    raise
                _log.warning("the worker is not up yet, trying again: %s", error)
            else:
                self._machine.to_if("loading_model", "initializing_worker")
                self._machine.to("ready")
                return
        raise last
