"""The file formats: exact output, and whatever is written reads back as the same cues."""

from __future__ import annotations

import html
import io
import itertools
import json
import math
import re
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from thoth.model.formats import FORMATS, to_json, to_lrc, to_srt, to_tsv, to_txt, to_vtt
from thoth.model.transcript import Segment, Transcript, TranscriptionInfo, Word


class Cue(NamedTuple):
    start_ms: int
    end_ms: int
    text: str


def transcript_of(*cues: tuple[float, float, str], **info: Any) -> Transcript:
    segments = tuple(
        Segment(number, 0, start, end, text, (), -0.25, 1.0, 0.0)
        for number, (start, end, text) in enumerate(cues, start=1)
    )
    facts: dict[str, Any] = {
        "language": "en",
        "language_probability": 1.0,
        "duration": 65.4,
        "duration_after_vad": 60.0,
        "model": "nano.en",
        "elapsed_s": 1.5,
    }
    return Transcript(segments, TranscriptionInfo(**facts | info))


SMALL = transcript_of((0.0, 1.5, " Hello, <world> & all."), (61.25, 62.0, " Grüße\n\n今日は"), (70.0, 71.0, " \n"))


def test_txt_exactly() -> None:
    assert to_txt(SMALL) == "Hello, <world> & all.\nGrüße 今日は\n"


def test_srt_exactly() -> None:
    assert to_srt(SMALL) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello, <world> & all.\n\n2\n00:01:01,250 --> 00:01:02,000\nGrüße 今日は\n\n"
    )


def test_vtt_exactly() -> None:
    assert to_vtt(SMALL) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:01.500\nHello, &lt;world&gt; &amp; all.\n\n"
        "00:01:01.250 --> 00:01:02.000\nGrüße 今日は\n\n"
    )


def test_tsv_exactly() -> None:
    assert to_tsv(SMALL) == "start\tend\ttext\n0\t1500\tHello, <world> & all.\n61250\t62000\tGrüße 今日は\n"


def test_lrc_exactly() -> None:
    assert to_lrc(SMALL) == ("[re:Thoth]\n[length:01:05]\n[00:00.00]Hello, <world> & all.\n[01:01.25]Grüße 今日は\n")


def test_json_exactly() -> None:
    segment = Segment(1, 0, 0.5, 1.0, " Grüße", (50363, 7), -0.25, 0.9, 0.1, (Word(0.5, 1.0, " Grüße", 0.75),), 0.2)
    info = transcript_of(
        language="de",
        all_language_probs=(("de", 0.75), ("en", 0.25)),
        transcription_options={"beam_size": 5, "temperature": (0.0, 0.2)},
        problems=("0:12 to 0:13 cannot be decoded",),
    ).info
    assert to_json(Transcript((segment,), info)) == (
        '{"text": "Grüße", "language": "de", "segments": [{"id": 1, "seek": 0, "start": 0.5, "end": 1.0, '
        '"text": " Grüße", "tokens": [50363, 7], "avg_logprob": -0.25, "compression_ratio": 0.9, '
        '"no_speech_prob": 0.1, '
        '"words": [{"start": 0.5, "end": 1.0, "word": " Grüße", "probability": 0.75}], '
        '"temperature": 0.2}], "info": {"language": "de", "language_probability": 1.0, "duration": 65.4, '
        '"duration_after_vad": 60.0, "all_language_probs": [["de", 0.75], ["en", 0.25]], '
        '"transcription_options": {"beam_size": 5, "temperature": [0.0, 0.2]}, "model": "nano.en", '
        '"elapsed_s": 1.5, "audio_context_reruns": 0, "problems": ["0:12 to 0:13 cannot be decoded"]}}\n'
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("txt", ""),
        ("srt", ""),
        ("vtt", "WEBVTT\n\n"),
        ("tsv", "start\tend\ttext\n"),
        ("lrc", "[re:Thoth]\n[length:01:05]\n"),
    ],
)
def test_empty_transcript_gives_an_empty_but_valid_file(name: str, expected: str) -> None:
    assert FORMATS[name](transcript_of()) == expected


def test_empty_transcript_gives_json_with_every_key() -> None:
    document = json.loads(to_json(transcript_of()))
    assert document["text"] == ""
    assert document["segments"] == []
    assert document["info"]["transcription_options"] == {}
    assert document["info"]["all_language_probs"] is None


def test_formats_are_those_of_the_command_line() -> None:
    assert list(FORMATS) == ["txt", "srt", "vtt", "json", "tsv", "lrc"]


