"""A recorder that cannot record says why, and one whose disk gives up keeps what it had; the source goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fed_input import FedInput, numbered
from read_back import recorded

from thoth.audio.recorder import Recorder
from thoth.errors import AudioError, InvalidOption

AS_ROOT = os.geteuid() == 0
SECOND = 16_000


def test_it_records_once(tmp_path: Path) -> None:
    with FedInput() as source:
        recorder = Recorder(tmp_path / "a.wav", source).start()
        for _ in range(2):
            with pytest.raises(AudioError, match=r"a\.wav: this recorder was started before: make a new one"):
                recorder.start()
            recorder.stop()


def test_before_the_start_it_says_so(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.wav", FedInput(), tap=True)
    for call in (recorder.stop, recorder.wait, recorder.read):
        with pytest.raises(AudioError, match=r"a\.wav: nothing"):
            call()
    assert (recorder.state, recorder.error, recorder.duration_s, recorder.losses) == ("idle", None, 0.0, ())
    recorder.pause()
    assert recorder.state == "idle"
    with pytest.raises(AudioError, match="make it with tap=True"):
        Recorder(tmp_path / "a.wav", FedInput()).read()
    with pytest.raises(AudioError, match="a fed input is not running: start it first"):
        recorder.start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_s": 0}, "max_s takes seconds above 0"),
        ({"max_s": float("nan")}, "max_s takes seconds above 0"),
        ({"max_s": float("inf")}, "max_s takes seconds above 0"),
        ({"encoding": "mp3"}, "encoding takes pcm16 or float32, not 'mp3'"),
        ({"preroll_s": -1.0}, "preroll_s takes seconds from 0 to 600, not -1.0"),
        ({"device": 0}, "device is for a recorder without a source"),
    ],
)
def test_options_that_make_no_sense_create_no_file(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with FedInput() as source:
        with pytest.raises(InvalidOption, match=message):
            Recorder(tmp_path / "a.wav", source, **options).start()
        source.push(numbered(100))
        assert source.running
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_left_alone_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("mine")
    with FedInput() as source:
        with pytest.raises(AudioError, match=r"a\.wav: the file exists and was left as it is"):
            Recorder(path, source).start()
        assert path.read_text() == "mine"
        with Recorder(path, source, overwrite=True):
            source.push(numbered(1_000))
    assert len(recorded(path)) == 1_000


def test_a_missing_folder_is_refused_and_the_source_goes_on(tmp_path: Path) -> None:
    with FedInput(preroll_s=0.0) as source:
        source.read(1, timeout_s=0.0)
        recorder = Recorder(tmp_path / "missing" / "a.wav", source)
        for _ in range(2):
            with pytest.raises(AudioError, match=r"the folder for this file does not exist: create it"):
                recorder.start()
        source.push(numbered(1_000))
        np.testing.assert_array_equal(source.read(1_000), numbered(1_000))
        (tmp_path / "missing").mkdir()
        with recorder:
            source.push(numbered(500))
    assert len(recorded(recorder.path)) == 500


def test_a_read_only_disk_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", os.fspath(small_disk)], check=True)
    with FedInput() as source, pytest.raises(AudioError, match=r"not allowed to write here.*choose a folder"):
        Recorder(small_disk / "a.wav", source).start()


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    script = f"""
from pathlib import Path
from fed_input import FedInput
from thoth.audio.recorder import Recorder
from thoth.errors import AudioError
{"import os; os.setuid(65534)" if AS_ROOT else ""}
with FedInput() as source:
    try:
        Recorder("a.wav", source).start()
    except AudioError as error:
        print(error)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert "a.wav: not allowed to write here" in done.stdout
    assert "choose a folder" in done.stdout
    assert list(folder.iterdir()) == []


def test_a_full_disk_ends_the_recording_and_nothing_else(small_disk: Path) -> None:
    fed = numbered(20 * SECOND)
    with FedInput(preroll_s=0.0) as source:
        source.read(1, timeout_s=0.0)
        recorder = Recorder(small_disk / "a.wav", source, preroll_s=0.0, encoding="float32").start()
        source.push(fed)
        assert recorder.wait(timeout_s=60)
        assert recorder.state == "stopped"
        assert "the disk is full: free some space" in str(recorder.error)
        begin = time.monotonic()
        recording = recorder.stop()
        assert time.monotonic() - begin < 2
        assert recording.error is recorder.error or str(recording.error) == str(recorder.error)
        np.testing.assert_array_equal(source.read(len(fed)), fed)
    kept = recorded(small_disk / "a.wav")
    assert len(kept) > 3 * SECOND
    assert recording.duration_s == len(kept) / SECOND
    np.testing.assert_array_equal(kept, fed[: len(kept)])


def test_with_raises_what_ended_the_file(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from fed_input import FedInput, numbered
from thoth.audio.recorder import Recorder
from thoth.errors import AudioError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with FedInput() as source:
    try:
        with Recorder(sys.argv[1], source) as recorder:
            source.push(numbered(20 * 16_000))
            assert recorder.wait(60)
    except AudioError as error:
        print(error)
"""
    path = tmp_path / "a.wav"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, os.fspath(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert "a.wav: the file is as large as this disk or account allows" in done.stdout
    assert len(recorded(path)) == (100_000 - 80) // 2


def test_a_folder_that_goes_away_is_told(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    with FedInput() as source:
        recorder = Recorder(tmp_path / "stick" / "a.wav", source).start()
        shutil.rmtree(tmp_path / "stick")
        source.push(numbered(1_000))
        recording = recorder.stop()
    assert "a.wav: the file was removed while it was written" in str(recording.error)
