"""Runs a shell line on a terminal of its own, as somebody does who sits in front of it: reads, speaks, presses keys."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

CTRL_C: Final = b"\x03"
ENTER: Final = b"\r"
LONGEST_S: Final = 150.0


class Attended:
    """`bash -c line`, with a terminal that controls it, so that Ctrl-C reaches all of a pipeline. A context manager."""

    def __init__(self, line: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = os.openpty()
        self.drawn = ""
        try:
            self._process = subprocess.Popen(
                ["setsid", "--ctty", "--wait", "bash", "-o", "pipefail", "-c", line],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                cwd=folder,
                env={**environment, "TERM": "xterm"},
            )
        finally:
            os.close(theirs)

    def read_until(self, text: str) -> None:
        """Wait until `text` was drawn since the last call."""
        seen = len(self.drawn)
        while text not in self.drawn[seen:]:
            assert self._read(), f"{text!r} did not come in {self.drawn[-2000:]!r}"

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self) -> int:
        """Read to the end of the run, and return its exit code."""
        while self._read():
            pass
        return self._process.wait(LONGEST_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)  # hangs up on whatever still runs there

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], LONGEST_S)
        assert ready, f"nothing more came for {LONGEST_S} s behind {self.drawn[-2000:]!r}"
        try:
            block = os.read(self._ours, 4096)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.drawn += block.decode(errors="replace")
        return bool(block)
