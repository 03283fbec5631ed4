"""How do encoding and decoding fare with one and two threads, on an idle machine and with one core taken?

    python benchmarks/threads.py
    python benchmarks/threads.py --build own=build/a/_native.so --build omp=build/b/_native.so \\
        --build passive=build/b/_native.so,OMP_WAIT_POLICY=passive

Each --build is LABEL=PATH[,VARIABLE=VALUE…]: an extension and the environment to run it in. Without any, the installed
extension runs. All builds are asked in turn within a round; the other load is a process that counts as fast as it can.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import machine
from core_load import one_core_taken
from random_model import OFFICIAL, write_model
from workers import Case, Seat, Timings, Worker, measure, seated

SIZE = "tiny.en"
FEW_TOKENS = 2  # whisper.cpp cannot be limited to one
MANY_TOKENS = 42
SHORT = Case(f"3 s, {FEW_TOKENS} tokens", 3.0, FEW_TOKENS)
SHORT_TALKING = Case(f"3 s, {MANY_TOKENS} tokens", 3.0, MANY_TOKENS)
WINDOW = Case(f"30 s window, {FEW_TOKENS} tokens", 27.5, FEW_TOKENS)


def main() -> None:
    arguments = _arguments()
    print(f"Threads: {SIZE} sizes, random weights, {arguments.type}, {arguments.rounds} rounds")
    print(f"machine: {machine.describe()}\nload average at start: {machine.load()}")
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / f"{SIZE}.bin"
        write_model(model, OFFICIAL[SIZE], arguments.type)
        for threads in arguments.threads:
            with seated(_seats(model, threads, arguments.build)) as workers:
                rows += _rows(workers, threads, arguments.rounds)
    headers = ["build", "threads", "machine", "encode 3 s", "encode 30 s", "per token", "worst token"]
    title = "Milliseconds, median (encode: the whole call with two tokens; token: the extra time of 40 more, by 40)"
    print(machine.table(title, headers, rows))
    print(f"\nload average at end: {machine.load()} (holds the benchmark's own load)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--type", default="f16", help="weight type: f16, q5_0, q5_1, q8_0")
    parser.add_argument("--build", action="append", default=[], metavar="LABEL=PATH[,VARIABLE=VALUE…]")
    return parser.parse_args()


def _seats(model: Path, threads: int, builds: list[str]) -> dict[str, Seat]:
    settings = {"model": str(model), "threads": threads}
    seats = {}
    for build in builds:
        label, _, rest = build.partition("=")
        path, *variables = rest.split(",")
        environment = dict(variable.split("=", 1) for variable in variables)
        seats[label] = Seat("thoth", {**settings, "native": path}, environment)
    return seats or {"installed": Seat("thoth", settings)}


def _rows(workers: Mapping[str, Worker], threads: int, rounds: int) -> Iterator[list[str]]:
    yield from _measured(workers, threads, rounds, "idle")
    with one_core_taken():
        yield from _measured(workers, threads, rounds, "one core taken")


def _measured(workers: Mapping[str, Worker], threads: int, rounds: int, state: str) -> Iterator[list[str]]:
    found = {case: measure(workers, case, rounds) for case in (SHORT, WINDOW, SHORT_TALKING)}
    for name in workers:
        tokens_ms = _token_ms(found[SHORT][name], found[SHORT_TALKING][name])
        yield [
            name,
            str(threads),
            state,
            f"{1000 * statistics.median(found[SHORT][name].elapsed_s):.1f}",
            f"{1000 * statistics.median(found[WINDOW][name].elapsed_s):.1f}",
            f"{statistics.median(tokens_ms):.2f}",
            f"{max(tokens_ms):.2f}",
        ]


def _token_ms(one: Timings, many: Timings) -> list[float]:
    encode_s = statistics.median(one.elapsed_s)
    return [1000 * (elapsed_s - encode_s) / (MANY_TOKENS - FEW_TOKENS) for elapsed_s in many.elapsed_s]


if __name__ == "__main__":
    main()
