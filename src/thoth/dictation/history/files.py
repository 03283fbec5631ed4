"""The recordings of the history: how they are called, and which there are."""

from __future__ import annotations

import contextlib
import os
import re
import wave
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)-(\d{1,18})\.wav")


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording found on the disk: its name, bytes, and when it was last written to, in Unix seconds."""

    name: str
    size: int
    modified_s: float


def recording_name(created_s: float, entry: int) -> str:
    """Name the recording of an entry that begins at `created_s` (Unix seconds)."""
    return f"{datetime.fromtimestamp(created_s, UTC):{_STAMP}}-{entry}.wav"


def told_by_name(name: str) -> tuple[float, int] | None:
    """Read from a recording's name when it began (Unix seconds) and its entry's id; None if it is no such name."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    try:
        began = datetime.strptime(parts[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return began.timestamp(), int(parts[2])


def recordings_in(folder: Path) -> dict[str, RecordingFile]:
    """Find what is called like a recording in `folder`, by their names. Raises OSError."""
    found = {}
    with os.scandir(folder) as files:
        for file in files:
            if _NAME.fullmatch(file.name) is None:
                continue
            with contextlib.suppress(FileNotFoundError):  # removed by somebody else meanwhile
                status = file.stat(follow_symlinks=False)
                found[file.name] = RecordingFile(file.name, status.st_size, status.st_mtime)
    return found


def is_empty(path: Path) -> bool:
    """Whether a recording that can be read has not one sample in it."""
    try:
        with wave.open(os.fspath(path)) as file:
            return bool(file.getnframes() == 0)
    except (OSError, EOFError, wave.Error):
        return False


def length_s(path: Path) -> float:
    """Tell the length of a recording; 0 if it cannot be read."""
    try:
        with wave.open(os.fspath(path)) as file:
            return float(file.getnframes() / file.getframerate())
    except (OSError, EOFError, wave.Error):
        return 0.0
