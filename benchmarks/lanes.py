"""Are two windows faster side by side, one thread each, than one after the other on two threads?

    python benchmarks/lanes.py [--size tiny.en] [--type f16] [--rounds 7] [--seconds 6 14 28] [--tokens 12 100]
    python benchmarks/lanes.py --busy       (with one core taken by another process)

One engine; in each round every arrangement transcribes the same two windows once, in turn. Random weights, greedy, no
second try. Wall time is the least of the rounds and so is CPU time: company on the machine can only add to them. The
ratio is the median over the rounds. The texts must be equal to the last token.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
import numpy as np
from core_load import one_core_taken
from random_model import OFFICIAL, write_model

from thoth import _native

RATE_HZ = 16_000
FLOOR, MARGIN, STEP, WIDEST = 256, 128, 64, 1472
"""What "auto" makes of a window's length; but it would run again at full width, since random weights talk in loops."""
Windows = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclass
class Arrangement:
    """One way to transcribe two windows, and what it took, in seconds."""

    name: str
    run: Callable[[Windows, float, int], list[_native.WindowResult]]
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)


def _options(seconds: float, tokens: int, threads: int) -> _native.DecodeOptions:
    options = _native.DecodeOptions()
    options.threads = threads
    options.without_timestamps = True
    options.max_new_tokens = tokens
    options.temperature_step = 0.0
    options.log_prob_threshold, options.entropy_threshold, options.no_speech_threshold = -1000.0, -1.0, 1.0
    wanted = max(FLOOR, round(seconds * 50) + MARGIN)
    options.audio_context = min(-(-wanted // STEP) * STEP, WIDEST)
    return options


def _arrangements(engine: _native.Engine) -> list[Arrangement]:
    def in_turn(threads: int) -> Callable[[Windows, float, int], list[_native.WindowResult]]:
        return lambda windows, seconds, tokens: [
            engine.transcribe(window, _options(seconds, tokens, threads)) for window in windows
        ]

    def beside(windows: Windows, seconds: float, tokens: int) -> list[_native.WindowResult]:
        options = _options(seconds, tokens, 1)
        pair = engine.transcribe_pair(windows[0], options, windows[1], options)
        pair.finish()
        return pair.windows

    return [
        Arrangement("side by side", beside),
        Arrangement("in turn, 2 threads", in_turn(2)),
        Arrangement("in turn, 1 thread", in_turn(1)),
    ]


def _measure(engine: _native.Engine, seconds: float, tokens: int, rounds: int) -> list[Arrangement]:
    noise = np.random.default_rng(7).standard_normal((2, round(seconds * RATE_HZ)), np.float32) * np.float32(0.05)
    windows = (np.ascontiguousarray(noise[0]), np.ascontiguousarray(noise[1]))
    arrangements = _arrangements(engine)
    said = set()
    for number in range(-1, rounds):
        for arrangement in arrangements:
            cpu_s, wall_s = _cpu_s(), time.perf_counter()
            results = arrangement.run(windows, seconds, tokens)
            if number >= 0:
                arrangement.wall_s.append(time.perf_counter() - wall_s)
                arrangement.cpu_s.append(_cpu_s() - cpu_s)
            said.add(tuple(token.id for result in results for part in result.segments for token in part.tokens))
    if len(said) != 1:
        raise SystemExit("the arrangements did not give the same tokens")
    return arrangements


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system


def _row(seconds: float, tokens: int, arrangements: Sequence[Arrangement]) -> list[str]:
    beside, *others = arrangements
    cells = [f"{seconds:g} s, {tokens} tokens"]
    cells += [f"{1000 * min(one.wall_s):.0f}" for one in arrangements]
    cells += [f"{1000 * min(one.cpu_s):.0f}" for one in arrangements]
    for other in others:
        ratios = [theirs / ours for theirs, ours in zip(other.wall_s, beside.wall_s, strict=True)]
        cells.append(f"{statistics.median(ratios):.2f}")
    return cells


def main() -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="tiny.en", choices=sorted(OFFICIAL))
    parser.add_argument("--type", default="f16", help="weight type: f16, q5_0, q5_1, q8_0")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, nargs="+", default=[6.0, 14.0, 28.0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[12, 100])
    parser.add_argument("--busy", action="store_true", help="with one core taken by another process")
    arguments = parser.parse_args()
    begin_load = machine.load()
    with tempfile.TemporaryDirectory() as folder, one_core_taken() if arguments.busy else nullcontext():
        path = Path(folder) / f"{arguments.size}.bin"
        write_model(path, OFFICIAL[arguments.size], arguments.type)
        engine = _native.Engine(os.fsencode(path))
        rows = [
            _row(seconds, tokens, _measure(engine, seconds, tokens, arguments.rounds))
            for seconds in arguments.seconds
            for tokens in arguments.tokens
        ]
    print(f"Two windows: {arguments.size} sizes, random weights, {arguments.type}, {arguments.rounds} rounds")
    print(f"machine: {machine.describe()}\nload average at start: {begin_load}")
    headers = [
        "ms; least",
        "beside",
        "2 thr",
        "1 thr",
        "CPU beside",
        "2 thr",
        "1 thr",
        "2 thr / beside",
        "1 thr / beside",
    ]
    print(machine.table("Two windows of the same length; ratios above 1: side by side is faster", headers, rows))
    print(f"\nload average at end: {machine.load()} (holds the benchmark's own load)")


if __name__ == "__main__":
    main()
