"""What holds for every text."""

from __future__ import annotations

import time

import pytest
from filter_words import ORDINARY
from hypothesis import example, given, settings
from hypothesis import strategies as st

from thoth.dictation.filters.artefact_words import STOCK
from thoth.dictation.filters.artefacts import artefacts
from thoth.dictation.filters.casing import casing_for
from thoth.dictation.filters.chain import filters_for
from thoth.dictation.filters.dictionary import dictionary_for
from thoth.dictation.filters.fillers import fillers_for
from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.languages import language_of
from thoth.dictation.filters.pieces import join, split
from thoth.dictation.filters.repeats import repeats
from thoth.dictation.filters.settings import FilterSettings
from thoth.dictation.filters.spacing import spacing_for
from thoth.dictation.filters.spoken import spoken_for

_CODES = ("en", "de", "fr", "es", "auto")
_LANGUAGES = [language for code in _CODES if (language := language_of(code))]
_DICTIONARY = {"a": "a b", "x a": "q", "tot": "Thoth", "b": "B!", "comma": "a", "w x": "(z)", "um": "«um»"}
_TERMS = ["Kubernetes", "PyTorch", "New Relic", "Müller", "日本", "Katherine", "Catherine"]

_IDEMPOTENT: dict[str, Filter] = {
    "artefacts": artefacts,
    "dictionary": dictionary_for(_DICTIONARY, _TERMS, 0.5),
    **{f"fillers-{language.code}": fillers_for(language) for language in _LANGUAGES},
    **{f"spacing-{code}": spacing_for(language_of(code)) for code in _CODES},
    **{f"casing-{code}": casing_for(language_of(code), frozenset({"b"})) for code in _CODES},
}
_ALL: dict[str, Filter] = {
    **_IDEMPOTENT,
    "repeats": repeats,
    **{f"spoken-{language.code}": spoken_for(language) for language in _LANGUAGES},
    **{f"chain-{code}": filters_for(FilterSettings(language=code, dictionary=_DICTIONARY)) for code in _CODES},
}

# Single characters, surrogates and control characters among them, and what means something to a filter.
_ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
_TELLING = sorted(
    {
        *".,;:?!…-–—\"'“”„«»()[]{}*♪<>|_/@#",
        *(" ", "  ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u202f", "\u2028", "...", "?!", ":)", " ,", "’s", "'s"),
        *(
            "<|en|>",
            "[_BEG_]",
            "Music",
            "music",
            "silence",
            "I",
            "i",
            "i'm",
            "3.14",
            "10:30",
            "3.",
            "a",
            "A",
            "b",
            "x",
            "w",
        ),
        *("Mr.", "e.g.", "https://a.b/c", "a@b.c", "tot", "um", "Um", "uh", "eh", "äh", "euh", "word", "yes", "monday"),
        *(
            "Thanks for watching!",
            "literal",
            "the",
            "kubernetes",
            "cooper netties",
            "pie",
            "torch",
            "new",
            "relic",
            "Müller",
        ),
        *("🙂", "\u200f", "مرحبا", "日本", "ß", "ǆ", "ŉ", "é", "\ud800", "\x00", "\x1c", "\ufeff", "İ", "ﬁ"),
        *(" ".join(phrase) for language in _LANGUAGES for phrase in language.commands),
    }
)
_TELLING_TEXT = st.lists(
    st.tuples(st.sampled_from(_TELLING), st.sampled_from(["", " ", " ", " "])).map("".join), max_size=25
).map("".join)
_TEXT = st.one_of(_ANY_TEXT, _TELLING_TEXT)


@pytest.mark.parametrize("name", _ALL)
@given(text=_TEXT)
@settings(max_examples=200, deadline=None)
def test_no_text_makes_a_filter_raise(name: str, text: str) -> None:
    assert isinstance(_ALL[name](text), str)


@pytest.mark.parametrize("name", _IDEMPOTENT)
@given(text=_TEXT)
@settings(max_examples=400, deadline=None)
@example("([music] music)")
@example("[[music] music]")
@example("*music *sighs* music*")
@example("Um uh um yes")
@example('"um uh"')
@example("w a x a")
def test_a_second_run_changes_nothing(name: str, text: str) -> None:
    once = _IDEMPOTENT[name](text)
    assert _IDEMPOTENT[name](once) == once


