"""Which filters there are for which settings, in which order, and what settings are refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from thoth.dictation.filters.chain import FilterChain, filters_for
from thoth.dictation.filters.settings import FilterSettings
from thoth.errors import InvalidOption

_ALL = ("artefacts", "repeats", "fillers", "spoken", "dictionary", "spacing", "casing")


def test_all_filters_stand_in_their_order() -> None:
    assert filters_for(FilterSettings(dictionary=["Thoth"])).names == _ALL
    assert filters_for().names == tuple(name for name in _ALL if name != "dictionary")


@pytest.mark.parametrize("code", ["auto", "tr", "xx", "ja"])
def test_a_language_without_tables_gets_what_needs_none(code: str) -> None:
    assert filters_for(FilterSettings(language=code)).names == ("artefacts", "repeats", "spacing", "casing")


@pytest.mark.parametrize("code", ["en-GB", "EN", "en_us"])
def test_a_region_has_the_tables_of_its_language(code: str) -> None:
    assert filters_for(FilterSettings(language=code))("um hello comma you") == "Hello, you"


@pytest.mark.parametrize("name", ["artefacts", "repeats", "fillers", "spoken"])
def test_each_filter_can_be_left_out(name: str) -> None:
    assert name not in filters_for(FilterSettings(**{name: False})).names


def test_without_casing_letters_and_blanks_stay() -> None:
    assert filters_for(FilterSettings(casing=False))(" hello  you ") == " hello  you "


def test_no_filters_change_nothing() -> None:
    assert FilterChain()(" um  [Music] ") == " um  [Music] "


def test_steps_tell_what_each_filter_made_of_it() -> None:
    chain = filters_for(FilterSettings(dictionary={"tot": "Thoth"}))
    assert chain.steps("um tot comma  yes [Music]") == [
        ("artefacts", "um tot comma  yes"),
        ("repeats", "um tot comma  yes"),
        ("fillers", "tot comma  yes"),
        ("spoken", "tot,  yes"),
        ("dictionary", "Thoth,  yes"),
        ("spacing", "Thoth, yes"),
        ("casing", "Thoth, yes"),
    ]


def test_what_the_dictionary_puts_in_is_no_command_and_keeps_its_case() -> None:
    chain = filters_for(FilterSettings(dictionary={"pause sign": "comma", "num pie": "numpy"}))
    assert chain("num pie is fine. pause sign. Numpy") == "numpy is fine. comma. Numpy"


def test_a_table_and_terms_work_together() -> None:
    chain = filters_for(FilterSettings(dictionary={"tot": "Thoth"}, terms=["Kubernetes"]))
    assert chain("tot on cooper netties") == "Thoth on Kubernetes"


def test_the_floor_decides_what_is_alike() -> None:
    strict = FilterSettings(dictionary=["Kubernetes"], dictionary_floor=1.0)
    assert filters_for(strict)("on cubernetes") == "On cubernetes"
    assert filters_for(FilterSettings(dictionary=["Kubernetes"]))("on cubernetes") == "On Kubernetes"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", None),
        ("language", ""),
        ("fillers", "no"),
        ("casing", 1),
        ("dictionary", "Thoth"),
        ("dictionary", {"tot": ""}),
        ("dictionary", {" ": "Thoth"}),
        ("dictionary", {"tot": 1}),
        ("dictionary", ["Thoth", None]),
        ("terms", "Thoth"),
        ("dictionary_floor", 80),
        ("dictionary_floor", float("nan")),
        ("dictionary_floor", True),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidOption, match=f"^{name} takes "):
        FilterSettings(**{name: value})


def test_without_a_dictionary_the_phonetics_are_not_loaded() -> None:
    code = (
        "import sys; from thoth.dictation.filters.chain import filters_for; filters_for()('hello');"
        "print(sorted({'jellyfish', 'rapidfuzz', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
