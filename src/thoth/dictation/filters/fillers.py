"""Words that fill a pause: um, uh, äh, euh.

Only sounds; a word with a meaning ("like", "so", "este") is never taken for one, nor is what is written in capitals
(UM, ER), in quotes, after "the word", or after a number ("50 um" of steel). The punctuation that the model put around a
filler goes with it: the commas on both sides, except after words such as "yes", which have one anyway; what ends the
sentence moves to the word before.

Idempotent. Time is linear in the text.
"""

from __future__ import annotations

from typing import Final

from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.languages.language import Language
from thoth.dictation.filters.pieces import QUOTES, STOPS, Piece, capitalised, join, split

_PAUSES: Final = ",;:…-–— "
_BRACKETS: Final = frozenset(")]}" + QUOTES)


def fillers_for(language: Language) -> Filter:
    """Return the filter that takes the fillers of `language` out."""

    def fillers(text: str) -> str:
        pieces, tail = split(text)
        kept: list[Piece] = []
        for at, piece in enumerate(pieces):
            if _is_filler(piece, kept[-1] if kept else None, language):
                after = pieces[at + 1] if at + 1 < len(pieces) else None
                _hand_over(piece, kept[-1] if kept else None, after, language)
            else:
                kept.append(piece)
        return join(kept, tail if kept else "") if len(kept) < len(pieces) else text

    return fillers


def _is_filler(piece: Piece, before: Piece | None, language: Language) -> bool:
    if piece.key not in language.fillers or piece.core[1:] != piece.core[1:].lower():
        return False
    if piece.opening[-1:] in QUOTES and piece.closing[:1] in QUOTES and piece.opening and piece.closing:
        return False
    if piece.key in language.tags and "?" in piece.closing:
        return False
    if before is None or before.closing:
        return True
    return before.key not in language.words_for_word and (bool(piece.closing) or not before.core[-1:].isdigit())


def _hand_over(filler: Piece, before: Piece | None, after: Piece | None, language: Language) -> None:
    """Give what stood around `filler` to its neighbours, where it is still needed."""
    if after is not None:
        if before is None or filler.breaks_line:
            after.gap = filler.gap
        after.opening = filler.opening + after.opening
        if filler.core[:1].isupper() and not any(character.isupper() for character in after.core):
            after.core = capitalised(after.core)
    if before is not None and not filler.breaks_line:
        before.closing = _closing_before(before, filler, after, language)


def _closing_before(before: Piece, filler: Piece, after: Piece | None, language: Language) -> str:
    brackets = "".join(mark for mark in filler.closing if mark in _BRACKETS)
    stop = filler.closing.strip(_PAUSES + "".join(_BRACKETS))
    closing = before.closing
    if stop and not stop.startswith("..") and set(stop) <= set(STOPS):
        if not set(closing) & set(STOPS):
            closing = closing.rstrip(",;:") + stop
    elif after is None:
        closing = closing.rstrip(",")
    elif filler.closing.startswith(",") and before.key not in language.keep_a_comma:
        closing = closing.removesuffix(",")
    return closing + brackets
