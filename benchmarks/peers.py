"""How long do a short utterance and a whole window take, against what a user would install instead?

    python benchmarks/peers.py [--rounds 15] [--threads 1 2]

Needs pywhispercpp, ctranslate2 and faster-whisper (``pip install --group bench``). Downloads nothing: all run models
of tiny.en's sizes with the same random weights.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

import machine
from ct2_model import write_ct2_model
from random_model import OFFICIAL, write_model
from workers import Case, Seat, Timings, Worker, measure, ratios, seated

SIZE = "tiny.en"
SEED = 1

SHORT = Case("3 s utterance", 3.0, 12)
# Thoth cuts windows before 28 s, two seconds short of what the encoder sees.
WINDOW = Case("30 s window", 27.5, 100)

OWN_F16, OWN_Q8 = "thoth f16", "thoth q8_0"
WHEEL, CT2 = "pywhispercpp f16", "ctranslate2 int8"

TARGETS = {
    (SHORT.name, WHEEL, OWN_F16): 5.0,
    (WINDOW.name, WHEEL, OWN_F16): 1.5,
    (SHORT.name, CT2, OWN_Q8): 2.0,
}
"""What must hold, as medians of the ratio theirs / ours, on weights of the same precision."""

WHAT = f"""
Every figure is one call on samples in memory: log-mel spectrogram, one encoder pass and {SHORT.tokens} tokens (3 s
utterance) or {WINDOW.tokens} tokens (30 s window), greedy. Models: {SIZE} sizes, the same random weights for all, as
f16, q8_0 and int8. The "30 s window" is {WINDOW.seconds} s of audio, the most that Thoth puts into one window; all
encode all of it. No VAD, no timestamps, no second try at another temperature, for anybody.
Thoth runs with its default audio_context="auto", which encodes only what 3 s need; the others always encode 30 s.
Random weights give no good text, so the checks that would make Thoth encode again are told to accept any probability,
and repeated tokens are forbidden (in Thoth, at its expense); a re-run in a timed round stops the benchmark.
CTranslate2's figure includes faster-whisper's feature extraction. Each contender has a process of its own; all are
asked in turn within a round; ratios are taken within rounds and given as min / median / max."""


def main() -> None:
    arguments = _arguments()
    print("Latency against peers")
    print(f"machine: {machine.describe()}\nload average at start: {machine.load()}")
    print(WHAT)
    with tempfile.TemporaryDirectory() as folder:
        models = _write_models(Path(folder))
        for threads in arguments.threads:
            _compare(models, threads, arguments.rounds, arguments.native)
    print(f"\nload average at end: {machine.load()}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--native", help="another build of Thoth's extension to measure")
    return parser.parse_args()


def _write_models(folder: Path) -> dict[str, Path]:
    models = {"f16": folder / f"{SIZE}-f16.bin", "q8_0": folder / f"{SIZE}-q8_0.bin", "ct2": folder / "ct2"}
    for dtype in ("f16", "q8_0"):
        write_model(models[dtype], OFFICIAL[SIZE], dtype, SEED)
    write_ct2_model(models["ct2"], OFFICIAL[SIZE], SEED)
    return models


def _compare(models: Mapping[str, Path], threads: int, rounds: int, native: str | None) -> None:
    with seated(_seats(models, threads, native)) as workers:
        print(f"\n=== {threads} thread{'s' if threads > 1 else ''}, {rounds} rounds ===")
        if threads == 1:
            print("\n".join(f"{name}: {worker.ready['description']}" for name, worker in workers.items()))
        results = {case.name: measure(workers, case, rounds) for case in (SHORT, WINDOW)}
        print(_latency_table(results))
        print(_ratio_table(results))
        print(_memory_table(workers, results))


def _seats(models: Mapping[str, Path], threads: int, native: str | None) -> dict[str, Seat]:
    def own(dtype: str) -> Seat:
        return Seat("thoth", {"model": str(models[dtype]), "threads": threads, "native": native})

    return {
        OWN_F16: own("f16"),
        OWN_Q8: own("q8_0"),
        WHEEL: Seat("pywhispercpp", {"model": str(models["f16"]), "threads": threads}),
        CT2: Seat("ctranslate2", {"model": str(models["ct2"]), "threads": threads}),
    }


Results = Mapping[str, Mapping[str, Timings]]


def _latency_table(results: Results) -> str:
    rows = [
        [case, name, *(f"{1000 * of(one.elapsed_s):.1f}" for of in (min, statistics.median, max)), str(one.reruns)]
        for case, timings in results.items()
        for name, one in timings.items()
    ]
    headers = ["case", "contender", "min ms", "median ms", "max ms", "re-runs"]
    return machine.table("Latency", headers, rows)


def _ratio_table(results: Results) -> str:
    rows = []
    for case, timings in results.items():
        for peer in (WHEEL, CT2):
            for own in (OWN_F16, OWN_Q8):
                found = ratios(timings[peer], timings[own])
                rows.append([case, f"{peer} / {own}", machine.spread(found), _verdict((case, peer, own), found)])
    title = "Ratio: how many times faster Thoth is (below 1: slower)"
    return machine.table(title, ["case", "theirs / ours", "min / median / max", "target"], rows)


def _verdict(key: tuple[str, str, str], found: list[float]) -> str:
    target = TARGETS.get(key)
    if target is None:
        return "none"
    return f">= {target:g}: {'met' if statistics.median(found) >= target else 'MISSED'}"


def _memory_table(workers: Mapping[str, Worker], results: Results) -> str:
    def mib(size: int) -> str:
        return f"{size / machine.MIB:.0f}"

    rows = [
        [
            name,
            mib(worker.ready["rss_before"]),
            mib(worker.ready["rss_loaded"]),
            *(mib(results[case.name][name].peak_rss) for case in (SHORT, WINDOW)),
        ]
        for name, worker in workers.items()
    ]
    headers = ["contender", "bare Python + NumPy", "model loaded", "after 3 s", "after 30 s"]
    return machine.table("Peak resident memory, MiB, up to that point", headers, rows)


if __name__ == "__main__":
    main()
