"""Where a sentence ends: asked by casing, and by the command that takes back the last one."""

from __future__ import annotations

from thoth.dictation.filters.languages.language import Language
from thoth.dictation.filters.pieces import QUOTES, Piece


def ends_sentence(piece: Piece, language: Language | None) -> bool:
    """Whether the sentence is over after `piece`; an abbreviation, an initial or an ellipsis does not end one."""
    marks = piece.closing.rstrip(QUOTES + ")]}")
    if marks.endswith(("?", "!")):
        # "Really?" he said.
        return not piece.closing.endswith(tuple(QUOTES))
    if not marks.endswith(".") or marks.endswith(".."):
        return False
    return not _is_abbreviation(piece, language)


def _is_abbreviation(piece: Piece, language: Language | None) -> bool:
    key = piece.key
    if "." in key and all(len(part) <= 2 for part in key.split(".")):
        return not key.replace(".", "").isdigit()
    if language is None:
        return len(key) == 1 and key.isalpha()
    if language.ordinals_have_a_stop and _is_ordinal(piece.core):
        return True
    return key in language.abbreviations or (len(key) == 1 and key.isalpha() and key not in language.capitals)


def _is_ordinal(core: str) -> bool:
    """Whether this may be the third or the fourteenth: "3", "XIV"."""
    return (core.isdigit() and len(core) <= 2) or set(core) <= set("IVX")
