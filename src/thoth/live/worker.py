"""`TranscriptionWorker`: runs a model for one owner, on a thread or in a process that may crash without harm."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, Unpack, get_args

import numpy as np

from thoth.errors import AudioError, InvalidOption, WorkerError
from thoth.live.process_worker import ProcessVessel
from thoth.live.protocol import (
    MOST_AUDIO_S,
    MOST_AUDIO_SAMPLES,
    FromWorker,
    LoadModel,
    Metrics,
    ModelLoaded,
    Transcribe,
    Transcription,
)
from thoth.live.service import Service, Terms, Vessel
from thoth.live.thread_worker import ThreadVessel
from thoth.model.download import Progress
from thoth.model.options import MOST_THREADS, CheckedOptions, TranscribeOptions, require_whole
from thoth.model.store import ModelStore
from thoth.model.whisper import WhisperModel

Isolation = Literal["thread", "process"]

START_TIMEOUT_S: Final = 300.0
"""A large model is checked and read from a slow card in this time."""
ANSWER_TIMEOUT_S: Final = 60.0
"""Twice the longest audio: a machine that needs more for one pass cannot be used live."""
CLOSE_TIMEOUT_S: Final = 10.0
"""One pass of a large model on a slow machine, after which a thread looks whether it was cancelled."""
MOST_QUEUE: Final = 1000


class TranscriptionWorker:
    """Takes audio, gives futures of text; at most `queue_size` requests wait, and they are worked off in their order.

    Any thread may call anything. A worker is started, and after a crash started again, by its owner. It ends with
    `close()`, when nobody holds it any more, at the interpreter's exit, and with isolation "process" whenever the
    process of its owner ends.

    model: a loaded WhisperModel, or a name or path as WhisperModel takes it. A thread shares the loaded model with
        everybody else, as a live caller; a process loads the same file for itself.
    isolation: "thread" works in this process. "process" works in one of its own, that may crash, or be killed for its
        memory, without harm to this one. POSIX only.
    options: `TranscribeOptions` of all passes; see `set_options`.
    threads: CPU threads of one pass; None adapts to the machine.
    answer_timeout_s: the longest that one pass may take in a process of its own; then it counts as hung, and is killed.
    on_message: called with each message from the worker, on a thread of the worker: it must be quick, and what it
        raises is logged. It may call the worker's methods, `start()` and `restart()` excepted.

    Raises InvalidOption for options that make no sense.
    """

    def __init__(
        self,
        model: WhisperModel | str | os.PathLike[str] | None = None,
        *,
        isolation: Isolation = "thread",
        options: TranscribeOptions | None = None,
        threads: int | None = None,
        queue_size: int = 3,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        on_message: Callable[[FromWorker], object] | None = None,
    ) -> None:
        if isolation not in get_args(Isolation):
            raise InvalidOption(f"isolation takes 'thread' or 'process', not {isolation!r}")
        if threads is not None:
            require_whole("threads", threads, 1, MOST_THREADS)
        if isolation == "process" and sys.platform == "win32":
            raise InvalidOption("isolation='process' needs a POSIX system: take 'thread' here")
        require_whole("queue_size", queue_size, 1, MOST_QUEUE)
        if not answer_timeout_s > 0:
            raise InvalidOption(f"answer_timeout_s takes a number of seconds above 0, not {answer_timeout_s!r}")
        self._model = model
        self._isolation = isolation
        self._options = _checked(options or {})
        self._threads = threads
        self._queue_size = queue_size
        self._answer_timeout_s = answer_timeout_s
        self._on_message = on_message
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._service: Service | None = None
        self._end_unheld: weakref.finalize[..., Any] | None = None
        self._closed = False

    def start(self, timeout_s: float = START_TIMEOUT_S) -> ModelLoaded:
        """Start the worker and load its model; return when it can take requests.

        A catalogue name that is not installed is downloaded first, for which the limit does not hold. After an error
        it may be called again.

        Raises WorkerError when the worker runs already, crashes, or is not ready within `timeout_s`, what WhisperModel
        raises when the model cannot be loaded, InvalidOption for options that do not suit the model, and Cancelled when
        the worker is closed meanwhile.
        """
        self._require_own_process()
        path = path_of(self._model)
        with self._lock:
            if self._closed:
                raise WorkerError("this worker was closed: make another one")
            if self._service is not None and not self._service.over:
                raise WorkerError("this worker runs already")
            terms = Terms(
                LoadModel(os.fspath(path), self._threads), self._options, self._queue_size, self._answer_timeout_s
            )
            service = self._service = Service(self._new_vessel(), terms, _hearing(self))
            _stop_at_exit(service)
            self._stop_unheld(service)
            service.start(timeout_s)
        return self._loaded(service, timeout_s)

    def restart(self, timeout_s: float = START_TIMEOUT_S) -> ModelLoaded:
        """End what is left of the worker, with whatever it does, and start it again; see `start`."""
        self._require_own_process()
        self._stop("the worker was restarted", CLOSE_TIMEOUT_S)
        return self.start(timeout_s)

    def submit(self, request: Transcribe) -> Future[Transcription]:
        """Queue a request; never blocks. The audio is copied.

        The future gets what `WhisperModel.transcribe_samples` raises for that audio; OutOfMemory, a ModelError, when
        memory does not suffice; WorkerError when the worker crashes or hangs before it is done, Cancelled when it is
        closed or restarted. Its `cancel()` takes a request back that still waits, and gives its place free.

        Raises WorkerError when the queue is full or the worker does not run; AudioError for samples that are not 1-D
        float32 or are more than 30 s.
        """
        self._require_own_process()
        return self._running().submit(_own_copy(request))

    def set_options(self, **options: Unpack[TranscribeOptions]) -> Future[None]:
        """Set the options of all requests to come, in place of those before; the future is done when they are in force.

        The worker finds words and leaves voice activity to its owner: `word_timestamps` is on and `vad_filter` off.
        `initial_prompt` stands before every request's own prompt tokens. Requests that are not final are done at
        temperature 0, whatever `temperature` says.

        Raises InvalidOption, and the worker goes on as before; WorkerError when it does not run.
        """
        self._require_own_process()
        checked = _checked(options)
        with self._lock:
            service = self._running()
            service.require_serving()
            _require_suitable(checked, service.loaded.result())
            done = service.set_options(checked)
            self._options = checked
        return done

    def metrics(self) -> Metrics:
        """Tell how many requests wait, and how long the latest took; zero before the start."""
        self._require_own_process()
        service = self._service
        return Metrics(0, 0.0) if service is None else service.metrics()

    @property
    def alive(self) -> bool:
        """Whether the worker takes requests: from `start()` until it crashes or is closed."""
        return self._process == os.getpid() and self._service is not None and self._service.serving

    @property
    def pid(self) -> int | None:
        """The process that the worker has for itself; None without one."""
        return None if self._service is None or self._service.over else self._service.pid

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """End the worker; a thread within one pass of the model, a process at once. May be called again.

        What is not done gets Cancelled. Raises WorkerError for a thread that takes longer than `timeout_s`.
        """
        if os.getpid() != self._process:
            return  # the worker is the parent's
        with self._lock:
            self._closed = True
        self._stop("the worker was closed", timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<TranscriptionWorker {self._isolation} {'alive' if self.alive else 'not running'}>"

    def _loaded(self, service: Service, timeout_s: float) -> ModelLoaded:
        try:
            loaded = service.loaded.result(timeout_s)
            _require_suitable(self._options, loaded)
        except TimeoutError:
            service.stop("the worker was not ready in time", CLOSE_TIMEOUT_S)
            raise WorkerError(f"the worker was not ready within {timeout_s:g} s, and was ended") from None
        except BaseException:
            service.stop("the worker could not start", CLOSE_TIMEOUT_S)
            raise
        return loaded

    def _stop(self, reason: str, limit_s: float) -> None:
        with self._lock:
            service = self._service
        if service is not None:
            service.stop(reason, limit_s)

    def _stop_unheld(self, service: Service) -> None:
        """Let `service` end with this worker, whichever thread finds that nobody holds that."""
        if self._end_unheld is not None:
            self._end_unheld.detach()  # of a service that is over
        self._end_unheld = weakref.finalize(self, service.stop_soon, "nobody holds the worker any more")
        self._end_unheld.atexit = False  # then all services are waited for

    def _running(self) -> Service:
        if self._service is None:
            raise WorkerError("the worker is not running: start() it")
        return self._service

    def _new_vessel(self) -> Vessel:
        if self._isolation == "process":
            return ProcessVessel()
        return ThreadVessel(self._model if isinstance(self._model, WhisperModel) else None)

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            # Its thread, and what that thread had locked, stayed behind.
            raise WorkerError("this worker was made before the process forked: make another one in the child")


_services: weakref.WeakSet[Service] = weakref.WeakSet()
"""Each is there until its thread has ended, though its worker be gone."""


def _stop_at_exit(service: Service) -> None:
    """Let the interpreter find no thread of it at its end. Handlers run last one first: this one has to come again."""
    _services.add(service)
    atexit.unregister(_stop_all)
    atexit.register(_stop_all)


def _stop_all() -> None:
    services = list(_services)
    for service in services:
        service.stop_soon("the program ends")
    for service in services:
        with contextlib.suppress(WorkerError):  # it takes longer than that
            service.stop("the program ends", CLOSE_TIMEOUT_S)


def _hearing(worker: TranscriptionWorker) -> Callable[[FromWorker], None]:
    """Return what passes messages on to `worker` without keeping it alive: a service's thread holds that."""
    reference = weakref.ref(worker)

    def hear(message: FromWorker) -> None:
        owner = reference()
        if owner is not None and owner._on_message is not None:
            owner._on_message(message)

    return hear


