"""A new database for the history out of what is left: rows of the damaged one, and the recordings in the folder."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from thoth.dictation.history.files import length_s, recordings_in, told_by_name
from thoth.dictation.history.rows import COLUMNS, NAMES, DamagedRow, entry_of

FOUND_AGAIN: Final = (
    "the history's database was damaged; of this dictation the recording is left: 'thoth history retry' transcribes it"
)
_log = logging.getLogger(__name__)


def rebuild(connection: sqlite3.Connection, damaged: Path, recordings: Path, in_work: Mapping[int, str]) -> None:
    """Fill the empty database at `connection`: no recording is without a row afterwards.

    in_work: the entries that somebody works on, with the names of their locks. Raises sqlite3.Error or OSError.
    """
    rows = {row["id"]: row for row in _readable_rows(damaged)}
    found = [row for row in _rows_of_recordings(recordings, in_work) if row["id"] not in rows]
    for row in (*rows.values(), *found):
        whole = {**row, "owner": in_work.get(row["id"])}
        columns, values = ", ".join(whole), ", ".join(f":{name}" for name in whole)
        connection.execute(f"INSERT INTO entries ({columns}) VALUES ({values})", whole)
    _log.warning("%s: %d entries could still be read, of %d the recording was found", damaged, len(rows), len(found))


def _readable_rows(damaged: Path) -> Iterator[dict[str, Any]]:
    """Read what can be read of the damaged file, up to the damage: of a file that is no database, nothing."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(damaged)) as old:
        for values in old.execute(f"SELECT {COLUMNS} FROM entries ORDER BY id"):
            row = dict(zip(NAMES, values, strict=True))
            if _is_whole(row):
                yield row


def _is_whole(row: Mapping[str, Any]) -> bool:
    try:
        entry_of(tuple(row.values()), Path(), live=())
    except DamagedRow:
        return False
    return True


def _rows_of_recordings(recordings: Path, in_work: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for name in sorted(recordings_in(recordings)):
        told = told_by_name(name)
        if told is None:
            continue
        created_s, number = told
        row = {"id": number, "created_s": created_s, "audio": name, "audio_s": length_s(recordings / name)}
        if number in in_work:
            yield {**row, "state": "recording", "error": None}
        else:
            yield {**row, "state": "failed", "error": FOUND_AGAIN}
