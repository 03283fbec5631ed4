"""What `thoth bench` tells of the machine, so that its figures can be read elsewhere."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

from thoth.cli.machine import cpu, versions

BUSY_LOAD: Final = 0.25
"""Load average per core from which on somebody else's work may stand in the figures."""

_CPUINFO = Path("/proc/cpuinfo")
_BOARD = Path("/proc/device-tree/model")


def machine_facts() -> dict[str, Any]:
    """Tell what `thoth doctor` tells of CPU and versions, and the processor's own name."""
    return {"processor": processor_name(), "cpu": cpu(), "versions": versions()}


def processor_name() -> str:
    """Tell the processor's name as the system gives it; on a small ARM board the board's."""
    return _linux_name() or _macos_name() or platform.processor() or platform.machine()


def load_average() -> tuple[float, ...] | None:
    """Tell the load average of the last 1, 5 and 15 minutes; None where the system keeps none."""
    return tuple(round(value, 2) for value in os.getloadavg()) if hasattr(os, "getloadavg") else None


def is_busy(load: tuple[float, ...] | None, cores: int) -> bool:
    """Whether others had so much of the cores in the last minute that the figures are theirs too."""
    return load is not None and load[0] > BUSY_LOAD * cores


def _linux_name() -> str:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
        named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
        return named or _BOARD.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _macos_name() -> str:
    if platform.system() != "Darwin":
        return ""
    asked = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
    return asked.stdout.strip()