@pytest.mark.parametrize(
    ("seconds", "srt", "lrc"),
    [
        (0.0004, "00:00:00,000", "00:00.00"),
        (0.9996, "00:00:01,000", "00:01.00"),
        (59.9996, "00:01:00,000", "01:00.00"),
        (59.995, "00:00:59,995", "01:00.00"),
        (3599.9999, "01:00:00,000", "60:00.00"),
        (359_999.9999, "100:00:00,000", "6000:00.00"),
        (-0.3, "00:00:00,000", "00:00.00"),
    ],
)
def test_times_are_rounded_before_they_are_split(seconds: float, srt: str, lrc: str) -> None:
    transcript = transcript_of((seconds, seconds, "a"))
    assert to_srt(transcript) == f"1\n{srt} --> {srt}\na\n\n"
    assert to_lrc(transcript).splitlines()[-1] == f"[{lrc}]a"


def test_cues_are_ordered_by_start_and_overlaps_stay() -> None:
    transcript = transcript_of((2.0, 5.0, "b"), (1.0, 4.0, "a"), (2.0, 3.0, "c"))
    assert read_srt(to_srt(transcript)) == [Cue(1000, 4000, "a"), Cue(2000, 5000, "b"), Cue(2000, 3000, "c")]


def test_end_before_its_start_is_moved_to_the_start() -> None:
    transcript = transcript_of((2.0, 1.0, "a"))
    assert read_srt(to_srt(transcript)) == [Cue(2000, 2000, "a")]
    assert read_vtt(to_vtt(transcript)) == [Cue(2000, 2001, "a")]


@pytest.mark.parametrize("arrow", ["-->", "--->", "-\x00->", "----->"])
def test_srt_text_never_holds_an_arrow_of_times(arrow: str) -> None:
    assert to_srt(transcript_of((0.0, 1.0, f"a {arrow} b"))).splitlines()[2] == "a -> b"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[00:12.00] hello", "(00:12.00) hello"),
        ("a <01:02.50> b", "a (01:02.50) b"),
        ("[[1:02]", "[(1:02)"),
        ("[Music] [2] 3:45", "[Music] [2] 3:45"),
    ],
)
def test_lrc_text_never_holds_a_second_time_tag(text: str, line: str) -> None:
    assert to_lrc(transcript_of((0.0, 1.0, text))).splitlines()[-1] == f"[00:00.00]{line}"


def test_spaces_within_a_line_are_kept_as_they_are() -> None:
    assert to_txt(transcript_of((0.0, 1.0, " Bonjour\u00a0!  Ça\u3000va \t ?"))) == "Bonjour\u00a0!  Ça\u3000va ?\n"


def test_json_keeps_texts_and_segments_that_subtitles_clean_or_drop() -> None:
    segments = json.loads(to_json(SMALL))["segments"]
    assert [segment["text"] for segment in segments] == [cue.text for cue in SMALL.segments]


def test_json_has_a_form_for_every_option() -> None:
    options = {
        "path": Path("a/b"),
        "ratio": np.float32(0.5),
        "count": np.int64(3),
        "limit": math.inf,
        "flag": True,
        "nested": {"threshold": math.nan, 1: None},
    }
    document = json.loads(to_json(transcript_of(transcription_options=options)))
    assert document["info"]["transcription_options"] == {
        "path": str(Path("a/b")),
        "ratio": 0.5,
        "count": 3,
        "limit": None,
        "flag": True,
        "nested": {"threshold": None, "1": None},
    }


def test_file_names_that_are_not_utf8_do_not_stop_the_writing() -> None:
    name = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    written = to_json(transcript_of(problems=(f"{name}: damaged",))).encode("utf-8")
    assert json.loads(written)["info"]["problems"] == ["caf\ufffd.wav: damaged"]


# Reading back. Small strict readers, written from the specifications, then FFmpeg's.


def read_clock(text: str, mark: str) -> int:
    match = re.fullmatch(rf"(\d\d+):([0-5]\d):([0-5]\d){re.escape(mark)}(\d\d\d)", text, re.ASCII)
    assert match, text
    hours, minutes, seconds, milliseconds = map(int, match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def read_cue(timing: str, text: str, mark: str) -> Cue:
    start, end = timing.split(" --> ")
    return Cue(read_clock(start, mark), read_clock(end, mark), text)


def read_srt(content: str) -> list[Cue]:
    *blocks, rest = content.split("\n\n")
    assert rest == ""
    cues = []
    for expected_number, block in enumerate(blocks, start=1):
        number, timing, text = block.split("\n")
        assert number == str(expected_number)
        assert "-->" not in text
        cues.append(read_cue(timing, text, ","))
    return cues


def read_vtt(content: str) -> list[Cue]:
    header, *blocks, rest = content.split("\n\n")
    assert (header, rest) == ("WEBVTT", "")
    cues = []
    for block in blocks:
        timing, text = block.split("\n")
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)
        cues.append(read_cue(timing, html.unescape(text), "."))
    assert all(cue.end_ms > cue.start_ms for cue in cues)
    assert [cue.start_ms for cue in cues] == sorted(cue.start_ms for cue in cues)
    return cues


