"""What a list of terms leaves alone: ordinary words, names, and pairs of them."""

from __future__ import annotations

import itertools

import pytest
from filter_words import NAMES, ORDINARY, TERMS

from thoth.dictation.filters.dictionary import dictionary_for
from thoth.dictation.filters.settings import DEFAULT_FLOOR

_FILTER = dictionary_for({}, TERMS, DEFAULT_FLOOR)
_OWN = {term.casefold() for term in TERMS}


@pytest.mark.parametrize("words", [ORDINARY, NAMES], ids=["words", "names"])
def test_words_and_names_stay(words: list[str]) -> None:
    asked = [word for word in words if word.casefold() not in _OWN]
    assert len(asked) > 240
    assert [(word, _FILTER(word)) for word in asked if _FILTER(word) != word] == []


def test_running_words_stay() -> None:
    for words in (ORDINARY, NAMES, ORDINARY[::7] + NAMES[::3]):
        text = " ".join(word for word in words if word.casefold() not in _OWN)
        assert _FILTER(text) == text


def test_words_beside_small_ones_stay() -> None:
    small = ("a", "the", "he", "is", "of", "and", "i", "to")
    words = [word for word in ORDINARY[::4] if word.casefold() not in _OWN]
    for word, other in itertools.product(words, small):
        for text in (f"{other} {word}", f"{word} {other}"):
            assert _FILTER(text) == text


def test_terms_are_found_as_they_are_misheard() -> None:
    heard = {
        "cooper netties": "Kubernetes",
        "cubernetes": "Kubernetes",
        "pie torch": "PyTorch",
        "graf ana": "Grafana",
        "terra form": "Terraform",
        "git hub": "GitHub",
        "type script": "TypeScript",
        "snow flake": "Snowflake",
        "data bricks": "Databricks",
        "blue tooth": "Bluetooth",
        "anthropik": "Anthropic",
        "muller": "Müller",
        "pie dantic": "Pydantic",
        "elastic search": "Elasticsearch",
    }
    assert {text: _FILTER(text) for text in heard} == heard
