"""Contenders in processes of their own, asked in turns: the one measuring loop of the latency benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SETTLE_S = 0.25
"""Pause before each timed call: the threads of the one before go on spinning for up to 200 ms (KMP_BLOCKTIME)."""
WARM_UPS = 2


@dataclass(frozen=True)
class Seat:
    """Who is measured: a kind from ``kinds.KINDS``, its keyword arguments, and its environment."""

    kind: str
    settings: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """What is measured: so many seconds of audio, so many tokens; of noise, or of the WAV file at ``path``.

    slack: by how much of itself the number of tokens may differ. A file is cut into windows of which each gets an equal
    number, so that all together cannot always be the same.
    """

    name: str
    seconds: float
    tokens: int
    path: str | None = None
    slack: float = 0.0


@dataclass
class Timings:
    """One contender's timed calls of one case, in the order of the rounds."""

    elapsed_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    reruns: int = 0
    peak_rss: int = 0
    tokens: int = 0
    windows: int = 0


class Worker:
    """A process that holds one contender. Use as a context manager."""

    def __init__(self, seat: Seat) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the worker
        self._name = f"{seat.kind} {dict(seat.settings)}"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py")), seat.kind, json.dumps(seat.settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **seat.environment},
        )
        self.ready = self._answer()

    def ask(self, case: Case) -> dict[str, Any]:
        """Run the case once; see ``worker.Answerer``."""
        assert self._process.stdin is not None
        self._process.stdin.write(
            json.dumps({"seconds": case.seconds, "tokens": case.tokens, "path": case.path}) + "\n"
        )
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._log.seek(0)
            raise SystemExit(f"{self._name} ended with status {status}:\n{self._log.read()[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
        self._log.close()


@contextmanager
def seated(seats: Mapping[str, Seat]) -> Iterator[dict[str, Worker]]:
    """A worker for every seat, all loaded, ended together."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Worker(seat)) for name, seat in seats.items()}


def measure(workers: Mapping[str, Worker], case: Case, rounds: int, warm_ups: int = WARM_UPS) -> dict[str, Timings]:
    """Warm up, then ask everybody once a round; whoever began one round comes last in the next."""
    timings = {name: Timings() for name in workers}
    for number in range(-warm_ups, rounds):
        for name in _rotated(list(workers), number):
            time.sleep(SETTLE_S)
            answer = workers[name].ask(case)
            _require_same_work(name, case, answer)
            if number >= 0:
                timings[name].elapsed_s.append(answer["elapsed_s"])
                timings[name].cpu_s.append(answer["cpu_s"])
                timings[name].peak_rss = answer["peak_rss"]
                timings[name].reruns += answer["reruns"]
                timings[name].tokens, timings[name].windows = answer["tokens"], answer["windows"]
    return timings


def ratios(other: Timings, own: Timings) -> list[float]:
    """How many times as long the other took, round by round."""
    return [theirs / ours for theirs, ours in zip(other.elapsed_s, own.elapsed_s, strict=True)]


def _rotated(names: list[str], by: int) -> list[str]:
    start = by % len(names)
    return names[start:] + names[:start]


def _require_same_work(name: str, case: Case, answer: Mapping[str, Any]) -> None:
    if abs(answer["tokens"] - case.tokens) > case.slack * case.tokens:
        raise SystemExit(f"{name} decoded {answer['tokens']} tokens in '{case.name}' instead of {case.tokens}")
    if answer["reruns"]:
        raise SystemExit(f"{name} encoded '{case.name}' twice: the figures would not compare one pass with one pass")
