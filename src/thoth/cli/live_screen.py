"""What `thoth live` shows on a terminal: a growing line of text, its end tentative, and a status bar under it."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, chop_cells, set_cell_size

from thoth.cli.level_line import LevelLine, meter
from thoth.cli.live_view import LiveView, Summary, pieces, plain
from thoth.cli.screen import Screen, write_out

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.live.update import LiveUpdate

_REDRAW_S: Final = 0.2
"""For text and for the bar each: together at most ten redraws a second."""

_DIM: Final = "\x1b[2m"
_INVERSE: Final = "\x1b[7m"
_PLAIN: Final = "\x1b[0m"
_ERASE_BELOW: Final = "\x1b[J"


@dataclass(frozen=True, slots=True)
class Piece:
    """A word with the blanks before it, or a part of one that is longer than a row."""

    text: str
    tentative: bool


Row = list[Piece]


class TerminalView(LiveView):
    """For a terminal that people watch. What is committed scrolls away as any text does; only its end is drawn anew.

    Rows are broken here, one cell short of the terminal's width, so that it is known how many there are, whatever the
    terminal does in its last column.
    """

    def __init__(self, screen: Screen, *, has_bar: bool) -> None:
        super().__init__(screen, LevelLine())
        self._has_bar = has_bar
        self._drawing = threading.RLock()
        self._committed: Row = []  # of this utterance, what is not in rows that are full
        self._tentative: Row = []
        self._over: list[Row] = []  # of ended utterances, rows that are not drawn yet
        self._bar = ""
        self._below: list[int] = []  # how wide the rows are that are drawn and will be drawn anew
        self._text_drawn_s = self._bar_drawn_s = 0.0
        self._stale = False

    def update(self, update: LiveUpdate) -> None:
        """Take what is new of the text, and draw it unless that was just done."""
        with self._drawing:
            self._committed += [piece for text in pieces(update) for piece in _split(text, tentative=False)]
            self._tentative = _split(plain(update.tentative), tentative=True)
            if update.is_final:
                self._over += _rows([*self._committed, *self._tentative], _columns() - 1)
                self._committed, self._tentative = [], []
            self._stale = True
            self._draw_if_due()

    def show(self, heard_s: float, source: LiveInput | None, told: str) -> None:
        """Draw what has changed, unless that was just done."""
        with self._drawing:
            now_s = time.monotonic()
            if self._has_bar and now_s - self._bar_drawn_s >= _REDRAW_S:
                self._bar_drawn_s = now_s
                bar = meter(heard_s, source, told, _columns() - 1)
                if bar != self._bar:
                    self._bar = bar
                    self._draw()
            self._draw_if_due()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar, and the line that still grows, off the screen for a moment."""
        with self._drawing:
            self._draw()  # what an utterance that is over has still to show comes before
            write_out(self._erasure())
            self._below = []
            try:
                yield
            finally:
                self._draw()

    def summary(self, summary: Summary) -> None:
        """Show what it came to, below all of the text."""
        self.close()
        super().summary(summary)

    def close(self) -> None:
        """Leave the text, and nothing else, on the screen."""
        with self._drawing:
            self._over += _rows(self._committed, _columns() - 1)
            self._committed, self._tentative, self._bar = [], [], ""
            self._draw()

    def _draw_if_due(self) -> None:
        if self._stale and time.monotonic() - self._text_drawn_s >= _REDRAW_S:
            self._text_drawn_s = time.monotonic()
            self._draw()

    def _draw(self) -> None:
        """In one write: a frame that comes in pieces flickers."""
        columns, lines = _columns(), shutil.get_terminal_size().lines
        rows = _rows([*self._committed, *self._tentative], columns - 1)
        settled = _settled(rows)
        frame = [self._erasure(), *(f"{_drawn(row)}\n" for row in [*self._over, *rows[:settled]])]
        growing = rows[settled:][-max(lines - 1, 1) :]  # the cursor cannot go up to what has left the screen
        frame += [f"{_drawn(row)}\n" for row in growing]
        bar = set_cell_size(self._bar, columns - 1) if self._bar else ""
        frame.append(f"{_INVERSE}{bar}{_PLAIN}" if bar else "")
        self._committed = self._committed[sum(map(len, rows[:settled])) :]
        self._below = [sum(cell_len(piece.text) for piece in row) for row in growing] + [cell_len(bar)]
        self._over = []
        self._stale = False
        write_out("".join(frame))

    def _erasure(self) -> str:
        """Give what takes the rows off the screen that are drawn anew; the cursor stands in the last one."""
        if not self._below:
            return ""
        # A terminal that has become narrower has broken the rows anew.
        columns = _columns()
        up = sum(max(-(-width // columns), 1) for width in self._below) - 1
        return "\r" + (f"\x1b[{up}A" if up else "") + _ERASE_BELOW


def _rows(pieces_: Sequence[Piece], width: int) -> list[Row]:
    """Break text into rows of at most `width` cells, between words where that can be done."""
    rows: list[Row] = []
    left = 0
    for piece in pieces_:
        cells = cell_len(piece.text)
        if cells > left or not rows:
            first = Piece(piece.text.lstrip(), piece.tentative)
            rows.append([first])
            left = width - cell_len(first.text)
        else:
            rows[-1].append(piece)
            left -= cells
    return rows


def _settled(rows: Sequence[Row]) -> int:
    """Count the rows at the front that are full of committed words: they will not change any more."""
    for number, row in enumerate(rows[:-1]):
        if row[-1].tentative:
            return number
    return max(len(rows) - 1, 0)


def _split(text: str, *, tentative: bool) -> Row:
    width = _columns() - 1
    return [Piece(part, tentative) for word in re.findall(r"\s*\S+", text) for part in chop_cells(word, width)]


def _drawn(row: Row) -> str:
    sure = "".join(piece.text for piece in row if not piece.tentative)
    rest = "".join(piece.text for piece in row if piece.tentative)
    return sure + (f"{_DIM}{rest}{_PLAIN}" if rest else "")


def _columns() -> int:
    return max(shutil.get_terminal_size().columns, 2)
