"""Is a wheel's encoder pass, on CPU kernels chosen at run time, within 10 % of that of a build for this machine alone?

    python benchmarks/wheel.py WHEEL_EXTENSION NATIVE_EXTENSION [--rounds 8] [--threads 1] [--type f16]

Both are paths of a thoth/_native extension, loaded in processes of their own and asked in turns; a wheel's kernels lie
in the folder cpu beside it. Exit code 1 where the wheel takes more than 10 % longer.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import machine
from random_model import OFFICIAL, write_model
from workers import Case, Seat, measure, ratios, seated

SIZE = "tiny.en"
MOST_RATIO = 1.10
WINDOW = Case("27.5 s, 2 tokens", 27.5, 2)  # whisper.cpp cannot be limited to one token


def main() -> None:
    arguments = _arguments()
    print(f"An encoder pass, wheel / native build: {SIZE} sizes, random weights, {arguments.type}, 27.5 s of audio")
    print(f"machine: {machine.describe()}\nload average at start: {machine.load()}")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / f"{SIZE}.bin"
        write_model(model, OFFICIAL[SIZE], arguments.type)
        common = {"model": str(model), "threads": arguments.threads}
        builds = {"wheel": arguments.wheel, "native": arguments.native}
        seats = {name: Seat("thoth", common | {"native": str(path.resolve())}) for name, path in builds.items()}
        with seated(seats) as workers:
            found = measure(workers, WINDOW, arguments.rounds)
    for name, timings in found.items():
        print(f"{name}: {1000 * statistics.median(timings.elapsed_s):.0f} ms, median")
    # Company on the machine makes single passes slow, of either; the fastest of each are those without.
    fastest = min(found["wheel"].elapsed_s) / min(found["native"].elapsed_s)
    print(f"ratio of the fastest passes: {fastest:.3f}, at most {MOST_RATIO:g}")
    print(f"round by round, min / median / max: {machine.spread(ratios(found['wheel'], found['native']))}")
    sys.exit(fastest > MOST_RATIO)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("native", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--type", default="f16", help="weight type: f16, q5_0, q5_1, q8_0")
    return parser.parse_args()


if __name__ == "__main__":
    main()
