"""Hears what a worker says, and can keep it from going on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from fed_input import wait_until

from thoth.live.protocol import FromWorker, Transcription

Message = TypeVar("Message")

_LONGEST_S = 60.0


class WorkerEar:
    """To be given as `on_message`. Any thread."""

    def __init__(self) -> None:
        self.messages: list[FromWorker] = []
        self._changed = threading.Condition()
        self._free = threading.Event()
        self._free.set()

    def __call__(self, message: FromWorker) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
        if isinstance(message, Transcription):
            assert self._free.wait(_LONGEST_S)

    def heard(self, kind: type[Message]) -> list[Message]:
        """All of one kind so far."""
        return [message for message in self.messages if isinstance(message, kind)]

    def wait_for(self, kind: type[Message], count: int = 1) -> Message:
        """Wait until there were `count` of a kind; the last of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard(kind)) >= count, _LONGEST_S), self.messages
        return self.heard(kind)[count - 1]

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Keep the worker's thread from going on behind its next Transcription, so that requests must wait."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()


def cpu_s(pid: int) -> float:
    """CPU time that a process has taken (Linux, proc(5)), in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def is_there(pid: int) -> bool:
    """Whether there is such a process, one that has ended and that nobody has collected excepted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def process_holds(pid: int) -> tuple[int, int]:
    """How many threads and open files a process has (Linux)."""
    threads, files = (list(Path(f"/proc/{pid}/{what}").iterdir()) for what in ("task", "fd"))
    return len(threads), len(files)


def wait_until_at_work(pid: int) -> None:
    """Wait until a process that was idle has taken some CPU time: it is in the midst of a pass."""
    before_s = cpu_s(pid)
    wait_until(lambda: cpu_s(pid) >= before_s + 0.05)