def path_of(model: WhisperModel | str | os.PathLike[str] | None, progress: Progress | None = None) -> Path:
    """Return the file of a model, or of one named as WhisperModel takes it, which may have to be downloaded."""
    if isinstance(model, WhisperModel):
        return model.path
    return ModelStore().default_model().path if model is None else ModelStore().find(model, progress=progress)


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options in plain types. Raises InvalidOption, TypeError for one that does not exist."""
    for name, ours in {"vad_filter": False, "word_timestamps": True, "vad_parameters": None}.items():
        if options.get(name, ours) is not ours:
            raise InvalidOption(f"{name} is {ours} in a live worker and cannot be changed")
    checked = CheckedOptions.of({**options, "word_timestamps": True})  # type: ignore[typeddict-item]
    return {name: getattr(checked, name) for name in options if name != "vad_parameters"}


def _require_suitable(options: Mapping[str, Any], model: ModelLoaded) -> None:
    if not model.multilingual and (options.get("language") not in (None, "en") or options.get("task") == "translate"):
        raise InvalidOption(
            "the worker's model knows English only: for another language, or the task 'translate', take a model "
            "without '.en' in its name"
        )


def _own_copy(request: Transcribe) -> Transcribe:
    audio: object = request.audio
    if not isinstance(audio, np.ndarray) or audio.dtype != np.float32 or audio.ndim != 1:
        raise AudioError("a request's audio is a NumPy array of float32 with one axis, 16 kHz mono")
    if len(audio) > MOST_AUDIO_SAMPLES:
        seconds = len(audio) / MOST_AUDIO_SAMPLES * MOST_AUDIO_S
        raise AudioError(f"a request holds at most {MOST_AUDIO_S} s of audio, not {seconds:.1f} s: cut it in two")
    return Transcribe(audio.copy(), request.chunk_id, request.session_id, request.prompt_tokens, request.is_final)
