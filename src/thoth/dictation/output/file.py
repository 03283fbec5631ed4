"""Text appended to a file, an entry at a time, by any number of processes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thoth.dictation.output.sink import POLL_S, check_not_cancelled, encodable
from thoth.errors import OutputError
from thoth.model.durability import sync_folder

if TYPE_CHECKING:
    from thoth._native import CancelToken

_LOCK_LIMIT_S: Final = 5.0
"""Another process holds the lock for one write and one flush to the disk; this is far beyond that."""


class FileSink:
    """Appends each text to the file at `path` (made when missing, its folder is not), with a newline at its end.

    An entry is written in one piece, also when other processes append, and is on the disk when `deliver` returns. On
    failure (OutputError) the file holds what it held before: what a full disk took of an entry is taken back.
    Raises OutputError when made if the folder is missing or `path` is no file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        self.name = f"file {self.path}"
        if "\0" in str(self.path):
            raise OutputError(f"cannot append to {str(self.path)!r}: no path holds a null character")
        self._check_place()

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Append the text. Raises OutputError, Cancelled (before anything is written)."""
        check_not_cancelled(cancel, self.name)
        data = encodable(text).encode()
        self._check_place()
        try:
            self._append(data if data.endswith(b"\n") else data + b"\n", cancel)
        except OSError as error:
            raise OutputError(f"cannot append to {self.path}: {_reason(error)}") from error

    def _check_place(self) -> None:
        try:
            is_folder, has_folder = self.path.is_dir(), self.path.parent.is_dir()
        except OSError as error:  # a name that is too long, a folder that may not be looked into
            raise OutputError(f"cannot append to {self.path}: {_reason(error)}") from error
        if is_folder:
            raise OutputError(f"{self.path} is a folder: name a file in it")
        if not has_folder:
            raise OutputError(f"cannot append to {self.path}: there is no folder {self.path.parent}; make it first")

    def _append(self, data: bytes, cancel: CancelToken) -> None:
        # Not blocking, since to open a pipe that nobody reads would wait for ever.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o666)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISFIFO(mode):
                raise OutputError(f"{self.path} is a pipe, not a file: a command can write to it")
            with _locked(descriptor, cancel, self.name):
                is_new = _write_whole(descriptor, data, flush=stat.S_ISREG(mode))
            if is_new:
                sync_folder(self.path.parent)
        finally:
            os.close(descriptor)


def _write_whole(descriptor: int, data: bytes, *, flush: bool) -> bool:
    """Append all of the data or none; True if it is the first in the file."""
    written = 0
    try:
        while written < len(data):  # once, but for a disk that is getting full
            written += os.write(descriptor, data[written:])
        if flush:
            os.fsync(descriptor)
    except OSError:
        _take_back(descriptor, written)
        raise
    return flush and os.lseek(descriptor, 0, os.SEEK_CUR) == written


def _take_back(descriptor: int, written: int) -> None:
    if not written:
        return
    end = os.lseek(descriptor, 0, os.SEEK_CUR)
    # Programs that do not know the lock may have appended meanwhile: theirs must stay.
    if os.fstat(descriptor).st_size == end:
        os.ftruncate(descriptor, end - written)


@contextlib.contextmanager
def _locked(descriptor: int, cancel: CancelToken, name: str) -> Iterator[None]:
    """Keep other Thoth processes from appending, so that taking back an entry never cuts one of theirs."""
    deadline_s = time.monotonic() + _LOCK_LIMIT_S
    while not _try_lock(descriptor):
        check_not_cancelled(cancel, name)
        if time.monotonic() > deadline_s:
            raise OutputError(f"{name} is locked by another process for more than {_LOCK_LIMIT_S:.0f} s")
        time.sleep(POLL_S)
    yield  # closing the descriptor ends the lock


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # Some network file systems have no locks; appending in one write is all that can be had there.
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
            raise
    return True


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; nothing of the text was kept there, make room"
    return error.strerror or str(error)
