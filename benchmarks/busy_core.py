"""What becomes of live transcription when another process takes a core? At tiny size, in real time, on chunks of 1.5 s.

    python benchmarks/busy_core.py [--seconds 30] [--rounds 2] [--type q8_0] [--json]

Random weights that recite (see ``reciting_model.py``). Each round plays the same talk to a session on an idle machine
and on one whose core is taken, with threads chosen anew for each pass, as Thoth does, and with two fixed. The talk has
few pauses, so that nearly all chunks are whole. The real-time factor is that of all passes: the time they took over
the audio that was new to them; beside it the processor time of the whole process over that audio, which other work on
the machine changes less.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import machine
import numpy as np
from core_load import one_core_taken
from live_runs import Recording, TimedSession, percentile_ms, play, reciting, recordings, verdict

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples

CHUNK_S = 1.5
MOST_RTF = 0.8
MOST_SLOWER = 3.0
THREADS: dict[str, dict[str, int]] = {"adapting": {}, "two, fixed": {"threads": 2}}
UTTERANCE_S, PAUSE_S = 12.0, 1.0


@dataclass
class Found:
    """What the sessions of one kind did, over all rounds."""

    audio_s: float = 0.0
    processing_s: float = 0.0
    cpu_s: float = 0.0
    passes: int = 0
    dropped: int = 0
    delays_s: list[float] = field(default_factory=list)
    finals_s: list[float] = field(default_factory=list)

    @property
    def rtf(self) -> float:
        return self.processing_s / self.audio_s


def measure(seconds: float, rounds: int, dtype: str) -> dict[tuple[str, bool], Found]:
    """All kinds in turn, `rounds` times; by threads, and whether a core is taken."""
    found = {(threads, busy): Found() for threads in THREADS for busy in (False, True)}
    recording = Recording("talk", "", talk_without_pauses(seconds))
    with reciting(dtype=dtype) as model:
        for _ in range(rounds):
            for (threads, busy), one in found.items():
                with (
                    one_core_taken() if busy else contextlib.nullcontext(),
                    TimedSession(model, chunk_s=CHUNK_S, **THREADS[threads]) as session,
                ):
                    _add(one, session, recording)
    return found


def _add(found: Found, session: TimedSession, recording: Recording) -> None:
    begin_cpu_s = time.process_time()
    for heard in play(session, recording).heard:
        (found.finals_s if heard.update.is_final else found.delays_s).append(heard.update.delay_s)
    found.cpu_s += time.process_time() - begin_cpu_s
    metrics = session.metrics
    found.audio_s += metrics.total_audio_seconds
    found.processing_s += metrics.total_processing_seconds
    found.passes += metrics.total_chunks
    found.dropped += metrics.chunks_dropped


def talk_without_pauses(seconds: float) -> Samples:
    """Speech alone, cut out of the long recordings, with a pause after every twelve seconds of it."""
    loud = [_speech_of(recording.samples) for recording in recordings() if recording.is_long]
    speech = np.resize(np.concatenate(loud), round(seconds * SAMPLE_RATE_HZ))
    size = round(UTTERANCE_S * SAMPLE_RATE_HZ)
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    pieces = [piece for first in range(0, len(speech), size) for piece in (speech[first : first + size], pause)]
    return np.concatenate(pieces)


def _speech_of(samples: Samples) -> Samples:
    """The tenths of a second that are louder than a twentieth of the loudest."""
    tenths = samples[: len(samples) // 1600 * 1600].reshape(-1, 1600)
    levels = np.sqrt(np.square(tenths).mean(axis=1))
    return tenths[levels > levels.max() / 20].ravel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="speech in each session")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--type", default="q8_0", help="weight type: f16, q5_0, q5_1, q8_0")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    load = machine.load()
    found = measure(arguments.seconds, arguments.rounds, arguments.type)
    if arguments.json:
        plain = [
            {"threads": threads, "busy": busy, "rtf": one.rtf, **vars(one)} for (threads, busy), one in found.items()
        ]
        print(json.dumps(plain))
        return
    print(f"A busy core: tiny size, {arguments.type}, chunks of {CHUNK_S:g} s, {arguments.rounds} rounds")
    print(f"machine: {machine.describe()}")
    print(f"load average at start: {load}, at end: {machine.load()} (holds the benchmark's own load)")
    headers = [
        "threads",
        "machine",
        "RTF",
        "by CPU",
        "passes",
        "dropped",
        "update p50, ms",
        "p99, ms",
        "final p50, ms",
        "targets",
    ]
    rows = [
        _row(threads, busy, one, found[threads, False], aimed_at=threads == "adapting")
        for (threads, busy), one in found.items()
    ]
    print(machine.table("Live session", headers, rows))


def _row(threads: str, busy: bool, found: Found, idle: Found, *, aimed_at: bool) -> Sequence[str]:
    p99_ms = percentile_ms(found.delays_s, 99)
    slower = p99_ms / percentile_ms(idle.delays_s, 99)
    targets = []
    if aimed_at:
        targets.append(f"RTF < {MOST_RTF:g}: {verdict(found.rtf < MOST_RTF)}")
    if aimed_at and busy:
        targets.append(f"p99 {slower:.1f}x < {MOST_SLOWER:g}x: {verdict(slower < MOST_SLOWER)}")
    return [
        threads,
        "one core taken" if busy else "idle",
        f"{found.rtf:.2f}",
        f"{found.cpu_s / found.audio_s:.2f}",
        str(found.passes),
        str(found.dropped),
        f"{percentile_ms(found.delays_s, 50):.0f}",
        f"{p99_ms:.0f}",
        f"{percentile_ms(found.finals_s, 50):.0f}",
        ", ".join(targets),
    ]


if __name__ == "__main__":
    main()
