from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded_audio import recording
from thoth_command import TRUE_TEXTS, ThothCommand, words

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and terminals"),
]

TRANSCRIBE = ("transcribe", "--threads", "1")
LONG_TEXT = words(TRUE_TEXTS["long_0_20s.flac"])
REPEATS = 90
"""Half an hour: still far from its end when its first line is out."""
STOPS_WITHIN_S = 10
"""A window takes a tenth of a second; the rest is for a busy machine."""


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "talk.wav"
    soundfile.write(path, np.tile(recording("long_0_20s"), REPEATS), 16_000)
    return path


@pytest.fixture
def thoth(tmp_path_factory: pytest.TempPathFactory) -> ThothCommand:
    return ThothCommand(tmp_path_factory.mktemp("models"))


def interrupt(run: subprocess.Popen[bytes]) -> None:
    begin_s = time.monotonic()
    run.send_signal(signal.SIGINT)
    assert run.wait(STOPS_WITHIN_S) == 130
    assert time.monotonic() - begin_s < STOPS_WITHIN_S


def assert_is_beginning(text: str) -> None:
    found = words(text)
    assert found[:3] == LONG_TEXT[:3]
    assert len(found) < len(LONG_TEXT) * REPEATS / 2


def test_ctrl_c_keeps_the_text_that_is_out_and_leaves_the_other_files(thoth: ThothCommand, long_file: Path) -> None:
    with thoth.start(*TRANSCRIBE, long_file, long_file) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        first = run.stdout.readline()
        interrupt(run)
        assert_is_beginning((first + run.stdout.read()).decode())
        said = run.stderr.read().decode()
    assert said.count(f"{long_file}: stopped at ") == 1
    assert said.endswith("thoth: error: interrupted\n")
    assert "Traceback" not in said


def test_ctrl_c_puts_the_text_so_far_into_partial_files(thoth: ThothCommand, long_file: Path, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    (tmp_path / "talk.partial.txt").write_text("of an earlier run")
    with thoth.start(*TRANSCRIBE, "-f", "txt", "-f", "srt", "-o", tmp_path, long_file, stderr=theirs) as run:
        os.close(theirs)
        said = b""
        while b"RTF" not in said:
            said += os.read(ours, 4096)
        interrupt(run)
    said += os.read(ours, 65_536)
    os.close(ours)
    assert_is_beginning((tmp_path / "talk.partial-2.txt").read_text())
    assert (tmp_path / "talk.partial.srt").read_text().startswith("1\n00:00:0")
    assert (tmp_path / "talk.partial.txt").read_text() == "of an earlier run"
    assert {path.name for path in tmp_path.iterdir()} == {
        "talk.partial.txt",
        "talk.partial-2.txt",
        "talk.partial.srt",
    }
    assert str(tmp_path / "talk.partial-2.txt").encode() in said.replace(b"\r\n", b"\n")


def test_ctrl_c_ends_the_wait_for_a_silent_pipe_and_keeps_what_was_heard(
    thoth: ThothCommand, long_file: Path, tmp_path: Path
) -> None:
    with thoth.start(*TRANSCRIBE, "-", stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        with long_file.open("rb") as audio:
            run.stdin.write(audio.read(25 * 16_000 * 2))
        run.stdin.flush()
        assert words(run.stdout.readline().decode()) == words(TRUE_TEXTS["long_0_20s.flac"])[:3]
        interrupt(run)


def test_a_reader_that_goes_away_ends_it_quietly(thoth: ThothCommand, long_file: Path) -> None:
    with thoth.start(*TRANSCRIBE, "-q", long_file) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        assert run.wait(60) == 141
        assert run.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line(thoth: ThothCommand, long_file: Path) -> None:
    with Path("/dev/full").open("wb") as full, thoth.start(*TRANSCRIBE, "-q", long_file, stdout=full) as run:
        assert run.stderr is not None
        assert run.wait(60) == 1
        assert run.stderr.read().decode().splitlines() == [
            "thoth: error: cannot write to standard output: No space left on device"
        ]
