"""Utterances that share a window without the pauses between them, through the public door: times are the stream's."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thoth
from thoth.audio.decode import decode
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples

PACKING = {"max_gap_ms": 30_000}
GAP_S = 15.0
NAMES = ("digits_02_2.flac", "tts_02.flac", "digits_03_2.flac")


def apart(audio: Path) -> Samples:
    """Three recordings, each with a long silence behind it."""
    silence = np.zeros(round(GAP_S * SAMPLE_RATE_HZ), np.float32)
    return np.concatenate([part for name in NAMES for part in (decode(audio / name), silence)])


@pytest.fixture(scope="module")
def said(audio: Path, manifest: dict[str, dict[str, Any]]) -> list[tuple[float, float, str]]:
    """When each of the three is said, and what."""
    found, now_s = [], 0.0
    for name in NAMES:
        (segment,) = manifest[name]["segments"]
        found.append((now_s + segment["start"], now_s + segment["end"], segment["text"]))
        now_s += len(decode(audio / name)) / SAMPLE_RATE_HZ + GAP_S
    return found


def test_what_is_packed_is_told_where_it_was_said(
    model: thoth.WhisperModel, audio: Path, said: list[tuple[float, float, str]]
) -> None:
    segments, info = model.transcribe(apart(audio), word_timestamps=True, vad_parameters=PACKING)
    assert {segment.seek for segment in segments} == {segments[0].seek}, "one window"
    assert info.duration_after_vad < 8.0
    assert [segment.text.split() for segment in segments] == [text.split() for *_, text in said]
    for segment, (start_s, end_s, _) in zip(segments, said, strict=True):
        assert start_s - 0.6 <= segment.start < segment.end <= end_s + 0.6
        assert segment.words is not None
        assert "".join(word.word for word in segment.words) == segment.text
        for word in segment.words:
            assert start_s - 0.6 <= word.start <= word.end <= end_s + 0.6


def test_tokens_are_those_of_the_segment_and_ids_go_on(model: thoth.WhisperModel, audio: Path) -> None:
    segments, _ = model.transcribe(apart(audio), vad_parameters=PACKING)
    assert [segment.id for segment in segments] == [1, 2, 3]
    assert all(segment.words is None for segment in segments)
    assert all(len(segment.tokens) >= len(segment.text.split()) for segment in segments)


def test_the_built_in_model_gets_a_window_for_each(model: thoth.WhisperModel, audio: Path) -> None:
    segments, _ = model.transcribe(apart(audio))
    assert len({segment.seek for segment in segments}) == 3


def test_without_timestamps_nothing_is_packed_unasked(
    model: thoth.WhisperModel, audio: Path, said: list[tuple[float, float, str]]
) -> None:
    segments, _ = model.transcribe(apart(audio), without_timestamps=True)
    assert len(segments) == 3
    (whole,) = model.transcribe(apart(audio), without_timestamps=True, vad_parameters=PACKING).segments
    assert whole.start <= said[0][0] < said[-1][1] <= whole.end


def test_packed_words_of_the_long_recordings_lie_in_no_pause(
    model: thoth.WhisperModel, audio: Path, manifest: dict[str, dict[str, Any]]
) -> None:
    for name in ("long_0_20s.flac", "long_2_42s.flac"):
        spoken = [(piece["start"] - 0.6, piece["end"] + 0.6) for piece in manifest[name]["segments"]]
        segments, _ = model.transcribe(audio / name, word_timestamps=True, vad_parameters=PACKING)
        assert len({segment.seek for segment in segments}) < len(spoken)
        for segment in segments:
            assert any(segment.start < end and segment.end > start for start, end in spoken), (name, segment)
        words = [word for segment in segments for word in segment.words or ()]
        assert all(earlier.end <= later.start for earlier, later in pairwise(words))
