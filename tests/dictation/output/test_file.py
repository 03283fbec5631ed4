from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import thoth
from thoth.dictation.output.file import FileSink
from thoth.errors import OutputError

_PROGRAM = """
import sys, thoth
from thoth.dictation.output.file import FileSink
sink = FileSink(sys.argv[1])
"""


def test_each_text_is_appended_as_a_line(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("before\n")
    sink = FileSink(target)
    for text in ("größer", "two\nlines", "ended\n", "\x00\x1b \ud83d", "x" * 1_000_000):
        sink.deliver(text, cancel)
    expected = "before\ngrößer\ntwo\nlines\nended\n\x00\x1b \ufffd\n" + "x" * 1_000_000 + "\n"
    assert target.read_bytes() == expected.encode()


def test_a_file_that_is_missing_is_made_and_the_home_folder_is_known(
    tmp_path: Path, cancel: thoth.CancelToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    sink = FileSink("~/notes.txt")
    assert not (tmp_path / "notes.txt").exists()
    sink.deliver("hello", cancel)
    (tmp_path / "notes.txt").unlink()  # as one who tidies up does
    sink.deliver("again", cancel)
    assert (tmp_path / "notes.txt").read_text() == "again\n"


def test_a_relative_path_stays_the_same_file(
    tmp_path: Path, cancel: thoth.CancelToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sink = FileSink("notes.txt")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    sink.deliver("hello", cancel)
    assert (tmp_path / "notes.txt").read_text() == "hello\n"


def test_entries_of_two_processes_stay_whole(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    program = _PROGRAM + (
        "for number in range(50): sink.deliver(sys.argv[2] * 20_000 + str(number), thoth.CancelToken())\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, target, letter]) for letter in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = target.read_text().splitlines()
    for letter in "ab":
        assert [line for line in lines if line[0] == letter] == [letter * 20_000 + str(n) for n in range(50)]
    assert len(lines) == 100


def test_what_a_full_disk_took_of_an_entry_is_taken_back(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    program = _PROGRAM + (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "sink.deliver('kept', thoth.CancelToken())\n"
        "try: sink.deliver('x' * 20_000, thoth.CancelToken())\n"
        "except thoth.ThothError as error: print(type(error).__name__, error)\n"
        "sink.deliver('after', thoth.CancelToken())\n"
    )
    run = subprocess.run([sys.executable, "-c", program, target], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"OutputError cannot append to {target}: File too large")
    assert target.read_text() == "kept\nafter\n"


def test_a_full_disk_is_an_output_error_that_says_so(cancel: thoth.CancelToken) -> None:
    with pytest.raises(OutputError, match=r"/dev/full: No space left on device; nothing of the text was kept"):
        FileSink("/dev/full").deliver("hello", cancel)


def test_a_place_where_no_file_can_be_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no folder .*missing; make it first"):
        FileSink(tmp_path / "missing" / "notes.txt")
    with pytest.raises(OutputError, match="is a folder: name a file in it"):
        FileSink(tmp_path)
    with pytest.raises(OutputError, match="null character"):
        FileSink("a\0b")
    with pytest.raises(OutputError, match="File name too long"):
        FileSink(tmp_path / ("a" * 300))


def test_a_folder_that_goes_later_is_an_output_error(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    sink = FileSink(folder / "notes.txt")
    folder.rmdir()
    with pytest.raises(OutputError, match="there is no folder"):
        sink.deliver("hello", cancel)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_file_that_may_not_be_written_is_an_output_error(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    target = tmp_path / "notes.txt"
    target.touch(0o400)
    with pytest.raises(OutputError, match="Permission denied"):
        FileSink(target).deliver("hello", cancel)


def test_a_pipe_is_refused_without_waiting_for_its_reader(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="No such device"):
        FileSink(pipe).deliver("hello", cancel)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(OutputError, match="is a pipe, not a file"):
            FileSink(pipe).deliver("hello", cancel)
    finally:
        os.close(reader)


def test_a_lock_is_waited_for_and_a_cancel_is_heard_meanwhile(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    target = tmp_path / "notes.txt"
    with target.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        threading.Timer(0.1, cancel.cancel).start()
        with pytest.raises(thoth.Cancelled):
            FileSink(target).deliver("cancelled", cancel)
        waiting = threading.Thread(target=FileSink(target).deliver, args=("waited", thoth.CancelToken()))
        waiting.start()
        time.sleep(0.1)
        assert target.read_text() == ""
    waiting.join()
    assert target.read_text() == "waited\n"
