"""How much memory this process may still take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_MEMINFO = Path("/proc/meminfo")
_STATM = Path("/proc/self/statm")
_CGROUP = Path("/sys/fs/cgroup")

UNKNOWN_BYTES: Final = sys.maxsize
"""Where the system does not tell, memory is taken to suffice: running out of it is an error that is told then."""


def available_bytes() -> int:
    """Return what the machine has available, the control group grants and the process's own limit leaves: the least.

    Linux tells (proc(5): MemAvailable; cgroups(7): memory.max, memory.current; getrlimit(2): RLIMIT_AS); elsewhere
    `UNKNOWN_BYTES`. Safe from any thread; takes some 50 µs.
    """
    return min(_told(source) for source in (_machine, _control_group, _address_space))


def _told(source: Callable[[], int]) -> int:
    try:
        return source()
    except (OSError, ValueError, StopIteration, ImportError):
        return UNKNOWN_BYTES


def _machine() -> int:
    with _MEMINFO.open() as lines:
        line = next(line for line in lines if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024


def _control_group() -> int:
    granted = int((_CGROUP / "memory.max").read_text())  # "max" where there is no limit
    return granted - int((_CGROUP / "memory.current").read_text()) + sum(_reclaimable())


def _reclaimable() -> Iterator[int]:
    """Yield the control group's share of the page cache, which counts as used and makes way."""
    for line in (_CGROUP / "memory.stat").read_text().splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "active_file"):
            yield int(value)


def _address_space() -> int:
    import resource  # not on Windows

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return UNKNOWN_BYTES
    return soft - int(_STATM.read_text().split()[0]) * resource.getpagesize()
