"""Thoth on a Linux machine that lacks the PortAudio library, in a mount namespace where it is really gone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from thoth_command import RECORDINGS, TRUE_TEXTS, ThothCommand, words

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere sounddevice brings the library along")
RECORDING = "digits_07_4.flac"


def folders_of_portaudio() -> set[Path]:
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    paths = [line.rpartition(" => ")[2] for line in known.splitlines() if "libportaudio.so" in line]
    return {Path(path).parent.resolve() for path in paths}


def hiding_portaudio(scratch: Path) -> str:
    """A shell script that hides the library from the command given to it, and from that command alone."""
    lines = ["set -e", f"mount -t tmpfs tmpfs {shlex.quote(str(scratch))}"]
    for number, folder in enumerate(sorted(folders_of_portaudio())):
        upper, work = scratch / f"upper{number}", scratch / f"work{number}"
        options = f"lowerdir={folder},upperdir={upper},workdir={work}"
        lines += [
            shlex.join(["mkdir", str(upper), str(work)]),
            shlex.join(["mount", "-t", "overlay", "overlay", str(folder), "-o", options]),
            f"rm {shlex.quote(str(folder))}/libportaudio.so*",
        ]
    return "\n".join([*lines, 'exec "$@"'])


@pytest.fixture
def without_portaudio(tmp_path: Path) -> ThothCommand:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    hidden = ("unshare", "--mount", "sh", "-c", hiding_portaudio(scratch), "sh")
    if os.geteuid() != 0 or subprocess.run([*hidden, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("hiding a library takes root, and a mount namespace")
    command = ThothCommand(tmp_path / "models")
    command.argv = (*hidden, sys.executable, "-m", "thoth")
    return command


def test_files_are_transcribed_all_the_same(without_portaudio: ThothCommand) -> None:
    run = without_portaudio("transcribe", RECORDINGS / RECORDING)
    assert (run.returncode, words(run.stdout)) == (0, words(TRUE_TEXTS[RECORDING])), run.stderr


@pytest.mark.parametrize("use", [["devices"], ["record", "--duration", "1"], ["live"]])
def test_the_first_use_of_the_microphone_is_one_line_that_says_what_to_install(
    without_portaudio: ThothCommand, tmp_path: Path, use: list[str]
) -> None:
    run = without_portaudio(*use, cwd=tmp_path)
    said = [line for line in run.stderr.splitlines() if "portaudio" in line.lower()]
    assert run.returncode == 1
    assert len(said) == 1
    assert "install PortAudio: 'sudo apt install libportaudio2'" in said[0]
    assert "Traceback" not in run.stderr
