"""Ctrl-C that lets a transcription end in order: what is done is kept, and the exit code tells."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from thoth._native import CancelToken

ENDINGS: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""By which service managers and closing terminals end a command that listens: as on Ctrl-C, it finishes what it has."""


class Interrupt:
    """While entered, the first SIGINT, or one of `also`, cancels `token` and the second raises KeyboardInterrupt.

    A cancelled run stops within one pass of the model and hands over what it has, where an exception out of
    nowhere would lose it. Where the shell has SIGINT ignored, as for background jobs, it stays ignored.
    To be entered on the main thread, on which Python runs signal handlers.
    """

    def __init__(self, token: CancelToken, also: tuple[signal.Signals, ...] = ()) -> None:
        self.token = token
        self._signals = (signal.SIGINT, *also)
        self._before: dict[signal.Signals, Any] = {}
        self._breaks_now = False

    @property
    def seen(self) -> bool:
        """Whether it was asked to stop."""
        return self.token.cancelled

    @contextmanager
    def breaking(self) -> Iterator[None]:
        """Let a SIGINT within raise KeyboardInterrupt at once, also one that came before: for waits without end."""
        self._breaks_now = True
        try:
            if self.seen:
                raise KeyboardInterrupt
            yield
        finally:
            self._breaks_now = False

    def __enter__(self) -> Self:
        for number in self._signals:
            self._before[number] = signal.getsignal(number)
            if self._before[number] is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        again = self.seen
        self.token.cancel()
        if again or self._breaks_now:
            raise KeyboardInterrupt
