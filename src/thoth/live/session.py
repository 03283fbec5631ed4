"""`LiveSession`: text while it is being spoken."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, Unpack

from thoth.audio.live_input import LiveInput
from thoth.audio.samples import SAMPLE_RATE_HZ
from thoth.errors import Cancelled, InvalidTransition, PipelineError, ThothError, WorkerError
from thoth.live.calling import UpdateCaller
from thoth.live.conversion import Conversion
from thoth.live.events import StateChanged
from thoth.live.reading import SourceReader
from thoth.live.recording import LiveRecording
from thoth.live.settings import CHUNK_S, ENDPOINT_SILENCE_S, LiveSettings
from thoth.live.states import SessionState, SessionStatus, StateMachine, in_words
from thoth.live.supervision import Supervisor
from thoth.live.update import LiveTranscript, LiveUpdate
from thoth.live.updates import LiveUpdates
from thoth.live.worker import Isolation, TranscriptionWorker, path_of
from thoth.model.catalog import suitability_of
from thoth.model.options import TranscribeOptions
from thoth.model.speech import VadOptions
from thoth.model.whisper import WhisperModel
from thoth.observe.events import Events
from thoth.observe.metrics import Metrics, MetricsCollector

STOP_TIMEOUT_S: Final = 60.0
"""How long `stop` waits for the last words: as long as one pass may take."""


class LiveSession:
    """Turns a stream of audio into text while it comes.

        with thoth.Microphone() as microphone, thoth.LiveSession(model) as live:
            for update in live.run(microphone):
                print(update.committed, end="", flush=True)

    Committed text never changes; tentative text is how it looks now. Audio that cannot be dealt with in time is
    dropped, oldest first, and each such gap is told. A session makes one recording at a time, and any number one after
    the other. Its worker is replaced when it dies, and the recording goes on.

    model: a loaded WhisperModel, shared with all its other users (live goes before batch), or a name or path of one.
    isolation: "thread", or "process" for a model of its own in a process that may crash without harm.
    endpoint_silence_s: silence that ends an utterance, 0.2 to 10 s.
    chunk_s: how often text is renewed while somebody speaks, 0.5 to 10 s; where the machine is slow chunks become
        shorter, so that less is lost with one.
    on_update: called with every LiveUpdate, on a thread of its own; of tentative ones, if it is slow, with the latest.
    options: `TranscribeOptions` of every pass; of them `vad_parameters` are for telling speech from silence.

    Any thread may call anything; one at a time feeds. `start()`, `stop()` and `close()` wait: an event loop calls them
    by `asyncio.to_thread`. Raises InvalidOption for options that make no sense.
    """

    def __init__(
        self,
        model: WhisperModel | str | os.PathLike[str] | None = None,
        *,
        isolation: Isolation = "thread",
        endpoint_silence_s: float = ENDPOINT_SILENCE_S,
        chunk_s: float = CHUNK_S,
        on_update: Callable[[LiveUpdate], object] | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> None:
        vad = VadOptions.of(options.pop("vad_parameters", None))
        self._condition = options.pop("condition_on_previous_text", None)
        self._settings = LiveSettings(chunk_s=chunk_s, endpoint_silence_s=endpoint_silence_s, vad=vad)
        self._model = model
        self._isolation = isolation
        self._options = options
        self._on_update = on_update
        self._machine = StateMachine(lambda before, after: self._events.publish(StateChanged(before, after)))
        self._metrics = MetricsCollector()
        self._transcript = LiveTranscript()
        self._events = Events()
        self._supervisor = self._new_supervisor()
        self._new_worker(None)  # refuses options that make no sense
        self._process = os.getpid()
        self._starting = threading.Lock()
        self._feeding = threading.RLock()
        self._feeder: int | None = None  # the thread that is inside of feed()
        self._closed = False
        self._recording: LiveRecording | None = None
        self._latest_position_s = 0.0
        self._updates = LiveUpdates()
        self._caller: UpdateCaller | None = None
        self._reader: SourceReader | None = None
        self._conversion: Conversion | None = None
        self._source_error: ThothError | None = None

    def start(self) -> Self:
        """Bring up the worker and load the model. Returns when audio can be taken.

        Raises what WhisperModel raises, WorkerError, and InvalidTransition when the session is started already.
        """
        self._require_own_process()
        if not self._starting.acquire(blocking=False):
            raise InvalidTransition("this live session is being started, or closed, by another thread")
        try:
            status = self.status
            if status.state not in ("uninitialized", "error") or status.recoverable or self._recording is not None:
                raise InvalidTransition(f"this live session is started already, and {in_words(self.state)}")
            self._start()
        finally:
            self._starting.release()
        return self

    def _start(self) -> None:
        self._supervisor.close()  # of what ended with an error
        with self._feeding:
            self._closed = False
            supervisor = self._supervisor = self._new_supervisor()
        path = path_of(self._model, self._downloading)
        suits = suitability_of(path)
        condition = suits.condition_on_previous_text if self._condition is None else self._condition
        self._settings = replace(
            self._settings, longest_window_s=suits.longest_window_s, condition_on_previous_text=condition
        )
        supervisor.start(self._new_worker(path))

    def run(self, source: LiveInput) -> LiveUpdates:
        """Read `source` to its end on a thread of its own, and return its updates; they begin to come at once.

        Iterate over them with `for` or `async for`: that ends with the source, or with `stop()`, when the last word has
        come, and raises what ended the source before its time. Starts the session, and the source, if need be.

        Raises InvalidTransition while the session is recording already.
        """
        self._ensure_started()
        with self._feeding:
            if self._recording is not None:
                raise InvalidTransition("this live session is recording already: stop() it first")
            recording = self._begin()
            self._reader = SourceReader(source, recording, lambda error: self._source_ended(recording, error))
            return self._updates

    def feed(self, samples: Any, rate: float | None = None) -> None:
        """Take the next samples of a stream of your own, of what is being spoken now.

        The first ones begin a recording, and start the session if need be; after that it never waits for the model.
        More than some 4 s at once is more than may wait, and the beginning of it is dropped: audio that is not being
        spoken now goes in by pieces, with a `wait_until_taken()` before each, or by
        `run(FileSource(…, realtime=False))`.

        samples: as in `WhisperModel.transcribe_samples`.
        rate: in Hz, 16 kHz where nothing is said; the same until `stop()`.

        Raises AudioError for samples that cannot be used, the error that ended the recording, if one did, and
        InvalidTransition while a source is being read.
        """
        self._ensure_started()
        if isinstance(samples, tuple) and rate is None and len(samples) == 2:
            samples, rate = samples
        rate_hz = SAMPLE_RATE_HZ if rate is None else rate
        with self._feeding:
            if self._reader is not None:
                raise InvalidTransition("this live session reads a source: stop() it before feeding samples")
            self._feeder = threading.get_ident()
            try:
                self._feed(samples, rate_hz)
            finally:
                self._feeder = None

    def _feed(self, samples: Any, rate_hz: float) -> None:
        conversion = self._conversion or Conversion(rate_hz)
        begin_ns = time.perf_counter_ns()
        converted = conversion.convert(samples, rate_hz)
        resampling_ns = time.perf_counter_ns() - begin_ns
        recording = self._recording or self._begin()
        self._conversion = conversion
        recording.hear(converted, resampling_ns)

    def wait_until_taken(self, timeout_s: float) -> bool:
        """Wait until nothing that was fed waits for the model, so that more would drop none of it.

        Returns whether that is so; False when `timeout_s` seconds have passed.
        """
        recording = self._recording
        return recording is None or recording.wait_until_taken(timeout_s)

    def updates(self) -> LiveUpdates:
        """Return the updates of the recording that goes on, or else of the latest one, or the one to come."""
        return self._updates

    def pause(self) -> None:
        """End the utterance, and let all audio that comes go by, until `resume()`. Time goes on meanwhile.

        Raises InvalidTransition unless recording.
        """
        self._require_outside()
        with self._feeding:
            if self._recording is None or self._recording.paused:
                raise InvalidTransition(f"a live session that is {in_words(self.state)} cannot be paused")
            self._recording.pause()
            self._supervisor.want("paused")

    def resume(self) -> None:
        """Listen again after a `pause()`. Raises InvalidTransition unless paused."""
        self._require_outside()
        with self._feeding:
            if self._recording is None or not self._recording.paused:
                raise InvalidTransition(f"a live session that is {in_words(self.state)} cannot be resumed")
            self._recording.resume()
            self._supervisor.want("recording")

    def stop(self) -> None:
        """End the recording. Returns when all that came has been transcribed and told; the updates end with it.

        Does nothing when there is no recording. Raises PipelineError when the last words take more than 60 s, and when
        it is called from inside of `feed()`, as a signal handler may: it would wait for itself.
        """
        self._require_outside()
        reader, caller = self._reader, self._caller
        if reader is not None:
            reader.stop()
        self._finish(self._recording)
        if caller is not None and not caller.wait(STOP_TIMEOUT_S):
            raise PipelineError(f"on_update has not returned for {STOP_TIMEOUT_S:g} s")

    def close(self) -> None:
        """Give up what is not transcribed yet, end the worker, and free what it holds. May be called again.

        Subscriptions to `events` end as well. Only a `start()` begins anew. Raises PipelineError inside of `feed()`.
        """
        if os.getpid() != self._process:
            return  # all of it is the parent's
        self._require_outside()
        with self._feeding:
            self._closed = True
            reader, recording = self._reader, self._recording
        try:
            self._supervisor.close()
        finally:
            if reader is not None:
                reader.stop()
            if recording is not None:
                recording.close()
                recording.wait(STOP_TIMEOUT_S)
            with self._starting:  # a start() that goes on ends with Cancelled
                self._end_session()

    def _end_session(self) -> None:
        with self._feeding:
            self._closed = True
            self._conversion = None
            self._updates.end()
        try:
            self._supervisor.close()
        finally:
            self._machine.to_if("uninitialized", "initializing_worker", "loading_model", "ready", "error")
            events, self._events = self._events, Events()
            events.close()

    @property
    def state(self) -> SessionState:
        """What the session is doing."""
        return self._machine.state

    @property
    def status(self) -> SessionStatus:
        """What the session is doing, with the details."""
        return self._machine.status

    @property
    def events(self) -> Events:
        """Where to subscribe to LiveUpdate and to what is in `thoth.live.events`; another one after `close()`."""
        return self._events

    @property
    def metrics(self) -> Metrics:
        """The figures of this session's life."""
        self._require_own_process()
        return self._metrics.snapshot()

    @property
    def transcript(self) -> LiveTranscript:
        """The committed text so far, the latest part of it."""
        self._require_own_process()
        return self._transcript

    @property
    def queue_depth(self) -> int:
        """How many chunks wait for the model."""
        self._require_own_process()
        return 0 if self._recording is None else self._recording.queue_depth

    @property
    def rtf(self) -> float:
        """The real-time factor of the latest pass: how long it took, over the length of a chunk."""
        return 0.0 if self._recording is None else self._recording.rtf

    @property
    def position_s(self) -> float:
        """How much audio of this recording, or else of the latest, has come, in seconds: the stream's clock."""
        recording = self._recording
        return self._latest_position_s if recording is None else recording.position_s

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.stop()
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"<LiveSession {self.state}>"

    def _begin(self) -> LiveRecording:
        if self._closed:
            raise _closed()
        self._machine.to("recording", anew=True)
        self._supervisor.want("recording")
        if self._updates.finished:
            self._updates = LiveUpdates()
        self._source_error = None
        self._caller = None if self._on_update is None else UpdateCaller(self._on_update)
        try:
            self._recording = LiveRecording(
                self._settings,
                transcribe=self._supervisor.transcribe,
                publish=self._publish,
                report=self._events.publish,
                metrics=self._metrics,
                on_sent=lambda: self._machine.counted(sent=1),
                on_end=self._recording_over,
            )
        except BaseException:
            self._machine.to_if("ready", "recording")
            if self._caller is not None:
                self._caller.end()
            raise
        return self._recording

    def _finish(self, recording: LiveRecording | None) -> None:
        if recording is None:
            return
        with self._feeding:
            conversion, self._conversion = self._conversion, None
            if conversion is not None and recording is self._recording and recording.hears:
                recording.hear(conversion.finish())
            recording.close()
        if not recording.wait(STOP_TIMEOUT_S):
            raise PipelineError(f"the last words of the recording are not transcribed after {STOP_TIMEOUT_S:g} s")

    def _source_ended(self, recording: LiveRecording, error: ThothError | None) -> None:
        with self._feeding:
            if recording is self._recording:
                self._source_error = error
        self._finish(recording)

    def _recording_over(self, error: ThothError | None) -> None:
        """On the recording's own thread, its last act."""
        with self._feeding:  # so that nobody begins another one before this one has ended in every respect
            if self._reader is not None:
                self._reader.stop_soon()
            if self._recording is not None:
                self._latest_position_s = self._recording.position_s
            self._recording = self._reader = self._conversion = None
            try:
                if error is None or isinstance(error, Cancelled):
                    self._machine.to_if("ready", "recording", "paused")
                elif self.state in ("recording", "paused", "ready"):
                    self._machine.to("error", error=error)
            finally:
                self._transcript.end()
                self._updates.end(error or self._source_error)
                if self._caller is not None:
                    self._caller.end()

    def _publish(self, update: LiveUpdate) -> None:
        self._machine.counted(received=1)
        self._transcript.add(update)
        self._updates.put(update)
        if self._caller is not None:
            self._caller.put(update)
        self._events.publish(update)

    def _ensure_started(self) -> None:
        self._require_own_process()
        if self.state == "uninitialized":
            if self._closed:
                raise _closed()
            self.start()
        error = self.status.error
        if error is not None and not self.status.recoverable:
            raise error.with_traceback(None)

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            # Its threads, and what they had locked, stayed behind.
            raise WorkerError("this live session was made before the process forked: make another one in the child")

    def _require_outside(self) -> None:
        self._require_own_process()
        if self._feeder == threading.get_ident():
            raise PipelineError(
                "called from inside of feed(), as by a signal handler, it would wait for itself: let the handler note "
                "that, and call it when feed() has returned"
            )

    def _new_supervisor(self) -> Supervisor:
        return Supervisor(self._machine, lambda happening: self._events.publish(happening), self._metrics)

    def _new_worker(self, path: Path | None) -> TranscriptionWorker:
        return TranscriptionWorker(
            self._model if isinstance(self._model, WhisperModel) else path,
            isolation=self._isolation,
            options=self._options,
            on_message=self._supervisor.on_message,
        )

    def _downloading(self, *_: object) -> None:
        if self._closed:
            raise Cancelled("the session was closed while its model was downloaded")


def _closed() -> InvalidTransition:
    return InvalidTransition("this live session was closed: start() it again")
