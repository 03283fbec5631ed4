"""How long until a worker with the built-in model takes requests, and how long is the way to it and back?

    python benchmarks/worker_startup.py [--starts 15] [--trips 2000] [--json]

A start is from `start()` to its return: for a process, spawn, Python, what it imports, and the load; for a thread, the
load alone. A round trip is an empty change of options, from the call until the future is done. What Python and NumPy
alone take, in the same turn, is told apart: no faster code of Thoth's would save it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import machine

from thoth.live.worker import Isolation, TranscriptionWorker

MOST_READY_MS, MOST_TRIP_MS = 500.0, 5.0
ISOLATIONS: tuple[Isolation, ...] = ("process", "thread")


@dataclass(frozen=True)
class Figures:
    """In milliseconds."""

    isolation: Isolation
    ready_ms: list[float]
    load_ms: list[float]
    trip_ms: list[float]

    @property
    def ready_met(self) -> bool:
        return statistics.median(self.ready_ms) < MOST_READY_MS

    @property
    def trip_met(self) -> bool:
        return _p99(self.trip_ms) < MOST_TRIP_MS


def _milliseconds_since(began_s: float) -> float:
    return (time.perf_counter() - began_s) * 1000


def start_once(isolation: Isolation, figures: Figures, trips: int = 0) -> None:
    """Start a worker, and send it that many messages."""
    began_s = time.perf_counter()
    with TranscriptionWorker("nano.en", isolation=isolation) as worker:
        loaded = worker.start()
        figures.ready_ms.append(_milliseconds_since(began_s))
        figures.load_ms.append(loaded.load_time_ms)
        for _ in range(trips):
            began_s = time.perf_counter()
            worker.set_options().result()
            figures.trip_ms.append(_milliseconds_since(began_s))


def interpreter_ms() -> float:
    """Start and end this interpreter with NumPy alone."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", "import numpy"], check=True)
    return _milliseconds_since(began_s)


def measure(starts: int, trips: int) -> tuple[list[Figures], list[float]]:
    """All in turn, so that what else the machine does falls on each alike."""
    found = [Figures(isolation, [], [], []) for isolation in ISOLATIONS]
    bare_ms = []
    for number in range(starts):
        bare_ms.append(interpreter_ms())
        for figures in found:
            start_once(figures.isolation, figures, trips if number == 0 else 0)
    return found, bare_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--trips", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    load = machine.load()
    found, bare_ms = measure(arguments.starts, arguments.trips)
    if arguments.json:
        print(json.dumps({"workers": [asdict(figures) for figures in found], "interpreter_ms": bare_ms}))
        return
    print(f"A worker's start and round trip, built-in model\nmachine: {machine.describe()}")
    print(f"load average at start: {load}, at end: {machine.load()}")
    print(f"Python with NumPy alone, ms (min / median / max): {machine.spread(bare_ms)}")
    print(machine.table("Ready, ms", ["isolation", "min / median / max", "of it load", "target"], _ready_rows(found)))
    print(machine.table("Round trip, ms", ["isolation", "p50", "p99", "target, p99"], _trip_rows(found)))


def _ready_rows(found: Sequence[Figures]) -> list[list[str]]:
    return [
        [
            figures.isolation,
            machine.spread(figures.ready_ms),
            f"{statistics.median(figures.load_ms):.1f}",
            _verdict(MOST_READY_MS, met=figures.ready_met),
        ]
        for figures in found
    ]


def _trip_rows(found: Sequence[Figures]) -> list[list[str]]:
    return [
        [
            figures.isolation,
            f"{statistics.median(figures.trip_ms):.3f}",
            f"{_p99(figures.trip_ms):.3f}",
            _verdict(MOST_TRIP_MS, met=figures.trip_met),
        ]
        for figures in found
    ]


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]


def _verdict(most: float, *, met: bool) -> str:
    return f"< {most:g}: {'met' if met else 'MISSED'}"


if __name__ == "__main__":
    main()
