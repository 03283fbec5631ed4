"""The history of dictations: every run with its recording, its texts and how it ended, kept on this machine."""

from __future__ import annotations

import errno
import functools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, Unpack

import platformdirs

from thoth.dictation.history import recovery, rows
from thoth.dictation.history.database import Database
from thoth.dictation.history.entry import ChosenState, EntryFields, ResultFields
from thoth.dictation.history.entry import HistoryEntry as HistoryEntry
from thoth.dictation.history.entry import Pruned as Pruned
from thoth.dictation.history.files import length_s, recording_name
from thoth.dictation.history.locks import RunLocks
from thoth.dictation.history.query import conditions
from thoth.dictation.history.retention import Choice, Limits
from thoth.dictation.history.rows import COLUMNS, entry_of
from thoth.dictation.states import FinalState
from thoth.errors import HistoryError, PipelineBusy

if TYPE_CHECKING:
    from thoth.dictation.history.export import ExportFormat, TextSink

HISTORY_VARIABLE: Final = "THOTH_HISTORY"
MAX_AGE_DAYS: Final = 90.0
MAX_BYTES: Final = 2 << 30
"""18 hours of recordings."""
_PAGE: Final = 200

Result = TypeVar("Result")


def history_folder() -> Path:
    """Tell where the history lies: THOTH_HISTORY, else the user's data folder. It may not exist yet."""
    chosen = os.environ.get(HISTORY_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("thoth", appauthor=False) / "history"


class History:
    """Every dictation on this machine: `history.db` in `folder`, and the recordings in `recordings/` beside it.

    folder: created if need be, for this user alone; by default `history_folder()`.
    max_age_days, max_bytes: what `prune()` leaves: nothing that is older, and no more than that of recordings. None: no
        limit. Failed and cancelled runs are subject to the same, those in work are left alone.

    A run that is begun or claimed is in work until it is finished. If the history is closed before, or the process
    ends, however it does, it is `interrupted`, and can be claimed again. Any thread and any number of processes may use
    the same folder. In a process made by fork() everything raises HistoryError: open it there.

    Everything raises HistoryError where the database or its folder cannot be used; the message says what to do. A
    damaged database is kept as `*.corrupt`, and made anew from what can still be read of it and from the recordings.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        max_age_days: float | None = MAX_AGE_DAYS,
        max_bytes: int | None = MAX_BYTES,
    ) -> None:
        self.folder = history_folder() if folder is None else Path(folder).expanduser()
        self.limits = Limits.checked(max_age_days, max_bytes)
        self._recordings = self.folder / "recordings"
        self._locks = RunLocks(self.folder / "locks")
        self._owned: dict[int, str] = {}
        self._lock = threading.RLock()
        path = self.folder / "history.db"
        self._database = Database(path, self._make_folders, rows.MIGRATIONS, self._rebuild)
        self._reading(lambda _: None)

    def begin(self, *, model: str = "") -> HistoryEntry:
        """Begin a run, in state "recording", with the path for its recording; known even after a power cut."""
        created_s = time.time()

        def insert(connection: sqlite3.Connection) -> HistoryEntry:
            values = (created_s, "recording", *rows.stored({"model": model}).values())
            statement = "INSERT INTO entries (created_s, state, model) VALUES (?, ?, ?)"
            number = connection.execute(statement, values).lastrowid
            assert number is not None, "SQLite numbers what it inserts"
            audio = recording_name(created_s, number)
            connection.execute("UPDATE entries SET audio = ? WHERE id = ?", (audio, number))
            self._own(connection, number)
            return self._found(connection, number)

        return self._writing(insert, durable=True)

    def update(self, entry_id: int, **fields: Unpack[EntryFields]) -> None:
        """Write what is known by now into the entry of a run in work."""
        if "state" in fields:
            rows.check_state(fields["state"], final=False)
        self._set(entry_id, rows.stored(fields))

    def finish(self, entry_id: int, state: FinalState, **fields: Unpack[ResultFields]) -> None:
        """End the run of an entry; whatever is raised, nobody works on it any more.

        Where it fails or is cancelled before there is a text, that of an earlier run stays.
        """
        self._database.check_process()
        rows.check_state(state, final=True)
        values = rows.stored({"error": None, **fields, "state": state})
        if state != "completed":
            values = rows.without_empty_texts(values)
        with self._lock:
            try:
                self._set(entry_id, {**values, "owner": None})
            finally:
                self._disown(entry_id)

    def claim(self, entry_id: int) -> HistoryEntry:
        """Begin another run of an entry, in state "transcribing".

        Raises PipelineBusy while somebody works on it, and HistoryError where there is no such entry or no recording.
        """

        def claim(connection: sqlite3.Connection) -> HistoryEntry:
            entry = self._found(connection, entry_id)
            self._check_free(entry)
            if entry.audio_path is None or not entry.retryable:
                raise HistoryError(
                    f"the recording of dictation {entry_id} is gone ({entry.audio_path}): no retry can be made"
                )
            # A run that was killed while it recorded has told no length.
            audio_s = entry.audio_s or length_s(entry.audio_path)
            changes = "state = 'transcribing', error = NULL, problems = '[]', attempts = attempts + 1, audio_s = ?"
            connection.execute(f"UPDATE entries SET {changes} WHERE id = ?", (audio_s, entry_id))
            self._own(connection, entry_id)
            return self._found(connection, entry_id)

        return self._writing(claim)

    def get(self, entry_id: int) -> HistoryEntry:
        """Return an entry. Raises HistoryError where there is none of that id."""
        return self._reading(lambda connection: self._found(connection, entry_id))

    def entries(
        self,
        *,
        limit: int | None = 50,
        offset: int = 0,
        states: Collection[ChosenState] | None = None,
        search: str | None = None,
    ) -> list[HistoryEntry]:
        """Return entries, the newest first.

        limit, offset: at most so many (None: all), leaving out so many. states: those in any of these. search: those in
        whose text or raw text it occurs; case does not matter.
        """

        def select(connection: sqlite3.Connection) -> list[HistoryEntry]:
            live = self._live(connection)
            where, values = conditions(states, search, live)
            statement = f"SELECT {COLUMNS} FROM entries WHERE {where} ORDER BY created_s DESC, id DESC LIMIT ? OFFSET ?"
            found = connection.execute(statement, (*values, -1 if limit is None else limit, offset))
            return [entry_of(row, self._recordings, live) for row in found]

        return self._reading(select)

    def retryable(self) -> list[HistoryEntry]:
        """Return what failed or was interrupted and can be claimed, the newest first.

        What was cancelled, or is complete, can be claimed too, but somebody has to want it.
        """
        return [entry for entry in self.entries(limit=None, states=("failed", "interrupted")) if entry.retryable]

    def walk(self) -> Iterator[HistoryEntry]:
        """Give all entries, the oldest first; in bounded memory, and keeping nobody waiting."""
        after = (float("-inf"), 0)
        while page := self._reading(functools.partial(self._page, after=after)):
            yield from page.values()
            after = next(reversed(page))

    def delete(self, entry_id: int) -> None:
        """Remove an entry and its recording. Raises PipelineBusy while somebody works on it."""

        def delete(connection: sqlite3.Connection) -> None:
            entry = self._found(connection, entry_id)
            self._check_free(entry)
            connection.execute("DELETE FROM entries WHERE id = ?", (entry_id,))
            if entry.audio_path is not None:
                entry.audio_path.unlink(missing_ok=True)

        self._writing(delete)

    def prune(
        self,
        *,
        max_age_days: float | EllipsisType | None = ...,
        max_bytes: int | EllipsisType | None = ...,
        dry_run: bool = False,
    ) -> Pruned:
        """Remove what is older than `max_age_days`, and the oldest while all recordings are larger than `max_bytes`.

        Both are what the history was made with if not given (`...`). Entries go with their recordings; runs in work
        stay. Recordings without an entry go by the same measure, but not within a day. dry_run: remove nothing.
        """
        limits = Limits.checked(
            self.limits.max_age_days if max_age_days is ... else max_age_days,
            self.limits.max_bytes if max_bytes is ... else max_bytes,
        )
        return self._pruned(limits, dry_run=dry_run)

    def export(self, stream: TextSink, format: ExportFormat = "json") -> None:  # noqa: A002 - as the command line calls it
        """Write all entries to a text stream, the oldest first, in bounded memory; what that raises is passed on.

        format: "json" (an array), "jsonl" (an object in each line), "csv", or for people "txt" and "md".
        """
        from thoth.dictation.history.export import write_entries

        write_entries(self.walk(), stream, format)

    def close(self) -> None:
        """Close the database and free the runs that are still in work. May be called again."""
        with self._lock:
            if self._database.is_of_this_process:
                self._owned.clear()
                self._locks.release_all()
                self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_folders(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self._recordings, self.folder / "locks"):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def _as_history_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place, reason = error.filename or self.folder, error.strerror or error
            full = error.errno == errno.ENOSPC
            remedy = "free some space" if full else "make the folder writable"
            other = f"or choose another folder with {HISTORY_VARIABLE}"
            raise HistoryError(f"{place}: the history cannot be used ({reason}): {remedy}, {other}") from error

    def _reading(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        self._database.check_process()  # before the lock, which a thread that was not copied along may hold
        with self._lock, self._as_history_errors():
            return self._database.read(work)

    def _writing(self, work: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result:
        """Do it in a transaction; where that fails, the runs that it began are over."""
        self._database.check_process()
        with self._lock, self._as_history_errors():
            before = frozenset(self._owned)

            def work_anew(connection: sqlite3.Connection) -> Result:
                self._disown(*self._owned.keys() - before)
                return work(connection)

            try:
                return self._database.write(work_anew, durable=durable)
            except BaseException:
                self._disown(*self._owned.keys() - before)
                raise

    def _own(self, connection: sqlite3.Connection, number: int) -> None:
        """Let the entry be in work here until `_disown`."""
        self._disown(number)
        self._owned[number] = name = self._locks.take(number)
        connection.execute("UPDATE entries SET owner = ? WHERE id = ?", (name, number))

    def _disown(self, *numbers: int) -> None:
        for number in numbers:
            name = self._owned.pop(number, None)
            if name is not None:
                self._locks.release(name)

    def _set(self, number: int, values: dict[str, Any]) -> None:
        if not values:
            return
        changes = ", ".join(f"{name} = :{name}" for name in values)

        def update(connection: sqlite3.Connection) -> None:
            changed = connection.execute(f"UPDATE entries SET {changes} WHERE id = :id", {**values, "id": number})
            if changed.rowcount == 0:
                raise self._unknown(number)

        self._writing(update)

    def _found(self, connection: sqlite3.Connection, number: int) -> HistoryEntry:
        row = connection.execute(f"SELECT {COLUMNS} FROM entries WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise self._unknown(number)
        return entry_of(row, self._recordings, self._live(connection, number))

    def _page(self, connection: sqlite3.Connection, after: tuple[float, int]) -> dict[tuple[float, int], HistoryEntry]:
        live = self._live(connection)
        statement = f"SELECT {COLUMNS} FROM entries WHERE (created_s, id) > (?, ?) ORDER BY created_s, id LIMIT {_PAGE}"
        found = connection.execute(statement, after)
        return {(row[1], row[0]): entry_of(row, self._recordings, live) for row in found}

    def _live(self, connection: sqlite3.Connection, number: int | None = None) -> set[int]:
        """Find the entries in work, or this one if it is."""
        statement = "SELECT id, owner FROM entries WHERE owner IS NOT NULL"
        found = (
            connection.execute(statement)
            if number is None
            else connection.execute(f"{statement} AND id = ?", (number,))
        )
        return {entry for entry, owner in found.fetchall() if self._locks.is_held(owner)}

    def _check_free(self, entry: HistoryEntry) -> None:
        if entry.in_work:
            raise PipelineBusy(f"dictation {entry.id} is in work ({entry.state}): wait for its end, or cancel it")

    def _unknown(self, number: int) -> HistoryError:
        return HistoryError(
            f"there is no dictation {number} in {self.folder}: 'thoth history list' shows those there are"
        )

    def _pruned(self, limits: Limits, *, dry_run: bool) -> Pruned:
        def choose(connection: sqlite3.Connection) -> Choice:
            return Choice.of(connection, self._recordings, limits, self._live(connection))

        def remove(connection: sqlite3.Connection) -> Pruned:
            choice = choose(connection)
            choice.remove(connection, self._recordings)
            return choice.outcome

        found = self._reading(choose)  # mostly there is nothing to do, for which nobody has to be kept waiting
        return self._writing(remove) if found.candidates and not dry_run else found.outcome

    def _rebuild(self, connection: sqlite3.Connection, damaged: Path) -> None:
        recovery.rebuild(connection, damaged, self._recordings, self._locks.in_work())
