"""What does a live session do that gets more audio than the machine can follow, and one that gets none but silence?

    python benchmarks/overload.py [--seconds 60] [--silence-minutes 10] [--json]

Overload: recordings with short pauses between, at tiny size (random weights that recite, see ``reciting_model.py``),
first without losing anything, which tells how fast the machine can follow; then three times as fast, for `--seconds`.
The queue may hold three chunks; what is dropped must be told as a gap, each drop once; no text may come later than the
queue is long, and memory must not grow. Growth is how far the resident set rises above its highest point in the first
third, in which buffers reach their size.

Silence: a recording of a quiet room, of a kitchen, and digital silence by turns, with the built-in model, as fast as
they can be fed and, for the last half minute, in real time. Processor time is that of the whole process, of one core.
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
import psutil
from live_runs import feed, reciting, recordings, talk, verdict, wav_of

import thoth
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.live.chunk_queue import WAITING_CHUNKS
from thoth.live.events import ChunkDropped
from thoth.live.session import LiveSession
from thoth.live.update import LiveUpdate

TOO_FAST = 3.0
FOLLOWED_S = 60.0
MOST_DELAY_S = 4.5
"""As much as the queue holds of live audio: what comes later is live no more."""
MOST_GROWTH_BYTES = 2_000_000
MOST_STOP_S = 5.0
MOST_CPU_SHARE = 0.05
IN_REAL_TIME_S = 30.0
AS_FAST_AS_IT_GOES = 1e6


@dataclass(frozen=True)
class Overload:
    """What the session did while it got too much."""

    followed_speed: float
    fed_speed: float
    wall_s: float
    queue_depth_max: int
    dropped: int
    gaps: int
    gaps_s: float
    events: int
    heard_chunks: int
    delay_p99_s: float
    delay_max_s: float
    growth_bytes: int
    stop_s: float
    threads: tuple[int, int]
    state: str
    errors: int


@dataclass(frozen=True)
class Silence:
    """What the session did while nobody spoke."""

    audio_s: float
    text: str
    chunks: int
    cpu_share: float
    cpu_share_real_time: float


def overload(seconds: float) -> Overload:
    """Measure what can be followed, then feed three times that."""
    process = psutil.Process()
    with reciting() as model:
        followed = followed_speed(model)
        speed = TOO_FAST * followed
        threads = process.num_threads()
        updates: list[LiveUpdate] = []
        dropped: list[ChunkDropped] = []
        resident: list[tuple[float, int]] = []
        with LiveSession(model) as session:
            session.events.subscribe(dropped.append, ChunkDropped)
            samples = talk(seconds * speed)
            begin_s = time.monotonic()
            reader = threading.Thread(target=lambda: updates.extend(session.updates()))
            reader.start()
            fed = feed(session, samples, speed, lambda _: _note(resident, process, time.monotonic() - begin_s))
            wall_s = time.monotonic() - begin_s
            session.stop()
            stop_s = time.monotonic() - begin_s - wall_s
            reader.join()
            state, metrics = session.state, session.metrics
        gaps = [gap for update in updates for gap in update.gaps]
        delays_s = [update.delay_s for update in updates]
        return Overload(
            followed_speed=followed,
            fed_speed=fed,
            wall_s=wall_s,
            queue_depth_max=metrics.queue_depth_max,
            dropped=metrics.chunks_dropped,
            gaps=sum(gap.reason == "overload" for gap in gaps),
            gaps_s=sum(gap.end_s - gap.start_s for gap in gaps),
            events=len(dropped),
            heard_chunks=metrics.total_chunks,
            delay_p99_s=float(np.percentile(delays_s, 99)),
            delay_max_s=max(delays_s),
            growth_bytes=_growth(resident),
            stop_s=stop_s,
            threads=(threads, process.num_threads()),
            state=state,
            errors=metrics.errors,
        )


def followed_speed(model: thoth.WhisperModel) -> float:
    """How many times real time the session keeps up with when it may take its time."""
    with LiveSession(model) as session:
        data = wav_of(talk(FOLLOWED_S, seed=1))
        begin_s = time.monotonic()
        for _ in session.run(thoth.FileSource(data, realtime=False)):
            pass
        return FOLLOWED_S / (time.monotonic() - begin_s)


def _note(resident: list[tuple[float, int]], process: psutil.Process, now_s: float) -> None:
    if not resident or now_s - resident[-1][0] >= 0.25:
        resident.append((now_s, process.memory_info().rss))


def _growth(resident: Sequence[tuple[float, int]]) -> int:
    third = resident[-1][0] / 3
    warm = max(rss for at_s, rss in resident if at_s <= third)
    return max(rss for at_s, rss in resident if at_s > third) - warm


def silence(minutes: float) -> Silence:
    """Feed silence of all kinds."""
    fast_s = max(60 * minutes - IN_REAL_TIME_S, 0)
    samples = _silence(60 * minutes)
    cut = round(fast_s * SAMPLE_RATE_HZ)
    with thoth.WhisperModel() as model, LiveSession(model) as session:
        fast = _cpu_share(session, samples[:cut], AS_FAST_AS_IT_GOES)
        in_real_time = _cpu_share(session, samples[cut:], 1.0)
        session.stop()
        return Silence(
            audio_s=len(samples) / SAMPLE_RATE_HZ,
            text="".join(update.committed for update in session.updates()),
            chunks=session.metrics.total_chunks,
            cpu_share=fast,
            cpu_share_real_time=in_real_time,
        )


def _silence(seconds: float) -> Samples:
    quiet = [recording.samples for recording in recordings() if not recording.said]
    piece = np.concatenate([*quiet, np.zeros(len(quiet[0]), np.float32)])
    return np.resize(piece, round(seconds * SAMPLE_RATE_HZ))


def _cpu_share(session: LiveSession, samples: Samples, speed: float) -> float:
    begin_s = time.process_time()
    feed(session, samples, speed)
    return (time.process_time() - begin_s) / max(len(samples) / SAMPLE_RATE_HZ, 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="wall time of the overload")
    parser.add_argument("--silence-minutes", type=float, default=10.0)
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    load = machine.load()
    crowded, quiet = overload(arguments.seconds), silence(arguments.silence_minutes)
    if arguments.json:
        print(json.dumps({"overload": asdict(crowded), "silence": asdict(quiet)}))
        return
    print(f"Too much, and nothing at all\nmachine: {machine.describe()}")
    print(f"load average at start: {load}, at end: {machine.load()}")
    print(machine.table("Overload, tiny size", ["what", "found", "target"], _overload_rows(crowded)))
    print(machine.table("Silence, built-in model", ["what", "found", "target"], _silence_rows(quiet)))


def _overload_rows(found: Overload) -> list[list[str]]:
    told = found.dropped == found.gaps == found.events
    return [
        ["times real time the machine follows", f"{found.followed_speed:.1f}", ""],
        [
            "fed at",
            f"{found.fed_speed:.1f}",
            f"{TOO_FAST:g}x: {verdict(found.fed_speed > 0.95 * TOO_FAST * found.followed_speed)}",
        ],
        ["for, s", f"{found.wall_s:.1f}", ""],
        ["most chunks in the queue", str(found.queue_depth_max), _at_most(found.queue_depth_max, WAITING_CHUNKS)],
        ["passes", str(found.heard_chunks), ""],
        ["chunks dropped", str(found.dropped), f"> 0: {verdict(found.dropped > 0)}"],
        ["gaps told (seconds of audio)", f"{found.gaps} ({found.gaps_s:.0f})", f"= dropped: {verdict(told)}"],
        ["delay of updates, p99, s", f"{found.delay_p99_s:.2f}", ""],
        ["delay of updates, max, s", f"{found.delay_max_s:.2f}", _at_most(found.delay_max_s, MOST_DELAY_S)],
        ["growth, MB", f"{found.growth_bytes / 1e6:.2f}", _at_most(found.growth_bytes / 1e6, MOST_GROWTH_BYTES / 1e6)],
        ["stop() took, s", f"{found.stop_s:.2f}", _at_most(found.stop_s, MOST_STOP_S)],
        ["state after it", found.state, f"ready: {verdict(found.state == 'ready')}"],
        ["errors", str(found.errors), _at_most(found.errors, 0)],
        ["threads before, after", f"{found.threads[0]}, {found.threads[1]}", ""],
    ]


def _silence_rows(found: Silence) -> list[list[str]]:
    most = 100 * MOST_CPU_SHARE
    return [
        ["audio, s", f"{found.audio_s:.0f}", ""],
        ["text", repr(found.text), f"none: {verdict(not found.text)}"],
        ["passes of the model", str(found.chunks), ""],
        ["processor time, % of the audio", f"{100 * found.cpu_share:.2f}", _at_most(100 * found.cpu_share, most)],
        [
            f"the same in real time, {IN_REAL_TIME_S:g} s",
            f"{100 * found.cpu_share_real_time:.2f}",
            _at_most(100 * found.cpu_share_real_time, most),
        ],
    ]


def _at_most(value: float, most: float) -> str:
    return f"<= {most:g}: {verdict(value <= most)}"


if __name__ == "__main__":
    main()
