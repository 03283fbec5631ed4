"""What a language's tables hold. Words are case folded, with straight apostrophes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Words = frozenset[str]
Phrases = Mapping[tuple[str, ...], "Command"]


@dataclass(frozen=True, slots=True)
class Command:
    r"""What a spoken phrase does, and beside which words it is not meant as a command.

    - "mark": `text` goes to the word before it. "close": the same, and it may follow a full stop inside.
    - "open": `text` goes to the word after it. "join": `text` joins both words. "dash": `text` between blanks.
    - "break": line breaks, perhaps with a mark before them (".\n\n").
    - "delete": takes back the last sentence; `careful`: only where it surely is no sentence about deleting.

    `not_after` and `not_before` hold only for words that no punctuation parts from the phrase. `decimal`: not
    between two numbers. `doubtful`: people use the phrase for other things too, so it is a command only where it
    cannot be another, or another command is in the text.
    """

    does: Literal["mark", "open", "close", "dash", "join", "break", "delete"]
    text: str = ""
    not_after: Words = frozenset()
    not_before: Words = frozenset()
    decimal: bool = False
    careful: bool = False
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Language:
    """All that filters know of a language.

    - `fillers`; of these `tags` are words where they ask ("¿eh?").
    - `keep_a_comma`: words after which a filler leaves a comma. `words_for_word`: "word" and its like.
    - `commands`, by their words; `literals`: what is said before a command to have its words.
    - `determiners`: words after which no phrase is a command. `prepositions`: with the determiners, words that begin
      what "period" and its like may be the last word of.
    - `numbers`: number words, for `decimal`.
    - `small_words`: written small unless they begin a sentence. `capitals`: what is always written large, by key.
    - `abbreviations`: without their full stop. `ordinals_have_a_stop`: "3." is the third.
    - `line_after_comma_is_small`: a line after one that ends with a comma goes on small, as in a German letter.
    - `spaced_marks`: marks with a no-break space before them. `nouns_are_large`: as in German.
    """

    code: str
    fillers: Words
    commands: Phrases
    literals: Words
    determiners: Words
    small_words: Words
    abbreviations: Words
    prepositions: Words = frozenset()
    keep_a_comma: Words = frozenset()
    words_for_word: Words = frozenset()
    tags: Words = frozenset()
    numbers: Words = frozenset()
    capitals: Mapping[str, str] = field(default_factory=dict)
    ordinals_have_a_stop: bool = False
    line_after_comma_is_small: bool = False
    spaced_marks: str = ""
    nouns_are_large: bool = False


def words(text: str) -> Words:
    """Return the words of `text` as a set, as they are compared: "ß" is "ss" then."""
    return frozenset(text.casefold().split())


def phrases(table: Iterable[tuple[str, Command]]) -> dict[tuple[str, ...], Command]:
    """Return commands by their words; ways to say the same are parted by a bar: "full stop | period"."""
    return {tuple(phrase.casefold().split()): command for names, command in table for phrase in names.split("|")}
