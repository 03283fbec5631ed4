"""Does a live session that runs for hours grow, fail or lose anything? Two hours of talk, fed at ten times real time.

    python benchmarks/soak.py [--hours 2] [--speed 10] [--json]

The development recordings in an order drawn by chance, with pauses between, through the built-in model. Growth is the
slope of the resident set over the time behind the warm-up, per hour of wall time (Theil and Sen's: the median of the
slopes between all pairs of points, which single outliers do not move). The warm-up is a bit more than half of it: a
transcript keeps 500 utterances, those of an hour, and grows until it has them; shorter runs find that growth. Drops
and errors are counted against all chunks.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import machine
from live_runs import feed, talk, verdict
from memory import Holdings

import thoth
from thoth.live.session import LiveSession
from thoth.live.updates import LiveUpdates

MOST_GROWTH_MB_PER_HOUR = 1.0
MOST_DROPPED, MOST_ERRORS = 0.01, 0.001
WARM_UP = 0.55
PIECE_S = 60.0
"""Fed between two looks at the memory."""


@dataclass(frozen=True)
class Found:
    """What one session did."""

    audio_s: float
    wall_s: float
    cpu_share: float
    """Processor time over audio."""
    updates: int
    words: int
    passes: int
    dropped: int
    errors: int
    delay_p99_s: float
    warm_rss_mb: float
    growth_mb_per_hour: float
    rise_mb: float
    """From the mean of the first quarter behind the warm-up to that of the last."""
    threads: tuple[int, int]
    """Mostly, in the warm-up and over the last quarter behind it: one that makes a spectrogram comes and goes."""
    files: tuple[int, int]
    """The most in the warm-up and behind it."""
    rss_mb: list[float]
    """After every minute of audio."""

    @property
    def chunks(self) -> int:
        return self.passes + self.dropped


@dataclass(frozen=True)
class Look:
    """The process at one moment."""

    at_s: float
    holdings: Holdings


def soak(hours: float, speed: float) -> Found:
    """Feed that much talk to one session."""
    counts = [0, 0]
    with thoth.WhisperModel() as model, LiveSession(model) as session:
        begin_s, begin_cpu_s = time.monotonic(), time.process_time()
        looks: list[Look] = []
        reader = threading.Thread(target=_read, args=(session.updates(), counts))
        reader.start()
        fed_s = 0.0
        for piece in range(max(round(3600 * hours / PIECE_S), 4)):
            feed(session, talk(PIECE_S, seed=piece), speed)
            fed_s += PIECE_S
            looks.append(Look(time.monotonic() - begin_s, Holdings.now()))
        session.stop()
        reader.join()
        wall_s = time.monotonic() - begin_s
        cpu_share = (time.process_time() - begin_cpu_s) / fed_s
        metrics = session.metrics
    cut = round(len(looks) * WARM_UP)
    cold, warm = looks[:cut], looks[cut:]
    quarter = max(len(warm) // 4, 1)
    return Found(
        audio_s=fed_s,
        wall_s=wall_s,
        cpu_share=cpu_share,
        updates=counts[0],
        words=counts[1],
        passes=metrics.total_chunks,
        dropped=metrics.chunks_dropped,
        errors=metrics.errors,
        delay_p99_s=metrics.p99_latency_ms / 1000,
        warm_rss_mb=_mean_rss(warm[:quarter]) / 1e6,
        growth_mb_per_hour=_slope(warm) * 3600 / 1e6,
        rise_mb=(_mean_rss(warm[-quarter:]) - _mean_rss(warm[:quarter])) / 1e6,
        threads=(_usual_threads(cold), _usual_threads(warm[-quarter:])),
        files=(max(look.holdings.files for look in cold), max(look.holdings.files for look in warm)),
        rss_mb=[look.holdings.rss / 1e6 for look in looks],
    )


def _read(updates: LiveUpdates, counts: list[int]) -> None:
    for update in updates:
        counts[0] += 1
        counts[1] += len(update.words)


def _mean_rss(looks: Sequence[Look]) -> float:
    return statistics.mean(look.holdings.rss for look in looks)


def _usual_threads(looks: Sequence[Look]) -> int:
    return statistics.median_low(look.holdings.threads for look in looks)


def _slope(looks: Sequence[Look]) -> float:
    """Bytes per second."""
    pairs = itertools.combinations(looks, 2)
    return statistics.median((b.holdings.rss - a.holdings.rss) / (b.at_s - a.at_s) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0, help="of audio")
    parser.add_argument("--speed", type=float, default=10.0, help="times real time")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    load = machine.load()
    found = soak(arguments.hours, arguments.speed)
    if arguments.json:
        print(json.dumps(asdict(found)))
        return
    print(f"Soak: a live session over {arguments.hours:g} h of talk at {arguments.speed:g}x")
    print(f"machine: {machine.describe()}")
    print(f"load average at start: {load}, at end: {machine.load()} (holds the benchmark's own load)")
    print(machine.table("One process, the built-in model", ["what", "found", "target"], _rows(found)))


def _rows(found: Found) -> list[list[str]]:
    dropped, errors = found.dropped / found.chunks, found.errors / found.chunks
    growth = found.growth_mb_per_hour
    return [
        ["audio, s (wall, s)", f"{found.audio_s:.0f} ({found.wall_s:.0f})", ""],
        ["processor time, % of the audio", f"{100 * found.cpu_share:.1f}", ""],
        ["updates (words)", f"{found.updates} ({found.words})", ""],
        ["passes", str(found.passes), ""],
        ["delay of passes, p99, s", f"{found.delay_p99_s:.2f}", ""],
        ["dropped, %", f"{100 * dropped:.2f}", f"< {100 * MOST_DROPPED:g}: {verdict(dropped < MOST_DROPPED)}"],
        ["errors, %", f"{100 * errors:.2f}", f"< {100 * MOST_ERRORS:g}: {verdict(errors < MOST_ERRORS)}"],
        ["warm RSS, MB", f"{found.warm_rss_mb:.1f}", ""],
        [
            "growth, MB per hour of wall time",
            f"{growth:+.2f}",
            f"< {MOST_GROWTH_MB_PER_HOUR:g}: {verdict(growth < MOST_GROWTH_MB_PER_HOUR)}",
        ],
        ["rise behind the warm-up, MB", f"{found.rise_mb:+.2f}", ""],
        ["threads", f"{found.threads[0]} -> {found.threads[1]}", _same(found.threads)],
        ["open files", f"{found.files[0]} -> {found.files[1]}", _same(found.files)],
    ]


def _same(pair: tuple[int, int]) -> str:
    return f"no more: {verdict(pair[1] <= pair[0])}"


if __name__ == "__main__":
    main()
