"""The CPU's kernels: built in, or, in a wheel, modules in the package of which the best for this CPU is loaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import thoth
from thoth import _native

pytestmark = pytest.mark.timeout(120)
RECORDING = Path(__file__).parents[1] / "audio_files" / "digits_07_4.flac"
SITE = Path(thoth.__file__).parent.parent
MODULES = Path(_native.__file__).parent / "cpu"
in_a_wheel = pytest.mark.skipif(not MODULES.is_dir(), reason="the CPU's kernels are built in here")
# Where the kernels come from, what they are called, and what they make of the recording.
TELL = """
import json, sys
from thoth import WhisperModel, _native
with WhisperModel("nano.en") as model:
    said = model.transcribe(sys.argv[1]).text
with open("/proc/self/maps") as maps:
    modules = {line.split()[-1] for line in maps if "ggml-cpu" in line}
print(json.dumps([_native.cpu_variant(), sorted(modules), said]))
"""


def run(code: str, site: Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[0:1] = [{os.fspath(site)!r}]\n{code}", os.fspath(RECORDING)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_kernels_in_use_have_a_name() -> None:
    names = {file.stem.removeprefix("lib").removeprefix("ggml-cpu-") for file in MODULES.glob("*ggml-cpu-*")}
    assert _native.cpu_variant() in (names or {"native"})


def test_the_features_are_known_before_any_model_is_loaded(tmp_path: Path) -> None:
    told = run("from thoth import _native; print(_native.system_info())", SITE, tmp_path)
    assert "CPU : " in told.stdout, told.stderr


def test_voice_activity_needs_no_model_to_be_loaded_before(tmp_path: Path) -> None:
    code = """
import numpy
from thoth._native import Vad
from thoth.model.whisper import VAD_MODEL
print(Vad(str(VAD_MODEL)).process(numpy.zeros(1024, numpy.float32)).shape)
"""
    told = run(code, SITE, tmp_path)
    assert told.stdout == "(2,)\n", told.stderr


@in_a_wheel
def test_neither_working_directory_nor_environment_decides(tmp_path: Path) -> None:
    decoys = tmp_path / "cpu"
    decoys.mkdir()
    for module in (*MODULES.iterdir(), *MODULES.parent.glob("*thoth-ggml*")):
        for folder in (tmp_path, decoys):
            (folder / module.name).write_bytes(b"not a library")
    decoy = os.fspath(decoys / f"libggml-cpu-{_native.cpu_variant()}.so")
    told = run(TELL, SITE, tmp_path, LD_LIBRARY_PATH=os.fspath(decoys), GGML_BACKEND_PATH=decoy)
    assert told.returncode == 0, told.stderr
    variant, modules, said = json.loads(told.stdout)
    assert modules == [os.fspath(MODULES / f"libggml-cpu-{variant}.so")]
    assert (variant, said) == (_native.cpu_variant(), "three two seven four")


@in_a_wheel
def test_a_package_that_was_moved_takes_its_own_kernels(moved: Path, tmp_path: Path) -> None:
    told = run(TELL, moved, tmp_path)
    assert told.returncode == 0, told.stderr
    variant, modules, said = json.loads(told.stdout)
    assert modules == [os.fspath(moved / "thoth" / "cpu" / f"libggml-cpu-{variant}.so")]
    assert said == "three two seven four"


@in_a_wheel
def test_the_kernels_stay_when_their_best_module_is_damaged(moved: Path, tmp_path: Path) -> None:
    best = moved / "thoth" / "cpu" / f"libggml-cpu-{_native.cpu_variant()}.so"
    best.write_bytes(b"not a library")
    told = run(TELL, moved, tmp_path)
    assert told.returncode == 0, told.stderr
    variant, _, said = json.loads(told.stdout)
    assert variant != _native.cpu_variant()
    assert said == "three two seven four"


@in_a_wheel
@pytest.mark.parametrize("what", ["folder", "modules", "contents"])
def test_no_kernels_at_all_are_a_problem_that_the_doctor_names(what: str, moved: Path, tmp_path: Path) -> None:
    folder = moved / "thoth" / "cpu"
    if what == "contents":
        for module in folder.iterdir():
            module.write_bytes(b"not a library")
    else:
        shutil.rmtree(folder)
    if what == "modules":
        folder.mkdir()
    told = run("sys.argv[1:] = ['doctor']; from thoth.cli.main import main; main()", moved, tmp_path)
    assert told.returncode == 1, told.stderr
    assert f"problem: cpu: no CPU kernels for this CPU in {folder}" in told.stdout
    assert "install thoth-speech again" in told.stdout
    assert "problem: self test: no CPU kernels" in told.stdout
