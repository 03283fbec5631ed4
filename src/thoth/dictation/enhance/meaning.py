"""Small changes that turn what was said around: another number, a "not" more or less."""

from __future__ import annotations

import re

from thoth.dictation.enhance.phrases import NEGATIONS, TAKEN_BACK, all_words
from thoth.dictation.enhance.words import is_number_word, is_numeral, words_of

_NEGATIONS = all_words(NEGATIONS)
_LIST_NUMBER = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)
_NOT_DIGITS = re.compile(r"\D")


def turned_around(said: str, edited: str) -> str | None:
    """Say what changed; None where no such change is seen.

    Numbers are compared where both texts write them in digits: what was said in words may be written in digits, and the
    other way round. What speakers take back may go, numbers and all.
    """
    is_revised = TAKEN_BACK.search(said) is not None
    words, edited_words = (
        words_of(said),
        words_of(edited if _LIST_NUMBER.search(said) else _LIST_NUMBER.sub("", edited)),
    )
    if _changed_number(words, edited_words, is_revised=is_revised):
        return "it changed a number"
    if not is_revised and _is_negated(words) != _is_negated(edited_words):
        return 'it added or dropped a "not"'
    return None


def _changed_number(words: list[str], edited: list[str], *, is_revised: bool) -> bool:
    numbers, edited_numbers = _digits(words), _digits(edited)
    if not (numbers and edited_numbers):
        return False
    # Within all digits in a row: "555 12 34" may have become "555-1234".
    added = any(number not in "".join(numbers) for number in edited_numbers)
    dropped = any(number not in "".join(edited_numbers) for number in numbers)
    spelled, edited_spelled = _number_words(words), _number_words(edited)
    return (added and not spelled - edited_spelled) or (dropped and not is_revised and not edited_spelled - spelled)


def _digits(words: list[str]) -> list[str]:
    return [_NOT_DIGITS.sub("", word) for word in words if is_numeral(word)]


def _number_words(words: list[str]) -> set[str]:
    return {word for word in words if is_number_word(word)}


def _is_negated(words: list[str]) -> bool:
    # A "no" in front answers or begins; one further on denies.
    return not _NEGATIONS.isdisjoint(words) or "no" in words[1:]
