"""A recording process that is killed at any moment leaves a file that opens and lacks at most the last second."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from read_back import recorded
from wav_recording import ramp

from thoth.audio.file_source import FileSource
from thoth.audio.recorder import Recorder

KILLS = 30
AT_ONCE = 10
RATE_HZ = 16_000
LENGTH_S = 60

# Of memory, where there is one: how long a busy disk takes to sync is its own matter.
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Killed:
    """A recording whose process was killed: how many samples it had told to have heard."""

    path: Path
    heard: int


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as name:
        soundfile.write(Path(name) / "talk.wav", ramp(0, LENGTH_S * RATE_HZ), RATE_HZ, subtype="PCM_16")
        yield Path(name)


def record(talk: str, path: str, encoding: str) -> None:
    """As a child: record, and tell with every 20 ms how much has been heard."""
    print("ready", flush=True)
    sys.stdin.readline()
    with FileSource(talk) as source, Recorder(path, source, encoding=encoding, tap=True) as recorder:  # type: ignore[arg-type]
        heard = 0
        for block in recorder.blocks(320):
            heard += len(block)
            print(heard, flush=True)


def recording_process(folder: Path, path: Path, encoding: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, os.fspath(folder / "talk.wav"), os.fspath(path), encoding],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def kill_each(folder: Path, moments: Sequence[tuple[str, int]]) -> list[Killed]:
    """Record with one process for each `(encoding, samples)`, all at once; kill each when it has heard so many."""
    with ExitStack() as stack:
        paths = [folder / f"{encoding} {samples}.wav" for encoding, samples in moments]
        processes = [
            stack.enter_context(recording_process(folder, path, encoding))
            for path, (encoding, _) in zip(paths, moments, strict=True)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        return [
            Killed(path, kill_after(process, samples))
            for process, path, (_, samples) in zip(processes, paths, moments, strict=True)
        ]


def kill_after(process: subprocess.Popen[str], samples: int) -> int:
    """Kill as soon as so many were heard; returns how many had been by the time of death."""
    assert process.stdout
    heard = next(heard for line in process.stdout if (heard := int(line)) >= samples)
    process.kill()
    *whole_lines, _ = process.stdout.read().split("\n")
    return max([heard, *map(int, whole_lines)])


def check(killed: Killed) -> int:
    """Open the file in both readers, compare every sample with what was played; return how many are lacking."""
    samples = recorded(killed.path)
    np.testing.assert_array_equal(samples, ramp(0, len(samples)))
    return killed.heard - len(samples)


def test_a_killed_recording_lacks_at_most_the_last_second(folder: Path) -> None:
    # Each past its first second, so that a file that is never brought up to date cannot pass.
    chance = random.Random(11)
    moments = [(("pcm16", "float32")[number % 2], round(chance.uniform(1.2, 4.0) * RATE_HZ)) for number in range(KILLS)]
    lacking = []
    for first in range(0, KILLS, AT_ONCE):
        batch = sorted(moments[first : first + AT_ONCE], key=lambda moment: moment[1])
        found = [check(killed) for killed in kill_each(folder, batch)]
        # A machine that let a process stand still may have kept it from writing, too: such a one has a second try.
        again = [moment for moment, lack in zip(batch, found, strict=True) if lack > RATE_HZ]
        for killed in kill_each(folder, [(encoding, samples + 1) for encoding, samples in again]):
            assert check(killed) <= RATE_HZ
        lacking += found
    assert sum(lack <= RATE_HZ for lack in lacking) >= 0.8 * KILLS


if __name__ == "__main__":
    record(*sys.argv[1:])
