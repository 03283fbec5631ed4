"""What goes wrong around the history: full and read-only disks, damage, odd file systems, other programs."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import filelock
import pytest
from history_process import history_process, run_up_to

from thoth._native import WavWriter
from thoth.dictation.history import database
from thoth.dictation.history.network import file_system_of, is_on_network
from thoth.dictation.history.store import History
from thoth.errors import HistoryError

pytestmark = pytest.mark.timeout(120)

LOGGER = "thoth.dictation"
FULL = r"history\.db: the disk is full: free some space .*prune.*safe"


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    path = disk / "everything else"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    assert shutil.disk_usage(disk).free == 0
    return path


def finished(history: History, text: str, seconds: float = 0.5) -> int:
    """A completed dictation with a real recording."""
    entry = history.begin()
    assert entry.audio_path is not None
    record(entry.audio_path, seconds)
    history.finish(entry.id, "completed", text=text, audio_s=seconds)
    return entry.id


def record(path: Path, seconds: float) -> None:
    import numpy as np

    with WavWriter(path, 16_000) as writer:
        writer.write(np.zeros(round(16_000 * seconds), np.float32))


def damage(path: Path, page: int) -> None:
    """Write over a page of a database."""
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(b"\xff" * 4096)


def test_a_full_disk_is_told_and_loses_nothing(small_disk: Path) -> None:
    with History(small_disk / "history") as history:
        kept = [finished(history, f"before {number}") for number in range(3)]
        running = history.begin()
        rest = fill(small_disk)
        with pytest.raises(HistoryError, match=FULL):  # noqa: PT012 - the log has room for some
            for number in range(1000):
                history.update(running.id, text=f"{number} " * 1000)
        with pytest.raises(HistoryError, match=FULL):
            history.finish(running.id, "completed", text="x" * 20_000)
        assert [entry.id for entry in history.entries()] == [running.id, *kept[::-1]]
        # Nobody works on it any more, whatever could be written down of that.
        assert history.get(running.id).interrupted
    with History(small_disk / "history") as history:
        assert [entry.text for entry in history.walk()][:3] == ["before 0", "before 1", "before 2"]
        with pytest.raises(HistoryError, match=r"the disk is full|No space left on device"):  # noqa: PT012
            for _ in range(100):
                history.finish(history.begin().id, "completed", text="x" * 4000)
        rest.unlink()
        assert history.get(finished(history, "after")).text == "after"
        assert list(history.folder.glob("*corrupt*")) == []


def test_on_a_full_disk_the_history_can_be_read_and_pruned(small_disk: Path) -> None:
    with History(small_disk / "history") as history:
        numbers = [finished(history, f"before {number}", seconds=2) for number in range(3)]
    fill(small_disk)
    with History(small_disk / "history") as history, History(small_disk / "history") as other:
        assert [entry.id for entry in history.entries()] == numbers[::-1]
        with pytest.raises(HistoryError, match=FULL):
            history.begin()
        assert other.get(numbers[0]).text == "before 0"
        assert history.prune(max_bytes=100_000).entries == 2
        assert [entry.id for entry in other.entries()] == numbers[-1:]
        assert finished(other, "after") > numbers[-1]
    with sqlite3.connect(small_disk / "history" / "history.db") as outside:
        assert outside.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    outside.close()


def test_a_read_only_disk_is_told(small_disk: Path) -> None:
    with History(small_disk / "history") as history:
        finished(history, "before")
    subprocess.run(["mount", "-o", "remount,ro", os.fspath(small_disk)], check=True)
    with pytest.raises(
        HistoryError, match=r"cannot be used \(Read-only file system\): make the folder writable, or cho"
    ):
        History(small_disk / "history")
    with pytest.raises(HistoryError, match=r"small/another: .*Read-only file system.*THOTH_HISTORY"):
        History(small_disk / "another")


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(HistoryError, match=r"file.*: the history cannot be used .*THOTH_HISTORY"):
        History(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("content", [b"not a database " * 1000, b"SQLite format 3\x00" + b"\xff" * 9000, b"short"])
def test_what_is_no_database_is_set_aside_and_made_again_from_the_recordings(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with History(tmp_path) as history:
        numbers = [finished(history, "gone", seconds=number) for number in (1, 2.5)]
        times = [history.get(number).created_at.replace(microsecond=0) for number in numbers]
    (tmp_path / "recordings" / "notes.wav").write_bytes(b"of somebody else")
    (tmp_path / "history.db").write_bytes(content)
    with caplog.at_level(logging.WARNING, LOGGER), History(tmp_path) as history:
        found = list(history.walk())
        assert [(entry.id, entry.audio_s, entry.created_at) for entry in found] == [
            (numbers[0], 1.0, times[0]),
            (numbers[1], 2.5, times[1]),
        ]
        for entry in found:
            assert entry.state == "failed"
            assert "damaged" in str(entry.error)
            assert "thoth history retry" in str(entry.error)
            assert entry.retryable
        assert (tmp_path / "history.db.corrupt").read_bytes() == content
        assert history.claim(numbers[0]).in_work
        assert history.begin().id > max(numbers)
    assert "is damaged" in caplog.text
    assert "of 2 the recording was found" in caplog.text


def test_damage_met_in_mid_work_costs_only_what_was_on_it(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        numbers = [finished(history, f"{number} " + "x" * 3000, seconds=0.01) for number in range(30)]
    pages = (tmp_path / "history.db").stat().st_size // 4096
    with History(tmp_path) as history:
        for page in range(pages - 3, pages):
            damage(tmp_path / "history.db", page)
        found = sorted(history.walk(), key=lambda entry: entry.id)
        assert [entry.id for entry in found] == numbers
        completed = [entry for entry in found if entry.state == "completed"]
        assert len(completed) >= 15
        assert all(entry.text.startswith(f"{entry.id - numbers[0]} x") for entry in completed)
        assert {entry.state for entry in found} <= {"completed", "failed"}
        assert finished(history, "after") == numbers[-1] + 1
    assert (tmp_path / "history.db.corrupt").exists()
    with sqlite3.connect(tmp_path / "history.db") as outside:
        assert outside.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    outside.close()


@pytest.mark.parametrize(
    "change", ["problems = '[\"half'", "created_s = 1e300", "state = 'recorded'", "durations = 7.5e"]
)
def test_a_row_that_makes_no_sense_costs_nobody_the_others(tmp_path: Path, change: str) -> None:
    """SQLite notices damage to its structure, not to what is in it."""
    with History(tmp_path) as history:
        numbers = [finished(history, f"number {number}") for number in range(3)]
        outside = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
        outside.execute(f"UPDATE entries SET {change.replace('7.5e', repr('7.5e'))} WHERE id = ?", (numbers[1],))
        outside.close()
        assert history.claim(numbers[1]).in_work
        states = {entry.id: (entry.state, entry.text) for entry in history.walk()}
        assert states == {
            numbers[0]: ("completed", "number 0"),
            numbers[1]: ("transcribing", ""),
            numbers[2]: ("completed", "number 2"),
        }
    assert (tmp_path / "history.db.corrupt").exists()


def test_a_second_damage_keeps_the_first_file(tmp_path: Path) -> None:
    for content in (b"first" * 1000, b"second" * 1000):
        with History(tmp_path):
            pass
        (tmp_path / "history.db").write_bytes(content)
    with History(tmp_path) as history:
        assert history.entries() == []
    assert (tmp_path / "history.db.corrupt").read_bytes() == b"first" * 1000
    assert (tmp_path / "history.db-2.corrupt").read_bytes() == b"second" * 1000


def test_several_processes_that_meet_damage_mend_it_once(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        number = finished(history, "gone")
    code = f"""
