"""Is Thoth's ring ahead of the queues one would pick instead, and how long does a write take at worst?

    python benchmarks/ring.py [--rounds 41] [--latency-rounds 5] [--compiler g++]

Builds native/ring_bench.cpp against Debian's libboost-dev and libreaderwriterqueue-dev, with the optimisation that the
extension is built with, and calls PortAudio's ring in the binary of the rtmixer package, the way a C++ program would.
All move the same blocks through the same capacity, in turn within a round; a ratio is taken within a round.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import _rtmixer
import machine
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "benchmarks" / "native" / "ring_bench.cpp"
FLAGS = ("-std=c++20", "-O3", "-DNDEBUG", "-fPIC", "-shared", "-pthread")

CAPACITY = 65536
"""Floats: 1.4 s of one channel at 48 kHz. PortAudio's ring takes only powers of two."""
FLOATS = {64: 1 << 19, 480: 1 << 20, 4096: 1 << 21}
"""By block: how many floats a measurement moves. A few milliseconds, so that few of them are interrupted."""
CHECKED_FLOATS = 1 << 20
TIMED_WRITES = 100_000
"""In a round, so that p99.99 leaves the ten worst aside."""


class Queue(NamedTuple):
    number: int
    """As ring_bench.cpp counts them."""
    name: str


THOTH = Queue(0, "Thoth")
PEERS = (
    Queue(1, "boost::lockfree::spsc_queue"),
    Queue(2, "PortAudio's ring"),
    Queue(3, "moodycamel, of floats"),
    Queue(4, "moodycamel, of blocks"),
)
QUEUES = (THOTH, *PEERS)

Times = dict[Queue, list[float]]
"""Seconds per block, one for each round."""


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        bench = _built(arguments.compiler, Path(folder))
    _print_conditions(bench, arguments)
    _check(bench)
    found = {
        (threads, block): _measure(bench, threads, block, arguments.rounds) for threads in (1, 2) for block in FLOATS
    }
    headers = ["queue", "threads", *(f"{block} floats" for block in FLOATS)]
    print(machine.table("Through the queue and out again, ns per block, median", headers, list(_time_rows(found))))
    print(machine.table("Time / Thoth's: median (quartiles); target: above 1", headers, list(_ratio_rows(found))))
    headers = ["queue", *(f"{block} floats" for block in FLOATS)]
    title = "One write of a block while another core reads, us: p50 / p99.99"
    print(machine.table(title, headers, list(_latency_rows(bench, arguments.latency_rounds))))
    print(f"\nreading the clock takes {1e9 * bench.clock_reading_s():.0f} ns of each write")
    print(f"load average at end: {machine.load()} (holds the benchmark's own two threads)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--latency-rounds", type=int, default=5)
    parser.add_argument("--compiler", default=os.environ.get("CXX", "c++"))
    return parser.parse_args()


def _built(compiler: str, folder: Path) -> ctypes.CDLL:
    library = folder / "ring_bench.so"
    subprocess.run([compiler, *FLAGS, f"-I{ROOT / 'src' / 'native'}", str(SOURCE), "-o", str(library)], check=True)
    bench = ctypes.CDLL(str(library))
    size = ctypes.c_size_t
    bench.boost_version.restype = ctypes.c_char_p
    bench.clock_reading_s.restype = ctypes.c_double
    bench.move_blocks.restype = ctypes.c_double
    bench.move_blocks.argtypes = [ctypes.c_int, ctypes.c_int, size, size, size]
    bench.time_writes.restype = None
    bench.time_writes.argtypes = [ctypes.c_int, size, size, size, ctypes.c_void_p]
    bench.delivers.restype = ctypes.c_bool
    bench.delivers.argtypes = [ctypes.c_int, size, size, size]
    bench.use_portaudio(*_portaudio_functions())
    return bench


def _portaudio_functions() -> Iterator[ctypes.c_void_p]:
    """Addresses of the functions themselves; through cffi each would cost a wrapper's call."""
    library = ctypes.CDLL(_rtmixer.__file__)
    for name in ("PaUtil_InitializeRingBuffer", "PaUtil_WriteRingBuffer", "PaUtil_ReadRingBuffer"):
        yield ctypes.cast(getattr(library, name), ctypes.c_void_p)


