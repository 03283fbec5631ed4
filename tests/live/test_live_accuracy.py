"""Live text against batch text on the development recordings, with the same model; what seams double or lose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jiwer
import pytest
from live_updates import said

import thoth

POINTS = 3.0

Manifest = dict[str, dict[str, Any]]


class Errors:
    """Word errors, added up."""

    def __init__(self) -> None:
        self.words = self.substituted = self.deleted = self.inserted = 0

    def add(self, reference: str, text: str) -> None:
        self.words += len(reference.split())
        if not reference:
            self.inserted += len(text.split())
        else:
            found = jiwer.process_words(reference, text)
            self.substituted += found.substitutions
            self.deleted += found.deletions
            self.inserted += found.insertions

    @property
    def rate(self) -> float:
        return 100 * (self.substituted + self.deleted + self.inserted) / self.words

    def __str__(self) -> str:
        return (
            f"{self.rate:.1f} % of {self.words} words: "
            f"{self.substituted} wrong, {self.deleted} lost, {self.inserted} too many"
        )


@pytest.fixture(scope="module")
def batch(model: thoth.WhisperModel, audio: Path, manifest: Manifest) -> dict[str, str]:
    return {name: model.transcribe(audio / name).text for name in manifest}


@pytest.mark.parametrize("kind", ["short", "long"])
def test_live_is_within_three_points_of_batch(
    live_runs: dict[str, Any], batch: dict[str, str], manifest: Manifest, kind: str
) -> None:
    live_errors, batch_errors = Errors(), Errors()
    for name, entry in manifest.items():
        if name.startswith("long") == (kind == "long"):
            live_errors.add(entry["text"], said(live_runs[name].updates))
            batch_errors.add(entry["text"], batch[name])
    print(f"{kind} files, live: {live_errors}; batch: {batch_errors}")
    assert live_errors.words == {"short": 190, "long": 104}[kind]
    assert live_errors.rate <= batch_errors.rate + POINTS


def test_seams_of_long_files_double_and_lose_no_word(
    live_runs: dict[str, Any], batch: dict[str, str], manifest: Manifest
) -> None:
    """Against what was said, words too many that repeat their neighbour are doubled; batch's own errors are no seam's."""
    doubled = lost = 0
    for name in (name for name in manifest if name.startswith("long")):
        reference = manifest[name]["text"].split()
        live = seams(reference, said(live_runs[name].updates).split())
        alone = seams(reference, batch[name].split())
        print(f"{name}: live {live[0]} doubled, {live[1]} lost; batch {alone[0]} doubled, {alone[1]} lost")
        doubled += max(live[0] - alone[0], 0)
        lost += max(live[1] - alone[1], 0)
    assert (doubled, lost) == (0, 0)


def seams(reference: list[str], text: list[str]) -> tuple[int, int]:
    """How many words of `text` are too many and repeat the word beside them, and how many of `reference` lack."""
    (chunks,) = jiwer.process_words(" ".join(reference), " ".join(text)).alignments
    doubled = lost = 0
    for chunk in chunks:
        if chunk.type == "delete":
            lost += chunk.ref_end_idx - chunk.ref_start_idx
        elif chunk.type == "insert":
            for place in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
                beside = text[max(place - 1, 0) : place] + text[place + 1 : place + 2]
                doubled += text[place] in beside
    return doubled, lost