def read_tsv(content: str) -> list[Cue]:
    header, *rows, rest = content.split("\n")
    assert (header, rest) == ("start\tend\ttext", "")
    cells = [row.split("\t") for row in rows]
    return [Cue(int(start), int(end), text) for start, end, text in cells]


def read_lrc(content: str) -> list[tuple[int, str]]:
    *lines, rest = content.split("\n")
    assert rest == ""
    assert re.fullmatch(r"\[re:Thoth\]\[length:\d\d+:[0-5]\d\]", "".join(lines[:2]))
    cues = []
    for line in lines[2:]:
        match = re.fullmatch(r"\[(\d\d+):([0-5]\d)\.(\d\d)\](.*)", line)
        assert match, line
        minutes, seconds, hundredths = (int(group) for group in match.groups()[:3])
        assert not re.search(r"[\[<]\d+:\d+(\.\d+)?[\]>]", match[4])
        cues.append(((minutes * 60 + seconds) * 1000 + hundredths * 10, match[4]))
    return cues


def read_with_ffmpeg(content: str, demuxer: str) -> list[Cue]:
    with av.open(io.BytesIO(content.encode("utf-8")), mode="r", format=demuxer) as container:
        return [read_packet(packet) for packet in container.demux() if packet.size]


def read_packet(packet: av.Packet[Any]) -> Cue:
    assert packet.pts is not None
    assert packet.duration is not None
    return Cue(packet.pts, packet.pts + packet.duration, bytes(packet).decode("utf-8"))


HOSTILE = st.sampled_from(
    [
        *(
            "-->",
            "--->",
            "\n\n",
            "\r\n",
            "\t",
            "\u2028",
            "\x85",
            "\x00",
            "\ufeff",
            "\ud800",
            "&lt;",
            "<b>",
            "&",
        ),
        *(
            "00:00:01,000 --> 00:00:02,000",
            "[00:12.00]",
            "<00:12.00>",
            "WEBVTT",
            "NOTE a",
            "1",
            "[ti:a]",
            " ",
        ),
    ]
)
TEXTS = st.lists(st.text(st.characters()) | HOSTILE, max_size=5).map("".join)
TIMES = st.floats(-1.0, 4e5)
# In order of their starts, so that cues can be compared one by one.
CUES = st.lists(st.tuples(TIMES, st.just(0.0) | st.floats(0.0, 60.0), TEXTS), max_size=6).map(
    lambda drawn: [(start, start + length, text) for start, length, text in sorted(drawn, key=lambda c: c[0])]
)


def visible(text: str) -> str:
    """The text without what any format may change: white space, controls, byte order marks, half pairs."""
    shown = (char for char in text if not char.isspace() and unicodedata.category(char) != "Cc")
    return re.sub("[\ud800-\udfff]", "\ufffd", "".join(shown).replace("\ufeff", ""))


