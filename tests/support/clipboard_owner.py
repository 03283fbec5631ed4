"""Programs that own the clipboard of an X display, what is in it, and what still runs there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from types import TracebackType
from typing import Final, Self

import psutil
import pytest
from x_display import XDisplay

_LIMIT_S: Final = 10.0
_XCLIP: Final = ("xclip", "-selection", "clipboard")

PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a4944415478da6360000000020001e221bc330000000049454e44ae426082"
)
"""A picture of one pixel."""


class ClipboardOwner:
    """A program that holds `data` in the clipboard, as `target`, until something else is put there.

    A context manager; owns the clipboard when made. A test that needs it is skipped where xclip is not installed,
    except on CI, where it fails.
    """

    def __init__(self, display: XDisplay, data: bytes, target: str = "UTF8_STRING") -> None:
        require_program("xclip")
        self._process = subprocess.Popen(
            [*_XCLIP, "-in", "-verbose", "-target", target],
            env=display.env,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.close()
        deadline_s = time.monotonic() + _LIMIT_S
        while clipboard_holds(display, target) != data:
            assert time.monotonic() < deadline_s, "xclip does not get the clipboard"
            time.sleep(0.01)

    def freeze(self) -> None:
        """Let the program answer nobody from here on."""
        self._process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """End the program. May be called again."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def clipboard_holds(display: XDisplay, target: str = "UTF8_STRING") -> bytes:
    """What the clipboard gives as `target`; nothing where it is empty."""
    command = [*_XCLIP, "-out", "-target", target]
    return subprocess.run(command, env=display.env, capture_output=True, timeout=_LIMIT_S, check=False).stdout


def empty_clipboard(display: XDisplay) -> None:
    """Leave the clipboard without an owner."""
    ClipboardOwner(display, b"x").close()


def programs_on(display: XDisplay) -> list[str]:
    """The command lines of all processes that were started for this display, sorted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DISPLAY") == display.name and process.pid != os.getpid():
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return sorted(found)


def require_program(name: str) -> str:
    """The path of a program; skip the test, or fail it on CI, where it is missing."""
    found = shutil.which(name)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{name} not found: install {name}")
    pytest.skip(f"{name} not found: install {name}")
