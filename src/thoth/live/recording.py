"""One recording of a live session: from its first sample to its last word."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import InvalidTransition, ThothError, WorkerError
from thoth.live.chunk_queue import ChunkQueue
from thoth.live.chunker import AdaptiveChunker, Chunk
from thoth.live.events import CatchingUp, CaughtUp, ChunkDropped, ChunkFailed
from thoth.live.listener import Listener
from thoth.live.protocol import OutOfMemory, Transcribe, Transcription
from thoth.live.recognition import Recognition
from thoth.live.settings import LiveSettings
from thoth.live.update import Gap, LiveUpdate
from thoth.observe.metrics import MetricsCollector
from thoth.observe.tracing import TraceLevel, tracer

_LOOK_S: Final = 0.2
_BEHIND_CHUNKS: Final = 2

_log = logging.getLogger(__name__)


class LiveRecording:
    """Samples in on one thread, updates out on its own. Any thread; one at a time feeds.

    settings: how to listen.
    transcribe: runs a pass, see `Supervisor.transcribe`.
    publish: called with every update; report: with everything else that happens. Both on whichever thread it is.
    on_sent: called for each chunk that was queued.
    on_end: called with the error that ended it, if one did, as the last act of its thread.
    """

    def __init__(
        self,
        settings: LiveSettings,
        *,
        transcribe: Callable[[Transcribe], Transcription | None],
        publish: Callable[[LiveUpdate], None],
        report: Callable[[object], None],
        metrics: MetricsCollector,
        on_sent: Callable[[], None],
        on_end: Callable[[ThothError | None], None],
    ) -> None:
        self._id = uuid.uuid4().hex
        self._transcribe = transcribe
        self._report_on = report
        self._metrics = metrics
        self._on_sent = on_sent
        self._on_end = on_end
        chunker = AdaptiveChunker(settings.chunk_s, settings.least_chunk_s)
        self._queue = ChunkQueue(longest_samples=chunker.target_samples)
        self._listener = Listener(chunker, self._put, settings.vad, settings.endpoint_silence_s, report)
        self._recognition = Recognition(self._listener, self._run_pass, settings, publish, self._account)
        self._passes = 0
        self._taken: Sequence[Chunk] = ()
        self._behind = False
        self._feeding = threading.RLock()
        self._paused = False
        self._closed = False
        self._ended_unheard = False  # whether the end of an utterance was among what was given up for lack of memory
        self.rtf = 0.0
        self.error: ThothError | None = None
        self._thread = threading.Thread(target=self._work, name="thoth-live", daemon=True)
        self._thread.start()

    @property
    def position_s(self) -> float:
        """How much of the stream has come."""
        return self._listener.position / SAMPLE_RATE_HZ

    @property
    def queue_depth(self) -> int:
        """How many chunks wait."""
        return self._queue.depth

    def hear(self, samples: Samples, resampling_ns: int = 0) -> None:
        """Take the next samples, 16 kHz mono, which took so long to resample; while paused, let them go by.

        Raises the error that ended the recording, if one did, and InvalidTransition after `close`.
        """
        with self._feeding:
            if self.error is not None:
                raise self.error.with_traceback(None)
            if self._closed:
                raise InvalidTransition("this recording is over: what is fed now belongs to no recording")
            if self._paused:
                self._listener.skip(len(samples))
            else:
                self._listener.hear(samples, resampling_ns)

    @property
    def hears(self) -> bool:
        """Whether samples are taken: it was neither closed nor has it broken off."""
        return not self._closed and self.error is None

    def lost(self, gap: Gap) -> None:
        """Note what was lost before it came here."""
        self._recognition.lost(gap)

    @property
    def paused(self) -> bool:
        """Whether audio goes by unheard."""
        return self._paused

    def pause(self) -> None:
        """End the utterance that is going on, if one is, and hear nothing more until `resume`."""
        with self._feeding:
            self._paused = True
            self._listener.finish()

    def resume(self) -> None:
        """Hear again."""
        with self._feeding:
            self._paused = False

    def wait_until_taken(self, timeout_s: float) -> bool:
        """Wait until no chunk waits any more; return whether none does."""
        return self._queue.wait_until_empty(timeout_s)

    def close(self) -> None:
        """Take no more samples; what came is transcribed to its end."""
        with self._feeding:
            self._closed = True
            self._listener.close()
            self._queue.close()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of the work; return whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while True:
                chunks = self._queue.take(_LOOK_S)
                if chunks:
                    self._tell_pace(chunks)
                    self._recognise(chunks)
                elif self._queue.closed:
                    break
                else:
                    self._recognition.tell_gaps()
            self._recognition.finish()
        except ThothError as error:
            self._break_off(error)
        except Exception as error:
            _log.exception("a live recording ended by a fault in Thoth")
            self._break_off(WorkerError(f"{type(error).__name__}: {error} (a fault in Thoth; the log has more)"))
        self._on_end(self.error)

    def _break_off(self, error: ThothError) -> None:
        """Tell what was heard up to now, and as gaps what has come since."""
        with self._feeding:
            self.error = error
            self._listener.close()
            self._queue.close()
        for chunk in self._taken:
            if chunk.end > self._recognition.taken_to:
                self._lose(chunk, "failed")
        self._lose_waiting("failed")
        self._recognition.give_up()

    def _recognise(self, chunks: Sequence[Chunk]) -> None:
        self._taken = chunks
        arrived = [(chunk, self._listener.arrival(chunk)) for chunk in chunks]
        taken_ns = time.perf_counter_ns()
        with tracer.span("transcription_loop", chunks=len(chunks)) as span:
            self._recognition.take(arrived)
            if self._ended_unheard:
                self._ended_unheard = False
                self._recognition.finish()
        for chunk, arrival in arrived:
            if len(chunk.samples):
                self._metrics.chunk(len(chunk.samples) / SAMPLE_RATE_HZ, 0.0, arrival.age_s)
        if tracer.wants(TraceLevel.MEDIUM):
            for _, arrival in arrived:
                arrival.trace(taken_ns, span.span_id)

    def _tell_pace(self, chunks: Sequence[Chunk]) -> None:
        if len(chunks) >= _BEHIND_CHUNKS and not self._behind:
            self._behind = True
            self._report_on(CatchingUp(sum(len(chunk.samples) for chunk in chunks) / SAMPLE_RATE_HZ))
        elif len(chunks) < _BEHIND_CHUNKS and self._behind and self._queue.depth == 0:
            self._behind = False
            self._report_on(CaughtUp())

    def _run_pass(self, audio: Samples, prompt: Sequence[int], *, is_final: bool) -> Transcription | None:
        self._passes += 1
        try:
            return self._transcribe(Transcribe(audio, self._passes, self._id, tuple(prompt), is_final))
        except OutOfMemory as error:
            self._give_up_waiting(error)
            return None

    def _give_up_waiting(self, error: OutOfMemory) -> None:
        """Drop the queue: what waits is memory too, and more of it to transcribe at once would need more."""
        self._metrics.error()
        self._ended_unheard |= self._lose_waiting("memory")
        _log.warning("memory is short, and what waited of a live stream is dropped: %s", error)
        self._report_on(ChunkFailed(str(error)))

    def _lose_waiting(self, reason: str) -> bool:
        """Empty the queue; return whether the end of an utterance was in it."""
        chunks = self._queue.clear()
        for chunk in chunks:
            self._listener.arrival(chunk)
            self._lose(chunk, reason)
        return any(chunk.is_final for chunk in chunks)

    def _account(self, audio_s: float, processing_s: float) -> None:
        self._metrics.work(processing_s)
        self.rtf = self._listener.note_rtf(audio_s, processing_s)

    def _put(self, chunk: Chunk) -> None:
        dropped = self._queue.put(chunk)
        self._metrics.queue_depth(self._queue.depth)
        self._on_sent()
        if dropped is not None and len(dropped.samples):  # else it only told the end of an utterance
            gap = self._lose(dropped, "overload")
            _log.warning("fell behind: %.1f to %.1f s of a live stream dropped", gap.start_s, gap.end_s)
            self._report_on(ChunkDropped(gap.start_s, gap.end_s))

    def _lose(self, chunk: Chunk, reason: str) -> Gap:
        gap = Gap(chunk.start / SAMPLE_RATE_HZ, chunk.end / SAMPLE_RATE_HZ, reason)
        if len(chunk.samples):
            self._metrics.dropped()
            self._recognition.lost(gap)
        return gap
