"""The words that filters go by, a file for each language."""

from __future__ import annotations

from thoth.dictation.filters.languages.english import ENGLISH
from thoth.dictation.filters.languages.french import FRENCH
from thoth.dictation.filters.languages.german import GERMAN
from thoth.dictation.filters.languages.language import Language
from thoth.dictation.filters.languages.spanish import SPANISH

_TABLES = {language.code: language for language in (ENGLISH, GERMAN, FRENCH, SPANISH)}


def language_of(code: str) -> Language | None:
    """Return the tables of the language with this ISO 639-1 code ("en", also "en-GB"), or None where there are none."""
    return _TABLES.get(code.replace("_", "-").partition("-")[0].casefold())
