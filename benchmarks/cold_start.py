"""How long is it from starting a process to the first text, model load and all, beside the peers?

    python benchmarks/cold_start.py [--rounds 7] [--threads 2]

Needs faster-whisper and pywhispercpp (``pip install --group bench``). Downloads nothing: tiny.en's sizes, the same
random weights for all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from findings import Findings, with_findings
from peers import CT2_FASTER, OWN_F16, OWN_Q8, WHEEL, write_models

CHILD = Path(__file__).with_name("first_text.py")
SECONDS = 3.0
LIMIT = 12
OWN = (OWN_F16, OWN_Q8)

WHAT = f"""
From starting Python to the text of a {SECONDS:g} s utterance of some {LIMIT} tokens, in a process of its own each time:
imports, reading and preparing the model, one pass. The model's file has been read before, so that the disk is not
measured. All in turn in every round. Peak memory is the process's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = with_findings(parser).parse_args()
    findings = Findings("Cold start: from nothing to the first text", WHAT)
    findings.begin()
    with tempfile.TemporaryDirectory() as folder:
        found, peaks = _measured(write_models(Path(folder)), arguments.threads, arguments.rounds)
    findings.table(
        "Milliseconds to the first text, and peak memory",
        ("contender", "min", "median", "peak MiB"),
        [
            [name, f"{min(values):.0f}", f"{statistics.median(values):.0f}", f"{peaks[name] / 2**20:.0f}"]
            for name, values in found.items()
        ],
    )
    for peer in (name for name in found if name not in OWN):
        for own in OWN:
            values = [theirs / ours for theirs, ours in zip(found[peer], found[own], strict=True)]
            findings.ratio("cold start to first text", f"{peer} / {own}", values)
    findings.plot(
        "cold-start",
        "From starting a process to the first text",
        "ms",
        {"": {name: statistics.median(values) for name, values in found.items()}},
    )
    findings.end(arguments.findings)


def _measured(models: dict[str, Path], threads: int, rounds: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    seats = {
        OWN_F16: ("thoth", models["f16"]),
        OWN_Q8: ("thoth", models["q8_0"]),
        WHEEL: ("pywhispercpp", models["f16"]),
        CT2_FASTER: ("faster-whisper", models["ct2"]),
    }
    found: dict[str, list[float]] = {name: [] for name in seats}
    peaks: dict[str, int] = {}
    for number in range(-1, rounds):
        for name, (kind, model) in seats.items():
            settings = json.dumps({"model": str(model), "threads": threads})
            begin_s = time.perf_counter()
            run = subprocess.run(
                [sys.executable, str(CHILD), kind, settings, str(SECONDS), str(LIMIT)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            elapsed_s = time.perf_counter() - begin_s
            if number >= 0:
                found[name].append(1000 * elapsed_s)
                peaks[name] = int(run.stdout.split()[-1])
    return found, peaks


if __name__ == "__main__":
    main()
