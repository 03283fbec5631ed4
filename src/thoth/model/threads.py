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
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


_forked = False


def _note_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def usable_threads(wanted: int | None) -> int:
    """Return `wanted`, or where that is None what is free now; in a forked process always 1.

    fork() copies the calling thread alone. The OpenMP runtime does not notice, and would wait for its others for ever.
    """
    if _forked:
        return 1
    return idle_threads() if wanted is None else wanted


def idle_threads() -> int:
    """Return how many threads to use now: the CPUs that are free and allowed, from 1 to `ENOUGH_THREADS`.

    Safe from any thread; takes some 50 µs.
    """
    free = (os.cpu_count() or 1) - _others_running()
    return max(1, min(free, allowed_cpus(), ENOUGH_THREADS))


def allowed_cpus() -> int:
    """Return the number of CPUs that this process may use: by affinity, and by its container's quota, at least 1."""
    by_affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(by_affinity, _quota() or by_affinity)


def _quota() -> int | None:
    """Read the CPUs' worth of time that the control group grants (Linux, cgroups(7), cpu.max); None: no limit."""
    try:
        granted, period = _CPU_MAX.read_text().split()
        return None if granted == "max" else max(1, int(granted) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _others_running() -> int:
    """Count the threads on this machine, less the calling one, that run or wait for a CPU.

    Linux tells the number of this moment (proc(5), /proc/loadavg, fourth field). Elsewhere the load average of the
    last minute has to do, which holds the caller's own load too; where there is none, the machine is taken for idle.
    """
    try:
        return int(_LOAD.read_text().split()[3].partition("/")[0]) - 1
    except (OSError, ValueError, IndexError):
        return round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0
