"""How fast is a long recording with pauses turned into text, on one thread and on two, against the peers?

    python benchmarks/batch.py [--seconds 300] [--rounds 3] [--threads 1 2] [--busy] [--slow]

Needs the peers (``pip install --group bench``). Downloads nothing: all run models of tiny.en's sizes with the same
random weights. ``--slow`` adds, in one round of their own, transcribe-cpp, openai-whisper where torch is installed, and
whisper.cpp's own tool where there is a ``whisper-cli`` on the PATH: its sources lie in pywhispercpp's source package.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import math
import shutil
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from core_load import one_core_taken
from ct2_model import write_ct2_model
from findings import Findings, with_findings
from live_runs import SAMPLE_RATE_HZ, Samples, recordings, wav_of
from random_model import OFFICIAL, write_model
from reciting_model import write_reciting_model
from workers import Case, Seat, Timings, measure, ratios, seated

SIZE = "tiny.en"
SEED = 1
TOKENS_PER_S = 4
"""Of speech; for everybody, however the file is cut into windows."""
SLACK = 0.1
"""Shares of tokens are rounded up, which those with many windows pay for."""
TALK_S = (3.0, 12.0)
PAUSE_S = (0.4, 5.0)
WINDOW_S = 30

OWN_F16, OWN_Q8 = "thoth f16", "thoth q8_0"
WHEEL = "pywhispercpp f16"
SEQUENTIAL, SEQUENTIAL_VAD, BATCHED = (
    "faster-whisper int8",
    "faster-whisper int8, vad_filter",
    "faster-whisper int8, batched",
)
TRANSCRIBE_CPP, WHISPER_CLI, OPENAI = "transcribe-cpp f16", "whisper-cli f16", "openai-whisper f32"
TARGETS = {(WHEEL, OWN_F16): 2.0}

WHAT = f"""
Every figure is one call on a WAV file of 16 kHz: {TALK_S[0]:g} to {TALK_S[1]:g} s of recorded speech, then a pause of
{PAUSE_S[0]:g} to {PAUSE_S[1]:g} s, over and over. All decode {TOKENS_PER_S} tokens for each second of speech, in all:
each contender's windows are counted in a call that is not timed, and each window gets an equal share, rounded up (end
of text is forbidden). So whoever cuts the file into fewer windows decodes more in each, as with real speech; the tokens
decoded are in the tables, and a contender that is more than {100 * SLACK:g} % off stops the benchmark.
Greedy, no timestamps, no second try, no text so far in the prompt. Processor time is that of the whole process, of
its best round; company on the machine changes it less. Thoth runs with its own voice activity detection and
threads as given; faster-whisper as it comes (no VAD), with `vad_filter=True`, and batched (its default batch of 8);
the others have no VAD on by default. All run the same random weights of {SIZE}'s sizes; transcribe-cpp and
whisper-cli, which take no limit of tokens, run weights of the same sizes that recite so many words in each window."""


def main() -> None:
    arguments = _arguments()
    state = "with one core taken" if arguments.busy else "idle machine"
    findings = Findings(f"A long file with pauses, {state}", WHAT)
    findings.begin()
    with tempfile.TemporaryDirectory() as name:
        case = _case(Path(name), arguments.seconds)
        models = _write_models(Path(name), case)
        with one_core_taken() if arguments.busy else contextlib.nullcontext():
            for threads in arguments.threads:
                _compare(findings, models, case, threads, arguments, state)
    findings.end(arguments.findings)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the file is, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--busy", action="store_true", help="with another process on one core")
    parser.add_argument("--slow", action="store_true", help="transcribe-cpp and openai-whisper too")
    return with_findings(parser).parse_args()


def _case(folder: Path, seconds: float) -> Case:
    samples, speech_s = talk_with_pauses(seconds)
    path = folder / "talk.wav"
    path.write_bytes(wav_of(samples))
    duration_s = len(samples) / SAMPLE_RATE_HZ
    name = f"{duration_s:.0f} s, of them {speech_s:.0f} s speech"
    return Case(name, duration_s, round(TOKENS_PER_S * speech_s), str(path), SLACK)


def talk_with_pauses(seconds: float) -> tuple[Samples, float]:
    """The short recordings one after the other, a pause of faint hiss after every few; and how long they are in all."""
    random = np.random.default_rng(5)
    spoken = itertools.cycle([recording.samples for recording in recordings() if not recording.is_long])
    pieces: list[Samples] = []
    speech_s = duration_s = 0.0
    while duration_s < seconds:
        ends_s = speech_s + random.uniform(*TALK_S)
        while speech_s < ends_s:
            pieces.append(next(spoken))
            speech_s += len(pieces[-1]) / SAMPLE_RATE_HZ
        pause = random.standard_normal(round(random.uniform(*PAUSE_S) * SAMPLE_RATE_HZ)) * 1e-4
        pieces.append(pause.astype(np.float32))
        duration_s = sum(map(len, pieces)) / SAMPLE_RATE_HZ
    return np.concatenate(pieces), speech_s


def _write_models(folder: Path, case: Case) -> dict[str, Path]:
    models = {name: folder / name for name in ("f16", "q8_0", "ct2", "recites", "openai")}
    for dtype in ("f16", "q8_0"):
        write_model(models[dtype], OFFICIAL[SIZE], dtype, SEED)
    write_ct2_model(models["ct2"], OFFICIAL[SIZE], SEED)
    windows = math.ceil(case.seconds / WINDOW_S)
    write_reciting_model(models["recites"], SIZE, "f16", round(case.tokens / windows))
    if _has_openai():
        from openai_model import write_openai_model

        write_openai_model(models["openai"], OFFICIAL[SIZE], SEED)
    return models


def _has_openai() -> bool:
    return all(importlib.util.find_spec(name) for name in ("torch", "whisper"))


def _compare(
    findings: Findings,
    models: Mapping[str, Path],
    case: Case,
    threads: int,
    arguments: argparse.Namespace,
    state: str,
) -> None:
    on = f"{threads} thread{'' if threads == 1 else 's'}"
    with seated(_seats(models, threads)) as workers:
        timings = measure(workers, case, arguments.rounds, warm_ups=1)
        described = [f"{name}: {worker.ready['description']}" for name, worker in workers.items()]
    if arguments.slow:
        with seated(_slow_seats(models, threads)) as workers:
            timings |= measure(workers, case, 1, warm_ups=0)
            described += [f"{name}: {worker.ready['description']}" for name, worker in workers.items()]
    if threads == arguments.threads[0]:
        print("\n".join(["", *described]))
    findings.table(f"{case.name}; {on}, {state}", HEADERS, [_row(case, name, one) for name, one in timings.items()])
    for peer in timings:
        for own in (OWN_F16, OWN_Q8):
            if peer not in (OWN_F16, OWN_Q8):
                values = _ratios(timings[peer], timings[own])
                target = None if arguments.busy else TARGETS.get((peer, own))
                findings.ratio(f"long file, {on}, {state}", f"{peer} / {own}", values, target)
    bars = {name: case.seconds / statistics.median(one.elapsed_s) for name, one in timings.items()}
    kind = "busy" if arguments.busy else "idle"
    findings.plot(f"batch-{kind}-{threads}", f"Long file with pauses, {on}, {state}", "x real time", {on: bars})


def _ratios(theirs: Timings, own: Timings) -> list[float]:
    """Round by round; who had one round alone is set against the median."""
    if len(theirs.elapsed_s) == len(own.elapsed_s):
        return ratios(theirs, own)
    return [theirs.elapsed_s[0] / statistics.median(own.elapsed_s)]


def _seats(models: Mapping[str, Path], threads: int) -> dict[str, Seat]:
    def own(dtype: str) -> Seat:
        return Seat("thoth", {"model": str(models[dtype]), "threads": threads, "vad_filter": True})

    fast = {"model": str(models["ct2"]), "threads": threads}
    return {
        OWN_F16: own("f16"),
        OWN_Q8: own("q8_0"),
        WHEEL: Seat("pywhispercpp", {"model": str(models["f16"]), "threads": threads}),
        SEQUENTIAL: Seat("faster-whisper", fast),
        SEQUENTIAL_VAD: Seat("faster-whisper", fast | {"vad_filter": True}),
        BATCHED: Seat("faster-whisper", fast | {"batched": True}),
    }


def _slow_seats(models: Mapping[str, Path], threads: int) -> dict[str, Seat]:
    seats = {TRANSCRIBE_CPP: Seat("transcribe-cpp", {"model": str(models["recites"]), "threads": threads})}
    if program := shutil.which("whisper-cli"):
        settings = {"model": str(models["recites"]), "threads": threads, "program": program}
        seats[WHISPER_CLI] = Seat("whisper-cli", settings)
    if _has_openai():
        seats[OPENAI] = Seat("openai-whisper", {"model": str(models["openai"]), "threads": threads})
    return seats


HEADERS = ("contender", "min s", "median s", "x real time", "least CPU s", "windows", "tokens", "re-runs", "peak MiB")


def _row(case: Case, name: str, one: Timings) -> list[str]:
    median_s = statistics.median(one.elapsed_s)
    return [
        name,
        f"{min(one.elapsed_s):.2f}",
        f"{median_s:.2f}",
        f"{case.seconds / median_s:.1f}",
        f"{min(one.cpu_s):.2f}",
        str(one.windows),
        str(one.tokens),
        str(one.reruns),
        f"{one.peak_rss / 2**20:.0f}",
    ]


if __name__ == "__main__":
    main()
