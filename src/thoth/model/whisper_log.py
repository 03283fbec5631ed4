"""Hands what whisper.cpp and ggml log on to Python's logging, under the name `thoth.whisper`."""

from __future__ import annotations

import logging
from typing import Final

from thoth import _native

_log = logging.getLogger("thoth.whisper")

# whisper.cpp's own "info" is a page per call: debugging, to anyone but its developers. Its "error" is told by the
# exception that follows; only where nobody raises one (an abort that was asked for) would it be a false alarm.
_LEVELS: Final = (logging.DEBUG, logging.DEBUG, logging.WARNING, logging.INFO)


def forward_log() -> None:
    """Log everything the core said since the last call. Safe from any thread."""
    for level, line in _native.drain_log():
        _log.log(_LEVELS[level], "%s", line.decode("utf-8", "replace"))