def shown_cues(cues: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    return [cue for cue in cues if visible(cue[2])]


def assert_same_time(time_ms: int, seconds: float) -> None:
    assert abs(time_ms - max(0.0, seconds * 1000)) <= 0.5 + 1e-6


def assert_one_line_per_line_end(content: str) -> None:
    """No character but the line feed may end a line, whatever the reader holds to be a line end."""
    assert content.splitlines() == content.removesuffix("\n").split("\n") if content else True
    assert content.encode("utf-8").decode("utf-8") == content


@given(CUES)
def test_srt_reads_back(cues: list[tuple[float, float, str]]) -> None:
    content = to_srt(transcript_of(*cues))
    assert_one_line_per_line_end(content)
    for read, (start, end, text) in zip(read_srt(content), shown_cues(cues), strict=True):
        assert_same_time(read.start_ms, start)
        assert_same_time(read.end_ms, end)
        assert re.sub("-+>", "", visible(read.text)) == re.sub("-+>", "", visible(text))


@given(CUES)
def test_vtt_reads_back(cues: list[tuple[float, float, str]]) -> None:
    content = to_vtt(transcript_of(*cues))
    assert_one_line_per_line_end(content)
    for read, (start, end, text) in zip(read_vtt(content), shown_cues(cues), strict=True):
        assert_same_time(read.start_ms, start)
        if read.end_ms > read.start_ms + 1:
            assert_same_time(read.end_ms, end)
        else:
            assert round(end * 1000) <= max(1, round(start * 1000) + 1)
        assert visible(read.text) == visible(text)


@given(CUES)
def test_tsv_reads_back(cues: list[tuple[float, float, str]]) -> None:
    content = to_tsv(transcript_of(*cues))
    assert_one_line_per_line_end(content)
    for read, (start, end, text) in zip(read_tsv(content), shown_cues(cues), strict=True):
        assert_same_time(read.start_ms, start)
        assert_same_time(read.end_ms, end)
        assert visible(read.text) == visible(text)


@given(CUES)
def test_lrc_reads_back(cues: list[tuple[float, float, str]]) -> None:
    content = to_lrc(transcript_of(*cues))
    assert_one_line_per_line_end(content)
    for (start_ms, read), (start, _, text) in zip(read_lrc(content), shown_cues(cues), strict=True):
        assert abs(start_ms - max(0.0, start * 1000)) <= 5.5 + 1e-6
        brackets = str.maketrans("[<]>", "(())")
        assert visible(read).translate(brackets) == visible(text).translate(brackets)


@given(CUES)
def test_txt_reads_back(cues: list[tuple[float, float, str]]) -> None:
    content = to_txt(transcript_of(*cues))
    assert_one_line_per_line_end(content)
    assert [visible(line) for line in content.splitlines()] == [visible(text) for _, _, text in shown_cues(cues)]
    assert all(line == line.strip() for line in content.splitlines())


@given(CUES)
@example([(0.0, 1.0, "42"), (1.0, 2.0, "43"), (2.0, 3.0, "00:00:01,000 --> 00:00:02,000")])
def test_ffmpeg_reads_the_same_srt_and_vtt_cues(cues: list[tuple[float, float, str]]) -> None:
    transcript = transcript_of(*cues)
    srt, vtt = to_srt(transcript), to_vtt(transcript)
    escaped = [cue._replace(text=html.escape(cue.text, quote=False)) for cue in read_vtt(vtt)]
    # FFmpeg leaves out a cue that repeats the one before it in time and text.
    assert read_with_ffmpeg(srt, "srt") == [cue for cue, _ in itertools.groupby(read_srt(srt))]
    assert read_with_ffmpeg(vtt, "webvtt") == [cue for cue, _ in itertools.groupby(escaped)]


def test_ffmpeg_reads_the_same_lrc_lines() -> None:
    lines = read_with_ffmpeg(to_lrc(transcript_of((1.0, 2.0, "a"), (7382.5, 7383.0, "b"))), "lrc")
    assert [(cue.start_ms, cue.text.strip()) for cue in lines] == [(1_000_000, "a"), (7_382_500_000, "b")]


NUMBERS = st.floats() | st.floats(-10, 10)


@given(st.lists(st.tuples(st.floats(0, 1e5), TEXTS, NUMBERS, st.lists(st.integers(0, 51865)))), st.data())
def test_json_loads_back_equal(drawn: list[tuple[float, str, float, list[int]]], data: st.DataObject) -> None:
    def finite(number: float) -> float | None:
        return number if math.isfinite(number) else None

    def encodable(text: str) -> str:
        return re.sub("[\ud800-\udfff]", "\ufffd", text)

    probability = data.draw(NUMBERS)
    segments = tuple(
        Segment(0, 7, time, time + 1, text, tuple(tokens), number, number, 0.5, (Word(time, time, text, number),))
        for time, text, number, tokens in drawn
    )
    transcript = Transcript(segments, transcript_of(language_probability=probability).info)
    content = to_json(transcript)
    content.encode("utf-8")
    assert content.count("\n") == 1
    document = json.loads(content, parse_constant=pytest.fail)
    assert document["text"] == encodable(transcript.text)
    assert document["info"]["language_probability"] == finite(probability)
    assert document["segments"] == [
        {
            "id": 0,
            "seek": 7,
            "start": time,
            "end": time + 1,
            "text": encodable(text),
            "tokens": tokens,
            "avg_logprob": finite(number),
            "compression_ratio": finite(number),
            "no_speech_prob": 0.5,
            "words": [{"start": time, "end": time, "word": encodable(text), "probability": finite(number)}],
            "temperature": None,
        }
        for time, text, number, tokens in drawn
    ]
