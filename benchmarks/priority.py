"""How long does a live request wait behind a long batch file, and what does the file lose by it?

    python benchmarks/priority.py [--size tiny.en] [--rounds 5] [--windows 12] [--json]

One model, two threads: one transcribes a file, again and again; the other asks for 1.5 s of audio once a second. With
Thoth's gate the file gives way between two passes of the model; beside it stands what users of other engines write
today, one lock around each call. Both run in turn within a round, on the same engine, with a file left alone before
them, whose speed and text are what the disturbed one is measured by.

The weights are random and the settings those of a window of speech: 28 s, 100 tokens, greedy, no second try. Live
requests come at random within their second, so that they meet every stage of a window.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import tempfile
import threading
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import machine
import numpy as np
from random_model import OFFICIAL, write_model

import thoth
from thoth.observe.tracing import tracer

RATE_HZ = 16_000
WINDOW_S, LIVE_S = 28.0, 1.5
WINDOW_TOKENS, LIVE_TOKENS = 100, 8
WINDOW_CONTEXT, LIVE_CONTEXT = 1472, 256
"""What "auto" takes for these lengths; but it would run again at full width, since random weights talk in loops."""
MARGIN_MS = 50.0
"""The target: at the 99th percentile a live request waits for one pass of the encoder and this."""
MOST_LOSS = 0.25
"""The target: the share of its speed that the file may lose to one live request a second."""
OPTIONS: dict[str, Any] = {
    "temperature": 0.0,
    "vad_filter": False,
    "without_timestamps": True,
    "condition_on_previous_text": False,
    "log_prob_threshold": -1000.0,
    "entropy_threshold": -1.0,
    "no_speech_threshold": 1.0,
}


@dataclass
class Arrangement:
    """One way to share the model; `guard` makes what stands around each call."""

    name: str
    guard: AbstractContextManager[Any]
    file_s: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """In milliseconds and as shares; `met` are the targets, of Thoth's gate alone."""

    encoder_pass_ms: float
    live_alone_ms: float
    waits: dict[str, dict[str, float]]
    answers: dict[str, dict[str, float]]
    requests: dict[str, int]
    file_alone_s: float
    loss: dict[str, float]
    preemptions: int
    texts_equal: bool
    wait_met: bool
    loss_met: bool


class Bench:
    """A model, a file and what is measured with them."""

    def __init__(self, model: thoth.WhisperModel, windows: int, threads: int) -> None:
        self._model = model
        self._file = _wav(_noise(windows * WINDOW_S))
        self._live = _noise(LIVE_S)
        self._options = {**OPTIONS, "threads": threads}
        self._random = random.Random(5)

    def file(self) -> str:
        return self._model.transcribe_file(
            self._file, max_new_tokens=WINDOW_TOKENS, audio_context=WINDOW_CONTEXT, **self._options
        ).text

    def live(self) -> float:
        """Ask once and return how long the request stood before the gate, in ms."""
        tracer.clear()
        self._model.transcribe_samples(
            self._live, max_new_tokens=LIVE_TOKENS, audio_context=LIVE_CONTEXT, **self._options
        )
        waits = [span.attributes["waited_s"] for span in tracer.spans() if span.attributes.get("priority") == "live"]
        return 1000 * float(waits[-1])

    def encoder_pass_ms(self) -> float:
        """The median over the windows of the file, alone."""
        tracer.level = "full"
        tracer.clear()
        self.file()
        passes = [(span.end_ns - span.start_ns) / 1e6 for span in tracer.spans() if span.name == "encode"]
        tracer.level = "light"
        return statistics.median(passes)

    def live_alone_ms(self) -> float:
        return statistics.median(self._timed_live()[1] for _ in range(9))

    def disturbed(self, arrangement: Arrangement) -> str:
        """Transcribe the file with a live request a second beside it; return its text."""
        with self._talking(arrangement):
            begin_s = time.perf_counter()
            with arrangement.guard:
                text = self.file()
            arrangement.file_s.append(time.perf_counter() - begin_s)
        return text

    @contextmanager
    def _talking(self, arrangement: Arrangement) -> Iterator[None]:
        over = threading.Event()
        talker = threading.Thread(target=self._talk, args=(arrangement, over))
        talker.start()
        try:
            yield
        finally:
            over.set()
            talker.join()

    def _talk(self, arrangement: Arrangement, over: threading.Event) -> None:
        second_s = time.perf_counter()
        # At any place of its second. Where a request took longer, the ones it missed are not made up for.
        while not over.wait(max(0.0, second_s + self._random.random() - time.perf_counter())):
            begin_s = time.perf_counter()
            with arrangement.guard:
                guard_ms = 1000 * (time.perf_counter() - begin_s)
                gate_ms, _ = self._timed_live()
            arrangement.waits_ms.append(guard_ms + gate_ms)
            arrangement.answers_ms.append(1000 * (time.perf_counter() - begin_s))
            second_s = max(second_s + 1.0, time.perf_counter())

    def _timed_live(self) -> tuple[float, float]:
        begin_s = time.perf_counter()
        waited_ms = self.live()
        return waited_ms, 1000 * (time.perf_counter() - begin_s)


