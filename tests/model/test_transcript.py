"""Transcript, its parts, and how segment texts become one text."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth.model import formats
from thoth.model.transcript import Segment, Transcript, TranscriptionInfo, Word


def make_segment(text: str, *, words: tuple[Word, ...] | None = None) -> Segment:
    return Segment(1, 0, 0.0, 1.0, text, (50364, 50414), -0.2, 1.1, 0.01, words, 0.0)


def make_transcript(*segments: Segment, duration: float = 2.0, elapsed_s: float = 0.5) -> Transcript:
    info = TranscriptionInfo(
        language="en",
        language_probability=1.0,
        duration=duration,
        duration_after_vad=duration,
        model="nano.en",
        elapsed_s=elapsed_s,
    )
    return Transcript(segments, info)


def text_of(*texts: str) -> str:
    return make_transcript(*map(make_segment, texts)).text


def test_unpacks_and_indexes_like_the_pair_of_faster_whisper() -> None:
    transcript = make_transcript(make_segment(" Hello."))
    segments, info = transcript
    assert segments is transcript.segments is transcript[0]
    assert info is transcript.info is transcript[1]
    assert [segment.text for segment in segments] == [" Hello."]
    assert info.language == "en"


def test_segments_can_be_read_twice() -> None:
    segments, _ = make_transcript(make_segment(" Hello."))
    assert list(segments) == list(segments) != []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Word, "start end word probability"),
        (
            Segment,
            "id seek start end text tokens avg_logprob compression_ratio no_speech_prob words temperature",
        ),
    ],
)
def test_fields_are_those_of_faster_whisper_in_its_order(kind: type, expected: str) -> None:
    assert [entry.name for entry in dataclasses.fields(kind)] == expected.split()


def test_parts_cannot_be_changed_or_extended() -> None:
    transcript = make_transcript(make_segment(" a", words=(Word(0.0, 0.5, " a", 0.9),)))
    for part in (transcript, transcript.info, transcript.segments[0], transcript.words[0]):
        name = "info" if part is transcript else dataclasses.fields(part)[0].name  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            setattr(part, name, None)
        assert not hasattr(part, "__dict__")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), ""),
        ((" Hello",), "Hello"),
        ((" Hello,", " world."), "Hello, world."),
        (("Hello, ", "world."), "Hello, world."),
        (("Hello, ", " world."), "Hello, world."),
        (("Hello.", "World."), "Hello. World."),
        ((" Hello", ".", " World", "!"), "Hello. World!"),
        ((" He said (", "quietly", ") yes"), "He said (quietly) yes"),
        ((" Qué?", "¿Cómo?"), "Qué? ¿Cómo?"),
        ((" a", "", "  ", "\n", " b"), "a b"),
        ((" two  spaces", " inside"), "two  spaces inside"),
        (("今日は", "いい天気です。", "そうですね"), "今日はいい天気です。そうですね"),
        (("你好", "，", "世界"), "你好，世界"),
        (("สวัสดี", "ครับ"), "สวัสดีครับ"),
        (("今日は", " Python", "を"), "今日は Pythonを"),
        (("今日は ", "Python", "を"), "今日は Pythonを"),
        (("안녕하세요.", "반갑습니다."), "안녕하세요. 반갑습니다."),
        ((" Привет.", "Мир."), "Привет. Мир."),
    ],
)
def test_text_has_each_space_once_where_its_script_wants_it(texts: tuple[str, ...], expected: str) -> None:
    assert text_of(*texts) == expected


@given(st.lists(st.lists(st.text("abcé", min_size=1), min_size=1), min_size=1), st.data())
def test_no_word_is_lost_or_merged_however_segments_are_spaced(segments: list[list[str]], data: st.DataObject) -> None:
    space = st.sampled_from(["", " ", "  ", "\n"])
    texts = [data.draw(space) + " ".join(words) + data.draw(space) for words in segments]
    assert text_of(*texts) == " ".join(word for words in segments for word in words)


def test_words_come_from_all_segments_in_order() -> None:
    one, two, three = (Word(float(n), n + 0.5, f" {n}", 0.9) for n in range(3))
    transcript = make_transcript(
        make_segment(" 0 1", words=(one, two)), make_segment(" without"), make_segment(" 2", words=(three,))
    )
    assert transcript.words == (one, two, three)
    assert make_transcript(make_segment(" without")).words == ()


def test_rtf_is_processing_time_over_audio_time() -> None:
    assert make_transcript(duration=10.0, elapsed_s=2.5).info.rtf == 0.25
    assert make_transcript(duration=0.0, elapsed_s=2.5).info.rtf == 0.0


def test_survives_pickling() -> None:
    transcript = make_transcript(make_segment(" a", words=(Word(0.0, 0.5, " a", 0.9),)))
    copy = pickle.loads(pickle.dumps(transcript))
    assert copy == transcript
    assert type(copy) is Transcript
    assert copy.segments[0].words == transcript.segments[0].words


@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_format_has_its_method(name: str) -> None:
    transcript = make_transcript(make_segment(" Hello."))
    assert getattr(transcript, f"to_{name}")() == formats.FORMATS[name](transcript)
