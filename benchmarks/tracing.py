"""What does tracing cost, at each level, of the CPU time of live work? Less than 1, 5 and 12 percent are allowed.

    python benchmarks/tracing.py [--rounds 15] [--model nano.en] [--json]

A live session transcribes recordings as fast as it can, at each level in turn within a round; "off" comes twice, and
the second against the first shows what the machine's own noise is. Which passes a session makes depends on how its
threads happen to run, so the CPU time of the process is taken per pass. As this noise is far above what is looked
for, the cost is also reckoned: the spans of a run by the time that one takes, over the CPU time of the run. The
built-in model is the harshest case, since others work longer for the same spans.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import timeit
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import machine

import thoth
from thoth.live.session import LiveSession
from thoth.observe.tracing import TraceLevel, Tracer, tracer

AUDIO = Path(__file__).resolve().parent.parent / "tests" / "audio_files"
RECORDINGS = ("long_0_20s.flac", "long_1_28s.flac")
MOST_PERCENT = {TraceLevel.LIGHT: 1.0, TraceLevel.MEDIUM: 5.0, TraceLevel.FULL: 12.0}
MOST_OFF_NS = 1000.0
BASE, CONTROL = "off", "off, again"
SEATS = {BASE: TraceLevel.OFF, CONTROL: TraceLevel.OFF} | {level.name.lower(): level for level in MOST_PERCENT}


@dataclass(frozen=True)
class Run:
    """All recordings, once, at one level."""

    cpu_s: float
    passes: int
    spans: int


@dataclass(frozen=True)
class Cost:
    """What a level costs, in percent of the CPU time without tracing."""

    seat: str
    cpu_ms_per_pass: float
    spans_per_pass: float
    measured: float
    least: float
    most: float
    reckoned: float

    def verdict(self, noise: float) -> str:
        """Whether the target was reached, on a machine where doing the same twice differs by `noise` percent."""
        allowed = MOST_PERCENT.get(SEATS[self.seat])
        if allowed is None:
            return "-"
        if self.measured < allowed:
            return f"< {allowed:g}: met"
        return f"< {allowed:g}: {'too noisy to tell' if self.measured - allowed <= noise else 'MISSED'}"


def run(model: thoth.WhisperModel, level: TraceLevel) -> Run:
    """Transcribe each recording in a session of its own."""
    tracer.clear()
    tracer.level = level
    begin_s, passes = time.process_time(), 0
    for name in RECORDINGS:
        with LiveSession(model) as session:
            for _ in session.run(thoth.FileSource(AUDIO / name, realtime=False)):
                pass
            passes += session.metrics.total_chunks
    cpu_s = time.process_time() - begin_s
    tracer.level = TraceLevel.OFF
    return Run(cpu_s, passes, len(tracer.spans()) + tracer.dropped)


def span_ns(level: TraceLevel) -> float:
    """How long one span takes in nanoseconds, the best of many short runs."""
    measured = Tracer(level)

    def span() -> None:
        with measured.span("encode", TraceLevel.FULL, chunk=7):
            pass

    return 1e9 * min(timeit.repeat(span, number=1000, repeat=100)) / 1000


def cost(seat: str, runs: Sequence[Run], bases: Sequence[Run], one_span_ns: float) -> Cost:
    """Compare a level with the base, round by round."""
    overheads = [
        100 * ((ours.cpu_s / ours.passes) / (base.cpu_s / base.passes) - 1)
        for ours, base in zip(runs, bases, strict=True)
    ]
    return Cost(
        seat=seat,
        cpu_ms_per_pass=statistics.median(1000 * run.cpu_s / run.passes for run in runs),
        spans_per_pass=statistics.median(run.spans / run.passes for run in runs),
        measured=statistics.median(overheads),
        least=min(overheads),
        most=max(overheads),
        reckoned=statistics.median(100 * run.spans * one_span_ns * 1e-9 / run.cpu_s for run in runs),
    )


def measure(model: thoth.WhisperModel, rounds: int) -> dict[str, list[Run]]:
    """Run every seat once in each round, beginning with another one each time."""
    run(model, TraceLevel.FULL)  # warms up
    found: dict[str, list[Run]] = {seat: [] for seat in SEATS}
    seats = list(SEATS)
    for number in range(rounds):
        first = number % len(seats)
        for seat in seats[first:] + seats[:first]:
            found[seat].append(run(model, SEATS[seat]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--model", default="nano.en", help="name or path")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    load = machine.load()
    off_ns, on_ns = span_ns(TraceLevel.OFF), span_ns(TraceLevel.FULL)
    with thoth.WhisperModel(arguments.model, threads=1) as model:
        found = measure(model, arguments.rounds)
    costs = [cost(seat, runs, found[BASE], on_ns) for seat, runs in found.items()]
    if arguments.json:
        print(json.dumps({"off_ns": off_ns, "on_ns": on_ns, "levels": [asdict(cost) for cost in costs]}))
        return
    print(f"Tracing of live work: {arguments.model}, one thread, {', '.join(RECORDINGS)}, {arguments.rounds} rounds")
    print(f"machine: {machine.describe()}\nload average at start: {load}, at end: {machine.load()}")
    off_verdict = "met" if off_ns < MOST_OFF_NS else "MISSED"
    print(f"one span: {on_ns:.0f} ns; while off: {off_ns:.0f} ns (target < {MOST_OFF_NS:g}: {off_verdict})")
    headers = ["level", "CPU ms per pass", "spans per pass", "more CPU, %", "least and most", "reckoned, %", "target"]
    noise = next(abs(cost.measured) for cost in costs if cost.seat == CONTROL)
    rows = [_row(cost, noise) for cost in costs]
    print(machine.table("CPU time over that of off in the same round, median", headers, rows))


def _row(cost: Cost, noise: float) -> Sequence[str]:
    spread = f"{cost.least:+.1f} to {cost.most:+.1f}"
    figures = [f"{cost.cpu_ms_per_pass:.1f}", f"{cost.spans_per_pass:.1f}", f"{cost.measured:+.2f}", spread]
    return [cost.seat, *figures, f"{cost.reckoned:.3f}", cost.verdict(noise)]


if __name__ == "__main__":
    main()
