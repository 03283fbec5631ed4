"""Words as the check compares them, in any script."""

from __future__ import annotations

import re
import unicodedata

from thoth.dictation.enhance.phrases import NUMBER_WORDS, all_words

# One token each: a number with its separators, a character of a script without spaces, a word with its marks.
_TOKEN = re.compile(
    r"\d[\d.,:/\-]*\d|\d+"
    r"|[\u0e00-\u0e7f\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
    r"|(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff])+(?:['’](?:[^\W\d_])+)*"
)
_APOSTROPHES = re.compile("['’]")
_NUMBER_WORDS = all_words(NUMBER_WORDS)
_LONGEST_FIRST = sorted(map(re.escape, _NUMBER_WORDS), key=len, reverse=True)
_COMPOUND_NUMBER = re.compile(f"(?:{'|'.join(_LONGEST_FIRST)})+")
SHORTEST_COMPOUND = 6


def words_of(text: str) -> list[str]:
    """Split into words, in one spelling: compatibility forms composed, case folded, apostrophes dropped."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [_APOSTROPHES.sub("", token) for token in _TOKEN.findall(folded)]


def is_numeral(word: str) -> bool:
    """Whether `word` is written in digits."""
    return word[0].isdecimal()


def is_number_word(word: str) -> bool:
    """Whether `word` says a number or its unit, alone or as a compound such as "dreiundzwanzig"."""
    return word in _NUMBER_WORDS or (len(word) >= SHORTEST_COMPOUND and _COMPOUND_NUMBER.fullmatch(word) is not None)
