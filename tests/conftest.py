"""What all tests share: the recordings, and one loaded model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import thoth

AUDIO = Path(__file__).parent / "audio_files"
MANIFEST: list[dict[str, Any]] = [json.loads(line) for line in (AUDIO / "manifest.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is installed on this machine, what somebody dictated here, and the network, out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOTH_MODELS", os.fspath(tmp_path_factory.mktemp("models")))
        patch.setenv("THOTH_HISTORY", os.fspath(tmp_path_factory.mktemp("history")))
        patch.delenv("THOTH_OFFLINE", raising=False)
        yield


@pytest.fixture(scope="session")
def audio() -> Path:
    """The folder of recordings."""
    return AUDIO


@pytest.fixture(scope="session")
def manifest() -> dict[str, dict[str, Any]]:
    """What is said in each recording, by file name."""
    return {entry["file"]: entry for entry in MANIFEST}


@pytest.fixture(scope="session")
def exact() -> list[str]:
    """The recordings that come out word for word."""
    names: list[str] = json.loads((AUDIO / "exact.json").read_text())
    return names


@pytest.fixture(scope="session")
def model() -> Iterator[thoth.WhisperModel]:
    """The built-in model, loaded once."""
    with thoth.WhisperModel("nano.en") as loaded:
        yield loaded


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", os.fspath(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", os.fspath(folder)], check=True)


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """A folder to import from, with a copy of the package and of what a repaired wheel keeps beside it."""
    site, copy = Path(thoth.__file__).parent.parent, tmp_path / "site"
    for folder in (site / "thoth", site / "thoth_speech.libs"):
        if folder.is_dir():
            shutil.copytree(folder, copy / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy
