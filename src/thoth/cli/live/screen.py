"""What `thoth live` shows on a terminal: a growing line of text, its end tentative, and a status bar under it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from thoth.cli.live.view import LiveView, Summary, pieces, plain
from thoth.cli.terminal.level_line import LevelLine, meter
from thoth.cli.terminal.screen import Screen, write_out
from thoth.cli.terminal.text_rows import Row, drawn, erasure, inverse, rows_of, split, terminal_columns

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.live.update import LiveUpdate

_REDRAW_S: Final = 0.2
"""For text and for the bar each: together at most ten redraws a second."""


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
            self._committed += [piece for text in pieces(update) for piece in split(text, tentative=False)]
            self._tentative = split(plain(update.tentative), tentative=True)
            if update.is_final:
                self._over += rows_of([*self._committed, *self._tentative], terminal_columns() - 1)
                self._committed, self._tentative = [], []
            self._stale = True
            self._draw_if_due()

    def show(self, heard_s: float, source: LiveInput | None, told: str) -> None:
        """Draw what has changed, unless that was just done."""
        with self._drawing:
            now_s = time.monotonic()
            if self._has_bar and now_s - self._bar_drawn_s >= _REDRAW_S:
                self._bar_drawn_s = now_s
                bar = meter(heard_s, source, told, terminal_columns() - 1)
                if bar != self._bar:
                    self._bar = bar
                    self._draw()
            self._draw_if_due()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar, and the line that still grows, off the screen for a moment."""
        with self._drawing:
            self._draw()  # what an utterance that is over has still to show comes before
            write_out(erasure(self._below))
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
            self._over += rows_of(self._committed, terminal_columns() - 1)
            self._committed, self._tentative, self._bar = [], [], ""
            self._draw()

    def _draw_if_due(self) -> None:
        if self._stale and time.monotonic() - self._text_drawn_s >= _REDRAW_S:
            self._text_drawn_s = time.monotonic()
            self._draw()

    def _draw(self) -> None:
        """In one write: a frame that comes in pieces flickers."""
        columns, lines = terminal_columns(), shutil.get_terminal_size().lines
        rows = rows_of([*self._committed, *self._tentative], columns - 1)
        settled = _settled(rows)
        frame = [erasure(self._below), *(f"{drawn(row)}\n" for row in [*self._over, *rows[:settled]])]
        growing = rows[settled:][-max(lines - 1, 1) :]  # the cursor cannot go up to what has left the screen
        frame += [f"{drawn(row)}\n" for row in growing]
        bar = set_cell_size(self._bar, columns - 1) if self._bar else ""
        frame.append(inverse(bar))
        self._committed = self._committed[sum(map(len, rows[:settled])) :]
        self._below = [sum(cell_len(piece.text) for piece in row) for row in growing] + [cell_len(bar)]
        self._over = []
        self._stale = False
        write_out("".join(frame))


def _settled(rows: Sequence[Row]) -> int:
    """Count the rows at the front that are full of committed words: they will not change any more."""
    for number, row in enumerate(rows[:-1]):
        if row[-1].tentative:
            return number
    return max(len(rows) - 1, 0)
