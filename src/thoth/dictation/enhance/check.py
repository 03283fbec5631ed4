"""Whether a model edited the dictation, or answered, obeyed, refused, translated, invented or turned it around."""

from __future__ import annotations

import re

from thoth.dictation.enhance.likeness import likeness
from thoth.dictation.enhance.meaning import turned_around
from thoth.dictation.enhance.phrases import (
    AGREEMENT,
    FILLERS,
    QUESTION_VERBS,
    QUESTION_WORDS,
    QUESTIONS_WITHOUT_SPACES,
    REFUSAL,
    TAKEN_BACK,
    all_words,
)
from thoth.dictation.enhance.words import words_of

LEAST_SAID = 0.6
LEAST_KEPT = 0.55
LONGEST_RATIO = 1.6
SPARE_CHARACTERS = 40
"""An edited text has at most so many times the characters of what was said, and these."""
LEAKED_WORDS = 8
QUOTED_WORDS = 3
OPENING_WORDS = 6
QUESTION_OPENING_WORDS = 3

_QUESTION_MARK = re.compile(r"\?(?!\S)|？")
_QUESTION_WORDS = all_words(QUESTION_WORDS)
_QUESTION_VERBS = all_words(QUESTION_VERBS)
_OPENERS = all_words(FILLERS) - {"i", "you"}
"""What may stand before a question; pronouns are fillers only within "you know" and "I mean"."""


def objection(said: str, edited: str, *, keep_words: bool = True) -> str | None:
    """Say what the model did instead of editing; None where `edited` is an edit of `said`.

    Without `keep_words`, for prompts that ask for a translation or a summary, only refusals and empty replies count.
    """
    if not edited.strip():
        return "it returned no text"
    if REFUSAL.search(edited) and not REFUSAL.search(said):
        return "it refused"
    if not keep_words:
        return None
    if _is_answer(said, edited):
        return "it answered the dictation"
    if len(edited) > LONGEST_RATIO * len(said) + SPARE_CHARACTERS:
        return "it wrote far more than was dictated"
    return _strange_words(said, edited) or turned_around(said, edited)


def leaks(reply: str, said: str, instructions: str) -> bool:
    """Whether `reply` recites the instructions: some words in a row of them that were not dictated."""
    return bool(_runs(reply, LEAKED_WORDS) & _runs(instructions, LEAKED_WORDS) - _runs(said, LEAKED_WORDS))


def repeats(message: str, said: str) -> bool:
    """Whether an error message quotes the dictation: some words in a row of it, or all of a shorter one."""
    quoted = min(QUOTED_WORDS, len(words_of(said)))
    return bool(_runs(message, quoted) & _runs(said, quoted))


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def _is_answer(said: str, edited: str) -> bool:
    words, edited_words = words_of(said), words_of(edited)
    if AGREEMENT.match(edited) and edited_words[0] not in words[:OPENING_WORDS]:
        return True
    if "?" in edited or "？" in edited:
        # The question, and the answer after it.
        tail = words_of(_QUESTION_MARK.split(edited)[-1])
        return bool(tail) and likeness(words, tail).said < LEAST_SAID
    if _QUESTION_WORDS.intersection(words[:QUESTION_OPENING_WORDS]) and not _QUESTION_WORDS.intersection(edited_words):
        return True
    first = next((word for word in words if word not in _OPENERS), "")
    # By their beginning: "do not" may have become "don't".
    if first in _QUESTION_VERBS and not any(word.startswith(first) for word in edited_words[:QUESTION_OPENING_WORDS]):
        return True
    return bool(QUESTIONS_WITHOUT_SPACES.search(said)) and not QUESTIONS_WITHOUT_SPACES.search(edited)


def _strange_words(said: str, edited: str) -> str | None:
    words = words_of(edited)
    like = likeness(words_of(said), words)
    if like.said < LEAST_SAID:
        return "it wrote what was not dictated"
    if like.kept >= LEAST_KEPT:
        return None
    # All before the last thing taken back may have gone with it.
    *_, rest = TAKEN_BACK.split(said)
    if rest != said and words_of(rest) and likeness(words_of(rest), words).kept >= LEAST_KEPT:
        return None
    return "it left out most of the dictation"
