"""What of the history is kept: by age, and by how much its recordings take on the disk."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from thoth.dictation.history.entry import Pruned
from thoth.dictation.history.files import RecordingFile, recordings_in
from thoth.errors import InvalidOption

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The greatest age in days, and the most bytes all recordings together may take. None: no limit."""

    max_age_days: float | None
    max_bytes: int | None

    @classmethod
    def checked(cls, max_age_days: float | None, max_bytes: int | None) -> Self:
        """Make limits that make sense. Raises InvalidOption."""
        if max_age_days is not None and not (math.isfinite(max_age_days) and max_age_days >= 0):
            raise InvalidOption(f"max_age_days takes 0 or more days, or None, not {max_age_days!r}")
        if max_bytes is not None and max_bytes < 0:
            raise InvalidOption(f"max_bytes takes 0 or more bytes, or None, not {max_bytes!r}")
        return cls(max_age_days, max_bytes)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What can go: an entry, or with `entry` None a recording that has none."""

    since_s: float
    entry: int | None
    file: RecordingFile | None

    @property
    def size(self) -> int:
        return 0 if self.file is None else self.file.size


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be removed."""

    candidates: tuple[_Candidate, ...]

    @classmethod
    def of(cls, connection: sqlite3.Connection, recordings: Path, limits: Limits, spared: Collection[int]) -> Self:
        """Choose by the limits, the oldest first. Raises sqlite3.Error or OSError."""
        files = recordings_in(recordings)
        total = sum(file.size for file in files.values())
        chosen = []
        for candidate in sorted(_candidates(connection, files, spared), key=lambda candidate: candidate.since_s):
            is_old = limits.max_age_days is not None and time.time() - candidate.since_s > limits.max_age_days * _DAY_S
            is_too_much = limits.max_bytes is not None and total > limits.max_bytes and candidate.size > 0
            if is_old or is_too_much:
                chosen.append(candidate)
                total -= candidate.size
        return cls(tuple(chosen))

    @property
    def outcome(self) -> Pruned:
        """What comes of it."""
        entries = sum(candidate.entry is not None for candidate in self.candidates)
        freed = sum(candidate.size for candidate in self.candidates)
        return Pruned(entries, len(self.candidates) - entries, freed)

    def remove(self, connection: sqlite3.Connection, recordings: Path) -> None:
        """Remove rows and files, within a transaction. Raises sqlite3.Error or OSError.

        The files go before the transaction ends, since on a full disk that takes the room they free. Should it fail
        then, an entry without its recording is left, which can be removed like any other.
        """
        numbers = [(candidate.entry,) for candidate in self.candidates if candidate.entry is not None]
        connection.executemany("DELETE FROM entries WHERE id = ?", numbers)
        for candidate in self.candidates:
            if candidate.file is not None:
                (recordings / candidate.file.name).unlink(missing_ok=True)


def _candidates(
    connection: sqlite3.Connection, files: dict[str, RecordingFile], spared: Collection[int]
) -> Iterator[_Candidate]:
    orphans = dict(files)
    for number, created_s, audio in connection.execute("SELECT id, created_s, audio FROM entries"):
        file = orphans.pop(audio, None)
        if number not in spared:
            yield _Candidate(created_s, number, file)
    for file in orphans.values():
        if time.time() - file.modified_s > _DAY_S:
            yield _Candidate(file.modified_s, None, file)