_SMALL_TEXT = st.lists(st.sampled_from(["a", "b", "c", "A", "a,", '"b', "c's", "\n"]), min_size=1, max_size=8).map(
    " ".join
)
_SMALL_ENTRY = _SMALL_TEXT.filter(str.strip)


@given(
    replacements=st.dictionaries(_SMALL_ENTRY, _SMALL_ENTRY, max_size=4), terms=st.lists(_SMALL_ENTRY), text=_SMALL_TEXT
)
@settings(max_examples=300, deadline=None)
def test_no_entries_of_a_dictionary_chase_each_other(replacements: dict[str, str], terms: list[str], text: str) -> None:
    filter_ = dictionary_for(replacements, terms, 0.5)
    once = filter_(text)
    assert filter_(once) == once


@given(text=_TEXT)
@settings(max_examples=400, deadline=None)
def test_pieces_join_to_the_text(text: str) -> None:
    assert join(*split(text)) == text


# Words that are no command, no filler and no stock sentence; numbers, names and words with accents among them.
_PLAIN_WORD = st.one_of(
    st.sampled_from(ORDINARY),
    st.text(st.characters(categories=["Ll", "Lu", "Lo"]), min_size=2, max_size=12),
)
_ENDINGS = st.sampled_from(["", ",", ".", "?", "!", ";", ":", "..."])
_PLAIN = st.lists(st.tuples(_PLAIN_WORD, _ENDINGS), min_size=1, max_size=12)


def _is_plain(text: str) -> bool:
    keys = {piece.key for piece in split(text)[0]}
    special = {key for language in _LANGUAGES for phrase in language.commands for key in phrase}
    special |= {key for language in _LANGUAGES for key in (*language.fillers, *language.literals)}
    return not keys & special and " ".join(keys) not in STOCK


@pytest.mark.parametrize("code", _CODES)
@given(parts=_PLAIN)
@settings(max_examples=200, deadline=None)
def test_a_plain_sentence_keeps_every_word(code: str, parts: list[tuple[str, str]]) -> None:
    text = " ".join(word + ending for word, ending in parts)
    if not _is_plain(text):
        return
    done = filters_for(FilterSettings(language=code, repeats=False))(text)
    done = done.replace("\u00a0", "")
    # Large letters are compared: a dotless i has the same as one with a dot.
    assert done.upper().split() == text.upper().split()


@pytest.mark.parametrize("code", _CODES)
@given(parts=_PLAIN)
@settings(max_examples=100, deadline=None)
def test_a_plain_sentence_is_never_emptied(code: str, parts: list[tuple[str, str]]) -> None:
    text = " ".join(word + ending for word, ending in parts)
    if _is_plain(text):
        done = filters_for(FilterSettings(language=code, dictionary=_TERMS, dictionary_floor=0.0))(text)
        assert any(character.isalpha() for character in done)


_LONG = 100_000
_ADVERSARIAL = {
    "blanks": " ",
    "line breaks": "\n",
    "commas": ",",
    "blank commas": " ,",
    "openers": "(",
    "closers": ")",
    "brackets": "[(*<",
    "closing brackets": "])*>",
    "nested annotations": "[music ",
    "bars": "<|",
    "asterisks": "*music",
    "quotes": '"',
    "notes": "♪ ",
    "dots": ".",
    "letters": "a",
    "glued": "ab,",
    "one word": "um ",
    "one command": "comma ",
    "deletes": "a. scratch that. ",
    "breaks": "new line ",
    "quoting": "open quote close quote ",
    "opening": "open quote ",
    "doubts": "the period ",
    "literals": "literal ",
    "phrases begun": "new open close question ",
    "loops": "a b a b a b c ",
    "terms": "cooper netties ",
    "keys": "x a w x tot's ",
    "surrogates": "\ud800 ",
}


@pytest.mark.parametrize("name", _ADVERSARIAL)
def test_time_grows_with_the_text_and_not_faster(name: str) -> None:
    """Anything quadratic takes minutes; the bound is some ten times what a busy machine needs."""
    _require_done_in_time(_ADVERSARIAL[name] * (_LONG // len(_ADVERSARIAL[name])))


def test_ordinary_words_are_done_in_time() -> None:
    sentence = " ".join(ORDINARY) + ". "
    _require_done_in_time(sentence * (_LONG // len(sentence)))


def _require_done_in_time(text: str) -> None:
    chain = filters_for(FilterSettings(dictionary=_DICTIONARY, terms=_TERMS))
    begin = time.process_time()
    chain(text)
    assert time.process_time() - begin < 20
