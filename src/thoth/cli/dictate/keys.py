"""Single keys of the terminal, as they are pressed."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import time
from types import TracebackType
from typing import Any, Final, Literal, Self

Key = Literal["toggle", "cancel", "quit"]

_MEANINGS: Final[dict[bytes, Key]] = {
    b"\r": "toggle",
    b"\n": "toggle",
    b" ": "toggle",
    b"\x1b": "cancel",
    b"q": "quit",
    b"Q": "quit",
    b"\x04": "quit",
}

_MOST_AT_ONCE: Final = 64
_SEQUENCES: Final = re.compile(rb"\x1b[\[O][0-9;]*[^0-9;]?")
"""What arrow and function keys send (ECMA-48, control sequences); all of it comes at once, so that it is no Esc."""


class TerminalKeys:
    """The keys that people press meanwhile; none where stdin is no terminal, or where another job has it.

    Entered, the terminal hands over each key at once and shows none of them; Ctrl-C stays a signal. The main thread.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._before: list[Any] = []
        self._on_return: Any = None
        self._pressed = b""

    @property
    def here(self) -> bool:
        """Whether there are any."""
        return self._descriptor is not None

    def wait(self, seconds: float) -> Key | None:
        """Return the next key that means something, waiting for it; None after `seconds`."""
        if self._descriptor is None:
            time.sleep(seconds)
            return None
        if not self._pressed and not self._read(self._descriptor, seconds):
            self._descriptor = None
            return "quit"
        key, self._pressed = self._pressed[:1], self._pressed[1:]
        return _MEANINGS.get(key)

    def _read(self, descriptor: int, seconds: float) -> bool:
        """Take what was pressed; return whether the terminal is still there."""
        ready, _, _ = select.select([descriptor], [], [], seconds)
        if not ready:
            return True
        try:
            pressed = os.read(descriptor, _MOST_AT_ONCE)
        except OSError:
            return False
        self._pressed = _SEQUENCES.sub(b"", pressed)
        return bool(pressed)

    def __enter__(self) -> Self:
        if not terminal_is_ours():
            return self
        import termios

        self._descriptor = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._descriptor)
        _take_keys_singly()
        # Shells give the terminal back as theirs to a job that was stopped.
        self._on_return = signal.signal(signal.SIGCONT, lambda *_: _take_keys_singly())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before:
            import termios

            signal.signal(signal.SIGCONT, self._on_return)
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)


def _take_keys_singly() -> None:
    import termios
    import tty

    with contextlib.suppress(termios.error):  # it is gone
        tty.setcbreak(sys.stdin.fileno())


def terminal_is_ours() -> bool:
    """Whether stdin is a terminal and its keys come to this process: a background job would be stopped by asking."""
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return True  # one that is not this session's stops nobody
