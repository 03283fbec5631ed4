"""How entries stand in the database: the schema, and rows from and to what Python holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from thoth.dictation.history.entry import ENTRY_STATES, FINAL_STATES, HistoryEntry, ResultFields
from thoth.dictation.states import STAGES
from thoth.errors import InvalidOption

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # Times are Unix seconds; problems and durations JSON; audio is a file's name, so that the folder can be moved;
        # owner is the lock of the run that is in work.
        """
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            created_s REAL NOT NULL,
            state TEXT NOT NULL,
            owner TEXT,
            audio TEXT,
            audio_s REAL NOT NULL DEFAULT 0,
            raw_text TEXT NOT NULL DEFAULT '',
            text TEXT NOT NULL DEFAULT '',
            is_enhanced INTEGER NOT NULL DEFAULT 0,
            model TEXT NOT NULL DEFAULT '',
            error TEXT,
            problems TEXT NOT NULL DEFAULT '[]',
            durations TEXT NOT NULL DEFAULT '{}',
            lost_s REAL NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 1
        )
        """,
        "CREATE INDEX entries_by_time ON entries (created_s, id)",
        "CREATE INDEX entries_by_state ON entries (state, created_s, id)",
        "CREATE INDEX entries_in_work ON entries (owner) WHERE owner IS NOT NULL",
    ),
)

NAMES: Final = (
    *("id", "created_s", "state", "audio", "audio_s", "raw_text", "text", "is_enhanced", "model", "error", "problems"),
    *("durations", "lost_s", "attempts"),
)
COLUMNS: Final = ", ".join(NAMES)
_FIELDS: Final = frozenset({*ResultFields.__annotations__, "state"})


class DamagedRow(sqlite3.DatabaseError):
    """A row holds what is no entry. SQLite notices damage to its structure, not to what is in it."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def entry_of(row: tuple[Any, ...], recordings: Path, live: Collection[int]) -> HistoryEntry:
    """Make an entry of a row of COLUMNS. live: the ids of those in work. Raises DamagedRow."""
    try:
        entry = _entry_of(row, recordings, live)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise DamagedRow(f"entry {row[0]!r}: {error}") from error
    if entry.state not in ENTRY_STATES:
        raise DamagedRow(f"entry {row[0]!r}: its state is {entry.state!r}")
    return entry


def _entry_of(row: tuple[Any, ...], recordings: Path, live: Collection[int]) -> HistoryEntry:
    found = dict(zip(NAMES, row, strict=True))
    return HistoryEntry(
        id=found["id"],
        created_at=datetime.fromtimestamp(found["created_s"], UTC),
        state=found["state"],
        audio_path=None if found["audio"] is None else recordings / found["audio"],
        audio_s=found["audio_s"],
        raw_text=found["raw_text"],
        text=found["text"],
        is_enhanced=bool(found["is_enhanced"]),
        model=found["model"],
        error=found["error"],
        problems=tuple(json.loads(found["problems"])),
        durations=json.loads(found["durations"]),
        lost_s=found["lost_s"],
        attempts=found["attempts"],
        interrupted=found["state"] in STAGES and found["id"] not in live,
    )


def stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert fields of an entry to the columns of the same names. Raises InvalidOption for what is no field."""
    for name in fields:
        if name not in _FIELDS:
            raise InvalidOption(f"the history has no field {name!r} to write: it takes {', '.join(sorted(_FIELDS))}")
    return {name: _stored_value(name, value) for name, value in fields.items()}


def storable(text: str) -> str:
    """Write out what is no character, as a file's name can bring it into a message: SQLite takes text alone."""
    return text.encode("utf-8", "backslashreplace").decode()


def without_empty_texts(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the texts that are empty, and with the text what says whether it is enhanced."""
    empty = {name for name in ("text", "raw_text") if not columns.get(name)}
    if "text" in empty:
        empty.add("is_enhanced")
    return {name: value for name, value in columns.items() if name not in empty}


def check_state(state: str, *, final: bool) -> None:
    """Raise InvalidOption if `state` is none that a run can be in, or, if `final`, end in."""
    allowed = FINAL_STATES if final else STAGES
    if state not in allowed:
        raise InvalidOption(f"state takes {', '.join(allowed)} here, not {state!r}")


def _stored_value(name: str, value: Any) -> Any:
    if name in _AS_JSON:
        return json.dumps(_AS_JSON[name](value))
    return storable(value) if isinstance(value, str) else value


_AS_JSON: Final[Mapping[str, Callable[[Any], Any]]] = {"problems": list, "durations": dict}
