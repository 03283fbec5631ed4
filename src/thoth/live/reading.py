"""The thread that reads a microphone or a file for a live session."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from thoth.audio.live_input import LiveInput
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import ThothError, WorkerError
from thoth.live.update import Gap
from thoth.observe.tracing import TraceLevel, tracer

BLOCK_SAMPLES: Final = 512
"""A frame of voice activity detection: what waits for more of them only comes later."""

_WAIT_S: Final = 0.2
_LOSSES_EVERY_S: Final = 1.0
_LONGEST_STOP_S: Final = 3.0

_log = logging.getLogger(__name__)


class Hearer(Protocol):
    """What a source is read for."""

    def hear(self, samples: Samples, resampling_ns: int = 0) -> None:
        """Take the next samples, which took so long to resample."""

    def lost(self, gap: Gap) -> None:
        """Note what the source has lost, in seconds from its first sample."""

    def wait_until_taken(self, timeout_s: float) -> bool:
        """Wait until more samples would drop none of those before; return whether that is so."""


class SourceReader:
    """Reads `source` to its end, on a thread of its own, into `hearer`.

    Starts the source, and stops it, if it does not run; of one that has ended, what was not read yet is read first.

    A source that waits for its readers is only read when there is room, and so is what has come before: it is no sign
    of a slow machine. What it loses is told within a second.

    on_end: called at the end with the error that was the cause, on that thread.
    """

    def __init__(self, source: LiveInput, hearer: Hearer, on_end: Callable[[ThothError | None], None]) -> None:
        self._source = source
        self._hearer = hearer
        self._on_end = on_end
        self._stopping = threading.Event()
        self._conversion_s = 0.0
        self._losses_told: set[tuple[str, int]] = set()
        self._samples = 0
        self._backlog = 0  # position in the source's stream up to which it had come when this began
        self._losses_looked_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="thoth-live-source", daemon=True)
        self._thread.start()

    def stop_soon(self) -> None:
        """Read no more, and do not wait for that."""
        self._stopping.set()

    def stop(self) -> None:
        """Read no more. Returns when the source is left alone, or after 3 s."""
        self.stop_soon()
        if threading.current_thread() is not self._thread:
            self._thread.join(_LONGEST_STOP_S)

    def _run(self) -> None:
        error: ThothError | None = None
        try:
            with tracer.span("audio_capture", source=self._source.name):
                self._capture()
        except ThothError as failure:
            error = failure
        except Exception as failure:
            _log.exception("reading a live source failed by a fault in Thoth")
            error = WorkerError(f"{type(failure).__name__}: {failure} (a fault in Thoth; the log has more)")
        try:
            self._on_end(error)
        except ThothError as failure:
            _log.error("after the end of %s: %s", self._source.name, failure)

    def _capture(self) -> None:
        ours = not (self._source.running or self._source.unread)
        if ours:
            with tracer.span("device", TraceLevel.MEDIUM):
                self._source.start()
        try:
            with tracer.span("stream", TraceLevel.MEDIUM):
                self._read()
        finally:
            if ours:
                self._source.stop()

    def _read(self) -> None:
        self._backlog = round(self._source.stats.duration_s * SAMPLE_RATE_HZ)
        while not self._stopping.is_set():
            if self._waits() and not self._hearer.wait_until_taken(_WAIT_S):
                continue
            block = self._source.read(BLOCK_SAMPLES, _WAIT_S)
            self._samples += len(block)
            if len(block):
                self._hearer.hear(block, self._resampling_ns())
            elif self._source.ended:
                break
            if time.monotonic() - self._losses_looked_s >= _LOSSES_EVERY_S:
                self._tell_losses()
        self._tell_losses()

    def _waits(self) -> bool:
        return self._source.lossless or self._source.first_sample + self._samples < self._backlog

    def _resampling_ns(self) -> int:
        """Return what the source has spent on that since the last call; 0 where nobody wants to know."""
        if not tracer.wants(TraceLevel.FULL):
            return 0
        before_s, self._conversion_s = self._conversion_s, self._source.pump.stats().conversion_s
        return round((self._conversion_s - before_s) * 1e9)

    def _tell_losses(self) -> None:
        self._losses_looked_s = time.monotonic()
        goes_on = self._source.interrupted  # the latest loss is then an outage, and nobody knows how long it will be
        told, self._losses_told = self._losses_told, set()
        losses = self._source.stats.losses
        for loss in losses[:-1] if goes_on else losses:
            place = (loss.cause, loss.first_frame)
            self._losses_told.add(place)
            start_s = loss.at_s - self._source.first_sample / SAMPLE_RATE_HZ
            if place not in told and start_s + loss.silence_s >= 0:
                self._hearer.lost(Gap(max(start_s, 0.0), start_s + loss.silence_s, "source"))
