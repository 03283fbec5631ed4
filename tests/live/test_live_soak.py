"""A session that runs for long: what it holds does not grow, and it loses and fails next to nothing.

`THOTH_SOAK_SECONDS` makes it longer than the 20 s (of wall time) that it lasts by default.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoded_audio import recording
from worker_ear import process_holds

SOAK_S = float(os.environ.get("THOTH_SOAK_SECONDS", "20"))
SPEED = 10
MOST_GROWTH_BYTES = (6 << 20) + SOAK_S / 3600 * 1e6
"""1 MB in an hour, and the noise of an allocator. What even a short soak hears is ten times that."""

pytestmark = [
    pytest.mark.timeout(SOAK_S * 3 + 600),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def soak(seconds: float) -> dict[str, Any]:
    """Run in a process of its own: this one's memory moves with all that other tests did in it."""
    import thoth
    from thoth.live.session import LiveSession

    speech = np.concatenate([recording(f"long_{n}") for n in ("0_20s", "1_28s")])
    blocks = np.array_split(speech, len(speech) // 1600)
    turn_s = len(speech) / 16_000
    found: dict[str, Any] = {"updates": 0}

    def count(update: object) -> None:
        found["updates"] += 1

    with thoth.WhisperModel("nano.en") as model, LiveSession(model, on_update=count) as session:
        model.transcribe_samples(
            speech[-28 * 16_000 :], vad_filter=False, audio_context="full"
        )  # the most it ever takes
        began_s, fed_s, turn = time.monotonic(), 0.0, 0
        end_s = began_s + 600.0
        reader = session.updates()
        while time.monotonic() < end_s:
            now_s = time.monotonic() - began_s
            if "bytes" not in found and fed_s >= turn_s:  # by now everything was heard once
                found["bytes"] = resident_bytes()
                found["holds"] = process_holds(os.getpid())
                end_s = time.monotonic() + seconds
            # Ten times as fast as life, or as fast as the machine follows.
            if fed_s < now_s * SPEED:
                session.wait_until_taken(60)
                session.feed(blocks[turn % len(blocks)])
                fed_s += len(blocks[turn % len(blocks)]) / 16_000
                turn += 1
            else:
                time.sleep(0.002)
            while reader.get(0) is not None:
                pass
        found["bytes"] = resident_bytes() - found["bytes"]
        found["holds"] = (found["holds"], process_holds(os.getpid()))
        session.stop()
        found["fed_s"] = fed_s
        found["text"] = len(session.transcript.words)
        found["metrics"] = session.metrics.as_dict()
    return found


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
    assert soaked["bytes"] < MOST_GROWTH_BYTES


def test_no_thread_and_no_file_is_left(soaked: dict[str, Any]) -> None:
    (threads_before, files_before), (threads, files) = soaked["holds"]
    assert threads <= threads_before + 2  # passes take more or fewer, as the machine is free
    assert files <= files_before


def test_little_is_dropped_and_next_to_nothing_fails(soaked: dict[str, Any]) -> None:
    metrics = soaked["metrics"]
    assert metrics["total_chunks"] > SOAK_S / 4
    assert metrics["chunks_dropped"] <= 0.01 * metrics["total_chunks"]
    assert metrics["errors"] <= 0.001 * metrics["total_chunks"]
    assert soaked["updates"] > SOAK_S / 4
    assert soaked["text"] > 0


if __name__ == "__main__":
    json.dump(soak(float(sys.argv[1])), sys.stdout)
