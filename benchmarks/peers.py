"""How long do a short utterance and a whole window take, against what a user would install instead?

    python benchmarks/peers.py [--rounds 15] [--threads 1 2] [--busy]

Needs pywhispercpp, faster-whisper and transcribe-cpp (``pip install --group bench``). Downloads nothing: all run models
of tiny.en's sizes with the same random weights.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

import machine
from core_load import one_core_taken
from ct2_model import write_ct2_model
from findings import Findings, with_findings
from random_model import OFFICIAL, write_model
from reciting_model import write_reciting_model
from workers import Case, Seat, Timings, Worker, measure, ratios, seated

SIZE = "tiny.en"
SEED = 1

SHORT = Case("3 s utterance", 3.0, 12)
# Thoth cuts windows before 28 s, two seconds short of what the encoder sees.
WINDOW = Case("30 s window", 27.5, 100)

OWN_F16, OWN_Q8 = "thoth f16", "thoth q8_0"
WHEEL, CT2, CT2_FASTER = "pywhispercpp f16", "ctranslate2 int8", "faster-whisper int8"
TRANSCRIBE_CPP = "transcribe-cpp f16"
PEERS = (WHEEL, CT2, CT2_FASTER, TRANSCRIBE_CPP)

TARGETS = {
    (SHORT.name, WHEEL, OWN_F16): 5.0,
    (WINDOW.name, WHEEL, OWN_F16): 1.5,
    (SHORT.name, CT2, OWN_Q8): 2.0,
    (SHORT.name, CT2_FASTER, OWN_Q8): 2.0,
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
CTranslate2 is called for the one window alone, its figure includes faster-whisper's feature extraction; faster-whisper
is called as its users do. transcribe-cpp takes no limit of tokens: it runs weights that recite {SHORT.tokens} words,
and the utterance only. Each contender has a process of its own; all are asked in turn within a round; ratios are taken
within rounds and given as min / median / max."""


def main() -> None:
    arguments = _arguments()
    state = "with one core taken" if arguments.busy else "idle machine"
    findings = Findings(f"Latency against peers, {state}", WHAT)
    findings.begin()
    with tempfile.TemporaryDirectory() as folder:
        models = write_models(Path(folder))
        with one_core_taken() if arguments.busy else contextlib.nullcontext():
            for threads in arguments.threads:
                _compare(findings, models, threads, arguments)
    findings.end(arguments.findings)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--busy", action="store_true", help="with another process on one core, the utterance only")
    parser.add_argument("--native", help="another build of Thoth's extension to measure")
    return with_findings(parser).parse_args()


def write_models(folder: Path) -> dict[str, Path]:
    """The same random weights for all."""
    models = {name: folder / name for name in ("f16", "q8_0", "ct2", "recites")}
    for dtype in ("f16", "q8_0"):
        write_model(models[dtype], OFFICIAL[SIZE], dtype, SEED)
    write_ct2_model(models["ct2"], OFFICIAL[SIZE], SEED)
    write_reciting_model(models["recites"], SIZE, "f16", SHORT.tokens)
    return models


def _compare(findings: Findings, models: Mapping[str, Path], threads: int, arguments: argparse.Namespace) -> None:
    on = f"{threads} thread{'s' if threads > 1 else ''}" + (", one core taken" if arguments.busy else "")
    with seated(_seats(models, threads, arguments.native)) as workers:
        if threads == arguments.threads[0]:
            print("\n" + "\n".join(f"{name}: {worker.ready['description']}" for name, worker in workers.items()))
        results = {SHORT.name: measure(workers, SHORT, arguments.rounds)}
        if not arguments.busy:
            others = {name: worker for name, worker in workers.items() if name != TRANSCRIBE_CPP}
            results[WINDOW.name] = measure(others, WINDOW, arguments.rounds)
        _latency_table(findings, results, on)
        _note_ratios(findings, results, on, aimed_at=not arguments.busy)
        if not arguments.busy:
            _memory_table(findings, workers, results, on)
    kind = "busy" if arguments.busy else "idle"
    for case, timings in results.items():
        bars = {name: 1000 * statistics.median(one.elapsed_s) for name, one in timings.items()}
        findings.plot(f"latency-{kind}-{threads}-{case.split()[0]}s", f"{case}, {on}", "ms", {"": bars})


def _seats(models: Mapping[str, Path], threads: int, native: str | None) -> dict[str, Seat]:
    def own(dtype: str) -> Seat:
        return Seat("thoth", {"model": str(models[dtype]), "threads": threads, "native": native})

    return {
        OWN_F16: own("f16"),
        OWN_Q8: own("q8_0"),
        WHEEL: Seat("pywhispercpp", {"model": str(models["f16"]), "threads": threads}),
        CT2: Seat("ctranslate2", {"model": str(models["ct2"]), "threads": threads}),
        CT2_FASTER: Seat("faster-whisper", {"model": str(models["ct2"]), "threads": threads}),
        TRANSCRIBE_CPP: Seat("transcribe-cpp", {"model": str(models["recites"]), "threads": threads}),
    }


Results = Mapping[str, Mapping[str, Timings]]


def _latency_table(findings: Findings, results: Results, on: str) -> None:
    rows = [
        [name, case, *(f"{1000 * of(one.elapsed_s):.1f}" for of in (min, statistics.median, max)), str(one.reruns)]
        for case, timings in results.items()
        for name, one in timings.items()
    ]
    findings.table(f"Latency, {on}", ["contender", "case", "min ms", "median ms", "max ms", "re-runs"], rows)


def _note_ratios(findings: Findings, results: Results, on: str, *, aimed_at: bool) -> None:
    for case, timings in results.items():
        for peer in PEERS:
            for own in (OWN_F16, OWN_Q8):
                if peer in timings:
                    target = TARGETS.get((case, peer, own)) if aimed_at else None
                    findings.ratio(f"{case}, {on}", f"{peer} / {own}", ratios(timings[peer], timings[own]), target)


def _memory_table(findings: Findings, workers: Mapping[str, Worker], results: Results, on: str) -> None:
    def mib(size: int) -> str:
        return f"{size / machine.MIB:.0f}"

    rows = [
        [
            name,
            mib(worker.ready["rss_before"]),
            mib(worker.ready["rss_loaded"]),
            *(mib(timings[name].peak_rss) if name in timings else "-" for timings in results.values()),
        ]
        for name, worker in workers.items()
    ]
    headers = ["contender", "bare Python + NumPy", "model loaded", *(f"after {case}" for case in results)]
    findings.table(f"Peak resident memory, MiB, up to that point, {on}", headers, rows)


if __name__ == "__main__":
    main()
