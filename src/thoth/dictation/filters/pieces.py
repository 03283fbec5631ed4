"""Text as a row of pieces: what stands between two stretches of white space, its punctuation set apart.

All filters that look at words work on these rows. Splitting and joining take time linear in the text, whatever is in
it, and `join(*split(text)) == text` always. What is inside a word is never looked at here, so that 3.14, 10:30,
U.S.A., addresses and file names stay whole. Pure functions; the pieces belong to whoever split the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_WHITE_SPACE: Final = re.compile(r"(\s+)")
_LINE_BREAK: Final = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_OPENERS: Final = "([{«“‘„‚‹¿¡\"'"
_CLOSERS: Final = ",.;:?!…)]}»”’“›\"'—–-"
STOPS: Final = ".?!…"
"""What may end a sentence."""
QUOTES: Final = "\"'“”„‘’«»‹›"


@dataclass(slots=True)
class Piece:
    """White space, opening punctuation, a word (or anything else), closing punctuation; each may be empty."""

    gap: str
    opening: str
    core: str
    closing: str

    @property
    def key(self) -> str:
        """The word as tables have it: case folded, apostrophes straight."""
        return self.core.casefold().replace("’", "'")

    @property
    def breaks_line(self) -> bool:
        """Whether a line break stands before it."""
        return line_breaks(self.gap) > 0


def split(text: str) -> tuple[list[Piece], str]:
    """Return the pieces of `text`, and the white space after the last one."""
    parts = _WHITE_SPACE.split(text)
    pieces = []
    gap = ""
    # The separators stand at odd places; only the first and the last chunk can be empty.
    for chunk, after in zip(parts[::2], [*parts[1::2], ""], strict=True):
        if chunk:
            pieces.append(_piece(gap, chunk))
            gap = ""
        gap += after
    return pieces, gap


def join(pieces: Iterable[Piece], tail: str = "") -> str:
    """Return the text of `pieces`, with `tail` after them."""
    return "".join(f"{piece.gap}{piece.opening}{piece.core}{piece.closing}" for piece in pieces) + tail


def line_breaks(gap: str) -> int:
    r"""Return how many line breaks are in `gap`; `\r\n` is one."""
    return len(_LINE_BREAK.findall(gap))


def capitalised(word: str) -> str:
    """Return `word` with its first letter as titles have it; unchanged where that would take more than one letter."""
    first = word[:1].title()
    return first + word[1:] if len(first) == 1 else word


def _piece(gap: str, chunk: str) -> Piece:
    rest = chunk.lstrip(_OPENERS)
    core = rest.rstrip(_CLOSERS)
    return Piece(gap, chunk[: len(chunk) - len(rest)], core, rest[len(core) :])
