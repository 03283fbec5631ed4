"""What a file's time stamps say of holes in its audio."""

from __future__ import annotations

from typing import Any, Final

GAP_S: Final = 0.2
"""A hole in the file's time stamps longer than this becomes silence.

Shorter ones are rounding (1 ms in Matroska, a packet in AVI) and drift, and no caption is the worse for them.
"""

MAX_GAP_S: Final = 3600.0
"""A longer hole is a broken time stamp, where no length of the file is known that would allow it."""


class Stamps:
    """Compares the file's time stamps with what was decoded. One thread at a time."""

    def __init__(self, start_us: int | None, duration_s: float | None) -> None:
        self._start_s = (start_us or 0) / 1e6
        self._duration_s = duration_s

    def gap_before(self, frame: Any, position_s: float) -> float:
        """Return the seconds of silence due before this frame.

        Stamps that jump back or absurdly far move the origin instead.
        """
        if frame.pts is None or frame.time_base is None:
            return 0.0
        gap_s = float(frame.pts * frame.time_base) - self._start_s - position_s
        if abs(gap_s) <= GAP_S:
            return 0.0
        if gap_s > 0 and self._is_plausible(position_s + gap_s, gap_s):
            return gap_s
        self._start_s += gap_s
        return 0.0

    def _is_plausible(self, end_s: float, gap_s: float) -> bool:
        if self._duration_s is not None and end_s <= self._duration_s:
            return True
        return self._duration_s is None and gap_s <= MAX_GAP_S
