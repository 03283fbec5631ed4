"""Several filters one after another, and those that settings ask for.

Why in this order:

1. artefacts: a sound's name in brackets parts phrases, commands and the turns of a loop.
2. repeats: before fillers and commands change the turns of a loop differently (a comma here, none there).
3. fillers: "new, uh, line" is a command only without its filler, and a comma around a filler is not dictated.
4. spoken: what a person's dictionary puts in is never carried out as a command; so the dictionary comes after.
5. dictionary: before spacing and casing, which make what was put in fit where it stands.
6. spacing: before casing, which looks for sentences, and finds them by the blanks between them.
7. casing: last, as every filter before may make another word the first of its sentence.

No two of them are promised to commute.
"""

from __future__ import annotations

from typing import Final

from thoth.dictation.filters.artefacts import artefacts
from thoth.dictation.filters.casing import casing_for
from thoth.dictation.filters.fillers import fillers_for
from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.languages import language_of
from thoth.dictation.filters.repeats import repeats
from thoth.dictation.filters.settings import FilterSettings
from thoth.dictation.filters.spacing import spacing_for
from thoth.dictation.filters.spoken import spoken_for

_DOTTED_I: Final = ("tr", "az")
"""Languages in which the capital of i is none of ASCII's; their words with an i are left."""


class FilterChain:
    """Filters applied in turn; itself a filter. Immutable, and as safe to share between threads as its filters."""

    def __init__(self, *filters: Filter) -> None:
        self._filters = filters

    @property
    def filters(self) -> tuple[Filter, ...]:
        """The filters, in the order in which they are applied."""
        return self._filters

    @property
    def names(self) -> tuple[str, ...]:
        """What the filters are called, in their order."""
        return tuple(getattr(each, "__name__", type(each).__name__) for each in self._filters)

    def __call__(self, text: str) -> str:
        """Return `text` as it comes out of the last filter."""
        for each in self._filters:
            text = each(text)
        return text

    def steps(self, text: str) -> list[tuple[str, str]]:
        """Return the name of each filter, with the text as it comes out of it; for showing what changed what."""
        done = []
        for name, each in zip(self.names, self._filters, strict=True):
            text = each(text)
            done.append((name, text))
        return done

    def __repr__(self) -> str:
        return f"FilterChain({', '.join(self.names)})"


def filters_for(settings: FilterSettings | None = None) -> FilterChain:
    """Return the filters that `settings` ask for; those of a language only where its tables are there.

    They never raise, take time linear in the text, and may be used by any number of threads at once. Text of ordinary
    words never comes out empty.
    """
    settings = settings or FilterSettings()
    language = language_of(settings.language)
    chosen: list[Filter] = []
    if settings.artefacts:
        chosen.append(artefacts)
    if settings.repeats:
        chosen.append(repeats)
    if settings.fillers and language:
        chosen.append(fillers_for(language))
    if settings.spoken and language:
        chosen.append(spoken_for(language))
    if settings.dictionary or settings.terms:
        chosen.append(_dictionary(settings))
    if settings.casing:
        dotted_i = settings.language.casefold().startswith(_DOTTED_I)
        chosen += [spacing_for(language), casing_for(language, settings.spellings, dotted_i=dotted_i)]
    return FilterChain(*chosen)


def _dictionary(settings: FilterSettings) -> Filter:
    # Only here are the phonetics needed, and the libraries for them.
    from thoth.dictation.filters.dictionary import dictionary_for

    return dictionary_for(settings.replacements, settings.all_terms, settings.dictionary_floor)
