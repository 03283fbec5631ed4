"""How long from the audio callback until Python's read() returns the sample? At 48 and 44.1 kHz, in blocks of 10 ms.

    python benchmarks/delay.py [--seconds 30] [--json]

A thread calls the native callback in real time, one block after another, and notes when; another one reads blocks of
10 ms. The delay of a block is from the moment its callback begins until read() has given its last sample, the
resampler's delay included: that is told apart, and is what no faster code would save. The device's own buffer comes
before all this and is not in it.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import machine
import numpy as np

from thoth._native import CallbackFeeder, Capture, FirResampler, Pump, Tap

RATES_HZ = (48_000, 44_100)
OUT_HZ = 16_000
BLOCK_S = 0.01
MOST_P99_MS = 20.0
BUFFER_S, BACKLOG_S = 10.0, 30.0
"""As for a microphone."""

_WARM_UP_S = 1.0


@dataclass(frozen=True)
class Delay:
    """In milliseconds, over all blocks of one rate."""

    rate_hz: int
    blocks: int
    resampler_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def met(self) -> bool:
        """Whether the target was reached."""
        return self.p99_ms < MOST_P99_MS


def measure(rate_hz: int, seconds: float) -> Delay:
    """Feed `seconds` of audio and time each block."""
    capture, pump = Capture(rate_hz, 1, BUFFER_S), Pump(1.0, stall_s=0.0)
    frames = round(rate_hz * BLOCK_S)
    feeder = CallbackFeeder(capture.callback_address, capture.userdata_address, rate_hz, 1, frames, speed=0.0)
    pump.attach(capture)
    (tap,) = pump.add_taps(1, BACKLOG_S, 0.0)
    blocks = round(seconds / BLOCK_S)
    called_s: list[float] = []
    feeding = threading.Thread(target=_feed, args=(feeder, pump, np.zeros(frames, np.float32), blocks, called_s))
    feeding.start()
    returned_s = _read(tap)
    feeding.join()
    pump.stop()
    warm = round(_WARM_UP_S / BLOCK_S)
    # The last ones come with the end of the stream.
    delays_ms = 1000 * (np.array(returned_s[:blocks]) - np.array(called_s))[warm:-warm]
    p50, p99 = np.percentile(delays_ms, [50, 99])
    return Delay(
        rate_hz, len(delays_ms), 1000 * FirResampler(rate_hz, OUT_HZ).delay_s, p50, p99, float(delays_ms.max())
    )


def _feed(
    feeder: CallbackFeeder,
    pump: Pump,
    block: np.ndarray[tuple[int], np.dtype[np.float32]],
    blocks: int,
    called_s: list[float],
) -> None:
    begin_s = time.perf_counter()
    for number in range(blocks):
        time.sleep(max(0.0, begin_s + number * BLOCK_S - time.perf_counter()))
        called_s.append(time.perf_counter())
        feeder.push(block)
    pump.finish()


def _read(tap: Tap) -> list[float]:
    """When each block of samples was there."""
    returned_s: list[float] = []
    while len(tap.read(round(OUT_HZ * BLOCK_S))) > 0:
        returned_s.append(time.perf_counter())
    return returned_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="audio for each rate, above 2")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    load = machine.load()
    found = [measure(rate_hz, arguments.seconds) for rate_hz in RATES_HZ]
    if arguments.json:
        print(json.dumps([asdict(delay) for delay in found]))
        return
    print(f"Delay from the callback to read()\nmachine: {machine.describe()}")
    print(f"load average at start: {load}, at end: {machine.load()}")
    headers = ["blocks of 10 ms, mono", "blocks", "resampler, ms", "p50, ms", "p99, ms", "max, ms", "target, p99"]
    print(machine.table("End to end, the resampler's share apart", headers, [_row(delay) for delay in found]))


def _row(delay: Delay) -> Sequence[str]:
    figures = [f"{value:.2f}" for value in (delay.resampler_ms, delay.p50_ms, delay.p99_ms, delay.max_ms)]
    verdict = "met" if delay.met else "MISSED"
    return [f"{delay.rate_hz} Hz", str(delay.blocks), *figures, f"< {MOST_P99_MS:g}: {verdict}"]


if __name__ == "__main__":
    main()
