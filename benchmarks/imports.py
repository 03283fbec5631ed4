"""How long does it take until Python has imported Thoth, and until its command answers, beside its peers?

    python benchmarks/imports.py [--rounds 15]

Needs faster-whisper and pywhispercpp (``pip install --group bench``).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from findings import Findings, with_findings

OWN, HELP = "import thoth", "thoth --help"
COMMANDS: dict[str, Sequence[str]] = {
    OWN: ("-c", "import thoth"),
    HELP: ("-m", "thoth", "--help"),
    "import thoth; thoth.WhisperModel": ("-c", "import thoth; thoth.WhisperModel"),
}
PEERS: dict[str, Sequence[str]] = {
    "import faster_whisper": ("-c", "import faster_whisper"),
    "import pywhispercpp.model": ("-c", "import pywhispercpp.model"),
}
BARE = "python alone"
MOST_MS = {OWN: 150.0, HELP: 300.0}

WHAT = """
Every figure is a process of its own, from its start to its end, on files that have been read before; the time that
Python takes to start and end without importing anything is given, and taken off for the limits. All in turn in every
round. Processor time is that of the whole process; company on the machine changes it less."""


@dataclass
class Took:
    """Of each round: milliseconds by the clock and of the processor."""

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = with_findings(parser).parse_args()
    findings = Findings("Import", WHAT)
    findings.begin()
    found = _measured(arguments.rounds)
    medians = {name: statistics.median(took.wall_ms) for name, took in found.items()}
    rows = [_row(name, took, medians[name] - medians[BARE]) for name, took in found.items()]
    findings.table("Milliseconds", ("what", "min", "median", "median less Python", "processor, median"), rows)
    for name, most_ms in MOST_MS.items():
        findings.limit("import", name, medians[name] - medians[BARE], most_ms, "ms")
    for name in PEERS:
        values = [theirs / own for theirs, own in zip(found[name].wall_ms, found[OWN].wall_ms, strict=True)]
        findings.ratio("import, Python's start included", f"{name} / {OWN}", values)
    findings.plot("import", "Start to end of a process", "ms", {"": medians})
    findings.end(arguments.findings)


def _row(name: str, took: Took, less_python_ms: float) -> list[str]:
    figures = min(took.wall_ms), statistics.median(took.wall_ms), less_python_ms, statistics.median(took.cpu_ms)
    return [name, *(f"{figure:.0f}" for figure in figures)]


def _measured(rounds: int) -> dict[str, Took]:
    commands = {BARE: ("-c", ""), **COMMANDS, **PEERS}
    found = {name: Took() for name in commands}
    for number in range(-1, rounds):
        for name, command in commands.items():
            wall_ms, cpu_ms = _run(command)
            if number >= 0:
                found[name].wall_ms.append(wall_ms)
                found[name].cpu_ms.append(cpu_ms)
    return found


def _run(arguments: Sequence[str]) -> tuple[float, float]:
    begin_s = time.perf_counter()
    silence = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ, file_actions=silence)
    _, status, used = os.wait4(pid, 0)
    wall_s = time.perf_counter() - begin_s
    if status != 0:
        raise SystemExit(f"python {' '.join(arguments)} ended with status {status}")
    return 1000 * wall_s, 1000 * (used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    main()