def _print_conditions(bench: ctypes.CDLL, arguments: argparse.Namespace) -> None:
    version = subprocess.run([arguments.compiler, "--version"], check=True, capture_output=True, text=True).stdout
    print(f"Ring: {CAPACITY} floats, threads pinned to a core each, {arguments.rounds} rounds")
    print(f"machine: {machine.describe()}")
    print(f"{version.splitlines()[0]}, {' '.join(FLAGS)}")
    print(f"Boost {bench.boost_version().decode().replace('_', '.')}, {machine.version('rtmixer')}")
    print("moodycamel::ReaderWriterQueue has no call for several elements: of floats moves them one by one, of blocks")
    print("has std::array<float, block> for its element, whose size the compiler then knows")
    print(f"load average at start: {machine.load()}")
    if os.getloadavg()[0] > 0.5:
        print("WARNING: the machine has other work; two threads that wait for each other suffer most")


def _check(bench: ctypes.CDLL) -> None:
    for queue in QUEUES:
        for block in FLOATS:
            if not bench.delivers(queue.number, CAPACITY, block, CHECKED_FLOATS // block):
                raise SystemExit(f"{queue.name} does not deliver blocks of {block} floats as they were written")


def _measure(bench: ctypes.CDLL, threads: int, block: int, rounds: int) -> Times:
    blocks = FLOATS[block] // block
    times: Times = {queue: [] for queue in QUEUES}
    for turn in range(rounds):
        for queue in _in_turn(turn):
            times[queue].append(bench.move_blocks(queue.number, threads, CAPACITY, block, blocks) / blocks)
    return times


def _in_turn(turn: int) -> Sequence[Queue]:
    """Each round begins with another one: what runs after whom must not matter."""
    first = turn % len(QUEUES)
    return QUEUES[first:] + QUEUES[:first]


def _time_rows(found: dict[tuple[int, int], Times]) -> Iterator[list[str]]:
    for threads in (1, 2):
        for queue in QUEUES:
            medians = (statistics.median(found[threads, block][queue]) for block in FLOATS)
            yield [queue.name, str(threads), *(f"{1e9 * median_s:.1f}" for median_s in medians)]


def _ratio_rows(found: dict[tuple[int, int], Times]) -> Iterator[list[str]]:
    for threads in (1, 2):
        for peer in PEERS:
            yield [peer.name, str(threads), *(_ratio(found[threads, block], peer) for block in FLOATS)]


def _ratio(times: Times, peer: Queue) -> str:
    ratios = [theirs_s / ours_s for theirs_s, ours_s in zip(times[peer], times[THOTH], strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    return f"{median:.2f} ({low:.2f}-{high:.2f}) {'met' if median > 1 else 'MISSED'}"


def _latency_rows(bench: ctypes.CDLL, rounds: int) -> Iterator[list[str]]:
    found = {block: _latencies(bench, block, rounds) for block in FLOATS}
    for queue in QUEUES:
        yield [queue.name, *(found[block][queue] for block in FLOATS)]


def _latencies(bench: ctypes.CDLL, block: int, rounds: int) -> dict[Queue, str]:
    """A percentile is that of a round; the median of the rounds is told."""
    durations_s = np.empty(TIMED_WRITES)
    percentiles: dict[Queue, list[tuple[float, float]]] = {queue: [] for queue in QUEUES}
    for turn in range(rounds):
        for queue in _in_turn(turn):
            bench.time_writes(queue.number, CAPACITY, block, len(durations_s), durations_s.ctypes.data)
            p50_s, p9999_s = np.percentile(durations_s, [50, 99.99])
            percentiles[queue].append((p50_s, p9999_s))
    return {
        queue: " / ".join(f"{1e6 * v:.2f}" for v in np.median(pairs, axis=0)) for queue, pairs in percentiles.items()
    }


if __name__ == "__main__":
    main()
