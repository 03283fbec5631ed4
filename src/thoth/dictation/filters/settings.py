"""Which filters a person wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

from thoth.errors import InvalidOption

DEFAULT_FLOOR: Final = 0.85
"""See `soundalikes`, where it was measured."""


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """What to do to dictated text. Raises InvalidOption for values that make no sense.

    - `language`: ISO 639-1 code. There are tables for en, de, fr and es; with any other, or "auto", `fillers` and
      `spoken` do nothing, and `casing` goes by rules that hold in most languages.
    - `artefacts`: take out what Whisper writes where nothing was said. `repeats`: reduce loops to one turn.
    - `fillers`: take out um, uh and their like. `spoken`: carry out "comma", "new line", "scratch that" …
    - `casing`: sentences begin with a capital, one blank between words, none before a comma.
    - `dictionary`: what is heard and what to write for it ("tot": "Thoth"), or a list of terms as for `terms`.
    - `terms`: words and names (up to three words each) that stand for whatever sounds like them.
    - `dictionary_floor`: how alike in spelling, 0 to 1, a word and the term that it sounds like must be.
    """

    language: str = "en"
    artefacts: bool = True
    repeats: bool = True
    fillers: bool = True
    spoken: bool = True
    casing: bool = True
    dictionary: Mapping[str, str] | Sequence[str] = field(default_factory=dict)
    terms: Sequence[str] = ()
    dictionary_floor: float = DEFAULT_FLOOR

    def __post_init__(self) -> None:
        _require_language(self.language)
        for option in fields(self):
            if option.type == "bool" and not isinstance(getattr(self, option.name), bool):
                raise InvalidOption(f"{option.name} takes True or False, not {getattr(self, option.name)!r}")
        if isinstance(self.dictionary, Mapping):
            _require_texts("dictionary", [*self.dictionary.keys(), *self.dictionary.values()])
        else:
            _require_texts("dictionary", self.dictionary)
        _require_texts("terms", self.terms)
        _require_share("dictionary_floor", self.dictionary_floor)

    @property
    def replacements(self) -> Mapping[str, str]:
        """What is replaced word for word."""
        return self.dictionary if isinstance(self.dictionary, Mapping) else {}

    @property
    def all_terms(self) -> tuple[str, ...]:
        """What stands for whatever sounds like it."""
        listed = () if isinstance(self.dictionary, Mapping) else self.dictionary
        return (*listed, *self.terms)

    @property
    def spellings(self) -> frozenset[str]:
        """All words that the dictionary writes; casing leaves them as they are."""
        return frozenset(word for text in (*self.replacements.values(), *self.all_terms) for word in text.split())


def _require_texts(name: str, values: object) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidOption(f"{name} takes a table of texts or a list of texts, not {values!r}")
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise InvalidOption(f"{name} takes texts that are not empty, not {value!r}")


def _require_language(value: object) -> None:
    if not isinstance(value, str) or not value:
        raise InvalidOption(f"language takes a code such as 'en' or 'de', or 'auto', not {value!r}")


def _require_share(name: str, value: object) -> None:
    # What is not a number fails the comparison.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InvalidOption(f"{name} takes a number from 0 to 1, not {value!r}")
