"""Many dictations in one process: nothing is left of them but their entries and recordings.

THOTH_DICTATIONS sets how many; 1000 is what must hold, and takes two minutes.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from dictating import LIMIT_S, Kept

from thoth.dictation.history import History
from thoth.dictation.pipeline import Dictation

DICTATIONS = int(os.environ.get("THOTH_DICTATIONS", "150"))
WARM_UP = 50
WINDOW = 50
MOST_GROWTH = 5 << 20
CANCELLED_EVERY = 10


def growth_of(resident: list[int]) -> int:
    """By how much the least of a window of dictations grew, from the first window behind the warm-up to the last.

    The least, since glibc gives each thread a heap of its own and frees of these what it likes: from one dictation to
    the next the memory in use goes up and down by some 20 MB. What leaks raises the least as well.
    """
    return min(resident[-WINDOW:]) - min(resident[WARM_UP : WARM_UP + WINDOW])


@pytest.mark.skipif(sys.platform != "linux", reason="counts files by /proc")
def test_nothing_grows_and_nothing_sticks(
    dictate: Callable[..., Dictation], history: History, audio: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Kept()
    process = psutil.Process()
    before = (0, 0)
    resident: list[int] = []
    cancelled = 0
    dictation = dictate("digits_00_1.flac", sinks=[kept], filters=str.strip)
    for turn in range(DICTATIONS):
        if turn == WARM_UP:
            before = (process.num_fds(), threading.active_count())
        future = dictation.start()
        if turn % CANCELLED_EVERY == 0:
            dictation.cancel()
        result = future.result(LIMIT_S)
        assert result.problems == ()
        assert dictation.state == "idle"
        cancelled += result.state == "cancelled"
        resident.append(process.memory_info().rss)
    growth = growth_of(resident)
    with capsys.disabled():
        print(f"\n{DICTATIONS} dictations, {cancelled} cancelled: {growth / 1e6:+.2f} MB", end=" ")
    assert growth < MOST_GROWTH
    assert process.num_fds() <= before[0]
    assert threading.active_count() <= before[1]
    entries = history.entries(limit=DICTATIONS + 1)
    assert len(entries) == DICTATIONS
    assert sum(entry.state == "cancelled" for entry in entries) == cancelled
    assert sum(entry.state == "completed" for entry in entries) == DICTATIONS - cancelled
    assert len(set(kept.texts)) == 1
    assert len(kept.texts) == DICTATIONS - cancelled
    assert all(entry.audio_path is not None and entry.audio_path.is_file() for entry in entries)
    assert len(list((history.folder / "recordings").glob("*.wav"))) == DICTATIONS
