"""How loud it is: a moving meter on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from thoth.cli.console import is_terminal, say
from thoth.cli.inputs import printable
from thoth.cli.progress_line import PLAIN_INTERVAL_S, clock

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.audio.live_stats import InputStats

_QUIETEST_DB: Final = -60.0
_CLIPPED_DB: Final = -0.1
_WIDEST: Final = 40


class LevelLine:
    """Shows nothing: for --quiet, and what the others are made from. One thread."""

    def say(self, line: str) -> None:
        """Write a line that stays."""

    def update(self, duration_s: float, source: LiveInput) -> None:
        """Show the state of the recording."""

    def close(self) -> None:
        """Leave the screen."""


class PlainLevels(LevelLine):
    """For logs and pipes: a line every ten seconds."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        say(printable(f"thoth: {line}"))

    def update(self, duration_s: float, source: LiveInput) -> None:
        """Write a line if it is time for one."""
        if time.monotonic() - self._last_s >= PLAIN_INTERVAL_S:
            self._last_s = time.monotonic()
            self.say(f"{clock(duration_s)}, {source.level:.0f} dBFS, {lost_text(source.stats)}")


class LevelMeter(PlainLevels):
    """For a terminal: one line, drawn anew in place."""

    def update(self, duration_s: float, source: LiveInput) -> None:
        """Draw the line anew."""
        if source.interrupted:
            self._draw(f"{clock(duration_s)} the device is gone, waiting for it; {lost_text(source.stats)}")
            return
        ends = (
            f"{clock(duration_s)} [",
            f"] {source.level:4.0f} dBFS{_clipping(source.peak)}, {lost_text(source.stats)}",
        )
        width = shutil.get_terminal_size().columns - 1 - sum(map(len, ends))
        self._draw(bar(source.level, max(0, min(width, _WIDEST))).join(ends))

    def close(self) -> None:
        """Take the line off the screen."""
        self._draw("")

    def _draw(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


@contextmanager
def level_line(*, quiet: bool) -> Iterator[LevelLine]:
    """Choose what suits stderr, and take it off the screen at the end."""
    line = LevelLine() if quiet else LevelMeter() if is_terminal() else PlainLevels()
    try:
        yield line
    finally:
        line.close()


def bar(level_db: float, width: int) -> str:
    """Draw a level of -60 to 0 dBFS as `width` characters."""
    filled = round(width * min(max(1 - level_db / _QUIETEST_DB, 0.0), 1.0))
    return "#" * filled + "-" * (width - filled)


def lost_text(stats: InputStats) -> str:
    """Tell what is missing: frames, and losses whose length the system does not say."""
    told = f"{stats.frames_lost} frames lost" if stats.frames_lost else "nothing lost"
    return f"{told}, {stats.xruns} xruns" if stats.xruns else told


def _clipping(peak_db: float) -> str:
    return " CLIPPING" if peak_db >= _CLIPPED_DB else ""
