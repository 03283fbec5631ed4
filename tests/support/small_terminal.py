"""A terminal as narrow as the test wants it, and a command that runs on it."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from thoth_command import ThothCommand

DIM: Final = "2"
INVERSE: Final = "7"
_TOKEN: Final = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|[\r\n]|[^\x1b\r\n]")


class SmallTerminal:
    """What stands on a terminal after `take`: with its width, its wrapping, and lines that scroll away.

    Knows the controls that Thoth uses: return, line feed, cursor up, erase below, erase line, and styles.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.rows: list[list[tuple[str, str]]] = [[]]  # each cell's character and style
        self.row = self.column = 0
        self.wrapped = 0
        """How often a row was too long."""
        self._style = ""

    def take(self, drawn: str) -> None:
        """Do what a terminal does with `drawn`."""
        for token in _TOKEN.finditer(drawn):
            self._take(token[0], token[1], token[2])

    def resize(self, columns: int) -> None:
        """Break the rows that are too long now, as most terminals do."""
        before, cursor, self.rows = self.rows, self.row, []
        for number, row in enumerate(before):
            parts = [row[first : first + columns] for first in range(0, len(row), columns)] or [[]]
            if number == cursor:
                here = min(self.column // columns, len(parts) - 1)
                self.row, self.column = len(self.rows) + here, self.column - here * columns
            self.rows += parts
        self.columns = columns

    def text(self, *, without: str | None = None) -> list[str]:
        """All rows that are not empty, those that have scrolled away among them; without what is in a certain style."""
        shown = ["".join(char for char, style in row if style != without) for row in self.rows]
        return [line for row in shown if (line := row.rstrip())]

    def _take(self, text: str, argument: str | None, control: str | None) -> None:
        if text == "\r":
            self.column = 0
        elif text == "\n":
            self._down()
        elif control is None:
            self._put(text)
        elif control == "A":
            assert argument is not None
            top = max(len(self.rows) - self.lines, 0)
            self.row = max(self.row - int(argument), top)
        elif control == "J":
            del self.rows[self.row + 1 :]
            del self.rows[self.row][self.column :]
        elif control == "K":
            del self.rows[self.row][self.column :]
        else:
            assert control == "m", f"an unknown control: {text!r}"
            self._style = argument or ""

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])

    def _put(self, char: str) -> None:
        if self.column == self.columns:
            self.wrapped += 1
            self.column = 0
            self._down()
        row = self.rows[self.row]
        row += [(" ", "")] * (self.column + 1 - len(row))
        row[self.column] = char, self._style
        self.column += 1


class OnTerminal:
    """A run of the command whose three streams are a terminal."""

    def __init__(self, thoth: ThothCommand, *arguments: str | Path, columns: int, lines: int = 12, **more: Any) -> None:
        self._ours, theirs = os.openpty()
        self.resize(columns, lines)
        self.drawn = ""
        try:
            self.process = thoth.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, **more)
        finally:
            os.close(theirs)

    def resize(self, columns: int, lines: int = 12) -> None:
        """Make the terminal another size."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_until(self, text: str) -> None:
        """Wait until `text` was drawn since the last call; fails at the end of the run."""
        seen = len(self.drawn)
        while text not in self.drawn[seen:]:
            assert self._read(), f"{text!r} is not in {self.drawn!r}"

    def end(self) -> int:
        """Read to the end of the run, and return its exit code."""
        while self._read():
            pass
        return self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> bool:
        try:
            block = os.read(self._ours, 4096)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.drawn += block.decode()
        return bool(block)
