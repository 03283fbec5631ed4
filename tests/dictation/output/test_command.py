from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import thoth
from thoth.dictation.output.command import CommandSink
from thoth.errors import InvalidOption, OutputError


@pytest.mark.parametrize("text", ["größer\n😀", "x" * 1_000_000, "\x00\x1b\r"], ids=["short", "1 MB", "control"])
def test_the_command_gets_exactly_the_text(tmp_path: Path, cancel: thoth.CancelToken, text: str) -> None:
    target = tmp_path / "a file"
    CommandSink(["cp", "/dev/stdin", str(target)]).deliver(text, cancel)
    assert target.read_bytes() == text.encode()


def test_a_half_pair_arrives_as_a_replacement(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    CommandSink(["cp", "/dev/stdin", str(tmp_path / "got")]).deliver("\ud83d", cancel)
    assert (tmp_path / "got").read_text() == "\ufffd"


def test_a_string_is_split_and_no_shell_looks_at_it(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    CommandSink(f"touch '{tmp_path}/a file' {tmp_path}/$HOME;ls").deliver("hello", cancel)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["$HOME;ls", "a file"]


def test_a_shell_runs_it_when_asked_for(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    CommandSink(f"tr a-z A-Z > '{tmp_path}/got' && echo done >> '{tmp_path}/got'", shell=True).deliver("hi\n", cancel)
    assert (tmp_path / "got").read_text() == "HI\ndone\n"


def test_a_failure_tells_the_status_and_the_end_of_stderr(cancel: thoth.CancelToken) -> None:
    command = "seq 100000 >&2; echo no such room >&2; exit 7"
    with pytest.raises(OutputError, match=r"exit status 7: 99999 / 100000 / no such room$"):
        CommandSink(command, shell=True).deliver("hello", cancel)
    with pytest.raises(OutputError, match=r"was killed by SIGTERM$"):
        CommandSink("kill $$", shell=True).deliver("hello", cancel)


def test_no_argument_of_it_is_in_a_message_since_a_key_may_be(cancel: thoth.CancelToken) -> None:
    for sink in (CommandSink("false -H 'Bearer s3cr3t'"), CommandSink("false s3cr3t", shell=True)):
        assert sink.name == "command false"
        with pytest.raises(OutputError, match=r"^command false failed with exit status 1$"):
            sink.deliver("hello", cancel)


@pytest.mark.parametrize("command", ["true", "head -c 1", "sh -c 'exec <&-; sleep 0.2'"])
def test_one_that_does_not_read_its_stdin_has_not_failed(command: str, cancel: thoth.CancelToken) -> None:
    CommandSink(command).deliver("x" * 1_000_000, cancel)


def test_one_that_writes_more_than_a_pipe_holds_does_not_hang(cancel: thoth.CancelToken) -> None:
    noise = "import sys; sys.stdout.write('x' * 10**7); sys.stderr.write('y' * 10**7); sys.stdin.read()"
    CommandSink([sys.executable, "-c", noise]).deliver("x" * 1_000_000, cancel)


def test_one_that_leaves_a_process_in_the_background_is_done(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    started_s = time.monotonic()
    CommandSink(f"sleep 60 & echo $! > {tmp_path}/pid", shell=True).deliver("hello", cancel)
    assert time.monotonic() - started_s < 20.0
    left = psutil.Process(int((tmp_path / "pid").read_text()))
    assert left.is_running()
    left.kill()


def test_one_whose_background_never_stops_talking_is_done(cancel: thoth.CancelToken) -> None:
    started_s = time.monotonic()
    CommandSink("yes >&2 & sleep 0.1", shell=True).deliver("hello", cancel)
    assert time.monotonic() - started_s < 20.0


def test_after_its_time_it_is_killed_with_all_that_it_started(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    # Its children do not end when asked to, either.
    command = f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/pid; sleep 60"
    threads, started_s = threading.active_count(), time.monotonic()
    with pytest.raises(OutputError, match=r"did not end within 1\.5 s and was killed"):
        CommandSink(command, 1.5, shell=True).deliver("hello", cancel)
    assert time.monotonic() - started_s < 20.0
    _assert_ended(int((tmp_path / "pid").read_text()))
    assert threading.active_count() == threads
    assert [child for child in psutil.Process().children() if child.name() in ("sh", "sleep")] == []


def test_a_cancel_kills_it_at_once(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    threading.Thread(target=_cancel_once_there, args=(tmp_path / "pid", cancel)).start()
    started_s = time.monotonic()
    with pytest.raises(thoth.Cancelled):
        CommandSink(f"sleep 60 & echo $! > {tmp_path}/pid; wait", shell=True).deliver("hello", cancel)
    assert time.monotonic() - started_s < 20.0
    _assert_ended(int((tmp_path / "pid").read_text()))


def test_it_does_not_outlive_the_program_whose_limit_it_has(tmp_path: Path) -> None:
    code = """
import pathlib, sys, threading, time
import thoth
from thoth.dictation.output.command import CommandSink

path = pathlib.Path(sys.argv[1])
sink = CommandSink(f"echo $$ > {path}; sleep 60", shell=True)
threading.Thread(target=sink.deliver, args=("hello", thoth.CancelToken()), daemon=True).start()
while not path.exists() or not path.read_text().endswith("\\n"):
    time.sleep(0.01)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "pid")], check=True, timeout=50)
    _assert_ended(int((tmp_path / "pid").read_text()))


def test_a_program_that_is_not_there_is_refused_at_once(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    with pytest.raises(OutputError, match="there is no program 'no-such-program'"):
        CommandSink("no-such-program -x")
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    sink = CommandSink(str(program))
    program.unlink()
    with pytest.raises(OutputError, match="cannot be run: No such file"):
        sink.deliver("hello", cancel)


@pytest.mark.parametrize("command", ["", "  ", "'open", [], [""], [1], "a\0b"])
def test_what_is_no_command_is_refused(command: object) -> None:
    with pytest.raises(InvalidOption, match="command"):
        CommandSink(command)  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="timeout_s"):
        CommandSink("true", timeout_s=0)
    with pytest.raises(InvalidOption, match="shell"):
        CommandSink(["true"], shell=True)


def _assert_ended(pid: int) -> None:
    """Nobody may have collected it yet, but it runs no more."""
    deadline_s = time.monotonic() + 10.0
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)


def _cancel_once_there(path: Path, cancel: thoth.CancelToken) -> None:
    while not path.exists() or not path.read_text().endswith("\n"):
        time.sleep(0.01)
    cancel.cancel()
