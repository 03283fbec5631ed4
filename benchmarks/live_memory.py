"""How much memory and time do live passes take, with one thread, at sizes that people run on small machines?

    python benchmarks/live_memory.py [--rounds N] [--passes N]

Short chunks through ``WhisperModel.transcribe_samples``, as a live session gives them, in a process that does nothing
else (``live_pass.py``), afresh for every row and round; random weights. Figures are medians of the rounds, a round's
real-time factor the median of its passes. Verdicts go by wall time; the process's own CPU time beside it tells what the
machine's other work did to it. MB are millions of bytes of resident memory, shared libraries included. Linux only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import machine
from live_pass import TOKENS
from random_model import OFFICIAL, write_model

MB = 1_000_000
LEAST_LOAD_UPDATES = 10
WINDOWS_S = 15.0
"""As long as the windows of a live session grow while text is agreed upon in them."""
LONGEST_WINDOWS_S = 27.0
PROMPTS = (0, 32, 64, 128, 222)
PROMPT_PASSES = 10
STAGES = ("interpreter", "NumPy", "native core", "thoth's Python part", "model loaded", "first pass", "last pass")


@dataclass(frozen=True)
class Row:
    """A model and the length of its chunks, with what is aimed at and what is still borne."""

    size: str
    dtype: str
    chunk_s: float
    rtf_target: float
    rtf_max: float
    memory_mb: int

    @property
    def name(self) -> str:
        return f"{self.size} {self.dtype}, {self.chunk_s:g} s"


ROWS = (
    Row("tiny", "q8_0", 1.5, 0.5, 0.8, 150),
    Row("tiny", "f16", 1.5, 0.8, 1.2, 200),
    Row("base", "q8_0", 2.0, 1.0, 1.5, 350),
)


@dataclass(frozen=True)
class Round:
    """What one process told."""

    resident: dict[str, float]
    """MB after each stage."""
    peak: dict[str, float]
    """The most MB up to the end of each stage."""
    rtf: float
    rtf_cpu: float
    cpu_ms: float
    load_updates: int


def measure(model: Path, chunk_s: float, passes: int, *, windows_to_s: float = 0.0, prompt_tokens: int = 0) -> Round:
    """Run one process of ``live_pass.py`` to its end."""
    task = {
        "model": str(model),
        "chunk_s": chunk_s,
        "passes": passes,
        "windows_to_s": windows_to_s,
        "prompt_tokens": prompt_tokens,
    }
    command = [sys.executable, str(Path(__file__).with_name("live_pass.py")), json.dumps(task)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    elapsed_s, cpu_s = (statistics.median(column) for column in zip(*told["timings"], strict=True))
    return Round(
        resident={stage: resident / MB for stage, resident, _ in told["stages"]},
        peak={stage: most / MB for stage, _, most in told["stages"]},
        rtf=elapsed_s / chunk_s,
        rtf_cpu=cpu_s / chunk_s,
        cpu_ms=1000 * cpu_s,
        load_updates=told["load_updates"],
    )


def main() -> None:
    if not Path("/proc/self/status").exists():
        raise SystemExit("live_memory.py reads /proc/self/status, which only Linux has")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="processes per row")
    parser.add_argument("--passes", type=int, default=100, help="timed passes per process")
    arguments = parser.parse_args()
    print(f"Live passes, one thread, {TOKENS} tokens each, random weights\nmachine: {machine.describe()}")
    print(f"load before: {machine.load()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        paths = {row: Path(folder) / f"{row.size}-{row.dtype}.bin" for row in ROWS}
        for row, path in paths.items():
            write_model(path, OFFICIAL[row.size], row.dtype)
        found: dict[Row, list[Round]] = {row: [] for row in ROWS}
        prompted: dict[int, list[Round]] = {length: [] for length in PROMPTS}
        for _ in range(arguments.rounds):
            for row, path in paths.items():
                found[row].append(measure(path, row.chunk_s, arguments.passes, windows_to_s=LONGEST_WINDOWS_S))
            for length, rounds in prompted.items():
                rounds.append(measure(paths[ROWS[0]], ROWS[0].chunk_s, PROMPT_PASSES, prompt_tokens=length))
        weights_mb = {row: path.stat().st_size / MB for row, path in paths.items()}
    print(targets_table(found))
    print(stages_table(found, weights_mb, arguments.passes))
    print(windows_table(found))
    print(prompts_table(prompted))
    print(f"\n{load_updates(found[ROWS[-1]])}\nload after: {machine.load()}")


def targets_table(found: dict[Row, list[Round]]) -> str:
    headers = ["model, chunk", "RTF", "of CPU time", "target", "max", "", "peak MB", "steady MB", "target", ""]
    lines = []
    for row, rounds in found.items():
        rtf, peak = median(rounds, lambda one: one.rtf), median(rounds, lambda one: one.peak["last pass"])
        lines.append(
            [
                row.name,
                f"{rtf:.3f}",
                f"{median(rounds, lambda one: one.rtf_cpu):.3f}",
                f"{row.rtf_target:g}",
                f"{row.rtf_max:g}",
                verdict(rtf <= row.rtf_target),
                f"{peak:.0f}",
                f"{median(rounds, lambda one: one.resident['last pass']):.0f}",
                f"{row.memory_mb}",
                verdict(peak <= row.memory_mb),
            ]
        )
    return machine.table("Chunks of one length", headers, lines)


def stages_table(found: dict[Row, list[Round]], weights_mb: dict[Row, float], passes: int) -> str:
    lines, before = [], dict.fromkeys(found, 0.0)
    for stage in STAGES:
        now = {row: median(rounds, resident_after(stage)) for row, rounds in found.items()}
        added = {row: now[row] - before[row] for row in found}
        if stage == "model loaded":
            lines.append(["weights (the file's size)", *(f"{weights_mb[row]:.1f}" for row in found)])
            lines.append(["vocabulary, caches, state", *(f"{added[row] - weights_mb[row]:.1f}" for row in found)])
        else:
            name = f"{passes} passes more" if stage == "last pass" else stage
            lines.append([name, *(f"{added[row]:.1f}" for row in found)])
        before = now
    lines.append(["in all", *(f"{before[row]:.1f}" for row in found)])
    return machine.table("Where it goes: MB that came with", ["stage", *(row.name for row in found)], lines)


def windows_table(found: dict[Row, list[Round]]) -> str:
    lengths = (("one chunk", 0.0), (f"{WINDOWS_S:g} s", WINDOWS_S), (f"{LONGEST_WINDOWS_S:g} s", LONGEST_WINDOWS_S))
    lines = [
        [name, *(f"{median(rounds, peak_up_to(length)):.0f}" for rounds in found.values())] for name, length in lengths
    ]
    after = (median(rounds, lambda one: one.resident["short again"]) for rounds in found.values())
    lines.append(["one chunk again", *(f"{resident:.0f}" for resident in after)])
    return machine.table("Windows that grow: peak MB up to", ["window", *(row.name for row in found)], lines)


def prompts_table(prompted: dict[int, list[Round]]) -> str:
    lines = [
        [
            str(length),
            f"{median(rounds, lambda one: one.peak['last pass']):.0f}",
            f"{median(rounds, lambda one: one.cpu_ms):.0f}",
        ]
        for length, rounds in prompted.items()
    ]
    title = f"What a prompt adds ({ROWS[0].name}): whisper.cpp computes all words' odds behind each of its tokens"
    return machine.table(title, ["prompt tokens", "peak MB", "CPU ms a pass"], lines)


def load_updates(rounds: Sequence[Round]) -> str:
    fewest = min(one.load_updates for one in rounds)
    name = f"{ROWS[-1].size} {ROWS[-1].dtype}"
    return f"progress updates while {name} loads: {fewest}, >= {LEAST_LOAD_UPDATES}: " + verdict(
        fewest >= LEAST_LOAD_UPDATES
    )


def median(rounds: Sequence[Round], figure: Callable[[Round], float]) -> float:
    return statistics.median(figure(one) for one in rounds)


def resident_after(stage: str) -> Callable[[Round], float]:
    return lambda one: one.resident[stage]


def peak_up_to(window_s: float) -> Callable[[Round], float]:
    """The most MB in a round while windows grew from one chunk to `window_s`."""
    return lambda one: max(
        most for stage, most in one.peak.items() if stage == "last pass" or 0 < window_length_s(stage) <= window_s
    )


def window_length_s(stage: str) -> float:
    """The length of the windows in a stage's name; 0 for stages in which they do not grow."""
    return float(stage.split()[-2]) if stage.startswith("windows up to") else 0.0


def verdict(holds: bool) -> str:
    return "met" if holds else "MISSED"


if __name__ == "__main__":
    main()
