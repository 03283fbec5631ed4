"""Python code in a process of its own, talked to line by line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from types import TracebackType
from typing import Self

_LONGEST_S = 60.0


class PythonProcess:
    """Runs `code` on this interpreter and with this import path. A context manager, which kills what still runs."""

    def __init__(self, code: str, environment: Mapping[str, str] | None = None) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**(environment or os.environ), "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Wait for the next line on stdout; without its end."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def go_on(self) -> None:
        """Send an empty line, which an `input()` there waits for."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def interrupt(self) -> None:
        """Send what Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def outcome(self, limit_s: float = _LONGEST_S) -> tuple[int, str, str]:
        """Wait for its end and give the exit code and what is still unread of stdout and stderr."""
        out, err = self._process.communicate(timeout=limit_s)
        return self._process.returncode, out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
