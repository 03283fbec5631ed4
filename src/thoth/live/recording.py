"""One recording of a live session: from its first sample to its last word."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import ThothError, WorkerError
from thoth.live.chunk_queue import ChunkQueue
from thoth.live.chunker import AdaptiveChunker, Chunk
from thoth.live.happenings import CatchingUp, CaughtUp, ChunkDropped, ChunkFailed
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
    """Samples in on one thread, updates out on its own. `hear`, `skip` and `finish` are for one thread at a time.

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
        self._queue = ChunkQueue()
        chunker = AdaptiveChunker(settings.chunk_s, settings.least_chunk_s)
        self._listener = Listener(chunker, self._put, settings.vad, settings.endpoint_silence_s, report)
        self._recognition = Recognition(self._listener, self._run_pass, settings, publish, self._account)
        self._passes = 0
        self._behind = False
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
        """Take the next samples, 16 kHz mono, which took so long to resample."""
        self._listener.hear(samples, resampling_ns)

    def skip(self, samples: int) -> None:
        """Let samples go by unheard."""
        self._listener.skip(samples)

    def lost(self, gap: Gap) -> None:
        """Note what was lost before it came here."""
        self._recognition.lost(gap)

    def end_utterance(self) -> None:
        """End the utterance that is going on, if one is."""
        self._listener.finish()

    def wait_until_taken(self, timeout_s: float) -> bool:
        """Wait until no chunk waits any more; return whether none does."""
        return self._queue.wait_until_empty(timeout_s)

    def close(self) -> None:
        """Take no more samples; what came is transcribed to its end."""
        self._listener.finish()
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
            self._recognition.finish()
        except ThothError as error:
            self.error = error
        except Exception as error:
            _log.exception("a live recording ended by a fault in Thoth")
            self.error = WorkerError(f"{type(error).__name__}: {error} (a fault in Thoth; the log has more)")
        self._queue.close()
        self._on_end(self.error)

    def _recognise(self, chunks: Sequence[Chunk]) -> None:
        arrived = [(chunk, self._listener.arrival(chunk)) for chunk in chunks]
        taken_ns = time.perf_counter_ns()
        with tracer.span("transcription_loop", chunks=len(chunks)) as span:
            self._recognition.take(arrived)
            if self._ended_unheard:
                self._ended_unheard = False
                self._recognition.finish()
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
        for chunk in self._queue.clear():
            self._listener.arrival(chunk)
            self._lose(chunk, "memory")
            self._ended_unheard |= chunk.is_final
        _log.warning("memory is short, and what waited of a live stream is dropped: %s", error)
        self._report_on(ChunkFailed(str(error)))

    def _account(self, audio_s: float, processing_s: float, delay_s: float) -> None:
        self._metrics.chunk(audio_s, processing_s, delay_s)
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
