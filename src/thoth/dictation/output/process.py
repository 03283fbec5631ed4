"""A child process with a text for its stdin, which is ended in time, with all that it started."""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from thoth.dictation.output.sink import POLL_S

if TYPE_CHECKING:
    from thoth._native import CancelToken

_BLOCK_BYTES: Final = 1 << 16
_MOST_BLOCKS_LEFT: Final = 17
"""A pipe holds 1 MiB at most (pipe(7))."""
_STDERR_BYTES: Final = 1000
"""How much of the end of stderr is kept: the last lines say why a command failed."""
_ENDING_S: Final = 0.2
"""What a process gets between being asked to end and being killed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended: its exit status (negative: the signal that killed it), its output, the end of its stderr."""

    status: int
    output: bytes
    complaint: str


class Stopped(Exception):
    """The process was killed, since its time was up or nobody wants it any more."""


def run_bounded(
    command: Sequence[str], data: bytes, *, limit_s: float, cancel: CancelToken, keep_output: bool = False
) -> Finished:
    """Run a command with `data` as its stdin, and wait for its end; any thread.

    A command that reads only a part, or writes without end, is no problem: output is thrown away unless `keep_output`.
    Processes that it leaves in the background do not count, and stay. Raises OSError if it cannot be started, Stopped
    after `limit_s` or soon after `cancel` was set, when it and all processes of its group have been killed.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if keep_output else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _working[process] = os.getpid()
    try:
        exchange = _Exchange(process, data)
        try:
            exchange.run(time.monotonic() + limit_s, cancel)
        finally:
            exchange.close()
    except BaseException:
        end_group(process)
        raise
    finally:
        del _working[process]
    return Finished(process.wait(), bytes(exchange.output), exchange.complaint.decode("utf-8", "replace").strip())


_working: Final[dict[subprocess.Popen[bytes], int]] = {}
"""The processes that are waited for, each with the number of the one that started it: what it forks lets them be."""


@atexit.register
def _end_what_works() -> None:
    """Kill what would be left without a limit, as the threads that wait for it end with the program."""
    for process, starter in list(_working.items()):
        if starter == os.getpid() and process.returncode is None:
            _signal_group(process, signal.SIGKILL)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group of its own, and all others in that group."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_ENDING_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class _Exchange:
    """Feeds a process and hears it, without ever waiting for one of the two alone. One thread."""

    def __init__(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        self.output = bytearray()
        self.complaint = bytearray()
        self._process = process
        self._rest = memoryview(data)
        self._selector = selectors.DefaultSelector()
        for pipe, interest in ((process.stdin, selectors.EVENT_WRITE), (process.stdout, selectors.EVENT_READ)):
            self._watch(pipe, interest)
        self._watch(process.stderr, selectors.EVENT_READ)
        self._ending: int | None = None
        # Wakes at the end of the process while others hold its pipes; elsewhere the polling below does.
        with contextlib.suppress(AttributeError, OSError):
            self._ending = os.pidfd_open(process.pid)
            self._selector.register(self._ending, selectors.EVENT_READ)

    def run(self, deadline_s: float, cancel: CancelToken) -> None:
        """Return when the process has ended. Raises Stopped."""
        while self._process.poll() is None:
            if cancel.cancelled or time.monotonic() > deadline_s:
                raise Stopped
            self._step(POLL_S)
        # What it wrote before it ended lies in the pipes, which others may keep open, or go on filling.
        for _ in range(_MOST_BLOCKS_LEFT):
            if not self._step(0.0):
                break

    def close(self) -> None:
        """Let go of all pipes."""
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._ending is not None:
            os.close(self._ending)

    def _watch(self, pipe: IO[bytes] | None, interest: int) -> None:
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, interest)

    def _step(self, wait_s: float) -> bool:
        """Move what can be moved; False if that was nothing."""
        moved = False
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._process.stdin:
                self._feed()
            elif key.fileobj is not self._ending:
                moved |= self._hear(key.fd, key.fileobj)
        return moved

    def _feed(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            self._rest = self._rest[os.write(stdin.fileno(), self._rest[:_BLOCK_BYTES]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it wants no more
            self._rest = self._rest[:0]
        if not self._rest:
            self._selector.unregister(stdin)
            with contextlib.suppress(BrokenPipeError):
                stdin.close()

    def _hear(self, descriptor: int, pipe: object) -> bool:
        try:
            block = os.read(descriptor, _BLOCK_BYTES)
        except BlockingIOError:
            return False
        if not block:
            self._selector.unregister(descriptor)
        elif pipe is self._process.stdout:
            self.output += block
        else:
            self.complaint = (self.complaint + block)[-_STDERR_BYTES:]
        return bool(block)
