from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest
from thoth_command import NO_LIBRARY, RUN_MAIN, ThothCommand

from thoth import _native

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def command(tmp_path: Path) -> ThothCommand:
    return ThothCommand(tmp_path / "models")


def test_a_sound_installation_has_no_problems(command: ThothCommand, tmp_path: Path) -> None:
    run = command("doctor", "--json")
    assert (run.returncode, run.stderr) == (0, "")
    report = json.loads(run.stdout)
    assert report["problems"] == []
    assert report["versions"]["whisper_cpp"] == "1.8.5"
    assert platform.python_version() in report["versions"]["python"]
    assert any(library.startswith("libavcodec ") for library in report["versions"]["ffmpeg"])
    assert report["cpu"]["cores"] >= report["cpu"]["threads_now"] >= 1
    assert report["cpu"]["kernels"] == _native.cpu_variant()
    assert "LLAMAFILE" in report["cpu"]["features"]
    assert report["models"]["directory"] == str(tmp_path / "models")
    assert report["models"]["installed"] == []
    assert report["models"]["built_in"].startswith("nano.en, verified: ")
    assert report["self_test"]["load_s"] > 0
    assert "portaudio" in report["sound"]


def test_lines_tell_the_same_and_no_secrets(command: ThothCommand) -> None:
    run = command(
        "doctor",
        THOTH_OFFLINE="1",
        THOTH_MODELS_URL="https://nightjar:pa@corncrake@mirror.example/models?token=hoopoe",
        HTTPS_PROXY="http://me:firecrest@proxy.example:3128",
    )
    assert (run.returncode, run.stderr) == (0, "")
    for label in ("whisper cpp", "kernels", "features", "voice activity", "load s", "input devices", "THOTH_OFFLINE"):
        assert any(line.strip().startswith(label) for line in run.stdout.splitlines())
    assert "https://mirror.example/models\n" in run.stdout
    assert "HTTPS_PROXY" in run.stdout
    for secret in ("nightjar", "corncrake", "hoopoe", "firecrest"):
        assert secret not in run.stdout
    assert run.stdout.endswith("all that transcription needs works\n")


def test_a_damaged_built_in_model_is_a_problem(command: ThothCommand, moved: Path) -> None:
    model = moved / "thoth" / "assets" / "ggml-nano.en-q5_1.bin"
    model.write_bytes(bytes(1000) + model.read_bytes()[1000:])
    command.argv = (sys.executable, "-c", f"import sys; sys.path[0:0] = [{str(moved)!r}]\n" + RUN_MAIN)
    run = command("doctor")
    assert run.returncode == 1
    assert "problem: models: " in run.stdout
    assert "SHA-256" in run.stdout
    assert "problem: self test: " in run.stdout
    assert run.stderr == ""


def test_a_missing_portaudio_is_a_hint_and_no_problem(command: ThothCommand) -> None:
    command.argv = (sys.executable, "-c", NO_LIBRARY + RUN_MAIN)
    run = command("doctor", "--json")
    assert run.returncode == 0
    assert "PortAudio library not found: install" in json.loads(run.stdout)["sound"]["portaudio"]
