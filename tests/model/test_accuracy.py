"""Word error rates of the built-in model on the development recordings, as bounds (the figures: docs/architecture.md).

whisper.cpp's own command-line tool makes 6.8 % on the short files and 37 % on the long ones with the same weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jiwer
import pytest

import thoth

WHISPER_CLI_SHORT = 6.8
POINT = 1.0

Manifest = dict[str, dict[str, Any]]


def word_error_rate(model: thoth.WhisperModel, audio: Path, said: dict[str, str], **options: Any) -> float:
    """Return errors per hundred words; text where nothing is said counts as errors too."""
    errors = words = 0
    for name, reference in said.items():
        text = model.transcribe(audio / name, **options).text
        words += len(reference.split())
        if reference:
            found = jiwer.process_words(reference, text)
            errors += found.substitutions + found.deletions + found.insertions
        else:
            errors += len(text.split())
    return 100 * errors / words


@pytest.fixture(scope="module")
def short(manifest: Manifest) -> dict[str, str]:
    return {name: entry["text"] for name, entry in manifest.items() if not name.startswith("long")}


@pytest.fixture(scope="module")
def long(manifest: Manifest) -> dict[str, str]:
    return {name: entry["text"] for name, entry in manifest.items() if name.startswith("long")}


def test_short_files_are_as_good_as_whisper_cpp_and_auto_is_as_good_as_full(
    model: thoth.WhisperModel, audio: Path, short: dict[str, str]
) -> None:
    full = word_error_rate(model, audio, short, audio_context="full")
    auto = word_error_rate(model, audio, short)
    print(f"short files: {full:.1f} % at full audio context, {auto:.1f} % at auto")
    assert sum(len(text.split()) for text in short.values()) == 190
    assert full <= WHISPER_CLI_SHORT + POINT
    assert auto <= full + POINT


def test_long_files_come_out_right_by_default(model: thoth.WhisperModel, audio: Path, long: dict[str, str]) -> None:
    rate = word_error_rate(model, audio, long)
    print(f"long files: {rate:.1f} %")
    assert len(long) == 4
    assert rate <= 8.0


def test_segments_of_long_files_lie_where_the_words_are(
    model: thoth.WhisperModel, audio: Path, manifest: Manifest, long: dict[str, str]
) -> None:
    """Every segment overlaps something that was said: no text in the pauses, no drift."""
    for name in long:
        spoken = [(piece["start"] - 0.3, piece["end"] + 0.3) for piece in manifest[name]["segments"]]
        for segment in model.transcribe(audio / name).segments:
            assert any(segment.start < end and segment.end > start for start, end in spoken), (name, segment)
