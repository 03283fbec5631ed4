"""Many threads on one model, files and samples in turn: every text the right one, nobody stuck, free after failures.

Two minutes of it: THOTH_SHARING_SECONDS=120.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import thoth
from thoth.audio.decode import decode

THREADS = 8
COUNTS = ("right", "failed", "switches")
DURATION_S = float(os.environ.get("THOTH_SHARING_SECONDS", "20"))


class Injected(Exception):
    """Raised from callbacks on purpose."""


def _fail(_: object) -> None:
    raise Injected


class Worker(threading.Thread):
    """Transcribes its own recordings in a loop, as a file and as samples in turn, with failures of every kind between.

    `switches` counts the changes from one to the other.
    """

    def __init__(self, model: thoth.WhisperModel, texts: dict[Path, str], seed: int, end_s: float) -> None:
        super().__init__(daemon=True)
        self.right = self.failed = self.switches = 0
        self.wrong: list[tuple[str, str]] = []
        self.crash: BaseException | None = None
        self._model, self._texts, self._random, self._end_s = model, texts, random.Random(seed), end_s

    def run(self) -> None:
        try:
            while time.monotonic() < self._end_s:
                path = self._random.choice(list(self._texts))
                self.switches += 1
                try:
                    self._once(path)
                except (Injected, thoth.Cancelled, thoth.ModelBusy, thoth.InvalidOption):
                    self.failed += 1
        except BaseException as error:  # told by the main thread
            self.crash = error

    def _once(self, path: Path) -> None:
        options: dict[str, Any] = {"temperature": 0.0, "threads": 1}
        match self._random.randrange(12):
            case 0:
                options["on_segment"] = _fail
            case 1:
                options["on_progress"] = _fail
            case 2:
                options["timeout"] = self._random.uniform(0, 0.05)
            case 3:
                token = options["cancel"] = thoth.CancelToken()
                threading.Timer(self._random.uniform(0, 0.2), token.cancel).start()
            case 4:
                options["audio_context"] = 1500
                options["max_segment_length"] = -1
            case 5:
                options["when_busy"] = "raise"
            case 6:
                thoth.WhisperModel("nano.en", on_load=lambda done, total: _fail(done))
        if self.switches % 2:
            text = self._model.transcribe_file(path, **options).text
        else:
            text = self._model.transcribe_samples(decode(path), **options).text
        if text == self._texts[path]:
            self.right += 1
        else:
            self.wrong.append((self._texts[path], text))


def test_eight_threads_share_one_model(
    model: thoth.WhisperModel, audio: Path, manifest: dict[str, dict[str, Any]], exact: list[str]
) -> None:
    spoken = [name for name in exact if manifest[name]["text"]]
    # What one thread alone makes of each recording: sharing must change nothing.
    alone = {audio / name: model.transcribe(audio / name, temperature=0.0, threads=1).text for name in spoken}
    assert len(set(alone.values())) > 20
    end_s = time.monotonic() + DURATION_S
    workers = [
        Worker(model, {audio / name: alone[audio / name] for name in spoken[seed::THREADS]}, seed, end_s)
        for seed in range(THREADS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(DURATION_S + 120)
        assert not worker.is_alive(), "deadlock"
    assert [worker.crash for worker in workers] == [None] * THREADS
    assert [wrong for worker in workers for wrong in worker.wrong] == []
    assert all(worker.right > 0 for worker in workers)
    assert sum(worker.failed for worker in workers) > 0
    assert model._engine.most_inside == 1
    assert model.state == "ready"
    stats = model.stats
    assert (stats.holder, stats.live.waiting, stats.batch.waiting) == (None, 0, 0)
    assert stats.batch.preempted > 0
    right, failed, switches = (sum(getattr(worker, what) for worker in workers) for what in COUNTS)
    print(f"{right} right, {failed} made to fail, {switches} switches, {stats.batch.preempted} times given way")
