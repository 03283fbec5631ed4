"""What the commands share on the terminal: where lines go, and how a command fails.

Results go to stdout; everything else (progress, notices, errors) goes to stderr, so that a pipe gets
results alone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from thoth.errors import ThothError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_NO_READER = 141
"""What a shell reports for a command that SIGPIPE ended (128 + 13)."""


DEBUG_VARIABLE = "THOTH_DEBUG"
"""Set, a fault in Thoth shows where it arose."""


def is_terminal() -> bool:
    """Whether people watch stderr, so that a moving progress bar makes sense."""
    return sys.stderr is not None and sys.stderr.isatty()


def say(line: str) -> None:
    """Write one line for people to stderr; a terminal that is gone has nobody to read it, and stops nothing."""
    with contextlib.suppress(OSError):
        typer.echo(line, err=True)


def draw(controls: str) -> None:
    """Move and erase on the terminal behind stderr; one that is gone stops nothing."""
    with contextlib.suppress(OSError):
        sys.stderr.write(controls)
        sys.stderr.flush()


def report(message: object) -> None:
    """Write one error line to stderr; line breaks in the message become spaces."""
    say(f"thoth: error: {' '.join(str(message).split())}")


def fail(message: object, code: int = EXIT_FAILED) -> NoReturn:
    """Write one error line to stderr and end the command with exit code `code`."""
    report(message)
    raise typer.Exit(code)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """End the command with one line, and no traceback, on Thoth's own errors and on Ctrl-C."""
    try:
        yield
    except ThothError as error:
        fail(error)
    except KeyboardInterrupt:
        fail("interrupted", EXIT_INTERRUPTED)
