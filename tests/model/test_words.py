"""Words out of tokens: any language, broken bytes, and times that run forward."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth import _native
from thoth.audio.decode import decode
from thoth.audio.samples import SAMPLE_RATE_HZ
from thoth.model.store import ASSETS
from thoth.model.transcript import Word
from thoth.model.windows import Piece
from thoth.model.words import UNSPACED_LANGUAGES, words_of

TEXT_END = 50_257


@dataclass
class Token:
    """What `_native.TokenResult` tells; that one is made by the engine only."""

    text: bytes
    start_s: float = 0.0
    end_s: float = 0.0
    probability: float = 1.0
    id: int = 5


def words(*tokens: Token, language: str = "en", offset_s: float = 0.0, end_s: float = 30.0) -> tuple[Word, ...]:
    piece = Piece(0.0, offset_s, end_s - offset_s)
    return words_of(cast("list[_native.TokenResult]", list(tokens)), language, TEXT_END, piece)


def texts(*pieces: bytes, language: str = "en") -> list[str]:
    return [word.word for word in words(*map(Token, pieces), language=language)]


def cut(text: str, lengths: list[int]) -> list[bytes]:
    """Cut the bytes of a text without regard for characters."""
    data, pieces = text.encode(), []
    for length in lengths:
        pieces.append(data[:length])
        data = data[length:]
    return [*pieces, data]


def test_a_word_begins_at_a_space() -> None:
    assert texts(b" The", b" un", b"believ", b"able", b" end", b".") == [" The", " unbelievable", " end."]


def test_a_first_word_needs_no_space() -> None:
    assert texts(b"The", b" end") == ["The", " end"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_character_may_span_tokens(language: str) -> None:
    assert texts(b"\xe4", b"\xbd", b"\xa0", language=language) == ["你"]
    assert texts(b" na\xc3", b"\xafve", b" \xf0\x9f", b"\x98", b"\x80", b" yes") == [" naïve", " 😀", " yes"]


def test_languages_without_spaces_have_a_word_for_each_token_of_whole_characters() -> None:
    assert texts(b"\xe4\xbd", b"\xa0\xe5", b"\xa5\xbd", "我们".encode(), "是".encode(), language="zh") == [
        "你好",
        "我们",
        "是",
    ]
    assert texts("สวัส".encode(), "ดี".encode(), language="th") == ["สวัส", "ดี"]


def test_closing_punctuation_belongs_to_the_word_before() -> None:
    pieces = ["你好", ",", "世界", "。", "「", "好", "」", "!"]
    assert texts(*(piece.encode() for piece in pieces), language="zh") == ["你好,", "世界。", "「", "好」!"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_broken_bytes_harm_no_other_word(language: str) -> None:
    assert texts(b" one\xff", b" two", b" \xe4\xbd", b" three", language=language) == [
        " one\ufffd",
        " two",
        " \ufffd",
        " three",
    ]


def test_special_tokens_belong_to_no_word() -> None:
    tokens = [Token(b"[_TT_0]", id=TEXT_END + 107), Token(b" one"), Token(b"[_EOT_]", id=TEXT_END), Token(b" two")]
    assert [word.word for word in words(*tokens)] == [" one", " two"]


def test_spaces_alone_are_no_word() -> None:
    assert texts(b" ", b" one", b" ", b"", b"  ") == [" one"]
    assert words() == ()


def test_a_word_lasts_from_its_first_token_to_its_last() -> None:
    found = words(
        Token(b" un", 1.0, 1.25, 0.5), Token(b"do", 1.25, 1.5, 1.0), Token(b" it", 1.75, 2.0, 0.25), offset_s=10.0
    )
    assert found == (Word(11.0, 11.5, " undo", 0.75), Word(11.75, 12.0, " it", 0.25))


def test_special_tokens_do_not_count_for_times_and_probability() -> None:
    found = words(Token(b" a", 1.0, 2.0, 0.5), Token(b"[_TT_9]", 5.0, 6.0, 0.0, id=TEXT_END + 50))
    assert found == (Word(1.0, 2.0, " a", 0.5),)


def test_times_are_clipped_to_the_audio_and_never_run_backwards() -> None:
    found = words(
        Token(b" a", -1.0, 1.0), Token(b" b", 0.5, 0.25), Token(b" c", 3.0, 9.0), Token(b" d", 9.5, 9.75), end_s=4.0
    )
    assert [(word.start, word.end) for word in found] == [(0.0, 1.0), (1.0, 1.0), (3.0, 4.0), (4.0, 4.0)]


def test_times_are_read_against_the_piece_of_the_window_in_which_the_words_lie() -> None:
    tokens = cast("list[_native.TokenResult]", [Token(b" a", 3.75, 4.5), Token(b" b", 4.5, 9.0)])
    found = words_of(tokens, "en", TEXT_END, Piece(4.0, 100.0, 2.0))
    assert found == (Word(100.0, 100.5, " a", 1.0), Word(100.5, 102.0, " b", 1.0))


TIMES = st.floats(-2, 40)


@given(st.lists(st.tuples(TIMES, TIMES), max_size=20), st.floats(0, 1e5), st.floats(0, 30))
def test_times_run_forward_whatever_the_engine_says(
    spans: list[tuple[float, float]], offset_s: float, duration_s: float
) -> None:
    tokens = [Token(b" x", start_s, end_s) for start_s, end_s in spans]
    found = words(*tokens, offset_s=offset_s, end_s=offset_s + duration_s)
    times = [time for word in found for time in (word.start, word.end)]
    assert len(found) == len(spans)
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert all(round(offset_s, 3) <= time <= round(offset_s + duration_s, 3) for time in times)


@given(
    st.text(st.sampled_from("ab .,你好。😀é\u0e01"), max_size=30),
    st.lists(st.integers(0, 4), max_size=40),
    st.sampled_from(["en", *sorted(UNSPACED_LANGUAGES)]),
)
def test_no_character_is_lost_or_broken_wherever_tokens_end(text: str, lengths: list[int], language: str) -> None:
    joined = "".join(texts(*cut(text, lengths), language=language))
    assert re.sub(" ", "", joined) == re.sub(" ", "", text)


def test_real_tokens_become_the_words_of_the_recording(manifest: dict[str, dict[str, Any]]) -> None:
    name = "tts_13.flac"
    samples = decode(Path(__file__).parent.parent / "audio_files" / name)
    engine = _native.Engine(os.fsencode(ASSETS / "ggml-nano.en-q5_1.bin"))
    options = _native.DecodeOptions()
    options.token_timestamps = True
    options.audio_context = options.FULL_CONTEXT
    end_s = len(samples) / SAMPLE_RATE_HZ
    found = [
        word
        for segment in engine.transcribe(samples, options).segments
        for word in words_of(segment.tokens, "en", engine.end_of_text_token, Piece(0.0, 0.0, end_s))
    ]
    assert [word.word for word in found] == [f" {word}" for word in manifest[name]["text"].split()]
    (said,) = manifest[name]["segments"]
    assert found[0].start == pytest.approx(said["start"], abs=0.3)
    assert found[-1].end == pytest.approx(said["end"], abs=0.3)
    assert all(earlier.end <= later.start for earlier, later in pairwise(found))
    assert all(0 < word.probability <= 1 for word in found)
