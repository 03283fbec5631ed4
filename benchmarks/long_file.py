"""How much memory does a recording of many hours take, and how long?

    python benchmarks/long_file.py [--hours 10]

Writes a FLAC file of mostly silence with recordings from tests/audio_files in it, and transcribes it with the built-in
model in a process of its own, whose peak is compared with what it was after one short recording.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import machine
import numpy as np
import numpy.typing as npt

RECORDINGS = Path(__file__).resolve().parent.parent / "tests" / "audio_files"
RATE_HZ = 16_000
BLOCK_S = 10
GAP_S = 120
"""A recording begins every two minutes."""
MOST_EXTRA_BYTES = 150_000_000
NAMES = ("digits_05_3", "digits_07_4", "digits_09_5", "tts_04", "wake_jarvis_0")

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Placed:
    """A recording's words and where in the file it begins and ends, seconds."""

    start_s: float
    end_s: float
    text: str


def write_long_file(path: Path, duration_s: int, gap_s: int = GAP_S) -> list[Placed]:
    """Write `duration_s` (a multiple of 10 s) of faint noise with a recording every `gap_s`; tell where they are.

    The file is made block by block: making it takes no more memory than reading it should.
    """
    recordings = [(_read(name), text) for name, text in _texts().items()]
    placed: list[Placed] = []
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        stream.codec_context.options = {"compression_level": "0"}
        for index, block in enumerate(_faint_noise(duration_s)):
            start_s = index * BLOCK_S
            if start_s % gap_s == 0:
                samples, text = recordings[len(placed) % len(recordings)]
                block[: len(samples)] += samples
                placed.append(Placed(start_s, start_s + len(samples) / RATE_HZ, text))
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), start_s * RATE_HZ
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return placed


def _faint_noise(duration_s: int) -> Iterator[Samples]:
    """Blocks of a room's silence at about -78 dB of full scale, always the same one."""
    quiet = np.random.default_rng(3).integers(-4, 5, BLOCK_S * RATE_HZ).astype(np.int16)
    for _ in range(duration_s // BLOCK_S):
        yield quiet.copy()


def _texts() -> dict[str, str]:
    with (RECORDINGS / "manifest.jsonl").open(encoding="utf-8") as manifest:
        texts = {entry["file"]: entry["text"] for entry in map(json.loads, manifest)}
    return {name: texts[f"{name}.flac"] for name in NAMES}


def _read(name: str) -> Samples:
    with av.open(str(RECORDINGS / f"{name}.flac")) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.int16)


def in_own_process(path: Path) -> dict[str, Any]:
    """Transcribe in a fresh process: segments, peak RSS in bytes before and after, elapsed seconds."""
    command = [sys.executable, str(Path(__file__)), "--transcribe", str(path)]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def _transcribe(path: Path) -> None:
    """The child: one short recording first, so that the model's own memory is all there."""
    import thoth

    with thoth.WhisperModel("nano.en") as model:
        model.transcribe(RECORDINGS / f"{NAMES[0]}.flac")
        own = machine.peak_rss_bytes()
        begin = time.perf_counter()
        segments, info = model.transcribe(path)
        elapsed_s = time.perf_counter() - begin
    answer = {
        "segments": [[segment.start, segment.end, segment.text] for segment in segments],
        "duration_s": info.duration,
        "own_peak_rss": own,
        "peak_rss": machine.peak_rss_bytes(),
        "elapsed_s": elapsed_s,
    }
    print(json.dumps(answer))


def wrong_places(placed: Sequence[Placed], segments: Sequence[Sequence[Any]], tolerance_s: float = 0.5) -> list[str]:
    """What of the recordings is not in the segments, word for word and in its place, and what else is there."""
    problems = []
    rest = list(segments)
    for one in placed:
        here = [part for part in rest if one.start_s - tolerance_s <= part[0] and part[1] <= one.end_s + tolerance_s]
        rest = [part for part in rest if part not in here]
        text = " ".join(_words("".join(part[2] for part in here)))
        if text != one.text:
            problems.append(f"at {one.start_s:.1f} s: {text!r} instead of {one.text!r}")
    return problems + [f"at {start:.1f} s: invented {text!r}" for start, _, text in rest]


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalpha() else " " for letter in text.lower()).split()


def main() -> None:
    arguments = _arguments()
    if arguments.transcribe:
        _transcribe(arguments.transcribe)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        placed = write_long_file(path, round(arguments.hours * 360) * BLOCK_S)
        size = path.stat().st_size
        found = in_own_process(path)
    problems = wrong_places(placed, found["segments"])
    extra = found["peak_rss"] - found["own_peak_rss"]
    row = [f"{found['duration_s'] / 3600:.2f} h", f"{size / 1e6:.0f}", f"{found['own_peak_rss'] / 1e6:.0f}"]
    row += [f"{extra / 1e6:+.1f}", f"<= 150: {'met' if extra <= MOST_EXTRA_BYTES else 'MISSED'}"]
    row += [f"{found['elapsed_s'] / found['duration_s']:.4f}", f"{len(placed) - len(problems)} of {len(placed)}"]
    headers = ["audio", "file, MB", "model's own peak, MB", "above it, MB", "target", "RTF", "recordings right"]
    print(f"A long file\nmachine: {machine.describe()}, load average {machine.load()}")
    print(machine.table("Built-in model, one process", headers, [row]))
    print("\n".join(problems[:20]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--transcribe", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
