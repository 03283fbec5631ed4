"""Does memory grow with use? Transcribes 200 times, then loads and closes a model 50 times, in one process.

    python benchmarks/memory.py [--json]

Runs the built-in model on short recordings from tests/audio_files. Growth is that of the resident set after garbage
collection, after the first 20 transcriptions (3 loads), in which buffers reach their size; see ``Growth.bytes``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import machine
import psutil

import thoth
from thoth.audio.decode import decode

RECORDINGS = Path(__file__).resolve().parent.parent / "tests" / "audio_files"
SHORT_NAMES = ("digits_05_3", "tts_00", "tts_02", "wake_jarvis_0")
MOST_GROWTH_BYTES = 2_000_000
TRANSCRIPTIONS, WARM_TRANSCRIPTIONS = 200, 20
LOADS, WARM_LOADS = 50, 3


@dataclass(frozen=True)
class Holdings:
    """What the process holds of the machine."""

    rss: int
    threads: int
    files: int

    @classmethod
    def now(cls) -> Holdings:
        gc.collect()
        process = psutil.Process()
        files = process.num_fds() if os.name == "posix" else process.num_handles()
        return cls(process.memory_info().rss, process.num_threads(), files)


@dataclass(frozen=True)
class Growth:
    """How the holdings went from the first uses, which warm up, to the last ones."""

    subject: str
    first: Sequence[Holdings]
    later: Sequence[Holdings]

    @property
    def bytes(self) -> int:
        """The greater of two: how far the resident set ever rose above its highest in the first uses, and by how much
        the lowest of the last uses lies above the lowest of the warm ones.

        One value against one would measure chance: the top of the heap holds a few MB or not, as inputs alternate.
        """
        rise = max(point.rss for point in self.later) - max(point.rss for point in self.first)
        warm, last = self.first[len(self.first) // 2 :], self.later[-len(self.first) :]
        floor = min(point.rss for point in last) - min(point.rss for point in warm)
        return max(rise, floor)

    @property
    def threads(self) -> tuple[int, int]:
        """Threads of the process, Python's or not, in the first and in the last use."""
        return self.first[-1].threads, self.later[-1].threads

    @property
    def files(self) -> tuple[int, int]:
        """Open file descriptors (handles) in the first and in the last use."""
        return self.first[-1].files, self.later[-1].files

    def as_dict(self) -> dict[str, object]:
        """For a program."""
        return {"subject": self.subject, "bytes": self.bytes, "threads": self.threads, "files": self.files}


def transcriptions(times: int = TRANSCRIPTIONS, warm: int = WARM_TRANSCRIPTIONS) -> Growth:
    """Transcribe short recordings with one model, samples and files in turn."""
    paths = [RECORDINGS / f"{name}.flac" for name in SHORT_NAMES]
    inputs = [source for path in paths for source in (decode(path), path)]
    with thoth.WhisperModel("nano.en", threads=1) as model:
        history = []
        for number in range(times):
            model.transcribe(inputs[number % len(inputs)], word_timestamps=True)
            history.append(Holdings.now())
    return Growth(f"{times} transcriptions", history[:warm], history[warm:])


def loads(times: int = LOADS, warm: int = WARM_LOADS) -> Growth:
    """Load the built-in model, use it once, close it, again and again."""
    samples = decode(RECORDINGS / f"{SHORT_NAMES[0]}.flac")
    history = []
    for _ in range(times):
        with thoth.WhisperModel("nano.en", threads=2) as model:
            model.transcribe(samples)
        history.append(Holdings.now())
    return Growth(f"{times} loads", history[:warm], history[warm:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    as_json = parser.parse_args().json
    found = [transcriptions(), loads()]
    print(json.dumps([growth.as_dict() for growth in found]) if as_json else _report(found))


def _report(found: Sequence[Growth]) -> str:
    rows = [
        [
            growth.subject,
            f"{max(point.rss for point in growth.first) / machine.MIB:.1f}",
            f"{growth.bytes / 1e6:+.2f}",
            f"{growth.threads[0]} -> {growth.threads[1]}",
            f"{growth.files[0]} -> {growth.files[1]}",
            "< 2: " + ("met" if growth.bytes < MOST_GROWTH_BYTES else "MISSED"),
        ]
        for growth in found
    ]
    headers = ["what", "warm RSS, MiB", "growth, MB", "threads", "open files", "target"]
    return f"Memory over time\nmachine: {machine.describe()}\n" + machine.table("One process", headers, rows)


if __name__ == "__main__":
    main()
