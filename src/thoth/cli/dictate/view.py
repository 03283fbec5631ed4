"""What is seen of a dictation beside its text: states, the level, and what somebody is saying, on stderr."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from thoth.cli.live.view import pieces, plain
from thoth.cli.terminal.console import draw
from thoth.cli.terminal.level_line import LevelLine, PlainLevels, meter
from thoth.cli.terminal.text_rows import Row, drawn, erasure, inverse, rows_of, split, terminal_columns

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.live.update import LiveUpdate

_REDRAW_S: Final = 0.1
_MOST_ROWS: Final = 6
"""Of what is being said, the end: the text comes whole when it is ready."""


class DictateView:
    """For logs and pipes: now and then how loud it is, while something is recorded. The main thread.

    line: shows the level, on stderr.
    """

    def __init__(self, line: LevelLine) -> None:
        self._line = line

    def begin(self) -> None:
        """Forget what was said before. Any thread."""

    def update(self, update: LiveUpdate) -> None:
        """Show what is being said."""

    def show(self, told: str, position_s: float, source: LiveInput | None) -> None:
        """Show how it goes; called ten times a second. source: what is recorded; None while nothing is."""
        if source is not None:
            self._line.update(position_s, source, told)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Have nothing moving on the screen meanwhile. Any thread."""
        with self._line.hidden():
            yield

    def close(self) -> None:
        """Leave the screen."""
        self._line.close()


class DictateScreen(DictateView):
    """For a terminal that people watch: the end of what is being said, its tentative part dimmed, over a status bar.

    All of it goes when the dictation is over: the text that was made of it may differ from what was shown.
    """

    def __init__(self) -> None:
        super().__init__(LevelLine())
        self._drawing = threading.RLock()
        self._said: Row = []
        self._tentative: Row = []
        self._bar = ""
        self._below: list[int] = []  # how wide the rows are that are drawn
        self._drawn_s = 0.0
        self._stale = False

    def begin(self) -> None:
        """Forget what was said before."""
        with self._drawing:
            self._said, self._tentative = [], []
            self._stale = True

    def update(self, update: LiveUpdate) -> None:
        """Take what is new of the text."""
        with self._drawing:
            self._said += [piece for text in pieces(update) for piece in split(text, tentative=False)]
            self._tentative = split(plain(update.tentative), tentative=True)
            self._stale = True

    def show(self, told: str, position_s: float, source: LiveInput | None) -> None:
        """Draw what has changed, unless that was just done."""
        with self._drawing:
            if time.monotonic() - self._drawn_s < _REDRAW_S:
                return
            self._drawn_s = time.monotonic()
            bar = meter(position_s, source, told, terminal_columns() - 1)
            if bar != self._bar or self._stale:
                self._bar = bar
                self._draw()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take all of it off the screen for a moment."""
        with self._drawing:
            draw(erasure(self._below))
            self._below = []
            try:
                yield
            finally:
                self._draw()

    def close(self) -> None:
        """Leave nothing of it on the screen."""
        with self._drawing:
            self._said, self._tentative, self._bar = [], [], ""
            self._draw()

    def _draw(self) -> None:
        """In one write: a frame that comes in pieces flickers."""
        width, lines = terminal_columns() - 1, shutil.get_terminal_size().lines
        rows = rows_of([*self._said, *self._tentative], width)[-min(_MOST_ROWS, max(lines - 1, 1)) :]
        bar = set_cell_size(self._bar, width) if self._bar else ""
        before, self._below = (
            self._below,
            [sum(cell_len(piece.text) for piece in row) for row in rows] + [cell_len(bar)],
        )
        self._stale = False
        draw("".join([erasure(before), *(f"{drawn(row)}\n" for row in rows), inverse(bar)]))


def suitable_view(*, quiet: bool, is_terminal: bool) -> DictateView:
    """Choose what suits stderr; the caller closes it."""
    if quiet:
        return DictateView(LevelLine())
    return DictateScreen() if is_terminal else DictateView(PlainLevels())
