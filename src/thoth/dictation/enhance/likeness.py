"""How much of an edited text was said, and how much of what was said is left, by words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel, Levenshtein

from thoth.dictation.enhance.phrases import FILLERS, SPOKEN_MARKS, all_words
from thoth.dictation.enhance.words import is_number_word, is_numeral

DROPPABLE = all_words(FILLERS, SPOKEN_MARKS)
SHORT_WORD = 3
SHORT_WEIGHT = 0.5
"""Words up to this length are mostly grammar, which is what gets corrected."""
SAME_WORD = 75.0
"""Inflections and misheard spellings of one word are at least so similar, of 100."""
MOST_COMPARISONS = 500_000
"""Texts with more unlike words are no edits of each other, and comparing each with each would take seconds."""
SAME_PHRASE = 0.7
LONGEST_PHRASE = 4
"""Words at one place that are written together, apart, or contracted: joined, they are so similar, of 1."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two shares, from 0 to 1, weighted by how much a word tells; 1 where there is nothing to weigh.

    `said`: of the edited text, what was said. `kept`: of what was said, less fillers and repetitions, what is left.
    Numbers weigh nothing where digits stand for number words.
    """

    said: float
    kept: float


def likeness(said: list[str], edited: list[str]) -> Likeness:
    """Compare words as `words_of` gives them."""
    return _Pairing(said, edited).likeness()


class _Pairing:
    """Which words of two texts have a counterpart in the other. For one thread."""

    def __init__(self, said: list[str], edited: list[str]) -> None:
        self._said = said
        self._edited = edited
        self._said_free = dict.fromkeys(range(len(said)))
        self._edited_free = dict.fromkeys(range(len(edited)))
        self._rewritten: set[int] = set()
        self._numbers: set[str] = set()
        self._pair_in_place()
        self._pair_moved()
        self._pair_similar()
        self._pair_numbers()

    def likeness(self) -> Likeness:
        edited = [
            (word, at not in self._edited_free) for at, word in enumerate(self._edited) if at not in self._rewritten
        ]
        # A word that was said twice is kept if one of them is.
        kept = {word for at, word in enumerate(self._said) if at not in self._said_free}
        said = [(word, word in kept) for word in set(self._said) - self._numbers - DROPPABLE]
        return Likeness(said=_share(edited), kept=_share(said))

    def _pair(self, said: Iterable[int], edited: Iterable[int]) -> None:
        for at in said:
            self._said_free.pop(at, None)
        for at in edited:
            self._edited_free.pop(at, None)

    def _pair_in_place(self) -> None:
        for said, edited, is_equal in self._passages():
            if is_equal or self._is_same_phrase(said, edited):
                self._pair(said, edited)

    def _passages(self) -> Iterator[tuple[range, range, bool]]:
        """Give what is equal, and what stands in both texts between two equal passages."""
        for is_equal, group in itertools.groupby(
            Levenshtein.opcodes(self._said, self._edited), key=lambda step: step.tag == "equal"
        ):
            steps = list(group)
            said = range(steps[0].src_start, steps[-1].src_end)
            yield said, range(steps[0].dest_start, steps[-1].dest_end), is_equal

    def _is_same_phrase(self, said: range, edited: range) -> bool:
        if max(len(said), len(edited)) > LONGEST_PHRASE:
            return False
        joined = ("".join(self._said[at] for at in said), "".join(self._edited[at] for at in edited))
        return Indel.normalized_similarity(*joined) >= SAME_PHRASE

    def _pair_moved(self) -> None:
        places: dict[str, list[int]] = {}
        for at in self._said_free:
            places.setdefault(self._said[at], []).append(at)
        for at in list(self._edited_free):
            if same := places.get(self._edited[at]):
                self._pair((same.pop(),), (at,))

    def _pair_similar(self) -> None:
        if len(self._said_free) * len(self._edited_free) > MOST_COMPARISONS:
            return
        choices = {at: self._said[at] for at in self._said_free}
        for at in list(self._edited_free):
            word = self._edited[at]
            if len(word) <= SHORT_WORD:
                continue
            best = process.extractOne(word, choices, scorer=fuzz.ratio, score_cutoff=SAME_WORD)
            if best is not None:
                del choices[best[2]]
                self._pair((best[2],), (at,))

    def _pair_numbers(self) -> None:
        """Pair numerals with number words; how many of one stand for how many of the other is free."""
        for is_said, is_edited in ((is_number_word, is_numeral), (is_numeral, is_number_word)):
            said = [at for at in self._said_free if is_said(self._said[at])]
            edited = [at for at in self._edited_free if is_edited(self._edited[at])]
            if said and edited:
                edited = edited[: len(said)] if is_edited is is_numeral else edited
                self._rewritten.update(edited)
                self._numbers.update(self._said[at] for at in said)
                self._pair(said, edited)


def _share(words: list[tuple[str, bool]]) -> float:
    """Return the share of the words that are paired, by weight."""
    weights = {True: 0.0, False: 0.0}
    for word, is_paired in words:
        weights[is_paired] += SHORT_WEIGHT if len(word) <= SHORT_WORD and word.isascii() else 1.0
    total = weights[True] + weights[False]
    return weights[True] / total if total else 1.0