def measure(model: thoth.WhisperModel, rounds: int, windows: int, threads: int) -> Report:
    """Run all rounds; the order within a round is always the same."""
    bench = Bench(model, windows, threads)
    gate, lock = Arrangement("Thoth's gate", nullcontext()), Arrangement("one lock per call", threading.Lock())
    tracer.level = "light"
    live_alone_ms = bench.live_alone_ms()
    alone_s: list[float] = []
    passes_ms: list[float] = []
    texts = {bench.file()}
    before = model.stats.batch.preempted
    for _ in range(rounds):
        passes_ms.append(bench.encoder_pass_ms())
        begin_s = time.perf_counter()
        texts.add(bench.file())
        alone_s.append(time.perf_counter() - begin_s)
        texts |= {bench.disturbed(gate), bench.disturbed(lock)}
    tracer.level = "off"
    loss = {one.name: _loss(alone_s, one.file_s) for one in (gate, lock)}
    encoder_pass_ms = statistics.median(passes_ms)
    waits = {one.name: _percentiles(one.waits_ms) for one in (gate, lock)}
    return Report(
        encoder_pass_ms=encoder_pass_ms,
        live_alone_ms=live_alone_ms,
        waits=waits,
        answers={one.name: _percentiles(one.answers_ms) for one in (gate, lock)},
        requests={one.name: len(one.waits_ms) for one in (gate, lock)},
        file_alone_s=statistics.median(alone_s),
        loss=loss,
        preemptions=model.stats.batch.preempted - before,
        texts_equal=len(texts) == 1,
        wait_met=waits[gate.name]["p99"] <= encoder_pass_ms + MARGIN_MS,
        loss_met=loss[gate.name] <= MOST_LOSS,
    )


def _loss(alone_s: Sequence[float], disturbed_s: Sequence[float]) -> float:
    """The share of its speed that the file lost: the median of the rounds."""
    return statistics.median(1 - alone / disturbed for alone, disturbed in zip(alone_s, disturbed_s, strict=True))


def _percentiles(values_ms: Sequence[float]) -> dict[str, float]:
    return {
        "p50": float(np.percentile(values_ms, 50)),
        "p99": float(np.percentile(values_ms, 99)),
        "max": max(values_ms),
    }


def _noise(seconds: float) -> np.ndarray[Any, Any]:
    values = np.random.default_rng(7).standard_normal(round(seconds * RATE_HZ), np.float32)
    return np.asarray(values * np.float32(0.05), np.float32)


def _wav(samples: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes((samples * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def _print(report: Report) -> None:
    rows = [
        [name, str(report.requests[name])]
        + [f"{found[name][which]:.0f}" for found in (report.waits, report.answers) for which in ("p50", "p99", "max")]
        + [f"{100 * report.loss[name]:.1f} %"]
        for name in report.waits
    ]
    headers = ["", "requests", "wait p50", "p99", "max", "answer p50", "p99", "max", "file loses"]
    print(machine.table("Live requests behind a file, one a second; ms", headers, rows))
    gate, lock = (report.waits[name]["p99"] for name in report.waits)
    print(f"\nlock / gate, p99 wait: {lock / gate:.1f}")
    print(f"one encoder pass of the file: {report.encoder_pass_ms:.0f} ms; live alone: {report.live_alone_ms:.0f} ms")
    print(f"file alone: {report.file_alone_s:.1f} s; it gave way {report.preemptions} times")
    print(f"p99 wait <= one encoder pass + {MARGIN_MS:g} ms: {_word(report.wait_met)}")
    print(f"file loses <= {100 * MOST_LOSS:g} % of its speed: {_word(report.loss_met)}")
    print(f"all texts of the file equal: {_word(report.texts_equal)}")


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def main() -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="tiny.en", choices=sorted(OFFICIAL))
    parser.add_argument("--type", default="f16", help="weight type: f16, q5_0, q5_1, q8_0")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--windows", type=int, default=12, help="length of the file, in windows of 28 s")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    begin_load = machine.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{arguments.size}.bin"
        write_model(path, OFFICIAL[arguments.size], arguments.type)
        with thoth.WhisperModel(path) as model:
            report = measure(model, arguments.rounds, arguments.windows, arguments.threads)
    if arguments.json:
        print(json.dumps(asdict(report)))
        return
    print(f"Priority: {arguments.size} sizes, random weights, {arguments.type}, {arguments.threads} thread(s)")
    print(f"machine: {machine.describe()}\nload average at start: {begin_load}")
    _print(report)
    print(f"load average at end: {machine.load()} (holds the benchmark's own load)")


if __name__ == "__main__":
    main()
