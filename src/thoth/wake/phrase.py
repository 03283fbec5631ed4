"""A wake phrase found in text, also where it is written somewhat otherwise. Pure: no audio, no model."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Final

import jellyfish
from rapidfuzz.distance import OSA

from thoth.errors import InvalidOption
from thoth.wake.listener import checked_phrases

THRESHOLD: Final = 0.87
"""Between "computers" for "computer" (0.86), which is another word, and "few glass" for "view glass" (0.89), which is
the same sounds."""

_SYLLABLE: Final = 0.1
"""Off the score for each syllable too many or too few: "alex" has the consonants of "alexa", but is another name."""

_LENGTH: Final = 0.6
"""What differs more in length than this ratio is not compared: it could not come near the threshold."""

_LONGEST_SPLIT: Final = 2
"""A phrase may be written with so many more words than it has: "snow boy", "come pewter"."""

# Scripts without spaces between words (Thai to Myanmar, kana, Han): there each character is taken for a word.
_WORD: Final = re.compile(r"[\u0e00-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_]+?(?:['’][^\W_]+)*(?![^\W_])")
_VOWELS: Final = re.compile("[aeiouy]+")
_PUNCTUATION: Final = " \t\r\n.,;:!?…-–—。，、！？"


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase in a text.

    - `phrase`: as it was given.
    - `score`: how near the text comes to it, up to 1.
    - `begin`, `end`: its place in the text, in characters; always at the borders of words.
    - `first_word`, `end_word`: the same counted in words, of which `words_in` tells the places.
    """

    phrase: str
    score: float
    begin: int
    end: int
    first_word: int
    end_word: int


@dataclass(frozen=True, slots=True)
class _Sound:
    """A stretch of text reduced to what is compared: its letters, its consonants as they sound, its syllables."""

    letters: str
    consonants: str
    syllables: int

    @classmethod
    def of(cls, words: Sequence[str]) -> _Sound:
        letters = "".join(words)
        return cls(letters, "".join(map(jellyfish.metaphone, words)), len(_VOWELS.findall(letters)))

    def likeness(self, other: _Sound) -> float:
        """Return 0 to 1: the mean of the likeness of letters and of sounds, less what the syllables differ."""
        written = OSA.normalized_similarity(self.letters, other.letters)
        if not (self.consonants and other.consonants):  # of a script that Metaphone knows nothing of
            return written
        spoken = OSA.normalized_similarity(self.consonants, other.consonants)
        return max((written + spoken) / 2 - _SYLLABLE * abs(self.syllables - other.syllables), 0.0)


class PhraseMatcher:
    """Finds phrases in text by how they are written and how they sound. Any thread; nothing here changes.

    Case, punctuation, accents and spaces make no difference. Else a stretch of words is compared by its letters (the
    share that stands after edits, each a letter added, taken, changed or swapped with its neighbour) and by its
    consonants as Metaphone writes them (L. Philips, "Hanging on the Metaphone", 1990, for English).

    phrases: what to find.
    threshold: the likeness from which it is found, above 0 up to 1; 1 takes the same letters and sounds only.

    Raises InvalidOption.
    """

    def __init__(self, phrases: Sequence[str], threshold: float = THRESHOLD) -> None:
        self.phrases = checked_phrases(phrases)
        self.threshold = checked_threshold(threshold)
        self._sounds = [(phrase, keys, _Sound.of(keys)) for phrase in self.phrases if (keys := words_of(phrase))]

    def find(self, text: str) -> Match | None:
        """Return the first phrase in `text`, where several overlap the likeliest of them; None where there is none."""
        best: Match | None = None
        for match in self._matches(text):
            if best is not None and match.begin >= best.end:
                break
            if best is None or match.score > best.score:
                best = match
        return best

    def without_phrase(self, text: str) -> str:
        """Return what comes after the first phrase, without the punctuation between; all of a text without one.

        Phrases that follow at once go with it: who doubts that they were heard says it again.
        """
        match = self.find(text)
        while match is not None:
            text = text[match.end :].lstrip(_PUNCTUATION)
            match = self.find(text)
            if match is not None and match.first_word > 0:
                break
        return text.strip()

    def _matches(self, text: str) -> Iterator[Match]:
        """Yield all that reaches the threshold, in the order in which it begins."""
        places = words_in(text)
        keys = [_key(text[begin:end]) for begin, end in places]
        for first in range(len(places)):
            for phrase, words, sound in self._sounds:
                for end in range(first + 1, min(first + len(words) + _LONGEST_SPLIT, len(places)) + 1):
                    score = self._score(sound, keys[first:end])
                    if score >= self.threshold:
                        yield Match(phrase, score, places[first][0], places[end - 1][1], first, end)

    @staticmethod
    def _score(sound: _Sound, words: Sequence[str]) -> float:
        length, wanted = sum(map(len, words)), len(sound.letters)
        if min(length, wanted) < _LENGTH * max(length, wanted):
            return 0.0
        return sound.likeness(_Sound.of(words))


def checked_threshold(threshold: object) -> float:
    """Return a score from which something counts. Raises InvalidOption unless it is above 0 and at most 1."""
    score = math.nan if isinstance(threshold, bool) or not isinstance(threshold, Real) else float(threshold)
    if not 0 < score <= 1:
        raise InvalidOption(f"threshold takes a number above 0 and up to 1, not {threshold!r}")
    return score


def words_in(text: str) -> list[tuple[int, int]]:
    """Return where the words of `text` begin and end, in characters."""
    return [match.span() for match in _WORD.finditer(text) if _key(match.group())]


def words_of(text: str) -> list[str]:
    """Return the words of `text` without case, accents and apostrophes."""
    return [_key(text[begin:end]) for begin, end in words_in(text)]


def _key(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(filter(str.isalnum, plain))
