"""How it is known whether somebody still works on a dictation: by a lock that dies with its process."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Final

import filelock

_PROBE_S: Final = 0.02
"""How long a lock is tried for before it counts as held: another one who only looks is done long before."""
_PROBE_AGAIN_S: Final = 0.002
_SUFFIX: Final = ".lock"


class RunLocks:
    """The locks of the runs that are in work: for each a file in `folder`, under a name that is never used again.

    A lock is the operating system's, so that it is free as soon as its process is gone, however it went: process
    numbers, which others get later, are not looked at. Since a name is never locked a second time, whoever finds its
    lock free, or no file, knows that the run is over for good, and removes the file. One thread at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, filelock.BaseFileLock] = {}

    def take(self, entry: int) -> str:
        """Lock for a run of the entry, and return the lock's name. Raises OSError."""
        name = f"{entry}-{secrets.token_hex(8)}"
        lock = self._lock(name)
        lock.acquire(timeout=0)
        self._held[name] = lock
        return name

    def release(self, name: str) -> None:
        """Free a lock of this object."""
        lock = self._held.pop(name)
        with contextlib.suppress(OSError):  # what is left of it is free, which is what counts
            lock.release()
            self._path(name).unlink(missing_ok=True)

    def release_all(self) -> None:
        """Free all locks of this object."""
        for name in tuple(self._held):
            self.release(name)

    def is_held(self, name: str) -> bool:
        """Whether the one that took this lock still has it. Raises OSError."""
        if name in self._held:
            return True
        path = self._path(name)
        if not path.exists():
            return False
        try:
            with self._lock(name).acquire(timeout=_PROBE_S, poll_interval=_PROBE_AGAIN_S):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                return False
        except filelock.Timeout:
            return True

    def in_work(self) -> dict[int, str]:
        """Find the entries in work, each with its lock's name, by the locks alone. Raises OSError."""
        names = [path.stem for path in self._folder.glob(f"*-*{_SUFFIX}")]
        return {int(name.split("-")[0]): name for name in names if name[0].isdecimal() and self.is_held(name)}

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    def _lock(self, name: str) -> filelock.BaseFileLock:
        return filelock.FileLock(self._path(name), thread_local=False)
