"""Fetch the third-party sources that the native core is built from.

`sources.txt` pins source packages by version and SHA-256. pip downloads each one and checks its
hash; the parts that the build needs are unpacked into `vendor/src`, which git ignores. A stamp
file there remembers which `sources.txt` it came from, so that a second call does nothing, and so
that a source distribution (which carries `vendor/src`) builds with no network.

Run by CMake at configure time, or by hand: `python vendor/fetch.py`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources.txt"
DESTINATION = HERE / "src"
STAMP = DESTINATION / ".fetched"

# What to unpack: package name -> (folder under vendor/src, {path inside the archive: path there}).
# A source path that ends in "/*" takes the plain files of that folder and no sub-folder.
WANTED: dict[str, tuple[str, dict[str, str]]] = {
    "pywhispercpp": (
        "whisper.cpp",
        {
            "whisper.cpp/CMakeLists.txt": "CMakeLists.txt",
            "whisper.cpp/LICENSE": "LICENSE",
            "whisper.cpp/cmake": "cmake",
            "whisper.cpp/include": "include",
            "whisper.cpp/src/*": "src",
            "whisper.cpp/ggml/CMakeLists.txt": "ggml/CMakeLists.txt",
            "whisper.cpp/ggml/cmake": "ggml/cmake",
            "whisper.cpp/ggml/include": "ggml/include",
            "whisper.cpp/ggml/src/*": "ggml/src",
            "whisper.cpp/ggml/src/ggml-cpu": "ggml/src/ggml-cpu",
            "whisper.cpp/models/for-tests-silero-v6.2.0-ggml.bin": "models/silero-v6.2.0-ggml.bin",
        },
    ),
    "soxr": (
        "libsoxr",
        {
            "libsoxr/CMakeLists.txt": "CMakeLists.txt",
            "libsoxr/COPYING.LGPL": "COPYING.LGPL",
            "libsoxr/LICENCE": "LICENCE",
            "libsoxr/soxr-config.h.in": "soxr-config.h.in",
            "libsoxr/deinstall.cmake.in": "deinstall.cmake.in",
            "libsoxr/cmake": "cmake",
            "libsoxr/src": "src",
        },
    ),
}


UNREACHABLE = (
    "the package index could not be reached; check the network and proxy settings, or build from Thoth's source "
    "distribution, which carries these sources"
)
# What pip prints -> what it means.
CAUSES = [
    ("No module named pip", "pip is missing from this Python; install it (python -m ensurepip) and try again"),
    (
        "DO NOT MATCH THE HASHES",
        "a downloaded package does not match the SHA-256 pinned in vendor/sources.txt; it was damaged or replaced "
        "on the way, and nothing of it was used",
    ),
    ("Failed to establish", UNREACHABLE),
    ("ConnectTimeout", UNREACHABLE),
    ("ConnectionError", UNREACHABLE),
    ("Connection refused", UNREACHABLE),
    ("NameResolution", UNREACHABLE),
    ("ProxyError", UNREACHABLE),
    ("name resolution", UNREACHABLE),
    # pip says no more than this where retries are off, and where an index lacks the package.
    ("from versions: none", UNREACHABLE),
]


class FetchError(Exception):
    """A source could not be fetched; the message is the whole story."""


def main() -> int:
    try:
        fetch()
    except FetchError as error:
        print(f"thoth: cannot fetch the third-party sources: {error}", file=sys.stderr)
        return 1
    return 0


def fetch() -> None:
    """Bring `vendor/src` in line with `sources.txt`; does nothing where it already is."""
    wanted_stamp = hashlib.sha256(SOURCES.read_bytes()).hexdigest()
    if STAMP.is_file() and STAMP.read_text().strip() == wanted_stamp:
        return
    with tempfile.TemporaryDirectory(prefix="thoth-vendor-") as scratch:
        archives = download(Path(scratch))
        # Built beside the final place and moved in as a whole: an interrupted run leaves no half tree.
        fresh = HERE / f".src-{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            for name, archive in archives.items():
                unpack(archive, fresh, name)
            (fresh / STAMP.name).write_text(wanted_stamp + "\n")
            shutil.rmtree(DESTINATION, ignore_errors=True)
            fresh.rename(DESTINATION)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def download(folder: Path) -> dict[str, Path]:
    """Download every pinned source package into `folder` through pip, hashes checked."""
    command = [
        *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--no-binary", ",".join(WANTED)),
        *("--dest", str(folder), "--requirement", str(SOURCES)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FetchError(explain(done.stderr + done.stdout))
    found = {name: next(iter(folder.glob(f"{name}-*.tar.gz")), None) for name in WANTED}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise FetchError(f"pip reported success but left no source package of {', '.join(missing)}")
    return {name: path for name, path in found.items() if path is not None}


def explain(output: str) -> str:
    """Turn pip's output into one line: what went wrong and what to do."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # pip names the network fault in warnings and ends on "no matching distribution": look for the cause first.
    for sign, meaning in CAUSES:
        if any(sign in line for line in lines):
            return meaning
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["pip gave no reason"]
    return errors[-1]


def unpack(archive: Path, destination: Path, name: str) -> None:
    """Unpack the wanted parts of one source package into its folder under `destination`."""
    folder, parts = WANTED[name]
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        for source, target in parts.items():
            if not take(tar, members, source, destination / folder / target):
                raise FetchError(f"{archive.name} holds no {source}: WANTED in vendor/fetch.py does not fit it")


def take(tar: tarfile.TarFile, members: list[tarfile.TarInfo], source: str, target: Path) -> int:
    """Write the members at or below `source` to `target`; returns how many there were."""
    flat = source.endswith("/*")
    wanted = PurePosixPath(source.removesuffix("/*"))
    count = 0
    for member in members:
        path = PurePosixPath(*PurePosixPath(member.name).parts[1:])  # less the archive's top folder
        if not path.is_relative_to(wanted) or ".." in path.parts or (flat and path.parent != wanted):
            continue
        data = tar.extractfile(member)
        if data is None:
            continue
        out = target / path.relative_to(wanted)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data.read())
        count += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
