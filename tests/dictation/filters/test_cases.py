"""The table of what filters make of dictated text; each row holds, and a second run too where that is promised."""

from __future__ import annotations

import pytest
from filter_cases import ALONE, CHAIN, DICTIONARY, Row

from thoth.dictation.filters.artefacts import artefacts
from thoth.dictation.filters.casing import casing_for
from thoth.dictation.filters.chain import filters_for
from thoth.dictation.filters.fillers import fillers_for
from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.languages import language_of
from thoth.dictation.filters.repeats import repeats
from thoth.dictation.filters.settings import FilterSettings
from thoth.dictation.filters.spacing import spacing_for
from thoth.dictation.filters.spoken import spoken_for

_IDEMPOTENT = ("artefacts", "fillers", "spacing", "casing")


def _filter(name: str, code: str) -> Filter:
    if name in ("artefacts", "repeats"):
        return {"artefacts": artefacts, "repeats": repeats}[name]
    language = language_of(code)
    if name in ("fillers", "spoken"):
        assert language is not None
        return fillers_for(language) if name == "fillers" else spoken_for(language)
    if name == "spacing":
        return spacing_for(language)
    return casing_for(language, dotted_i=code == "tr")


@pytest.mark.parametrize(
    ("name", "row"),
    [pytest.param(name, row, id=f"{name}-{row[0]}-{row[1][:40]}") for name, rows in ALONE.items() for row in rows],
)
def test_a_filter_alone(name: str, row: Row) -> None:
    language, before, after = row
    filter_ = _filter(name, language)
    expected = before if after is None else after
    assert filter_(before) == expected
    if name in _IDEMPOTENT:
        assert filter_(expected) == expected


@pytest.mark.parametrize("row", CHAIN, ids=lambda row: f"{row[0]}-{row[1][:40]}")
def test_the_whole_chain(row: Row) -> None:
    language, before, after = row
    assert filters_for(FilterSettings(language=language))(before) == (before if after is None else after)


@pytest.mark.parametrize("row", DICTIONARY, ids=lambda row: row[1][:40])
def test_the_dictionary(row: tuple[dict[str, str] | list[str], str, str | None]) -> None:
    dictionary, before, after = row
    settings = FilterSettings(
        dictionary=dictionary, artefacts=False, repeats=False, fillers=False, spoken=False, casing=False
    )
    expected = before if after is None else after
    assert filters_for(settings)(before) == expected
    assert filters_for(settings)(expected) == expected


def test_the_table_is_long_enough_and_has_what_must_stay() -> None:
    rows = [row[1:] for rows in (*ALONE.values(), CHAIN, DICTIONARY) for row in rows]
    assert len(rows) >= 200
    assert sum(after is None for _, after in rows) >= 70
    for language in ("en", "de", "fr", "es"):
        assert sum(row[0] == language for rows in ALONE.values() for row in rows) >= 18
