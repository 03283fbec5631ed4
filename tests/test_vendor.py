"""Each way in which fetching or building the third-party sources fails ends in one clear message."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / "vendor").is_dir(), reason="only in a source tree")


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """A copy of vendor/ that has fetched nothing yet."""
    copy = tmp_path / "vendor"
    copy.mkdir()
    for name in ("fetch.py", "sources.txt"):
        shutil.copy(ROOT / "vendor" / name, copy)
    return copy


def fetch(vendor: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [sys.executable, vendor / "fetch.py"],
        env=clean | {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def assert_one_clear_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def source_package(folder: Path, name: str, version: str) -> None:
    """Write a small source package under the name of a real one."""
    with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as tar:
        for file, text in (
            ("PKG-INFO", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
            ("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'nothing'\n"),
        ):
            member = tarfile.TarInfo(f"{name}-{version}/{file}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))


def test_a_package_with_another_hash_is_refused(vendor: Path, tmp_path: Path) -> None:
    source_package(tmp_path, "pywhispercpp", "1.5.1")
    source_package(tmp_path, "soxr", "1.1.0")
    done = fetch(vendor, PIP_NO_INDEX="1", PIP_FIND_LINKS=os.fspath(tmp_path))
    assert_one_clear_line(done, "SHA-256", "vendor/sources.txt")
    assert not (vendor / "src").exists()


def test_no_network_is_said_so(vendor: Path) -> None:
    # Port 9 (discard) of this machine: nobody listens there.
    done = fetch(vendor, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert_one_clear_line(done, "could not be reached", "network")
    assert not (vendor / "src").exists()


def test_what_was_fetched_is_not_fetched_again(vendor: Path) -> None:
    if not (ROOT / "vendor" / "src" / ".fetched").is_file():
        pytest.skip("nothing was fetched here yet")
    (vendor / "src").mkdir()
    shutil.copy(ROOT / "vendor" / "src" / ".fetched", vendor / "src")
    done = fetch(vendor, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_new_pin_makes_what_was_fetched_stale(vendor: Path) -> None:
    (vendor / "src").mkdir()
    (vendor / "src" / ".fetched").write_text("another\n")
    assert fetch(vendor, PIP_INDEX_URL="http://127.0.0.1:9/simple").returncode == 1


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("ninja")), reason="needs cmake and ninja")
def test_a_missing_compiler_is_said_so(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    cmake, ninja = shutil.which("cmake"), shutil.which("ninja")
    assert cmake
    assert ninja
    (tools / "ninja").symlink_to(ninja)
    environment = {name: value for name, value in os.environ.items() if name not in ("CC", "CXX")}
    done = subprocess.run(
        [cmake, "-S", ROOT, "-B", tmp_path / "build", "-G", "Ninja", "-DTHOTH_PYTHON=OFF"],
        env=environment | {"PATH": os.fspath(tools)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode != 0
    message = " ".join(done.stderr.split())
    assert "Thoth needs a C and a C++20 compiler" in message
    assert "apt install g++" in message
