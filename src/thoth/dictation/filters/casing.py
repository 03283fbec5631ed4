"""Capitals: the first word of a sentence and of a line, "I", the days of the week.

What has a capital inside (iPhone), a digit first, or looks like an address, a file or an abbreviation stays, as do the
spellings of the dictionary. No letter is made small.

Idempotent. Time is linear in the text.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.languages.language import Language
from thoth.dictation.filters.pieces import Piece, capitalised, join, split
from thoth.dictation.filters.sentences import ends_sentence

_NO_PLAIN_WORD: Final = frozenset("./\\@:_<>=&#~$%^*+|0123456789")
_ENCLITIC: Final = ("'", "’")


def casing_for(language: Language | None, keep: AbstractSet[str] = frozenset(), *, dotted_i: bool = False) -> Filter:
    """Return the filter that writes words of `language` large where they are.

    `keep` are spellings to leave. With `dotted_i`, words that begin with an i are left: its capital has a dot.
    """

    def casing(text: str) -> str:
        pieces, tail = split(text)
        before: Piece | None = None
        begins = True
        for piece in pieces:
            begins = begins or _begins_line(piece, before, language)
            if piece.core and piece.core not in keep and not (dotted_i and piece.core[0] == "i"):
                piece.core = _cased(piece, begins, language)
            if piece.core or piece.closing:
                begins = ends_sentence(piece, language) or (begins and not piece.core)
            before = piece
        return join(pieces, tail)

    return casing


def _begins_line(piece: Piece, before: Piece | None, language: Language | None) -> bool:
    if not piece.breaks_line or before is None:
        return False
    goes_on = language is not None and language.line_after_comma_is_small and before.closing.endswith(",")
    return not goes_on


def _cased(piece: Piece, begins: bool, language: Language | None) -> str:
    core = piece.core
    if language and core == core.lower() and piece.key in language.capitals and not _is_numeral(piece):
        return language.capitals[piece.key].replace("'", "’" if "’" in core else "'")
    if not begins or not core[0].islower() or core[1:] != core[1:].lower():
        return core
    if _NO_PLAIN_WORD & set(core) or piece.opening.endswith(_ENCLITIC):
        return core
    return capitalised(core)


def _is_numeral(piece: Piece) -> bool:
    """Whether this is "(i)"."""
    return piece.opening.endswith("(") and piece.closing.startswith(")")
