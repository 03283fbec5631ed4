"""The command that answers a wake phrase."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from types import TracebackType
from typing import IO, Final, Self

from thoth.cli.inputs import printable
from thoth.cli.terminal.screen import Screen
from thoth.errors import InvalidOption
from thoth.wake.detection import Wake

MOST_AT_ONCE: Final = 4
"""A command that hangs must not fill the machine with its like, however often the phrase is said."""

_LONGEST_LINE: Final = 2000
_LAST_WORDS_S: Final = 1.0
"""A process that it has left in the background may hold its output for ever."""


class WakeCommands:
    """Runs a command for each wake, and follows it on a thread of its own. Leaving it ends those that still run.

    command: split as a shell would, and run without one. Raises InvalidOption for one that cannot be run.

    One thread, which leaves it too.
    """

    def __init__(self, command: str, screen: Screen) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise InvalidOption(f"--run: {command!r} is no command line: {error}") from None
        if not self._words or shutil.which(self._words[0]) is None:
            named = repr(self._words[0]) if self._words else "nothing"
            raise InvalidOption(f"--run: there is no program {named} that can be run")
        self._screen = screen
        self._name = printable(self._words[0])
        self._running: list[tuple[threading.Thread, subprocess.Popen[bytes]]] = []
        self._listening: IO[bytes] | None = None
        self._is_over = False  # what ends from now on was ended

    @property
    def running(self) -> int:
        """How many run now."""
        return sum(process.poll() is None for _, process in self._running)

    def start(self, wake: Wake) -> None:
        """Run the command for `wake`, its stdin still to come; why it is not run is told."""
        self.hand_on("")
        self._running = [(thread, process) for thread, process in self._running if process.poll() is None]
        if self.running >= MOST_AT_ONCE:
            self._screen.notice(f"{self._name} was not run: {MOST_AT_ONCE} of them are still running")
            return
        try:
            process = self._begin(wake)
        except (OSError, ValueError) as error:
            self._screen.error(f"{self._name} cannot be run: {error}")
            return
        self._listening = process.stdin
        thread = threading.Thread(target=self._follow, args=(process,), name="thoth-listen-run", daemon=True)
        self._running.append((thread, process))
        thread.start()

    def hand_on(self, text: str) -> None:
        """Give the command that was started last what followed its phrase, and end its stdin. Does nothing twice."""
        stdin, self._listening = self._listening, None
        if stdin is not None:
            with contextlib.suppress(OSError), stdin:  # one that has ended reads no more
                stdin.write(f"{text}\n".encode() if text else b"")

    def wait(self) -> None:
        """Wait for those that run, and for what they have still to say."""
        for thread, process in self._running:
            process.wait()
            thread.join(_LAST_WORDS_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hand_on("")
        self._is_over = True
        for _, process in self._running:
            if process.poll() is None:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGTERM)

    def _begin(self, wake: Wake) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "THOTH_WAKE_PHRASE": wake.phrase, "THOTH_WAKE_TEXT": wake.rest},
            start_new_session=True,  # Ctrl-C is for the listening
        )

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            while line := process.stdout.readline(_LONGEST_LINE):
                self._screen.log(line.decode("utf-8", "replace").rstrip("\n"))
        status = process.wait()
        if status and not self._is_over:
            how = f"ended with exit code {status}" if status > 0 else f"was ended by signal {-status}"
            self._screen.error(f"{self._name} {how}; listening goes on")
