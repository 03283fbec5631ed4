"""`thoth record` in a process of its own, on a microphone that hears what the test plays."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import soundfile
from encoded_audio import recording
from pulse_audio import PulseServer
from similarity import correlation
from thoth_command import RECORDINGS, ThothCommand, read_terminal, screen_after

pytestmark = pytest.mark.timeout(120)


def command(pulse: PulseServer, folder: Path) -> ThothCommand:
    thoth = ThothCommand(folder / "models")
    thoth.environment |= pulse.variables
    return thoth


@pytest.fixture
def thoth(pulse: PulseServer, tmp_path: Path) -> ThothCommand:
    return command(pulse, tmp_path)


def wait_until_it_records(run: subprocess.Popen[bytes], file: Path) -> None:
    assert run.stderr is not None
    run.stderr.readline()
    while not file.exists() or soundfile.info(file).frames == 0:
        time.sleep(0.05)


def test_it_records_for_the_time_given_and_prints_the_path(thoth: ThothCommand, tmp_path: Path) -> None:
    file = tmp_path / "talk.wav"
    run = thoth("record", "-d", "0.7", "-o", file)
    assert (run.returncode, run.stdout) == (0, f"{file}\n")
    assert "nothing lost" in run.stderr
    info = soundfile.info(file)
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (16_000, 1, 11_200, "PCM_16")


def test_without_a_name_the_file_is_called_after_the_time(thoth: ThothCommand, tmp_path: Path) -> None:
    run = thoth("record", "-d", "0.1", "-q", cwd=tmp_path)
    (file,) = tmp_path.glob("recording-????????-??????.wav")
    assert (run.returncode, run.stdout, run.stderr) == (0, f"{file.name}\n", "")


def test_ctrl_c_finishes_the_file(thoth: ThothCommand, pulse: PulseServer, tmp_path: Path) -> None:
    file = tmp_path / "talk.wav"
    with thoth.start("record", "-o", file, "--device", "desk_micro") as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert b"recording desk_microphone" in run.stderr.readline()
        pulse.play(RECORDINGS / "digits_07_4.flac")
        run.send_signal(signal.SIGINT)
        said = run.stdout.read()
    assert (run.returncode, said.decode()) == (0, f"{file}\n")
    heard, _ = soundfile.read(file, dtype="float32")
    spoken = recording("digits_07_4")[:-4800]  # the end is silence, some of which came after Ctrl-C
    assert correlation(heard, spoken) > 0.98


def test_a_terminal_shows_the_level_while_it_records_and_one_line_after(
    thoth: ThothCommand, pulse: PulseServer, tmp_path: Path
) -> None:
    import pty

    ours, theirs = pty.openpty()
    with thoth.start("record", "-o", tmp_path / "talk.wav", "-d", "2.5", stderr=theirs, cwd=tmp_path) as run:
        os.close(theirs)
        drawn = os.read(ours, 4096).decode()
        pulse.play(RECORDINGS / "digits_07_4.flac")
    drawn += read_terminal(ours)
    assert run.returncode == 0
    assert "####" in drawn
    assert "dBFS, nothing lost" in drawn
    first, last = screen_after(drawn)
    assert first.startswith("thoth: recording default to ")
    assert last.endswith("talk.wav: 0:02, nothing lost")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("-d", "-3"), 2, "--duration"),
        (("--device", "nonsense"), 1, "'nonsense' is not there"),
        (("--device", "99"), 1, "99"),
        (("--channels", "0"), 2, "channels takes a whole number from 1 to 32, not 0"),
        (("-o", "-"), 2, "a recording does not go to stdout"),
        (("-o", "no/such/folder.wav"), 1, "the folder for this file does not exist"),
        (("-o", "there.wav"), 1, "the file exists and was left as it is"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    thoth: ThothCommand, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    (tmp_path / "there.wav").write_text("mine")
    run = thoth("record", "-d", "1", *arguments, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (status, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert [file.name for file in tmp_path.glob("*.wav")] == ["there.wav"]
    assert (tmp_path / "there.wav").read_text() == "mine"


def test_a_device_that_dies_ends_it_with_an_error_and_a_whole_file(tmp_path: Path) -> None:
    folder = tmp_path / "pulse"
    folder.mkdir()
    file = tmp_path / "talk.wav"
    with (
        PulseServer(folder) as pulse,
        command(pulse, tmp_path).start("record", "-o", file) as run,
    ):
        assert run.stdout is not None
        assert run.stderr is not None
        wait_until_it_records(run, file)
        pulse.pause()
        assert run.wait(10) == 1
        assert run.stdout.read().decode() == f"{file}\n"
        assert "no audio came for 0.75 s" in run.stderr.read().decode()
    assert soundfile.info(file).frames > 0


def test_sigterm_finishes_the_file(thoth: ThothCommand, tmp_path: Path) -> None:
    file = tmp_path / "talk.wav"
    with thoth.start("record", "-o", file) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        wait_until_it_records(run, file)
        run.terminate()
        assert run.stdout.read().decode() == f"{file}\n"
    assert run.returncode == 0


def test_ctrl_c_while_the_device_opens_ends_it_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "pulse"
    folder.mkdir()
    with PulseServer(folder) as pulse:
        pulse.pause()
        with command(pulse, tmp_path).start("record", "-o", tmp_path / "talk.wav") as run:
            time.sleep(1.5)  # until it waits for the sound server, of which nothing tells
            begin_s = time.monotonic()
            run.send_signal(signal.SIGINT)
            assert run.wait(30) == 130
            assert time.monotonic() - begin_s < 4
    assert not (tmp_path / "talk.wav").exists()


def test_without_a_stderr_it_records_all_the_same(thoth: ThothCommand, tmp_path: Path) -> None:
    file = tmp_path / "talk.wav"
    run = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *thoth.argv, "record", "-d", "0.3", "-o", os.fspath(file)],
        env=thoth.environment,
        stdout=subprocess.PIPE,
    )
    assert (run.returncode, run.stdout.decode()) == (0, f"{file}\n")
    assert soundfile.info(file).frames == 4800


def test_a_reader_that_went_away_is_told_by_the_exit_code(thoth: ThothCommand, tmp_path: Path) -> None:
    for arguments in (["record", "-d", "0.1", "-o", os.fspath(tmp_path / "talk.wav")], ["devices"]):
        nobody, ours = os.pipe()
        os.close(nobody)
        run = subprocess.run([*thoth.argv, *arguments], env=thoth.environment, stdout=ours, stderr=subprocess.PIPE)
        os.close(ours)
        assert run.returncode == 141
        assert b"Traceback" not in run.stderr
