"""`WhisperModel`: one loaded Whisper model that any number of threads may share."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, Unpack

import numpy as np

from thoth import _native
from thoth.audio.decode import AudioFile
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples, as_samples
from thoth.audio.source import AudioSource
from thoth.errors import InvalidOption, ModelError
from thoth.model.catalog import suitability_of
from thoth.model.observation import note_loading
from thoth.model.options import MOST_THREADS, CallOptions, CheckedOptions, TranscribeOptions, require_whole
from thoth.model.stats import ClassStats, ModelStats
from thoth.model.store import ASSETS, ModelStore
from thoth.model.threads import usable_threads
from thoth.model.transcript import Transcript
from thoth.model.transcription import ModelTraits, RunHooks, Source, Transcription
from thoth.model.waiting import Priority, WhenBusy, checked_timeout, checked_when_busy, first_timeout
from thoth.model.whisper_log import forward_log
from thoth.observe.metrics import Metrics, MetricsCollector
from thoth.observe.tracing import TraceLevel, tracer

if TYPE_CHECKING:
    from thoth.model.download import Notice
    from thoth.model.download import Progress as DownloadProgress

ModelState = Literal["ready", "transcribing", "unloaded"]

VAD_MODEL: Final = ASSETS / "ggml-silero-v6.2.0.bin"
BLOCK_SAMPLES: Final = 10 * SAMPLE_RATE_HZ
"""Samples given at once are worked through in pieces of this size, between which a run can be cancelled."""


class WhisperModel:
    """A Whisper model in memory: load it once, use it from as many threads as you like.

    The model serves one window (at most 30 s of audio, less at pauses) at a time, so that runs from several threads
    take turns and none sees anything of another's. There are two classes of callers: `transcribe_samples` is live, and
    goes before `transcribe_file`, which is batch; within a class first come is first served. A live request waits for
    the pass of the model that is under way and no longer: a batch window gives way, and goes on where it stopped.
    `Gate` says how long batch can be held up. Every method may be called from any thread; the GIL is free while the
    model computes or a caller waits. In a process made by fork() a model cannot be used: load one there.

    A turn of a file may be two windows side by side, on half the threads each, for the same text in less time: where
    there are two threads or more, no window needs the text before it (`condition_on_previous_text`), nothing live was
    transcribed for 30 s, and memory allows a second working state (tiny 0.1 GB, small 0.4 GB) with 0.5 GB to spare.
    Segments then come two windows at a time.

    name_or_path: a name from the catalogue ("base.en", "large-v3-turbo-q5_0"; downloaded once, verified) or the path
        of a ggml Whisper model. None takes the best one installed, else the built-in "nano.en", and never the network.
    threads: CPU threads of one run; None adapts to the machine. With 1, windows are transcribed one at a time.
    models_dir: where downloaded models live; by default THOTH_MODELS or the user's data folder.
    offline: never download; so does THOTH_OFFLINE=1.
    on_load: called with (bytes read, bytes in all) while the model loads.
    on_download, notice: called with a download's progress, and with lines about it worth showing.

    Raises ModelNotFound, DownloadError, InvalidModel, or ModelError where memory does not suffice.
    """

    def __init__(
        self,
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        models_dir: str | os.PathLike[str] | None = None,
        offline: bool = False,
        on_load: Callable[[int, int], object] | None = None,
        on_download: DownloadProgress | None = None,
        notice: Notice | None = None,
    ) -> None:
        if threads is not None:
            require_whole("threads", threads, 1, MOST_THREADS)
        self._threads = threads
        self._process = os.getpid()
        self._runs = 0  # calls in progress, waiting ones included
        self._runs_lock = threading.Lock()
        self._metrics = MetricsCollector()
        store = ModelStore(None if models_dir is None else Path(models_dir))
        with tracer.span("model_loading", model="default" if name_or_path is None else os.fspath(name_or_path)):
            with tracer.span("fetch", TraceLevel.MEDIUM):
                if name_or_path is None:
                    self.path = _default_path(store, notice)
                else:
                    self.path = store.find(name_or_path, offline=offline, progress=on_download, notice=notice)
            self._suitability = suitability_of(self.path)
            begun_ns = time.perf_counter_ns()
            try:
                self._engine = _native.Engine(os.fsencode(self.path), on_load, self._suitability.widen)
            finally:
                forward_log()
            note_loading(self._engine, begun_ns)

    def transcribe(self, audio: Any, rate: float | None = None, **options: Unpack[CallOptions]) -> Transcript:
        """Turn audio into text: `transcribe_samples` for a NumPy array or `(array, rate)`, else `transcribe_file`."""
        if _holds_samples(audio):
            return self.transcribe_samples(audio, rate, **options)
        if rate is not None:
            raise InvalidOption("rate is for samples; a file tells its own")
        return self.transcribe_file(audio, **options)

    def transcribe_file(self, source: AudioSource, **options: Unpack[CallOptions]) -> Transcript:
        """Turn a recording of any length and container into text, in bounded memory. Gives way to live requests.

        source: a path, a binary file object, or the file's bytes.
        options: see `CallOptions` and `TranscribeOptions`; each holds for this call only.

        Raises DecodeError, InvalidOption, ModelBusy when the time is up, Cancelled, ModelError. What ends a run under
        way carries the transcript so far as `partial`.
        """
        hooks = RunHooks.taken_from(options, "batch")
        checked = self._checked(options)
        with AudioFile(source) as file:
            found = Source(
                blocks=file.blocks(),
                duration_s=file.duration_s,
                problems=lambda: file.problems,
            )
            return self._run(found, hooks, checked)

    def transcribe_samples(self, samples: Any, rate: float | None = None, **options: Unpack[CallOptions]) -> Transcript:
        """Turn samples into text, ahead of any file; everything but the input and that is as in `transcribe_file`.

        samples: NumPy array of any float or integer dtype, `(frames,)` or `(frames, channels)`, or `(array, rate)`.
        rate: sample rate in Hz; 16 kHz where nothing is said.

        Raises AudioError for samples that cannot be used.
        """
        hooks = RunHooks.taken_from(options, "live")
        checked = self._checked(options)
        mono = as_samples(samples, rate)
        found = Source(blocks=_pieces(mono), duration_s=len(mono) / SAMPLE_RATE_HZ)
        return self._run(found, hooks, checked)

    async def transcribe_async(
        self, audio: Any, rate: float | None = None, **options: Unpack[CallOptions]
    ) -> Transcript:
        """Do what `transcribe` does on a thread of its own, so that the event loop runs on.

        Cancelling the task ends the run within one pass of the model. The callbacks run on that other thread.
        """
        # Its own token: another task may have been started with the caller's.
        token = _native.CancelToken(options.get("cancel"))
        options["cancel"] = token
        run = asyncio.ensure_future(asyncio.to_thread(self.transcribe, audio, rate, **options))
        try:
            return await asyncio.shield(run)
        except asyncio.CancelledError:
            token.cancel()
            # The thread still holds the model and the audio: leave only when it has let go of them.
            await asyncio.wait([run])
            run.exception()
            raise

    def detect_language(
        self,
        audio: Any,
        rate: float | None = None,
        *,
        cancel: _native.CancelToken | None = None,
        timeout: float | None = None,
        when_busy: WhenBusy = "wait",
    ) -> tuple[str, float, list[tuple[str, float]]]:
        """Tell the language spoken in the first 30 s: its code, its probability, and all of them, likeliest first.

        Takes the same audio as `transcribe`: samples are live, a file is batch. An English-only model answers "en" with
        certainty.
        """
        self._check_process()
        wait_s = first_timeout(checked_timeout(timeout), checked_when_busy(when_busy))
        priority: Priority = "live" if _holds_samples(audio) else "batch"
        samples = self._beginning(audio, rate)
        threads = usable_threads(self._threads)
        try:
            found = self._engine.detect_language(samples, threads, wait_s, cancel, priority)
        finally:
            forward_log()
        return found[0][0], found[0][1], found

    def close(self) -> None:
        """Wait for the window in progress and free the model. Later calls raise ModelError. May be called again."""
        self._engine.close()
        forward_log()

    @property
    def state(self) -> ModelState:
        """What the model is doing: ready, transcribing, or unloaded: after `close()`, and in a forked process."""
        if self._engine.closed or os.getpid() != self._process:
            return "unloaded"
        return "transcribing" if self._runs else "ready"

    @property
    def stats(self) -> ModelStats:
        """Who uses the model and waits for it now, and how long those served have waited, per class."""
        gate = self._engine.gate_stats
        return ModelStats(
            live=ClassStats.of(gate.live),
            batch=ClassStats.of(gate.batch),
            holder=gate.holder,
            windows=self._engine.windows,
            audio_context_reruns=self._engine.context_reruns,
        )

    @property
    def metrics(self) -> Metrics:
        """Figures over all windows since the model was loaded: how many, how fast, how long they took."""
        self._check_process()
        return self._metrics.snapshot()

    @property
    def multilingual(self) -> bool:
        """Whether the model knows other languages than English."""
        return bool(self._engine.info["multilingual"])

    @property
    def audio_context_reruns(self) -> int:
        """Windows, over the model's life, that looked bad at a reduced audio context and were encoded in full."""
        return self._engine.context_reruns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<WhisperModel {self.path.name} {self.state}>"

    def _run(self, source: Source, hooks: RunHooks, options: CheckedOptions) -> Transcript:
        traits = ModelTraits(
            name=self.path.name,
            threads=self._threads,
            longest_window_s=self._suitability.longest_window_s,
            condition_on_previous_text=self._suitability.condition_on_previous_text,
            max_gap_ms=self._suitability.max_gap_ms,
            vad_path=os.fsencode(VAD_MODEL),
            metrics=self._metrics,
        )
        with self._runs_lock:
            self._runs += 1
        try:
            return Transcription(self._engine, traits, options, hooks, source).run()
        finally:
            with self._runs_lock:
                self._runs -= 1
            forward_log()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            # Threads that held its locks were not copied along, so a wait might never end.
            raise ModelError("this model was loaded before the process forked: load it again in the child")

    def _checked(self, options: TranscribeOptions) -> CheckedOptions:
        """Check what can be known before the audio is opened."""
        self._check_process()
        checked = CheckedOptions.of(options)
        if not self.multilingual and (checked.language not in (None, "en") or checked.task == "translate"):
            raise InvalidOption(
                f"{self.path.name} knows English only: for another language or a translation take a model "
                "without '.en' in its name"
            )
        return checked

    def _beginning(self, audio: Any, rate: float | None) -> Samples:
        if _holds_samples(audio):
            return as_samples(audio, rate)[: self._engine.window_samples]
        with AudioFile(audio) as file:
            return next(file.blocks(self._engine.window_samples), np.empty(0, np.float32))


def _default_path(store: ModelStore, notice: Notice | None) -> Path:
    choice = store.default_model()
    if choice.note and notice:
        notice(choice.note)
    return choice.path


def _holds_samples(audio: object) -> bool:
    return hasattr(audio, "__array__") or isinstance(audio, tuple)


def _pieces(samples: Samples) -> Iterator[Samples]:
    for start in range(0, len(samples), BLOCK_SAMPLES):
        yield samples[start : start + BLOCK_SAMPLES]
