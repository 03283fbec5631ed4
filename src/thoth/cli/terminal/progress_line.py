"""How far a transcription is: a bar with speed and time left on a terminal, now and then a line elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from thoth.cli.terminal.console import is_terminal, say

if TYPE_CHECKING:
    from thoth.model.progress import Progress

PLAIN_INTERVAL_S = 10.0
"""Without a terminal, progress lines come at most this often: an hour's run leaves 360 of them in a log."""

_NAME_CHARACTERS = 24


class ProgressLine(Protocol):
    """What shows progress. One thread."""

    def update(self, progress: Progress) -> None:
        """Show how far it is."""

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Have nothing of it on the screen while something else is written."""

    def close(self) -> None:
        """Leave the screen."""


def progress_line(name: str, *, quiet: bool) -> ProgressLine:
    """Choose what suits stderr; the caller closes it."""
    if quiet:
        return NoProgress()
    return ProgressBar(name) if is_terminal() else PlainProgress(name)


class NoProgress:
    """For --quiet."""

    def update(self, progress: Progress) -> None:
        """Show nothing."""

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Do nothing."""
        yield

    def close(self) -> None:
        """Do nothing."""


class PlainProgress(NoProgress):
    """Lines for logs and pipes, at most one in `PLAIN_INTERVAL_S` of the run's own clock."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last_s = 0.0

    def update(self, progress: Progress) -> None:
        """Write a line if it is time for one."""
        if progress.elapsed_s - self._last_s >= PLAIN_INTERVAL_S:
            self._last_s = progress.elapsed_s
            say(f"{self._name}: {progress_text(progress)}")


class ProgressBar:
    """A moving bar, drawn only when there is news: no thread of its own that could draw amid other output."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        short = name if len(name) <= _NAME_CHARACTERS else f"…{name[1 - _NAME_CHARACTERS :]}"
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[status]}", markup=False),
        )
        # Were stdout redirected, rich would print the transcript to stderr, where the bar is.
        self._bar = Progress(
            *columns,
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(short, total=1.0, status="")
        self._bar.start()

    def update(self, progress: Progress) -> None:
        """Draw the bar anew."""
        self._bar.update(
            self._task,
            completed=progress.done_s,
            total=progress.duration_s,
            status=progress_text(progress),
            refresh=True,
        )

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar off the screen for a moment."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def close(self) -> None:
        """Take the bar off the screen."""
        self._bar.stop()


def progress_text(progress: Progress) -> str:
    """Tell in words how far it is, how fast (RTF is processing over audio time) and how long it will take."""
    parts = [clock(progress.done_s)]
    if progress.duration_s is not None and progress.fraction is not None:
        parts = [f"{clock(progress.done_s)} of {clock(progress.duration_s)} ({progress.fraction:.0%})"]
    if progress.rtf is not None:
        parts.append(f"RTF {progress.rtf:.2f}")
    if progress.eta_s is not None:
        parts.append(f"{clock(progress.eta_s)} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Write a length as M:SS, or H:MM:SS from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
