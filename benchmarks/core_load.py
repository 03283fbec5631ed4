"""Another process that takes one core."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOAD_TAKES_HOLD_S = 1.0


@contextmanager
def one_core_taken() -> Iterator[None]:
    """Another process counts as fast as it can."""
    burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(LOAD_TAKES_HOLD_S)
        yield
    finally:
        burner.kill()
        burner.wait()
