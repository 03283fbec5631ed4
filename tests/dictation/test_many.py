"""Many dictations in one process: nothing is left of them but their entries and recordings.

THOTH_DICTATIONS sets how many; 1000 is what must hold, and takes two minutes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from python_process import PythonProcess

from thoth.dictation.history.store import History

DICTATIONS = int(os.environ.get("THOTH_DICTATIONS", "150"))
WARM_UP = DICTATIONS // 5
MOST_GROWTH = 5 << 20
SAMPLES = 40
"""Of the memory in use, over all dictations."""
CANCELLED_EVERY = 10
LIMIT_S = 540.0
FEW_HEAPS = {"MALLOC_ARENA_MAX": "2"}
"""glibc gives each thread a heap of its own, pages of which remain in use by chance: 5 MB more or less, which would
hide a leak, and look like one."""

SCRIPT = """
    import gc, json, threading
    import psutil
    import thoth
    from thoth._native import release_free_memory

    recording, folder, dictations, cancelled_every, sampled_every = {arguments}
    process = psutil.Process()
    account = {{"resident": [], "files": [], "threads": [], "states": [], "texts": [], "problems": []}}
    source = thoth.FileSource(recording, realtime=False)
    sink = thoth.CallableSink(account["texts"].append, "a list")
    with thoth.WhisperModel("nano.en") as model, thoth.History(folder) as history:
        with thoth.Dictation(model, source=source, history=history, sinks=[sink], filters=str.strip) as dictation:
            for turn in range(dictations):
                future = dictation.start()
                if turn % cancelled_every == 0:
                    dictation.cancel()
                result = future.result(60)
                assert dictation.state == "idle"
                account["states"].append(result.state)
                account["problems"].extend(result.problems)
                if turn % sampled_every == 0:
                    gc.collect()
                    release_free_memory()
                    account["resident"].append(process.memory_info().rss)
                account["files"].append(process.num_fds())
                account["threads"].append(threading.active_count())
    print(json.dumps(account))
"""


def growth_of(resident: list[int]) -> int:
    """By how much the least of a fourth of the samples grew, from the first ones behind the warm-up to the last."""
    behind = resident[len(resident) // 5 :]
    return min(behind[-len(behind) // 4 :]) - min(behind[: len(behind) // 4])


@pytest.mark.skipif(sys.platform != "linux", reason="counts files by /proc")
def test_nothing_grows_and_nothing_sticks(audio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "history"
    recording, sampled_every = audio / "digits_00_1.flac", max(DICTATIONS // SAMPLES, 1)
    arguments = (os.fspath(recording), os.fspath(folder), DICTATIONS, CANCELLED_EVERY, sampled_every)
    with PythonProcess(SCRIPT.format(arguments=repr(arguments)), os.environ | FEW_HEAPS) as process:
        code, out, err = process.outcome(LIMIT_S)
    assert code == 0, err
    account = json.loads(out)
    cancelled = account["states"].count("cancelled")
    growth = growth_of(account["resident"])
    with capsys.disabled():
        print(f"\n{DICTATIONS} dictations, {cancelled} cancelled: {growth / 1e6:+.2f} MB", end=" ")
    assert growth < MOST_GROWTH
    for counted in ("files", "threads"):  # some of the dictation before may still be ending
        assert max(account[counted][-WARM_UP:]) <= max(account[counted][:-WARM_UP])
    assert account["problems"] == []
    assert account["states"].count("completed") == DICTATIONS - cancelled
    assert cancelled > 0
    assert len(set(account["texts"])) == 1
    assert len(account["texts"]) == DICTATIONS - cancelled
    with History(folder) as history:
        entries = history.entries(limit=None)
        assert [entry.state for entry in reversed(entries)] == account["states"]
        assert all(entry.audio_path is not None and entry.audio_path.is_file() for entry in entries)
    assert len(list((folder / "recordings").glob("*.wav"))) == DICTATIONS
