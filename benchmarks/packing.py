"""What does it gain to pack the speech of a long file into full windows, against windows cut at every longer pause?

    python benchmarks/packing.py [--rounds 5] [--minutes 4] [--native FILE]

Downloads nothing: the recordings of the tests with pauses between them, and models of tiny.en's size with random
weights that say a fixed number of words of each window.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
import numpy as np
import numpy.typing as npt
from contenders import load_native
from long_file import RECORDINGS
from reciting_model import write_reciting_model

RATE_HZ = 16_000
PAUSES_S = (0.3, 5.0)
EDGE_S = 0.15
"""What stays of a recording's own silence on either side, so that the pauses are those put there."""
WORDS_PER_SECOND = 2.5
PACKED, APART, EVERYTHING = "packed", "a window at each pause > 1 s", "without VAD"
SETTINGS: Mapping[str, dict[str, Any]] = {
    PACKED: {},
    APART: {"vad_parameters": {"max_gap_ms": 1000}},
    EVERYTHING: {"vad_filter": False},
}

WHAT = f"""
One file of recordings with pauses of {PAUSES_S[0]:g} to {PAUSES_S[1]:g} s between them, transcribed from the disk by
one thread. tiny.en's size, random weights. So that all decode the same number of tokens, each scheme has a model of its
own, equal but for how many words it says of a window: {WORDS_PER_SECOND:g} for each second of speech in the file,
divided by the scheme's windows. Each window encodes what it needs, once. CPU time of the process; asked in turn within
a round, ratios taken within rounds and given as min / median / max."""


@dataclass
class Scheme:
    """One way to cut the file: its model, and what it took in each round."""

    model: Any
    settings: Mapping[str, Any]
    words: int
    windows: int
    encoded_s: float
    cpu_s: list[float] = field(default_factory=list)

    def transcribe(self, path: Path) -> None:
        """Add one timed run; stops the benchmark where it said more or less than it should."""
        begin = time.process_time()
        segments, _ = self.model.transcribe(path, language="en", audio_context="reduced", **self.settings)
        self.cpu_s.append(time.process_time() - begin)
        said = sum(len(segment.text.split()) for segment in segments)
        if said != self.words * self.windows:
            raise SystemExit(f"{said} words instead of {self.words} of each of {self.windows} windows")


def main() -> None:
    arguments = _arguments()
    if arguments.native:
        load_native(Path(arguments.native))
    print(f"Packing\nmachine: {machine.describe()}, load average {machine.load()}")
    print(WHAT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        speech_s = write_file(path, arguments.minutes * 60)
        schemes = dict(_schemes(Path(folder), path, speech_s))
        for number in range(-1, arguments.rounds):
            order = list(schemes.values())
            for scheme in order[number % 3 :] + order[: number % 3]:
                scheme.transcribe(path)
        print(_table(schemes))


def write_file(path: Path, least_s: float) -> float:
    """Write recordings and pauses of `least_s` seconds or a little more; return the seconds of speech in it."""
    with (RECORDINGS / "manifest.jsonl").open(encoding="utf-8") as lines:
        entries = [entry for entry in map(json.loads, lines) if len(entry["segments"]) == 1]
    rng = np.random.default_rng(1)
    pieces: list[npt.NDArray[np.float32]] = []
    length = speech = 0
    while length < least_s * RATE_HZ:
        said = _speech(entries[rng.integers(len(entries))])
        pause = rng.normal(0, 1e-4, round(rng.uniform(*PAUSES_S) * RATE_HZ)).astype(np.float32)
        pieces += [said, pause]
        length += len(said) + len(pause)
        speech += len(said)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.concatenate(pieces) * 32767).astype("<i2").tobytes())
    return speech / RATE_HZ


def _speech(entry: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    from thoth.audio.decode import decode

    samples = decode(RECORDINGS / entry["file"])
    (part,) = entry["segments"]
    return samples[max(round((part["start"] - EDGE_S) * RATE_HZ), 0) : round((part["end"] + EDGE_S) * RATE_HZ)]


def _schemes(folder: Path, path: Path, speech_s: float) -> Iterator[tuple[str, Scheme]]:
    import thoth

    for name, settings in SETTINGS.items():
        windows, encoded_s = _windows(folder, path, settings)
        words = round(WORDS_PER_SECOND * speech_s / windows)
        weights = folder / f"{len(settings)}-{words}.bin"
        write_reciting_model(weights, dtype="f16", words=words)
        yield name, Scheme(thoth.WhisperModel(weights, threads=1), settings, words, windows, encoded_s)


def _windows(folder: Path, path: Path, settings: Mapping[str, Any]) -> tuple[int, float]:
    """Count a scheme's windows and the seconds in them, with a model that says one word of each."""
    import thoth

    weights = folder / "one.bin"
    if not weights.exists():
        write_reciting_model(weights, dtype="f16", words=1)
    with thoth.WhisperModel(weights, threads=1) as model:
        segments, info = model.transcribe(path, language="en", audio_context=64, **settings)
    return len(segments), info.duration_after_vad


def _table(schemes: Mapping[str, Scheme]) -> str:
    best = schemes[PACKED]
    rows = [
        [
            name,
            str(one.windows),
            f"{one.encoded_s:.0f}",
            str(one.words * one.windows),
            f"{statistics.median(one.cpu_s[1:]):.2f}",
            machine.spread([other / own for other, own in zip(one.cpu_s[1:], best.cpu_s[1:], strict=True)]),
        ]
        for name, one in schemes.items()
    ]
    headers = ["scheme", "windows", "audio in them, s", "words", "CPU, s", f"its time / {PACKED}"]
    return machine.table("One thread", headers, rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--native", help="another build of Thoth's extension to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
