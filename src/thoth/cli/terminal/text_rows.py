"""Text broken into rows that fit a terminal, its tentative end dimmed, and taken off the screen again."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, chop_cells

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


def terminal_columns() -> int:
    """Return the terminal's width in cells."""
    return max(shutil.get_terminal_size().columns, 2)


def split(text: str, *, tentative: bool) -> Row:
    """Return text as pieces that each fit a row."""
    width = terminal_columns() - 1
    return [Piece(part, tentative) for word in re.findall(r"\s*\S+", text) for part in chop_cells(word, width)]


def rows_of(pieces_: Sequence[Piece], width: int) -> list[Row]:
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


def drawn(row: Row) -> str:
    """Return what draws a row."""
    sure = "".join(piece.text for piece in row if not piece.tentative)
    rest = "".join(piece.text for piece in row if piece.tentative)
    return sure + (f"{_DIM}{rest}{_PLAIN}" if rest else "")


def inverse(bar: str) -> str:
    """Return what draws a status bar; nothing for none."""
    return f"{_INVERSE}{bar}{_PLAIN}" if bar else ""


def erasure(below: Sequence[int]) -> str:
    """Return what takes rows off the screen, given the width of each; the cursor stands in the last one."""
    if not below:
        return ""
    # A terminal that has become narrower has broken the rows anew.
    up = sum(max(-(-width // terminal_columns()), 1) for width in below) - 1
    return "\r" + (f"\x1b[{up}A" if up else "") + _ERASE_BELOW
