"""How far a transcription has come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REPORT_INTERVAL_S: Final = 0.1
"""Reports come at most ten times a second: a callback may draw on a screen."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transcription has come, in seconds of audio and of wall time.

    - `done_s`: audio dealt with so far.
    - `duration_s`: the whole of it; None where the source does not tell.
    - `elapsed_s`: wall time since the beginning.
    """

    done_s: float
    duration_s: float | None
    elapsed_s: float

    @property
    def fraction(self) -> float | None:
        """Part done, 0 to 1; None where the duration is unknown."""
        if self.duration_s is None:
            return None
        return min(self.done_s / self.duration_s, 1.0) if self.duration_s > 0 else 1.0

    @property
    def rtf(self) -> float | None:
        """Real-time factor so far: processing time over audio time; None before any audio is done."""
        return self.elapsed_s / self.done_s if self.done_s > 0 else None

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the speed so far; None where that cannot be told."""
        if self.duration_s is None or self.rtf is None:
            return None
        return max(self.duration_s - self.done_s, 0.0) * self.rtf


class ProgressReporter:
    """Calls `on_progress` at most every `REPORT_INTERVAL_S`, and always at the end. One thread at a time."""

    def __init__(self, on_progress: Callable[[Progress], object] | None, duration_s: float | None) -> None:
        self._on_progress = on_progress
        self._duration_s = duration_s
        self._start_s = time.monotonic()
        self._last_s = -1.0

    @property
    def elapsed_s(self) -> float:
        """Wall time since the beginning, seconds."""
        return time.monotonic() - self._start_s

    def report(self, done_s: float) -> None:
        """Tell that the first `done_s` seconds of audio are dealt with."""
        elapsed_s = self.elapsed_s
        if elapsed_s - self._last_s >= REPORT_INTERVAL_S:
            self._call(Progress(done_s, self._duration_s, elapsed_s))

    def finish(self, duration_s: float) -> None:
        """Tell that all `duration_s` seconds, known by now, are dealt with."""
        self._call(Progress(duration_s, duration_s, self.elapsed_s))

    def _call(self, progress: Progress) -> None:
        self._last_s = progress.elapsed_s
        if self._on_progress is not None:
            self._on_progress(progress)
