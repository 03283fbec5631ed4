"""The two streams of a running transcription: text to stdout as it comes, all else to stderr, without mingling."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from thoth.cli.console import EXIT_NO_READER, EXIT_USAGE, errors_as_lines, fail, report, say
from thoth.cli.inputs import printable
from thoth.cli.progress_line import NoProgress, ProgressLine, progress_line
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth.model.progress import Progress

LOGGER = "thoth"


class StdoutError(Exception):
    """Standard output cannot be written to, so that going on makes no sense."""


class Screen:
    """Where a command writes while a progress bar may be on the terminal. One thread.

    quiet: errors only.
    verbosity: how much of the `thoth` loggers to show: 0 warnings, 1 information, 2 everything.
    """

    def __init__(self, *, quiet: bool, verbosity: int) -> None:
        self._quiet = quiet
        self._verbosity = verbosity
        self._line: ProgressLine = NoProgress()

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Show what the `thoth` loggers say."""
        logger, handler = logging.getLogger(LOGGER), _LogLines(self)
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
        self._line = progress_line(name, quiet=self._quiet)
        try:
            yield
        finally:
            self._line.close()
            self._line = NoProgress()

    def progress(self, progress: Progress) -> None:
        """Show how far the input is."""
        self._line.update(progress)

    def note(self, line: str) -> None:
        """Write one line to stderr unless quiet."""
        if not self._quiet:
            self.log(line)

    def notice(self, line: str) -> None:
        """Write one line that is not about a file to stderr unless quiet."""
        self.note(f"thoth: {line}")

    def log(self, line: str) -> None:
        """Write one line to stderr."""
        with self._line.hidden():
            say(printable(line))

    def error(self, message: object) -> None:
        """Write one error line to stderr."""
        with self._line.hidden():
            report(printable(" ".join(str(message).split())))

    def result(self, text: str) -> None:
        """Write to stdout now: UTF-8 into a file or pipe, on a terminal what that takes.

        Raises BrokenPipeError when the reader went away, and StdoutError.
        """
        if sys.stdout is None:
            raise StdoutError("standard output is closed")
        encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
        try:
            with self._line.hidden():
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
        self._screen.log(f"thoth: {record.levelname.lower()}: {record.getMessage()}")


def _drop_stdout() -> None:
    """Send what is still in stdout's buffer nowhere: at exit, Python would fail on it once more, and loudly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
