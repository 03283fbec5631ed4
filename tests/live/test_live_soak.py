"""A session that runs for long: what it holds does not grow, and it loses and fails next to nothing.

`THOTH_SOAK_SECONDS` makes it longer than the 20 s (of wall time) that it lasts by default.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoded_audio import Floats, recording
from worker_ear import process_holds

SOAK_S = float(os.environ.get("THOTH_SOAK_SECONDS", "20"))
SPEED = 10.0
"""Times real time; less where the machine is so slow, or so busy, that it could not follow twice that."""
MARGIN = 2.0

MOST_GROWTH_BYTES = 2_500
"""In a pass. A leak of 10 KB shows as 4 KB and more in the shortest run, since it fills holes first; what a transcript
keeps of a pass, until it has its fill, is 300 bytes."""
LOOK_S = 0.25

BLOCK = 1600

pytestmark = [
    pytest.mark.timeout(SOAK_S * 3 + 600),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def growth_per_pass(looks: list[tuple[int, int]]) -> float:
    """Theil and Sen's slope, the median of those between all pairs: a single jump of an allocator does not move it."""
    pairs = itertools.combinations(looks, 2)
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs if b[0] > a[0])


def soak(seconds: float) -> dict[str, Any]:
    """Run in a process of its own: this one's memory moves with all that other tests did in it."""
    import thoth
    from thoth.live.session import LiveSession

    speech = np.concatenate([recording(f"long_{n}") for n in ("0_20s", "1_28s")])
    blocks = itertools.cycle(np.array_split(speech, len(speech) // BLOCK))
    found: dict[str, Any] = {"updates": 0}

    def count(update: object) -> None:
        found["updates"] += 1

    with thoth.WhisperModel("nano.en") as model, LiveSession(model, chunk_s=0.5, on_update=count) as session:
        # The most memory that a pass ever takes.
        model.transcribe_samples(speech[-28 * 16_000 :], vad_filter=False, audio_context="full")
        found["speed"] = min(SPEED, followed_speed(session, blocks, 2 * len(speech)) / MARGIN)
        found["holds"] = [process_holds(os.getpid())]
        began = session.metrics
        looks = feed_paced(session, blocks, found["speed"], seconds)
        found["holds"].append(process_holds(os.getpid()))
        found["growth"] = growth_per_pass(looks[len(looks) // 2 :])
        found["fed_s"] = session.position_s
        session.stop()
        found["words"] = len(session.transcript.words)
        ended = session.metrics
        found["audio_s"] = ended.total_audio_seconds - began.total_audio_seconds
        found["passes"] = ended.total_chunks - began.total_chunks
        found["dropped"] = ended.chunks_dropped - began.chunks_dropped
        found["errors"] = ended.errors - began.errors
    return found


def followed_speed(session: Any, blocks: Iterator[Floats], samples: int) -> float:
    """Feed as fast as the session follows, and tell how fast that was, in times real time."""
    began_s = time.monotonic()
    for block in itertools.islice(blocks, samples // BLOCK):
        assert session.wait_until_taken(60)
        session.feed(block)
    return samples / 16_000 / (time.monotonic() - began_s)


def feed_paced(session: Any, blocks: Iterator[Floats], speed: float, seconds: float) -> list[tuple[int, int]]:
    """Feed at that speed, whatever becomes of it; return again and again the passes so far and the memory."""
    looks: list[tuple[int, int]] = []
    began_s = next_look_s = time.monotonic()
    fed_s = 0.0
    reader = session.updates()
    while (now_s := time.monotonic()) < began_s + seconds:
        while fed_s < (now_s - began_s) * speed:
            block = next(blocks)
            session.feed(block)
            fed_s += len(block) / 16_000
        if now_s >= next_look_s:
            next_look_s = now_s + LOOK_S
            looks.append((session.metrics.total_chunks, resident_bytes()))
        while reader.get(0) is not None:
            pass
        time.sleep(0.002)
    return looks


@pytest.fixture(scope="module")
def soaked() -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, __file__, str(SOAK_S)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(result.stdout)
    print(found)
    return found


def test_memory_does_not_grow(soaked: dict[str, Any]) -> None:
    assert soaked["growth"] < MOST_GROWTH_BYTES


def test_no_thread_and_no_file_is_left(soaked: dict[str, Any]) -> None:
    (threads_before, files_before), (threads, files) = soaked["holds"]
    assert threads <= threads_before + 2  # passes take more or fewer, as the machine is free
    assert files <= files_before


def test_little_is_dropped_and_next_to_nothing_fails(soaked: dict[str, Any]) -> None:
    heard_s = SOAK_S * soaked["speed"]
    assert soaked["fed_s"] > 0.9 * heard_s
    assert soaked["audio_s"] > 0.3 * heard_s, "half of it is silence"
    assert soaked["passes"] > 0.2 * heard_s
    assert soaked["dropped"] <= 0.01 * soaked["passes"]
    assert soaked["errors"] <= 0.001 * soaked["passes"]
    assert soaked["updates"] > soaked["passes"]
    assert soaked["words"] > 0.3 * heard_s


if __name__ == "__main__":
    json.dump(soak(float(sys.argv[1])), sys.stdout)
