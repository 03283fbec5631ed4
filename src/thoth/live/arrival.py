"""When a chunk was captured and queued, for its latency and its place in the trace."""

from __future__ import annotations

import time
from dataclasses import dataclass

from thoth.observe.tracing import TraceLevel, tracer


@dataclass(frozen=True, slots=True)
class Arrival:
    """A chunk's way to the queue, on the clock of time.perf_counter_ns().

    - `begun_ns`, `queued_ns`: when its first samples came, and when it was put into the queue.
    - `vad_ns`: spent on voice activity detection meanwhile.
    - `resampling_ns`: spent on channels and rate.
    """

    begun_ns: int
    queued_ns: int
    vad_ns: int
    resampling_ns: int

    @property
    def age_s(self) -> float:
        """How long ago it was queued."""
        return (time.perf_counter_ns() - self.queued_ns) / 1e9

    def trace(self, taken_ns: int, parent_id: int | None) -> None:
        """Trace the capture, and the wait in the queue until `taken_ns`, as parts of the span `parent_id`."""
        capture = tracer.record("chunk_capture", self.begun_ns, self.queued_ns, TraceLevel.MEDIUM, parent_id=parent_id)
        tracer.record("chunk_transfer", self.queued_ns, taken_ns, TraceLevel.MEDIUM, parent_id=parent_id)
        # They are done bit by bit, with each block: shown one behind the other, as long as all of it took.
        resampled_ns = self.begun_ns + self.resampling_ns
        tracer.record("resampling", self.begun_ns, resampled_ns, TraceLevel.FULL, parent_id=capture)
        tracer.record("vad", resampled_ns, resampled_ns + self.vad_ns, TraceLevel.FULL, parent_id=capture)
