"""How many CPU threads a run should take on this machine."""

from __future__ import annotations

import os
from typing import Final

ENOUGH_THREADS: Final = 4
"""More gains next to nothing: decoding is bound by memory, and barriers cost more with every thread."""


def default_threads() -> int:
    """Return how many threads to use: the CPUs that this process may run on, up to `ENOUGH_THREADS`."""
    return min(available_cpus(), ENOUGH_THREADS)


def available_cpus() -> int:
    """Return the number of CPUs that this process may run on, containers' and users' limits included."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
