"""Which term a few words sound like.

A stretch of words stands for a term if all of this holds:

- both have the same Metaphone key (Lawrence Philips, 1990, as in jellyfish), written as one word; where the term was
  heard as several words, voiced and voiceless consonants count as the same ("cooper netties", Kubernetes);
- both have as many syllables, so that Johann is not Johanna;
- both have at least five letters, and a key of three where the term was heard as several words: shorter ones have too
  many that sound like them ("that he", Thoth);
- one word has the first vowel of the term, so that Miller is not Müller, nor Decker Docker;
- their spelling is alike: the InDel similarity of RapidFuzz is at least the floor, or less where one word was heard as
  several, which are spelt as other words are: the more consonants agree, the less, down to three fifths of the floor.

Only letters are compared, without accents. What has none of the Latin alphabet is never alike.

Measured with 62 terms (names of software and of people), on the 20 000 most frequent English words, 5500 first names
and 5000 last names of the United States' census, 200 000 random groups of three from the 3000 most frequent words, and
33 ways to mishear a term. Changed, other than to a term that is said the same way (Catherine, Katherine):

| floor | words | names | groups of words | mishearings put right |
|---|---|---|---|---|
| 0.6 | 1 | 0 | 13 | 24 |
| 0.7 | 0 | 0 | 5 | 24 |
| 0.8 | 0 | 0 | 3 | 24 |
| **0.85** | 0 | 0 | 1 | 24 |
| 0.9 | 0 | 0 | 1 | 20 |

What is missed has another first sound or key ("jango", Django): that is for the table of replacements.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import jellyfish
from rapidfuzz import fuzz

_LEAST_LETTERS: Final = 5
_MOST_LETTERS: Final = 40
_LONGEST_TERM_WORDS: Final = 3
_EXTRA_WORDS: Final = 2
"""A term may be heard as so many words more than it has."""
_LEAST_PARTED_KEY: Final = 3
_LEAST_PARTED_SHARE: Final = 0.6
_SHARE_OF_A_CONSONANT: Final = 0.1
_VOICELESS: Final = str.maketrans("BDGVZ", "PTKFS")
_NOT_LETTERS: Final = re.compile("[^a-z]+")
_SYLLABLE: Final = re.compile("[aeiouy]+")
_LIKE_VOWELS: Final = str.maketrans("y", "i")


@dataclass(frozen=True, slots=True)
class _Sound:
    """A stretch of words as it is compared."""

    letters: str
    key: str
    syllables: int
    first_vowel: str


class Soundalikes:
    """Finds the terms that words sound like. Immutable; any thread."""

    def __init__(self, terms: Iterable[str], floor: float) -> None:
        """Take `terms`, and the least likeness of their spelling, 0 to 1."""
        self._floor = floor
        self._terms: dict[str, list[tuple[_Sound, str, int]]] = {}
        self._lengths: set[int] = set()
        self.longest_window = 0
        """How many words are looked at together."""
        for term in terms:
            self._add(term.strip())

    def _add(self, term: str) -> None:
        words = len(term.split())
        letters = letters_of(term)
        if words > _LONGEST_TERM_WORDS or not _LEAST_LETTERS <= len(letters) <= _MOST_LETTERS:
            return
        sound = _sound(letters)
        self._terms.setdefault(sound.key.translate(_VOICELESS), []).append((sound, term, words))
        self._lengths |= set(range(len(letters) * 3 // 5, len(letters) * 5 // 3 + 1))
        self.longest_window = max(self.longest_window, words + _EXTRA_WORDS)

    def find(self, words: Sequence[str]) -> tuple[int, str]:
        """Return how many of `words`, from the first on, stand for a term, and that term; 0 for none.

        Each of `words` is what `letters_of` made of it.
        """
        best = (0.0, 0, "")
        letters = ""
        for count, word in enumerate(words[: self.longest_window], start=1):
            letters += word
            if len(letters) > _MOST_LETTERS:
                break
            if len(letters) >= _LEAST_LETTERS and len(letters) in self._lengths:
                best = max(best, self._best(letters, count))
        return best[1], best[2]

    def _best(self, letters: str, count: int) -> tuple[float, int, str]:
        heard = _sound(letters)
        best = (0.0, 0, "")
        for sound, term, words in self._terms.get(heard.key.translate(_VOICELESS), ()):
            parted = count > words
            if heard.syllables != sound.syllables:
                continue
            if len(sound.key) < _LEAST_PARTED_KEY if parted else not _same_sounds(heard, sound):
                continue
            likeness = fuzz.ratio(letters, sound.letters) / 100
            if likeness >= self._floor * (_parted_share(sound) if parted else 1):
                best = max(best, (likeness, count, term))
        return best


def _same_sounds(heard: _Sound, term: _Sound) -> bool:
    return heard.key == term.key and heard.first_vowel == term.first_vowel


def _parted_share(term: _Sound) -> float:
    """Return the share of the floor that is asked of several words; 0.9 where three consonants agree."""
    further = len(term.key) - _LEAST_PARTED_KEY + 1
    return max(_LEAST_PARTED_SHARE, 1 - _SHARE_OF_A_CONSONANT * further)


def letters_of(text: str) -> str:
    """Return the letters of `text` that are compared: a to z, without case and accents; at most 80 are looked at."""
    if text.isascii() and text.isalpha():
        return text[: 2 * _MOST_LETTERS].lower()
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKD", text[: 2 * _MOST_LETTERS]).casefold())


@functools.lru_cache(maxsize=4096)
def _sound(letters: str) -> _Sound:
    # A final e is silent, as in Claude; elsewhere vowels that touch are one syllable.
    syllables = _SYLLABLE.findall(letters.removesuffix("e"))
    first_vowel = syllables[0][0].translate(_LIKE_VOWELS) if syllables else ""
    return _Sound(letters, jellyfish.metaphone(letters), len(syllables), first_vowel)
