"""Recordings for the benchmark of wake phrases: people who say one, speech without any, and noise."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thoth._native import Vad
from thoth.audio.decode import decode
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.model.speech import FRAME_SAMPLES
from thoth.model.whisper import VAD_MODEL

REPOSITORY = Path(__file__).resolve().parent.parent
OF_THE_TESTS = REPOSITORY / "tests" / "audio_files"
BEFORE_S, AFTER_S = 1.5, 3.0
"""Of a quiet room around each phrase, as in the stream of a microphone."""
ROOM = 1e-4
"""-80 dB."""
_SPEECH = 0.5


@dataclass(frozen=True)
class Stream:
    """What a listener is fed, on a clock of its own; `phrase` is said in it once, up to `end_s`, or none is."""

    name: str
    samples: Samples
    phrase: str | None = None
    end_s: float = 0.0

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Material:
    """All that there is."""

    phrases: list[Stream]
    speech: list[Stream]
    noise: list[Stream]


def material(folder: Path | None, every: int) -> Material:
    """Read one recording of a phrase out of so many, and as much of the rest, from `folder`; else the tests' own."""
    if folder is None:
        return _of_the_tests()
    phrases = [
        _spoken(folder / "wake" / entry["file"], entry["phrase"])
        for number, entry in enumerate(_manifest(folder / "wake"))
        if number % every == 0
    ]
    speech = [_stream(folder / "other-speech" / entry["file"]) for entry in _manifest(folder / "other-speech")]
    noise = [_stream(path) for path in sorted((folder / "noise").glob("*.flac"))]
    return Material(phrases, speech[::every], noise)


def room(duration_s: float) -> Samples:
    """A room in which nobody speaks."""
    noise = np.random.default_rng(0).normal(scale=ROOM, size=round(duration_s * SAMPLE_RATE_HZ))
    return noise.astype(np.float32)


def _of_the_tests() -> Material:
    found = Material([], [], [])
    for entry in _manifest(OF_THE_TESTS):
        path, kind = OF_THE_TESTS / entry["file"], entry["file"].split("_")[0]
        if kind == "wake":
            found.phrases.append(_spoken(path, entry["text"]))
        elif kind in ("digits", "tts"):
            found.speech.append(_stream(path))
        elif kind in ("noise", "silence"):
            found.noise.append(_stream(path))
    return found


def _manifest(folder: Path) -> Iterator[dict[str, str]]:
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        yield json.loads(line)


def _stream(path: Path) -> Stream:
    return Stream(path.stem, decode(path))


def _spoken(path: Path, phrase: str) -> Stream:
    samples = decode(path)
    padded = np.concatenate((room(BEFORE_S), samples, room(AFTER_S)))
    return Stream(path.stem, padded, phrase, BEFORE_S + _end_of_speech_s(samples))


def _end_of_speech_s(samples: Samples) -> float:
    frames = Vad(os.fsencode(VAD_MODEL)).process(samples) >= _SPEECH
    last = np.flatnonzero(frames)[-1] + 1 if frames.any() else len(frames)
    return float(last) * FRAME_SAMPLES / SAMPLE_RATE_HZ
