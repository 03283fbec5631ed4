"""The two streams of a running command: text to stdout as it comes, all else to stderr, without mingling."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

import typer

from thoth.cli.inputs import printable
from thoth.cli.terminal.console import EXIT_NO_READER, EXIT_USAGE, errors_as_lines, fail, report, say
from thoth.cli.terminal.progress_line import NoProgress, ProgressLine, progress_line
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth.model.progress import Progress

LOGGER = "thoth"


class StdoutError(Exception):
    """Standard output cannot be written to, so that going on makes no sense."""


class Overlay(Protocol):
    """What moves at the bottom of the terminal, and gives way to lines."""

    def hidden(self) -> AbstractContextManager[None]:
        """Have nothing of it on the screen meanwhile. On any thread on which something is logged."""


class Screen:
    """Where a command writes while something may move on the terminal. One thread, but for what is logged.

    quiet: errors only.
    verbosity: how much of the `thoth` loggers to show: 0 warnings, 1 information, 2 everything.
    """

    def __init__(self, *, quiet: bool, verbosity: int) -> None:
        self._quiet = quiet
        self._verbosity = verbosity
        self._progress: ProgressLine = NoProgress()
        self._overlay: Overlay = self._progress

    @contextmanager
    def logging(self, *, without: str | None = None) -> Iterator[None]:
        """Show what the `thoth` loggers say, but for the one called `without` and those under it."""
        logger, handler = logging.getLogger(LOGGER), _LogLines(self)
        if without is not None:
            named = logging.Filter(without)
            handler.addFilter(lambda record: not named.filter(record))
        levels = (logging.WARNING, logging.INFO, logging.DEBUG)
        logger.setLevel(logging.ERROR if self._quiet else levels[min(self._verbosity, 2)])
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)

    @contextmanager
    def progress_of(self, name: str) -> Iterator[None]:
        """Show the progress of the input `name` meanwhile."""
        self._progress = progress_line(name, quiet=self._quiet)
        try:
            with self.around(self._progress):
                yield
        finally:
            self._progress.close()
            self._progress = NoProgress()

    @contextmanager
    def around(self, overlay: Overlay) -> Iterator[None]:
        """Have `overlay` give way to all that is written meanwhile."""
        before, self._overlay = self._overlay, overlay
        try:
            yield
        finally:
            self._overlay = before

    def progress(self, progress: Progress) -> None:
        """Show how far the input is."""
        self._progress.update(progress)

    def note(self, line: str) -> None:
        """Write one line to stderr unless quiet."""
        if not self._quiet:
            self.log(line)

    def notice(self, line: str) -> None:
        """Write one line that is not about a file to stderr unless quiet."""
        self.note(f"thoth: {line}")

    def log(self, line: str) -> None:
        """Write one line to stderr."""
        with self._overlay.hidden():
            say(printable(line))

    def error(self, message: object) -> None:
        """Write one error line to stderr."""
        with self._overlay.hidden():
            report(printable(" ".join(str(message).split())))

    def result(self, text: str) -> None:
        """Write to stdout now: UTF-8 into a file or pipe, on a terminal what that takes.

        Raises BrokenPipeError when the reader went away, and StdoutError.
        """
        with self._overlay.hidden():
            write_out(text)


def write_out(text: str) -> None:
    """Write to stdout now, whatever stands on the terminal; see `Screen.result`."""
    if sys.stdout is None:
        raise StdoutError("standard output is closed")
    encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
    try:
        sys.stdout.buffer.write(text.encode(encoding, "replace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        _drop_stdout()
        if isinstance(error, BrokenPipeError):
            raise
        raise StdoutError(f"cannot write to standard output: {error.strerror or error}") from error


@contextmanager
def failures_as_exit_codes() -> Iterator[None]:
    """End the command with one line and its exit code on Thoth's own errors, Ctrl-C and a reader that went away."""
    with errors_as_lines():
        try:
            yield
        except InvalidOption as error:
            fail(error, EXIT_USAGE)
        except StdoutError as error:
            fail(error)
        except BrokenPipeError:
            raise typer.Exit(EXIT_NO_READER) from None


class _LogLines(logging.Handler):
    """Log records as lines that look like the command's own."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, StdoutError):  # whoever logs has nothing to do with the terminal
            self._screen.log(f"thoth: {record.levelname.lower()}: {record.getMessage()}")


def _drop_stdout() -> None:
    """Send what is still in stdout's buffer nowhere: at exit, Python would fail on it once more, and loudly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
