"""What Whisper writes where nothing was said: names of sounds, marks of music, its own tokens, stock sentences.

The model learnt from subtitles, which name sounds in brackets or between asterisks, and end with thanks and credits. A
sound's name goes only where it fills its brackets, and a stock sentence only where it is the whole text: "(the
music was loud)" and "He said thanks for watching!" stay. The tables hold for all languages.

Idempotent. Time is linear in the text.
"""

from __future__ import annotations

import re
from typing import Final

from thoth.dictation.filters.artefact_words import NOTES, QUALIFIERS, SOUNDS, STOCK
from thoth.dictation.filters.pieces import STOPS

_LONGEST_ANNOTATION: Final = 60
"""Characters. The names of sounds are short; what is longer was said."""
_LONGEST_STOCK: Final = 160
_WORD: Final = re.compile(r"[^\W_]+")
_OPENER_OF: Final = {"]": "[", ")": "(", "*": "*", ">": "<"}
_MARKS: Final = re.compile(r"[\[\]()*<>]")
_BLANKS: Final = re.compile(" {2,}")
_NOTE: Final = re.compile(f"[{NOTES}]+")
_EMPTY: Final = " \t\r\n.,…-–—*"


def artefacts(text: str) -> str:
    """Return `text` without what the model added; empty where it was nothing else."""
    if _is_stock(text):
        return ""
    cleaned = _without_annotations(text)
    if _NOTE.search(cleaned):
        cleaned = _BLANKS.sub(" ", _NOTE.sub(" ", cleaned)).strip(" ")
    # Silence may also come out as a lone full stop or a row of them.
    return cleaned if cleaned.strip(_EMPTY) and not _is_stock(cleaned) else ""


def _is_stock(text: str) -> bool:
    return len(text) <= _LONGEST_STOCK and " ".join(_WORD.findall(text.casefold())) in STOCK


def _without_annotations(text: str) -> str:
    kept = _Kept()
    done = 0
    for mark in _MARKS.finditer(text):
        kept.plain(text[done : mark.start()])
        kept.mark(mark.group())
        done = mark.end()
    kept.plain(text[done:])
    return kept.text()


class _Kept:
    """What has been read and stays, as characters, with the brackets that are open in it.

    The open brackets follow from the kept characters alone, as if what was removed had never been there. So nothing
    is left that a second run would remove, and brackets in brackets need no second run.
    """

    def __init__(self) -> None:
        self._characters: list[str] = []
        self._open: dict[str, list[int]] = {"[": [], "(": [], "*": [], "<": []}
        self._removed = False
        self._just_removed = False

    def plain(self, text: str) -> None:
        """Take text without marks."""
        if not text:
            return
        if self._just_removed:
            text = self._beside_the_hole(text)
            self._just_removed = not text
        self._characters.extend(text)

    def mark(self, mark: str) -> None:
        """Take a bracket or an asterisk; with it may go what it closes."""
        opener = _OPENER_OF.get(mark)
        opened = self._open[opener] if opener else []
        if opened and self._is_annotation(mark, opened[-1]):
            self._remove_from(opened[-1])
            return
        if opened and mark != "*":
            opened.pop()
        if mark in self._open:
            self._open[mark].append(len(self._characters))
        self._characters.append(mark)
        self._just_removed = False

    def text(self) -> str:
        text = "".join(self._characters)
        return text.strip(" \t") if self._removed else text

    def _is_annotation(self, mark: str, at: int) -> bool:
        if len(self._characters) - at > _LONGEST_ANNOTATION:
            return False
        inside = "".join(self._characters[at + 1 :])
        if mark == ">":
            return len(inside) > 1 and inside[0] == inside[-1] == "|" and not any(map(str.isspace, inside))
        if mark == "*" and inside != inside.strip():
            return False
        return _names_a_sound(inside) or (mark == "]" and _is_token(inside))

    def _remove_from(self, at: int) -> None:
        del self._characters[at:]
        for opened in self._open.values():
            while opened and opened[-1] >= at:
                opened.pop()
        self._removed = self._just_removed = True

    def _beside_the_hole(self, text: str) -> str:
        """Return `text` as it follows what was removed: one blank, no blank before a comma, no second full stop."""
        before = self._characters
        if not before or before[-1].isspace():
            text = text.lstrip(" \t")
        if text.startswith((",", *STOPS)):
            while before and before[-1] in " \t":
                before.pop()
            if not before or before[-1] in f",{STOPS}":
                text = text[1:]
        return text


def _names_a_sound(inside: str) -> bool:
    words = _WORD.findall(inside.casefold())
    if not words:
        return bool(_NOTE.search(inside))
    return any(word in SOUNDS for word in words) and all(word in SOUNDS or word in QUALIFIERS for word in words)


def _is_token(inside: str) -> bool:
    """Whether this is one of whisper.cpp's own: `_BEG_`, `_TT_150`."""
    return inside.startswith("_") and inside.isupper() and inside.replace("_", "").isalnum()
