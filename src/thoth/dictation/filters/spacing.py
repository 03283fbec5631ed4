"""Blanks: one between words, none before a comma, none inside brackets; line breaks and paragraphs stay.

French has a no-break space (U+00A0) before ; : ? ! and within « »: put there where the model wrote a blank or nothing.
Where the language is not known, blanks before ; : ? ! are left, as they may be right.

Idempotent. Time is linear in the text.
"""

from __future__ import annotations

import re
from typing import Final

from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.languages.language import Language
from thoth.dictation.filters.pieces import Piece, join, line_breaks, split

_NO_BREAK: Final = "\u00a0"
_NO_BREAK_SPACES: Final = ("\u00a0", "\u202f")
_ALWAYS_CLOSE: Final = ",.)]}"
_CLOSE: Final = ",.;:?!…)]}»”"
_OPEN: Final = "([{«¿¡„"
_LETTER: Final = r"[^\W\d_]"
# "word,word" but neither "1,000" nor "f(x,y)"; two letters on each side, fixed width.
_GLUED: Final = re.compile(f"(?<={_LETTER}{_LETTER})[,;!?](?={_LETTER}{_LETTER})")
_NOT_LETTERS: Final = re.compile(r"[^\w,;!?'’-]|[\d_]")
_LONGEST_BREAK: Final = 2


def spacing_for(language: Language | None) -> Filter:
    """Return the filter that puts blanks where `language` has them, or where most have them if it is None."""

    def spacing(text: str) -> str:
        pieces, tail = split(text)
        pieces = _drawn_together(_taken_apart(pieces), language)
        for at, piece in enumerate(pieces):
            piece.gap = _gap(piece.gap, first=at == 0)
            if language and language.spaced_marks:
                _space_marks(piece, language.spaced_marks)
        return join(pieces, _gap(tail, first=True))

    return spacing


def _gap(gap: str, *, first: bool) -> str:
    breaks = line_breaks(gap)
    if breaks:
        return "\n" * min(breaks, _LONGEST_BREAK)
    if first or not gap:
        return ""
    return gap if gap in _NO_BREAK_SPACES else " "


def _taken_apart(pieces: list[Piece]) -> list[Piece]:
    """Part words that have a comma and no blank between them."""
    parted: list[Piece] = []
    for piece in pieces:
        if _NOT_LETTERS.search(piece.core) or not _GLUED.search(piece.core):
            parted.append(piece)
            continue
        begin = 0
        for mark in _GLUED.finditer(piece.core):
            parted.append(Piece(" " if begin else piece.gap, "", piece.core[begin : mark.start()], mark.group()))
            begin = mark.end()
        parted[-len(_GLUED.findall(piece.core))].opening = piece.opening
        parted.append(Piece(" ", "", piece.core[begin:], piece.closing))
    return parted


def _drawn_together(pieces: list[Piece], language: Language | None) -> list[Piece]:
    """Give punctuation that stands alone to the word that it belongs to."""
    together: list[Piece] = []
    waiting: Piece | None = None
    for at, piece in enumerate(pieces):
        if waiting is not None and not piece.breaks_line:
            piece.gap, piece.opening = waiting.gap, waiting.opening + piece.opening
            waiting = None
        elif waiting is not None:
            together.append(waiting)
            waiting = None
        after = pieces[at + 1] if at + 1 < len(pieces) else None
        if together and _belongs_before(piece, together[-1], after, language):
            together[-1].closing += piece.closing
        elif after is not None and _belongs_after(piece):
            waiting = piece
        else:
            together.append(piece)
    return together


def _belongs_before(piece: Piece, before: Piece, after: Piece | None, language: Language | None) -> bool:
    marks = piece.closing
    if piece.core or piece.opening or not marks or piece.breaks_line or not before.core:
        return False
    if marks.startswith(("..", "…")) or (marks[0] in ":;" and len(marks) > 1 and marks[1] in ")]}"):
        return False
    if marks == ":" and after and before.core[-1:].isdigit() and after.core[:1].isdigit():
        return False
    if language is None and marks[0] not in _ALWAYS_CLOSE:
        return False
    return set(marks) <= set(_CLOSE)


def _belongs_after(piece: Piece) -> bool:
    return not piece.core and not piece.closing and set(piece.opening) <= set(_OPEN)


def _space_marks(piece: Piece, marks: str) -> None:
    if piece.opening.endswith("«"):
        piece.opening += _NO_BREAK if piece.core or piece.closing else ""
    if not piece.core or "/" in piece.core or "@" in piece.core:
        return
    spaced = ""
    for mark in piece.closing:
        is_first = not spaced or spaced[-1] not in marks
        spaced += _NO_BREAK + mark if mark == "»" or (mark in marks and is_first) else mark
    piece.closing = spaced
