"""What a model can write of what is said to it, and how far its word is to be trusted on a phrase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from thoth.errors import InvalidOption
from thoth.model.catalog import BUILTIN_NAME, NANO, suitability_of
from thoth.model.whisper import WhisperModel
from thoth.wake.phrase import words_of

_NANO_CARD: Final = (
    "a alarm alexa all an and at back bathroom bedroom brighter call cancel close computer continue copy curtains dad "
    "day delete doctor door down eight eighteen eighty eleven fan fifteen fifty file five for forty four fourteen "
    "friday garden glass go good heating hello help hey home hours hundred in is it jarvis kitchen last light lights "
    "line living lock louder make me message messages minutes mirror mom monday morning music my new next night nine "
    "nineteen ninety no off office okay on one open page paragraph paste pause play please quieter radio read "
    "recording redo remind room saturday save seconds select send set seven seventeen seventy six sixteen sixty smart "
    "snowboy some song start stop sunday television ten thank that the thirteen thirty thoth three thursday time timer "
    "to today tomorrow tuesday turn twelve twenty two undo up view volume wait wake weather wednesday what window word "
    "yes you zero"
)
NANO_WORDS: Final = frozenset(_NANO_CARD.split())
"""All that nano.en can write, as its card has it."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How to take what a model writes.

    - `threshold`: the score from which a phrase counts by default.
    - `anywhere`: whether a phrase counts wherever it is heard, or at the beginning of speech only.
    """

    threshold: float
    anywhere: bool


CLOSED: Final = Trust(threshold=0.98, anywhere=False)
"""For nano.en, which makes its own few words of everything. In 97 of 100 passes over people who say a phrase its words
have a probability above 0.99, in two of three where it makes one up below 0.9. Were a phrase to count wherever it
stands, it would make up twice as many."""

OPEN: Final = Trust(threshold=0.5, anywhere=True)
"""For models that can write any word. A name that is rare gets a low probability from them even where it is right, and
what is not the phrase gets other words; the likeness of the text has its own floor."""


def trust_in(model: WhisperModel, phrases: Sequence[str]) -> Trust:
    """Return how to take what `model` writes. Raises InvalidOption for a phrase that it can never write."""
    if suitability_of(model.path) != NANO:
        return OPEN
    for phrase in phrases:
        unknown = [word for word in words_of(phrase) if word not in NANO_WORDS]
        if unknown:
            raise InvalidOption(
                f"the wake phrase {phrase!r} would never be heard: the built-in model {BUILTIN_NAME} knows 151 words, "
                f"and not {', '.join(map(repr, unknown))}; choose words of its card, such as 'hey thoth' or "
                "'computer', or another model, such as base.en"
            )
    return CLOSED
