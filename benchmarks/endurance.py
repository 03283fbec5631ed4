"""Does a long capture grow, lose or drift? 30 minutes of 48 kHz stereo at 8x real time, through the native callback.

    python benchmarks/endurance.py [--minutes 30] [--speed 8] [--json]

A reader takes everything, as a live session would. Growth is how far the resident set rises above its highest point in
the first tenth, in which buffers are touched for the first time. Samples out must be frames in times 16000 / 48000, and
no frame may be lost.
"""

from __future__ import annotations

import argparse
import gc
import json
import threading
import time
from dataclasses import asdict, dataclass

import machine
import numpy as np
import numpy.typing as npt
import psutil

from thoth._native import CallbackFeeder, Capture, Pump, Tap

RATE_HZ, CHANNELS, OUT_HZ = 48_000, 2, 16_000
BLOCK_FRAMES = 480
MOST_GROWTH_BYTES = 1_000_000
BUFFER_S, BACKLOG_S = 10.0, 30.0
"""As for a microphone. Above the usual speed they are larger, so that the machine has no less time to keep up."""
USUAL_SPEED = 8.0

_WARM_UP = 0.1


@dataclass(frozen=True)
class Found:
    """What one capture did."""

    audio_s: float
    wall_s: float
    frames: int
    frames_lost: int
    samples: int
    expected_samples: int
    warm_rss_bytes: int
    growth_bytes: int
    cpu_share: float


def capture(audio_s: float, speed: float) -> Found:
    """Feed `audio_s` seconds at `speed` times real time and read what comes out."""
    larger = max(1.0, speed / USUAL_SPEED)
    source = Capture(RATE_HZ, CHANNELS, BUFFER_S * larger)
    feeder = CallbackFeeder(
        source.callback_address, source.userdata_address, RATE_HZ, CHANNELS, BLOCK_FRAMES, speed=speed
    )
    pump = Pump(1.0, stall_s=0.0)
    pump.attach(source)
    (tap,) = pump.add_taps(1, BACKLOG_S * larger, 0.0)
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    feeding = threading.Thread(target=_feed, args=(feeder, pump, _one_second(), round(audio_s)))
    feeding.start()
    samples, warm_rss, highest_rss = _read(tap, round(audio_s * OUT_HZ * _WARM_UP))
    feeding.join()
    wall_s = time.perf_counter() - begin_s
    lost = pump.stats().frames_lost
    pump.stop()
    return Found(
        audio_s=audio_s,
        wall_s=wall_s,
        frames=source.frames_offered,
        frames_lost=lost,
        samples=samples,
        expected_samples=round(source.frames_offered * OUT_HZ / RATE_HZ),
        warm_rss_bytes=warm_rss,
        growth_bytes=highest_rss - warm_rss,
        cpu_share=(time.process_time() - begin_cpu_s) / audio_s,
    )


def _one_second() -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(0).standard_normal((RATE_HZ, CHANNELS)) * 0.1
    return noise.astype(np.float32)


def _feed(feeder: CallbackFeeder, pump: Pump, second: npt.NDArray[np.float32], seconds: int) -> None:
    for _ in range(seconds):
        feeder.push(second)
    pump.finish()


def _read(tap: Tap, warm_samples: int) -> tuple[int, int, int]:
    """Read to the end; returns how many samples, the highest resident set of the warm-up, and that of all."""
    process = psutil.Process()
    gc.collect()
    samples, warm_rss, highest_rss = 0, 0, 0
    while count := len(tap.read(OUT_HZ)):
        samples += count
        rss = process.memory_info().rss
        highest_rss = max(highest_rss, rss)
        if samples <= warm_samples:
            warm_rss = highest_rss
    return samples, warm_rss, highest_rss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--speed", type=float, default=USUAL_SPEED, help="times real time")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    load = machine.load()
    found = capture(60 * arguments.minutes, arguments.speed)
    if arguments.json:
        print(json.dumps(asdict(found)))
        return
    print(f"Long capture\nmachine: {machine.describe()}\nload average at start: {load}, at end: {machine.load()}")
    print(machine.table("One process", ["what", "found", "target"], _rows(found)))


def _rows(found: Found) -> list[list[str]]:
    drift = found.samples - found.expected_samples
    return [
        ["audio, s (wall, s)", f"{found.audio_s:.0f} ({found.wall_s:.1f})", ""],
        ["frames in", f"{found.frames}", ""],
        ["samples out", f"{found.samples}", ""],
        ["drift, samples", f"{drift}", f"0: {_verdict(drift == 0)}"],
        ["frames lost", f"{found.frames_lost}", f"0: {_verdict(found.frames_lost == 0)}"],
        ["warm RSS, MiB", f"{found.warm_rss_bytes / machine.MIB:.1f}", ""],
        ["growth, MB", f"{found.growth_bytes / 1e6:.3f}", f"< 1: {_verdict(found.growth_bytes < MOST_GROWTH_BYTES)}"],
        ["processor time, % of the audio", f"{100 * found.cpu_share:.2f}", ""],
    ]


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
