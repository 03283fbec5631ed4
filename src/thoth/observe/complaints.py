"""Warnings about callbacks of others, not more of them than a log can bear."""

from __future__ import annotations

import logging
import time
from typing import Final

INTERVAL_S: Final = 10.0
"""What fails once often fails every time: a callback that is called ten times a second would fill a disk."""


class Complaints:
    """Logs the first warning at once and then at most one in `INTERVAL_S`, with how many were left out.

    One thread at a time; two that meet here may log once too often.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._last_s: float | None = None
        self._left_out = 0

    def warn(self, message: str, error: BaseException | None = None) -> None:
        """Log `message`, with the traceback of `error`, unless one was logged just now."""
        now_s = time.monotonic()
        if self._last_s is not None and now_s - self._last_s < INTERVAL_S:
            self._left_out += 1
            return
        more = f" ({self._left_out} more like this since the last message)" if self._left_out else ""
        self._last_s, self._left_out = now_s, 0
        self._logger.warning("%s%s", message, more, exc_info=error)


def name_of(callback: object) -> str:
    """Return what a callback is called; unlike its repr(), which may be anything, that is short and never fails."""
    return str(getattr(callback, "__qualname__", type(callback).__qualname__))