tell("ready")
input()
told(lambda: (history.get({number}).state, history.begin().id > {number}))
"""
    with ExitStack() as stack:
        processes = [stack.enter_context(history_process(tmp_path, code)) for _ in range(4)]
        for process in processes:
            assert process.line() == "ready"
        for name in ("history.db-wal", "history.db-shm"):
            (tmp_path / name).unlink()
        (tmp_path / "history.db").unlink()  # what is open stays as it is: they have to look
        (tmp_path / "history.db").write_bytes(b"\xff" * 8192)
        for process in processes:
            process.go_on()
        for process in processes:
            assert process.outcome() == (0, "did ('failed', True)\n", "")
    assert [path.name for path in tmp_path.glob("*corrupt*")] == ["history.db.corrupt"]
    with History(tmp_path) as history:
        assert len(history.entries()) == 5


def test_what_two_find_damaged_at_once_is_set_aside_once(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        numbers = {finished(history, "x" * 3000, seconds=0.01) for _ in range(30)}
    pages = (tmp_path / "history.db").stat().st_size // 4096
    with History(tmp_path) as one, History(tmp_path) as two, ThreadPoolExecutor(2) as threads:
        damage(tmp_path / "history.db", pages - 1)
        mending = filelock.FileLock(tmp_path / "history.lock", thread_local=False)
        with mending.acquire():  # both find the damage before one can mend it
            walks = [
                threads.submit(lambda history: {entry.id for entry in history.walk()}, each) for each in (one, two)
            ]
            wait(walks, timeout=0.5)
        assert [walk.result() for walk in walks] == [numbers, numbers]
    assert [path.name for path in tmp_path.glob("*corrupt*")] == ["history.db.corrupt"]


def test_what_is_in_work_while_the_database_is_mended_stays_so(tmp_path: Path) -> None:
    process, number = run_up_to(tmp_path, "filtering", b"RIFF" + bytes(4000))
    with process:
        for name in ("history.db-wal", "history.db-shm", "history.db"):
            (tmp_path / name).unlink()
        (tmp_path / "history.db").write_bytes(b"\xff" * 8192)
        with History(tmp_path) as history:
            assert history.get(number).in_work
            process.kill()
            assert history.get(number).interrupted
            assert history.claim(number).in_work


def test_a_folder_that_was_removed_is_made_again_and_another_database_taken_up(tmp_path: Path) -> None:
    with History(tmp_path / "here") as history, History(tmp_path / "there") as other:
        finished(history, "here")
        finished(other, "there")
        other.close()
        shutil.rmtree(tmp_path / "here")
        assert history.entries() == []
        assert history.get(finished(history, "again")).text == "again"
        shutil.rmtree(tmp_path / "here")
        shutil.copytree(tmp_path / "there", tmp_path / "here")
        assert [entry.text for entry in history.entries()] == ["there"]


def test_one_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with History(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "history.db") as outside:
        outside.execute("PRAGMA user_version = 99")
    outside.close()
    with pytest.raises(HistoryError, match=r"newer Thoth \(version 99 of it, this one knows 1\): upgrade"):
        History(tmp_path)
    assert list(tmp_path.glob("*corrupt*")) == []


def test_a_lock_that_another_program_keeps_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.2)
    with History(tmp_path) as history:
        number = finished(history, "before")
        outside = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
        outside.execute("BEGIN EXCLUSIVE")
        with pytest.raises(HistoryError, match=r"another process has kept the history locked for 0\.2 s: try again"):
            history.begin()
        assert history.get(number).text == "before"  # reading waits for no writer
        outside.execute("ROLLBACK")
        outside.close()
        assert history.begin().in_work
    assert [path.name for path in (tmp_path / "locks").iterdir()] == []


def test_without_shared_memory_it_works_with_another_journal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # What a file system without shared memory does: the file for it cannot be had.
    (tmp_path / "history.db-shm").symlink_to(tmp_path / "nowhere" / "at all")
    with caplog.at_level(logging.INFO, LOGGER), History(tmp_path) as history, History(tmp_path) as other:
        number = finished(history, "all the same")
        assert other.get(number).text == "all the same"
        assert finished(other, "from here, too") == number + 1
        assert len(history.entries()) == 2
        assert not (tmp_path / "history.db-wal").exists()
    assert "no write-ahead log" in caplog.text
    assert "works with a delete journal" in caplog.text


MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:26 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
31 30 0:27 / /home/me/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:28 / /mnt/my\\040share rw - cifs //server/share rw
33 32 0:29 / /mnt/my\\040share rw - ext4 /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/thoth", "ext4"),
        ("/home/me/.local/share/thoth", "nfs4"),
        ("/home/me/local/thoth", "xfs"),
        ("/home/me/localities", "nfs4"),
        ("/homes/me", "ext4"),
        ("/home", "nfs4"),
        ("/mnt/my share/thoth", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


def test_this_machine_is_no_network(tmp_path: Path) -> None:
    assert not is_on_network(tmp_path)
    assert file_system_of(Path("/proc/self"), Path("/proc/self/mountinfo").read_text()) == "proc"
