"""Phrases in text: found however they are written, and not in what only looks like them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth.errors import InvalidOption
from thoth.wake.phrase import PhraseMatcher, words_in, words_of

PHRASES = ("alexa", "computer", "jarvis", "smart mirror", "snowboy", "view glass", "hey thoth")
MATCHER = PhraseMatcher(PHRASES)

FOUND = [
    ("jarvis", "Jarvis, turn on the lights."),
    ("jarvis", "JARVIS"),
    ("jarvis", "jarvas"),
    ("jarvis", "Jervis!"),
    ("alexa", "so, a lexa what is the time"),
    ("snowboy", "Snow boy, stop."),
    ("snowboy", "snow-boy"),
    ("smart mirror", "smartmirror"),
    ("smart mirror", "Smart. Mirror."),
    ("smart mirror", "smart miror"),
    ("view glass", "few glass please"),
    ("view glass", "viewglass"),
    ("hey thoth", "Hey, Thoth!"),
    ("hey thoth", "and heythoth again"),
    ("hey thoth", "hay thoth"),
    ("hey thoth", "héy thöth"),
]

NEAR = [
    *("service", "harvest", "Travis", "Davis", "jars", "garden", "chavez", "nervous"),
    *("Alex", "Alexis", "Alexander", "relax", "a Lexus", "elect", "electric"),
    *("commuter", "compute", "computers", "competitor", "come to her", "commuters"),
    *("snowball", "cowboy", "no boy", "snow boots", "show boy", "so boy"),
    *("smart", "mirror", "smart phone", "smart man", "small mirror", "start the mirror"),
    *("the glass", "new glass", "wine glass", "view", "glasses", "review of glass"),
    *("hey there", "hey both", "hey", "they thought", "the other", "hey though", "a thought", "hey you"),
]

words = st.text(st.characters(codec="utf-8"), max_size=12)
texts = st.lists(words, max_size=8).map(" ".join)


@pytest.mark.parametrize(("phrase", "text"), FOUND)
def test_a_phrase_is_found_however_a_model_writes_it(phrase: str, text: str) -> None:
    match = MATCHER.find(text)
    assert match is not None
    assert match.phrase == phrase
    assert match.score >= MATCHER.threshold


@pytest.mark.parametrize("text", NEAR)
def test_common_words_that_are_near_a_phrase_are_not_it(text: str) -> None:
    assert MATCHER.find(text) is None
    assert MATCHER.find(f"well, {text} is it.") is None


def test_what_is_written_exactly_so_scores_1() -> None:
    assert [match.score for phrase in PHRASES if (match := MATCHER.find(phrase.upper()))] == [1.0] * len(PHRASES)


def test_a_likelier_phrase_in_the_same_place_is_preferred() -> None:
    match = PhraseMatcher(["hey jarvis", "jarvis"], threshold=0.7).find("say hey jarvis")
    assert match is not None
    assert (match.phrase, match.score) == ("hey jarvis", 1.0)


def test_the_first_of_several_is_found() -> None:
    match = MATCHER.find("I said alexa and computer")
    assert match is not None
    assert (match.phrase, match.begin, match.end) == ("alexa", 7, 12)
    assert (match.first_word, match.end_word) == (2, 3)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Jarvis, turn on the lights.", "turn on the lights."),
        ("okay jarvis: 7 o'clock", "7 o'clock"),
        ("snow boy turn on the fan", "turn on the fan"),
        ("jarvis, Jarvis! stop", "stop"),
        ("jarvis stop jarvis", "stop jarvis"),
        ("jarvis jarvis", ""),
        ("jarvis...", ""),
        (" nothing of the kind ", "nothing of the kind"),
        ("", ""),
    ],
)
def test_what_comes_after_the_phrase_is_the_rest(text: str, rest: str) -> None:
    assert MATCHER.without_phrase(text) == rest


def test_a_phrase_of_a_script_without_spaces_is_found_between_other_characters() -> None:
    match = PhraseMatcher(["你好"]).find("我说你好世界")
    assert match is not None
    assert (match.begin, match.end) == (2, 4)


@pytest.mark.parametrize(("threshold", "found"), [(0.9, True), (0.95, False)])
def test_the_threshold_decides(threshold: float, found: bool) -> None:
    assert (PhraseMatcher(["jarvis"], threshold).find("jarvas") is not None) == found


@pytest.mark.parametrize("threshold", [0, -1, 1.01, float("nan"), True, "0.8"])
def test_a_threshold_is_above_0_and_up_to_1(threshold: Any) -> None:
    with pytest.raises(InvalidOption, match="threshold"):
        PhraseMatcher(["jarvis"], threshold)


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    match = MATCHER.find(text)
    rest = MATCHER.without_phrase(text)
    assert rest in text
    if match is not None:
        assert 0 <= match.begin < match.end <= len(text)
        assert MATCHER.threshold <= match.score <= 1
        places = words_in(text)
        assert places[match.first_word][0] == match.begin
        assert places[match.end_word - 1][1] == match.end


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40).filter(words_of), texts, texts)
def test_every_phrase_finds_itself_between_words(phrase: str, before: str, after: str) -> None:
    matcher = PhraseMatcher([phrase])
    alone = matcher.find(phrase)
    assert alone is not None
    assert alone.score == 1.0
    text = f"{before} . {phrase} . {after}"
    match = matcher.find(text)
    assert match is not None
    assert match.begin <= text.index(phrase, len(before))


@given(texts, texts)
def test_a_phrase_is_found_within_words_only_at_their_borders(before: str, after: str) -> None:
    assert PhraseMatcher(["view glass"], 1.0).find(f"{before} xviewglassx {after}") is None


@given(texts)
def test_words_are_without_case_accents_and_punctuation(text: str) -> None:
    for word in words_of(text):
        assert word
        assert all(map(str.isalnum, word))
        assert words_of(word.upper()) or not word.upper().isalnum()
