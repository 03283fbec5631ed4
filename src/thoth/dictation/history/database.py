"""The SQLite database behind the history: opening, transactions, and what is done when it fails."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

import filelock

from thoth.dictation.history.network import is_on_network
from thoth.dictation.history.query import add_functions
from thoth.errors import HistoryError

Result = TypeVar("Result")

PATIENCE_S: Final = 10.0
"""How long to wait while another process writes; a transaction takes milliseconds."""
_FULL_BYTES: Final = 64 * 1024
"""A disk with less room counts as full: SQLite's shared memory alone takes 32 KiB."""
_log = logging.getLogger(__name__)


class Rebuild(Protocol):
    """Fills a new database from what there is beside the damaged one."""

    def __call__(self, connection: sqlite3.Connection, damaged: Path) -> None:
        """Be called within a transaction."""


class Database:
    """One SQLite file, used by any number of processes; in each, one thread at a time, after `check_process()`.

    One connection for all threads: transactions take well under a millisecond, and connections of threads that have
    ended, of which each dictation leaves some, could not be closed by anybody.

    The journal is a write-ahead log, with which readers and a writer do not wait for each other; on a network folder,
    and where it cannot be had, a rollback journal. A commit survives the end of the process, however that comes, and
    where `durable` was asked for a power cut.

    prepare: makes the folder if need be; called before the file is opened.
    migrations: statements, those of each item leading from one version of the schema to the next.
    rebuild: what to fill the new database with where the old one is damaged; that one is kept as `*.corrupt`.
    """

    def __init__(
        self, path: Path, prepare: Callable[[], None], migrations: Sequence[Sequence[str]], rebuild: Rebuild
    ) -> None:
        self.path = path
        self._prepare = prepare
        self._migrations = migrations
        self._rebuild = rebuild
        self._process = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._is_makeshift = False
        self._told_of_journal = False

    def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do what only reads; it may be called twice. Raises HistoryError."""
        return self._attempted(work)

    def write(self, work: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result:
        """Do something in a transaction of its own, one at a time among all processes; it may be called twice.

        durable: it is on the disk before this returns. Raises HistoryError, and nothing was changed.
        """

        def transaction(connection: sqlite3.Connection) -> Result:
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            return _in_transaction(connection, lambda: work(connection))

        return self.read(transaction)

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        if self.is_of_this_process:
            self._disconnect()

    @property
    def is_of_this_process(self) -> bool:
        """Whether it was made in this process, and not before a fork()."""
        return os.getpid() == self._process

    def check_process(self) -> None:
        """Raise HistoryError in a process made by fork()."""
        if not self.is_of_this_process:
            # SQLite's locks belong to the process that took them: used here, the connection would break the file.
            raise HistoryError(f"{self.path}: this history was opened before the process forked: open it in the child")

    def _attempted(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            try:
                return work(self._connected())
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._disconnect()
                self._mend(error)
                return work(self._connected())
        except sqlite3.Error as error:
            raise HistoryError(self._what_is_wrong(error)) from error
        finally:
            if self._is_makeshift:
                self._disconnect()

    def _connected(self) -> sqlite3.Connection:
        """Connect to the file that has the name now: somebody may have put another one there."""
        if self._connection is None or _identity_of(self.path) != self._identity:
            self._disconnect()
            self._prepare()
            with self._alone():
                self._connection = self._connect()
        return self._connection

    def _disconnect(self) -> None:
        self._is_makeshift = False
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one who opens or replaces the file meanwhile."""
        try:
            lock = filelock.FileLock(self.path.with_suffix(".lock"), thread_local=False)
            with lock.acquire(timeout=PATIENCE_S):
                yield
        except filelock.Timeout:
            raise HistoryError(self._is_locked()) from None
        except OSError as error:
            raise HistoryError(self._cannot_be_used(error.strerror or str(error))) from error

    def _connect(self) -> sqlite3.Connection:
        # Created here since SQLite would let the whole world read it; it gives its other files the same mode.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self._identity = _identity_of(self.path)
        try:
            return self._opened(self._choose_journal)
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
                raise
            reason = str(error)
        return self._opened(lambda connection: self._do_without_shared_memory(connection, reason))

    def _opened(self, set_journal: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
        try:
            add_functions(connection)
            set_journal(connection)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _choose_journal(self, connection: sqlite3.Connection) -> None:
        on_network = is_on_network(self.path)
        found = _set_journal(connection, "DELETE" if on_network else "WAL")
        if found != "wal":
            self._tell_of_journal(found, "this is a network folder" if on_network else "this file system takes none")

    def _do_without_shared_memory(self, connection: sqlite3.Connection, reason: str) -> None:
        """Do without what a write-ahead log needs, which SQLite can while it has the file for itself."""
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        _read_something(connection)
        if self._is_full():
            # What is there can be read, and pruned. Given up after each call, so that nobody is locked out.
            self._is_makeshift = True
            return
        found = _set_journal(connection, "DELETE")
        connection.execute("PRAGMA locking_mode=NORMAL")
        _read_something(connection)  # lets go of the file
        self._tell_of_journal(found, reason)

    def _tell_of_journal(self, found: str, reason: str) -> None:
        if not self._told_of_journal:
            self._told_of_journal = True
            _log.info("%s: no write-ahead log (%s), so it works with a %s journal", self.path, reason, found)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        latest = len(self._migrations)
        version = _version_of(connection)
        if version > latest:
            raise HistoryError(
                f"{self.path} was written by a newer Thoth (version {version} of it, this one knows {latest}): upgrade "
                "Thoth, or choose another folder with THOTH_HISTORY"
            )
        if version < latest:
            _in_transaction(connection, lambda: self._bring_up_to_date(connection, version))

    def _bring_up_to_date(self, connection: sqlite3.Connection, version: int) -> None:
        for step in itertools.chain.from_iterable(self._migrations[version:]):
            connection.execute(step)
        connection.execute(f"PRAGMA user_version={len(self._migrations)}")

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """Set the damaged file aside and make a new one, unless somebody else has done so already."""
        with self._alone():
            if _identity_of(self.path) != self._identity:
                return
            damaged = self._set_aside()
            _log.error("%s is damaged (%s): it is kept as %s, and made anew", self.path, error, damaged)
            connection = self._connect()
            try:
                _in_transaction(connection, lambda: self._rebuild(connection, damaged))
            finally:
                connection.close()

    def _set_aside(self) -> Path:
        names = (self.path.with_name(f"{self.path.name}{mark}.corrupt") for mark in _marks())
        damaged = next(name for name in names if not name.exists())
        for suffix in ("-wal", ""):  # the log first, so that it is never taken for the new file's
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").replace(f"{damaged}{suffix}")
        Path(f"{self.path}-shm").unlink(missing_ok=True)
        return damaged

    def _what_is_wrong(self, error: sqlite3.Error) -> str:
        code = _code(error)
        if code == sqlite3.SQLITE_FULL or (code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and self._is_full()):
            return (
                f"{self.path}: the disk is full: free some space ('thoth history prune' removes old recordings); what "
                "was written before is safe"
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self._is_locked()
        return self._cannot_be_used(str(error))

    def _is_full(self) -> bool:
        with contextlib.suppress(OSError):
            return shutil.disk_usage(self.path.parent).free < _FULL_BYTES
        return False

    def _is_locked(self) -> str:
        return (
            f"{self.path}: another process has kept the history locked for {PATIENCE_S:g} s: try again, or end that one"
        )

    def _cannot_be_used(self, reason: str) -> str:
        return (
            f"{self.path}: the history cannot be used ({reason}): make the folder writable, or choose another one with "
            "THOTH_HISTORY"
        )


def _in_transaction(connection: sqlite3.Connection, work: Callable[[], Result]) -> Result:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back some failures by itself
            connection.execute("ROLLBACK")
        raise
    return result


def _code(error: sqlite3.Error) -> int:
    """Return the primary one of SQLite's result codes (https://sqlite.org/rescode.html)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _set_journal(connection: sqlite3.Connection, mode: str) -> str:
    found: str = connection.execute(f"PRAGMA journal_mode={mode}").fetchone()[0]
    _read_something(connection)  # only now is the log's shared memory asked for
    return found


def _read_something(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _identity_of(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return status.st_dev, status.st_ino


def _marks() -> Iterator[str]:
    return itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
