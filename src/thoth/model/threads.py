"""How many CPU threads a run should take, here and now.

ggml's threads meet at spinning barriers after every operation. With a core for each that is the fastest way; where
another process has one of the cores, the others burn theirs waiting, and two threads take several times as long as
one (figures in docs/architecture.md). So the number is chosen anew for each window, from what is free at that moment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ENOUGH_THREADS: Final = 4
"""More gains next to nothing: decoding is bound by memory, and barriers cost more with every thread."""

_LOAD = Path("/proc/loadavg")


def idle_threads() -> int:
    """Return how many threads to use now: the CPUs that are free and allowed, from 1 to `ENOUGH_THREADS`.

    Safe from any thread; takes some 20 µs.
    """
    free = (os.cpu_count() or 1) - _others_running()
    return max(1, min(free, allowed_cpus(), ENOUGH_THREADS))


def allowed_cpus() -> int:
    """Return the number of CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _others_running() -> int:
    """Count the threads on this machine, less the calling one, that run or wait for a CPU.

    Linux tells the number of this moment (proc(5), /proc/loadavg, fourth field). Elsewhere the load average of the
    last minute has to do, which holds the caller's own load too; where there is none, the machine is taken for idle.
    """
    try:
        return int(_LOAD.read_text().split()[3].partition("/")[0]) - 1
    except (OSError, ValueError, IndexError):
        return round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0
