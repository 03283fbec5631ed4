"""What does resampling to 16 kHz cost, and is Thoth's libsoxr path within 5 % of the soxr package's streaming speed?

    python benchmarks/resampling.py [--rounds 15] [--seconds 20]

Both run libsoxr at VHQ on the same blocks of mono noise. Beside them stands FirResampler, which live capture uses: what
its shorter delay costs. Cost is processor time of the whole process; a stream's making is left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice

import machine
import numpy as np
import numpy.typing as npt
import soxr

from thoth._native import FirResampler, Resampler

Samples = npt.NDArray[np.float32]
Process = Callable[[Samples], Samples]

OUT_HZ = 16_000
RATES_HZ = (48_000, 44_100)
BLOCKS_MS = (10, 100, 1000)
LEAST_RATIO = 0.95
"""The soxr package's time over Thoth's: below 1 Thoth is slower."""
WARM_UP_S = 1
"""Past the start of a stream, when a filter still fills."""


def main() -> None:
    arguments = _arguments()
    print(f"Resampling, mono, libsoxr at VHQ on both sides, {arguments.rounds} rounds of {arguments.seconds} s")
    print(f"machine: {machine.describe()}, {machine.version('soxr')}\nload average at start: {machine.load()}")
    costs, ratios = [], []
    for rate_hz in RATES_HZ:
        for block_ms in BLOCKS_MS:
            found = _measure(rate_hz, block_ms, arguments.rounds, arguments.seconds)
            case = f"{rate_hz} Hz, blocks of {block_ms} ms"
            costs += [_cost_row(case, name, times_s, arguments.seconds) for name, times_s in found.items()]
            ratios.append(_ratio_row(case, found))
    print(machine.table("Cost, median", ["case", "% of a core", "ns per output sample"], costs))
    print(machine.table("Ratio: soxr package / Thoth", ["case", "min / median / max", "target"], ratios))
    print(machine.table("Held back at blocks of 10 ms, ms", ["case", "mean", "most"], list(_held_back_rows())))
    print(f"\nload average at end: {machine.load()}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=20, help="audio a round resamples with each, in seconds")
    return parser.parse_args()


def _streams(rate_hz: int) -> dict[str, Process]:
    package = soxr.ResampleStream(rate_hz, OUT_HZ, 1, dtype="float32", quality="VHQ")
    return {
        "Thoth Resampler": Resampler(rate_hz, OUT_HZ, 1, "VHQ").process,
        "soxr package": package.resample_chunk,
        "Thoth FirResampler": FirResampler(rate_hz, OUT_HZ).process,
    }


def _measure(rate_hz: int, block_ms: int, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Processor seconds of every round; who comes first changes from round to round."""
    blocks = list(_blocks(rate_hz, block_ms, seconds))
    found: dict[str, list[float]] = {name: [] for name in _streams(rate_hz)}
    for number in range(rounds):
        streams = list(_streams(rate_hz).items())
        first = number % len(streams)
        for name, process in streams[first:] + streams[:first]:
            found[name].append(_time(process, blocks))
    return found


def _blocks(rate_hz: int, block_ms: int, seconds: int) -> Iterator[Samples]:
    """One second of noise, cut up and repeated: it stays in the cache for all alike."""
    noise = np.random.default_rng(0).standard_normal(rate_hz).astype(np.float32)
    return islice(cycle(np.split(noise, 1000 // block_ms)), seconds * 1000 // block_ms)


def _time(process: Process, blocks: list[Samples]) -> float:
    begin_s = time.process_time()
    for block in blocks:
        process(block)
    return time.process_time() - begin_s


def _cost_row(case: str, name: str, times_s: list[float], seconds: int) -> list[str]:
    share = statistics.median(times_s) / seconds
    return [f"{case}, {name}", f"{100 * share:.3f}", f"{1e9 * share / OUT_HZ:.1f}"]


def _ratio_row(case: str, found: Mapping[str, list[float]]) -> list[str]:
    ratios = [theirs / ours for theirs, ours in zip(found["soxr package"], found["Thoth Resampler"], strict=True)]
    met = statistics.median(ratios) >= LEAST_RATIO
    return [case, machine.spread(ratios), f">= {LEAST_RATIO:g}: {'met' if met else 'MISSED'}"]


def _held_back_rows() -> Iterator[list[str]]:
    for rate_hz in RATES_HZ:
        for name, process in _streams(rate_hz).items():
            held_ms = _held_back_ms(process, rate_hz)
            yield [f"{rate_hz} Hz, {name}", f"{statistics.mean(held_ms):.1f}", f"{max(held_ms):.1f}"]


def _held_back_ms(process: Process, rate_hz: int, block_ms: int = 10, seconds: int = 20) -> list[float]:
    """How far the output lags behind the input after every block."""
    taken = given = 0
    held_ms = []
    for block in _blocks(rate_hz, block_ms, seconds):
        taken += len(block)
        given += len(process(block))
        held_ms.append(1000 * (taken / rate_hz - given / OUT_HZ))
    return held_ms[WARM_UP_S * 1000 // block_ms :]


if __name__ == "__main__":
    main()
