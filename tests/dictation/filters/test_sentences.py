"""Whole sentences: ordinary ones come out as they were said, dictated marks and commands are carried out.

`ordinary.tsv` has sentences that a filter might mistake: with the words that are commands in other senses, technical
terms, names, numbers, addresses, quotes. `dictated.jsonl` has commands with the punctuation that Whisper writes around
them, and without.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from thoth.dictation.filters.chain import filters_for
from thoth.dictation.filters.settings import FilterSettings

_HERE = Path(__file__).parent
_ORDINARY = [line.split("\t") for line in (_HERE / "ordinary.tsv").read_text("utf-8").splitlines()]
_DICTATED = [json.loads(line) for line in (_HERE / "dictated.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("code", "least"), [("en", 300), ("de", 110), ("fr", 85), ("es", 35)])
def test_ordinary_sentences_come_out_as_they_were_said(code: str, least: int) -> None:
    chain = filters_for(FilterSettings(language=code))
    sentences = [sentence for language, sentence in _ORDINARY if language == code]
    assert len(sentences) >= least
    # French has its no-break spaces before ? and !
    done = {sentence: chain(sentence).replace("\u00a0", " ") for sentence in sentences}
    assert {before: after for before, after in done.items() if after != before} == {}


@pytest.mark.parametrize("code", ["en", "de", "fr", "es"])
def test_commands_are_carried_out_however_they_are_punctuated(code: str) -> None:
    chain = filters_for(FilterSettings(language=code))
    rows = [row for row in _DICTATED if row["language"] == code]
    assert rows
    assert {row["heard"]: chain(row["heard"]) for row in rows} == {row["heard"]: row["text"] for row in rows}


@pytest.mark.parametrize(
    "sentence",
    [
        "can you scratch that off the list",
        "don't scratch that",
        "we can scratch that from the list",
        "did you delete that",
        "please delete that",
        "he wants me to delete that",
        "the billing period starts on monday",
        "during that period we lived in paris",
        "in fourth period we have math",
        "she won the hundred meter dash",
        "i ordered it on door dash",
        "save it as comma separated values",
        "he's a quote unquote genius",
        "we have three open quotes from vendors",
        "the car came to a complete full stop",
    ],
)
def test_without_any_punctuation_of_the_model_they_stay_as_well(sentence: str) -> None:
    assert filters_for()(sentence).casefold() == sentence


def test_a_text_that_is_only_said_to_be_deleted_is_not_lost() -> None:
    said = "We met at noon. Did you scratch that car? I hope not."
    assert filters_for()(said) == said
    assert re.sub(r"\W", "", filters_for()("I would scratch that whole plan.")) == "Iwouldscratchthatwholeplan"
