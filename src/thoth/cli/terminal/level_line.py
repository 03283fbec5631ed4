"""How loud it is, and what was lost: a moving meter on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from thoth.cli.inputs import printable
from thoth.cli.terminal.console import draw, is_terminal, say
from thoth.cli.terminal.progress_line import PLAIN_INTERVAL_S, clock

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.audio.live_stats import InputStats
    from thoth.audio.recorder import Recording

_QUIETEST_DB: Final = -60.0
_CLIPPED_DB: Final = -0.1
_WIDEST: Final = 40
_NARROWEST: Final = 4
_ERASE: Final = "\r\x1b[K"


class LevelLine:
    """Shows nothing: for --quiet, and what the others are made from. One thread; lines may be written on any."""

    def say(self, line: str) -> None:
        """Write a line that stays."""

    def update(self, duration_s: float, source: LiveInput | None, told: str = "") -> None:
        """Show how it goes. source: what is listened to; None while nothing is. told: more, in words."""

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Have nothing of it on the screen while something else is written."""
        yield

    def close(self) -> None:
        """Leave the screen."""


class PlainLevels(LevelLine):
    """For logs and pipes: a line every ten seconds."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        with self.hidden():
            say(printable(f"thoth: {line}"))

    def update(self, duration_s: float, source: LiveInput | None, told: str = "") -> None:
        """Write a line if it is time for one."""
        if time.monotonic() - self._last_s >= PLAIN_INTERVAL_S:
            self._last_s = time.monotonic()
            sound = () if source is None else (f"{source.level:.0f} dBFS", lost_text(source.stats))
            self.say(", ".join(filter(None, (clock(duration_s), *sound, told))))


class LevelMeter(PlainLevels):
    """For a terminal: one line, drawn anew in place."""

    def __init__(self) -> None:
        super().__init__()
        self._drawing = threading.RLock()
        self._shown = ""

    def update(self, duration_s: float, source: LiveInput | None, told: str = "") -> None:
        """Draw the line anew."""
        with self._drawing:
            self._shown = meter(duration_s, source, told, shutil.get_terminal_size().columns - 1)
            draw(f"{_ERASE}{self._shown}")

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the line off the screen for a moment."""
        with self._drawing:
            draw(_ERASE)
            try:
                yield
            finally:
                draw(self._shown)

    def close(self) -> None:
        """Take the line off the screen."""
        self._shown = ""
        draw(_ERASE)


def suitable_line(*, quiet: bool) -> LevelLine:
    """Choose what suits stderr; the caller closes it."""
    return LevelLine() if quiet else LevelMeter() if is_terminal() else PlainLevels()


@contextmanager
def level_line(*, quiet: bool) -> Iterator[LevelLine]:
    """Give what suits stderr, and take it off the screen at the end."""
    line = suitable_line(quiet=quiet)
    try:
        yield line
    finally:
        line.close()


def meter(duration_s: float, source: LiveInput | None, told: str, width: int) -> str:
    """Tell in one line of at most `width` characters how long and how loud it is, and, first of the rest, `told`."""
    if source is None:
        return told[:width]
    if source.interrupted:
        line = f"{clock(duration_s)} the device is gone, waiting for it; {lost_text(source.stats)}"
        return line[:width]
    words = (f"{source.level:4.0f} dBFS{_clipping(source.peak)}", told, lost_text(source.stats))
    right = ", ".join(filter(None, words))
    left = clock(duration_s)
    room = min(width - len(f"{left} [] {right}"), _WIDEST)
    line = f"{left} [{bar(source.level, room)}] {right}" if room >= _NARROWEST else f"{left} {right.lstrip()}"
    return line[:width]


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


def recording_text(recording: Recording) -> str:
    """Tell where a finished recording is, how long, and what is missing in it."""
    return f"{recording.path}: {clock(recording.duration_s)}, {_losses(recording)}"


def _losses(recording: Recording) -> str:
    if recording.loss_count == 0:
        return "nothing lost"
    lost_s = sum(loss.silence_s for loss in recording.losses)
    first = recording.losses[0]
    return (
        f"{recording.loss_count} losses, {lost_s:.3f} s replaced by silence, "
        f"the first of those listed at {first.at_s:.3f} s ({first.cause})"
    )
