"""Figures of a session or of a model, in memory that does not grow however long it runs."""

from __future__ import annotations

import math
import threading
from dataclasses import asdict, dataclass
from typing import Final

from thoth._native import Histogram
from thoth.errors import InvalidOption

_MS_PER_S: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures up to one moment; all of them are 0 where nothing has happened yet.

    total_chunks: pieces of audio that were processed.
    total_audio_seconds, total_processing_seconds: how long they were, and how long they took.
    average_rtf: the real-time factor over all of them, processing time over audio time.
    p50_latency_ms, p99_latency_ms: what half and 99 % of the latencies do not exceed, in milliseconds, to within 0.8 %.
    queue_depth_max: the most chunks that ever waited at once.
    chunks_dropped: those given up unprocessed, since there was no keeping up.
    errors: those that failed.
    """

    total_chunks: int
    total_audio_seconds: float
    total_processing_seconds: float
    average_rtf: float
    p50_latency_ms: float
    p99_latency_ms: float
    queue_depth_max: int
    chunks_dropped: int
    errors: int

    def as_dict(self) -> dict[str, int | float]:
        """Return the fields by name, in this order; ready for JSON."""
        return asdict(self)


class MetricsCollector:
    """Adds up what Metrics tells. Any thread; nothing here waits for anything but a moment's lock.

    Latencies go into a histogram of fixed size: 16 KB, whether it is an hour or a year.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latencies = Histogram()
        self._chunks = 0
        self._audio_s = 0.0
        self._processing_s = 0.0
        self._most_queued = 0
        self._dropped = 0
        self._errors = 0

    def chunk(self, audio_s: float, processing_s: float, latency_s: float) -> None:
        """Count a processed chunk: its length, the time it took, and its latency, all in seconds.

        Raises InvalidOption, and counts nothing, if one of them is negative or not finite.
        """
        for name, seconds in (("audio_s", audio_s), ("processing_s", processing_s), ("latency_s", latency_s)):
            if not 0 <= seconds < math.inf:
                raise InvalidOption(f"{name} takes seconds from 0, not {seconds!r}")
        with self._lock:
            self._latencies.record(latency_s)
            self._chunks += 1
            self._audio_s += audio_s
            self._processing_s += processing_s

    def work(self, processing_s: float) -> None:
        """Add processing time that belongs to no single chunk. Raises InvalidOption for what is no time."""
        if not 0 <= processing_s < math.inf:
            raise InvalidOption(f"processing_s takes seconds from 0, not {processing_s!r}")
        with self._lock:
            self._processing_s += processing_s

    def queue_depth(self, chunks: int) -> None:
        """Tell how many chunks are waiting now; the most is kept."""
        with self._lock:
            self._most_queued = max(self._most_queued, chunks)

    def dropped(self, chunks: int = 1) -> None:
        """Count chunks that were given up unprocessed."""
        with self._lock:
            self._dropped += chunks

    def error(self) -> None:
        """Count a chunk that failed."""
        with self._lock:
            self._errors += 1

    def snapshot(self) -> Metrics:
        """Return the figures of this moment, which belong together."""
        with self._lock:
            return Metrics(
                total_chunks=self._chunks,
                total_audio_seconds=self._audio_s,
                total_processing_seconds=self._processing_s,
                average_rtf=self._processing_s / self._audio_s if self._audio_s > 0 else 0.0,
                p50_latency_ms=_MS_PER_S * self._latencies.quantile(0.5),
                p99_latency_ms=_MS_PER_S * self._latencies.quantile(0.99),
                queue_depth_max=self._most_queued,
                chunks_dropped=self._dropped,
                errors=self._errors,
            )
