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
WARM_UP = max(50, DICTATIONS // 5)
MOST_GROWTH = (5 if DICTATIONS >= 1000 else 15) << 20  # a shorter run sees the heaps fill, and tells of large leaks
CANCELLED_EVERY = 10
LIMIT_S = 540.0

SCRIPT = """
    import json, threading
    import psutil
    import thoth

    recording, folder, dictations, cancelled_every = {arguments}
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
                account["resident"].append(process.memory_info().rss)
                account["files"].append(process.num_fds())
                account["threads"].append(threading.active_count())
    print(json.dumps(account))
"""


def growth_of(resident: list[int]) -> int:
    """By how much the least of a third of the dictations grew, from the first one behind the warm-up to the last.

    The least, since glibc gives each thread a heap of its own and frees of these what it likes: from one dictation to
    the next the memory in use goes up and down by some 20 MB. What leaks raises the least as well.
    """
    window = (len(resident) - WARM_UP) // 3
    return min(resident[-window:]) - min(resident[WARM_UP : WARM_UP + window])


@pytest.mark.skipif(sys.platform != "linux", reason="counts files by /proc")
def test_nothing_grows_and_nothing_sticks(audio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "history"
    arguments = (os.fspath(audio / "digits_00_1.flac"), os.fspath(folder), DICTATIONS, CANCELLED_EVERY)
    with PythonProcess(SCRIPT.format(arguments=repr(arguments))) as process:
        code, out, err = process.outcome(LIMIT_S)
    assert code == 0, err
    account = json.loads(out)
    cancelled = account["states"].count("cancelled")
    growth = growth_of(account["resident"])
    with capsys.disabled():
        print(f"\n{DICTATIONS} dictations, {cancelled} cancelled: {growth / 1e6:+.2f} MB", end=" ")
    assert growth < MOST_GROWTH
    assert account["files"][-1] <= account["files"][WARM_UP]
    assert account["threads"][-1] <= account["threads"][WARM_UP]
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
