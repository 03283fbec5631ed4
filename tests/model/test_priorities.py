"""Live before batch on one model: who waits for whom, and that nothing else comes of it."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thoth
from thoth import _native
from thoth.audio.decode import decode
from thoth.model.gate import Gate

LONG = "long_0_20s.flac"
DIGITS = "digits_07_4.flac"
SAID = "three two seven four"


class Talkers:
    """Threads that ask for live turns until they are told to stop, each as soon as it has had one."""

    def __init__(self, work: Callable[[], object], count: int) -> None:
        self.failures: list[BaseException] = []
        self.turns = 0
        self._work = work
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._talk) for _ in range(count)]

    def __enter__(self) -> Talkers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "deadlock"
        assert self.failures == []

    def _talk(self) -> None:
        try:
            while not self._stop.is_set():
                self._work()
                self.turns += 1
        except BaseException as error:  # told by the main thread
            self.failures.append(error)


def _speaks(model: thoth.WhisperModel, samples: np.ndarray[Any, Any], **options: Any) -> Callable[[], None]:
    said = model.transcribe_samples(samples, **options).text

    def speak() -> None:
        assert model.transcribe_samples(samples, **options).text == said

    return speak


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"temperature": 0.0, "beam_size": 3, "word_timestamps": True},
        {"temperature": 0.8, "best_of": 2},
        {"audio_context": "full", "condition_on_previous_text": True, "initial_prompt": "numbers and places"},
    ],
    ids=["greedy", "beam", "sampled", "carried on"],
)
def test_a_file_comes_out_the_same_however_often_it_gives_way(
    model: thoth.WhisperModel, audio: Path, options: dict[str, Any]
) -> None:
    """Everything but the time it took: tokens, times, probabilities, to the last bit."""
    undisturbed = model.transcribe_file(audio / LONG, threads=1, **options)
    before = model.stats.batch.preempted
    # Live runs that draw at random themselves: what they leave behind must not reach the file, nor the other way.
    with Talkers(_speaks(model, decode(audio / DIGITS), temperature=0.7, best_of=1, threads=1), 1) as talkers:
        disturbed = model.transcribe_file(audio / LONG, threads=1, **options)
    assert disturbed.segments == undisturbed.segments
    assert model.stats.batch.preempted - before >= 2
    assert talkers.turns > 0
    assert model._engine.most_inside == 1


def test_a_window_is_done_after_a_bounded_number_of_live_turns(model: thoth.WhisperModel, audio: Path) -> None:
    window = decode(audio / LONG)[: 6 * 16_000]
    live = decode(audio / DIGITS)[:8_000]
    options = _native.DecodeOptions()
    alone = model._engine.transcribe(window, options)
    # More than take turns before batch has one: without the bound the window would never end.
    count = Gate.MOST_IN_A_ROW + 2
    with Talkers(lambda: model._engine.transcribe(live, options, priority="live"), count) as talkers:
        _until(lambda: model.stats.live.waiting >= Gate.MOST_IN_A_ROW)
        before = model.stats.live.granted
        result = model._engine.transcribe(window, options)
        turns = model.stats.live.granted - before
    assert talkers.turns > 0
    # Eight before it began, and sixteen more as often as somebody waited between two passes.
    assert 2 <= result.preemptions <= Gate.MOST_OVERTAKES - Gate.MOST_IN_A_ROW
    assert [segment.text for segment in result.segments] == [segment.text for segment in alone.segments]
    # This thread looks at the figures some turns before it asks, and again some turns after the end.
    assert turns <= Gate.MOST_OVERTAKES + 2 * count
    assert result.waited_s > 0
    assert result.paused_s > 0
    assert alone.preemptions == 0
    assert alone.paused_s == 0


@pytest.mark.parametrize(
    ("priority", "file_class", "samples_class"),
    [({}, "batch", "live"), ({"priority": "live"}, "live", "live"), ({"priority": "batch"}, "batch", "batch")],
    ids=["what the method says", "live", "batch"],
)
def test_the_caller_may_say_who_waits_for_whom(
    model: thoth.WhisperModel, audio: Path, priority: dict[str, Any], file_class: str, samples_class: str
) -> None:
    samples = decode(audio / DIGITS)
    runs: list[tuple[Callable[[], thoth.Transcript], str]] = [
        (lambda: model.transcribe_file(audio / DIGITS, **priority), file_class),
        (lambda: model.transcribe_samples(samples, **priority), samples_class),
    ]
    for run, expected in runs:
        before = _granted(model)
        assert run().text == SAID
        grown = [name for name, granted in _granted(model).items() if granted > before[name]]
        assert grown == [expected]


def _granted(model: thoth.WhisperModel) -> dict[str, int]:
    return {"live": model.stats.live.granted, "batch": model.stats.batch.granted}


def test_a_priority_that_there_is_not_is_refused(model: thoth.WhisperModel, audio: Path) -> None:
    with pytest.raises(thoth.InvalidOption, match="priority takes 'live' or 'batch', not 'urgent'"):
        model.transcribe_file(audio / DIGITS, priority="urgent")  # type: ignore[arg-type]
    with pytest.raises(thoth.InvalidOption, match="priority"):
        model.transcribe_samples(np.zeros(16_000, np.float32), priority=1)  # type: ignore[arg-type]


def test_a_live_run_never_gives_way(model: thoth.WhisperModel, audio: Path) -> None:
    live = decode(audio / DIGITS)[:8_000]
    options = _native.DecodeOptions()
    with Talkers(lambda: model._engine.transcribe(live, options, priority="live"), 2):
        for _ in range(5):
            assert model._engine.transcribe(live, options, priority="live").preemptions == 0
    assert model.stats.live.preempted == 0


def _until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


def test_stages_lie_within_the_turn_and_leave_a_gap_where_others_went_first(
    model: thoth.WhisperModel, audio: Path
) -> None:
    window = decode(audio / LONG)[: 6 * 16_000]
    options = _native.DecodeOptions()
    options.audio_context = _native.DecodeOptions.FULL_CONTEXT
    alone = model._engine.transcribe(window, options)
    assert [name for name, _, _ in alone.stages] == ["mel", "encode", "decode"]
    _check_stages(alone)
    assert sum(end_s - start_s for _, start_s, end_s in alone.stages) > 0.5 * alone.ran_s
    with Talkers(_speaks(model, decode(audio / DIGITS)), 1):
        disturbed = [model._engine.transcribe(window, options) for _ in range(3)]
    paused = [result for result in disturbed if result.preemptions]
    assert paused
    for result in paused:
        _check_stages(result)
        assert len(result.stages) > 3
        held_s = sum(end_s - start_s for _, start_s, end_s in result.stages)
        assert held_s <= result.ran_s + 1e-6


def _check_stages(result: _native.WindowResult) -> None:
    times = [time_s for _, start_s, end_s in result.stages for time_s in (start_s, end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= result.ran_s + result.paused_s + 1e-6
    order = ["mel", "encode", "decode"]
    assert [name for name, _ in itertools.groupby(name for name, _, _ in result.stages)] == order


class Busy:
    """A file in a loop on a thread of its own; inside, the model has a batch window under way most of the time."""

    def __init__(self, model: thoth.WhisperModel, path: Path) -> None:
        self._model, self._path = model, path
        self._token = thoth.CancelToken()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with contextlib.suppress(thoth.Cancelled):
            while True:
                self._model.transcribe_file(
                    self._path,
                    vad_filter=False,
                    audio_context="full",
                    threads=1,
                    cancel=self._token,
                    on_segment=lambda _: self._begun.set(),
                )

    def __enter__(self) -> None:
        self._thread.start()
        assert self._begun.wait(60)

    def __exit__(self, *_: object) -> None:
        self._token.cancel()
        self._thread.join(60)
        assert not self._thread.is_alive()


def _until_busy(model: thoth.WhisperModel, samples: np.ndarray[Any, Any], **how: Any) -> None:
    # Between two windows of the file the model is free for a moment, so that one try may get through.
    for _ in range(50):
        model.transcribe_samples(samples, vad_filter=False, **how)


@pytest.mark.parametrize("how", [{"when_busy": "raise"}, {"timeout": 0}, {"when_busy": "raise", "timeout": 60}])
def test_a_live_caller_in_a_hurry_hears_that_a_batch_request_has_the_model(
    model: thoth.WhisperModel, audio: Path, how: dict[str, Any]
) -> None:
    samples = decode(audio / DIGITS)
    before = model.stats.live.timed_out
    with Busy(model, audio / LONG), pytest.raises(thoth.ModelBusy, match="in use by a batch request"):
        _until_busy(model, samples, **how)
    assert model.stats.live.timed_out == before + 1
    assert model.transcribe_samples(samples, **how).text == SAID


def test_a_run_that_found_the_model_free_waits_for_its_later_windows(model: thoth.WhisperModel, audio: Path) -> None:
    said = model.transcribe_file(audio / LONG, temperature=0.0).text
    talkers: list[Talkers] = []

    def interfere(_: object) -> None:
        if not talkers:
            talkers.append(Talkers(_speaks(model, decode(audio / DIGITS)), 1).__enter__())

    try:
        result = model.transcribe_file(audio / LONG, temperature=0.0, when_busy="raise", on_segment=interfere)
    finally:
        for talker in talkers:
            talker.__exit__()
    assert talkers
    assert result.text == said


def test_a_file_that_has_given_way_can_be_cancelled_meanwhile(model: thoth.WhisperModel, audio: Path) -> None:
    token = thoth.CancelToken()
    before = model.stats.batch.preempted
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            while True:
                model.transcribe_file(audio / LONG, audio_context="full", cancel=token, threads=1)
        except thoth.Cancelled as error:
            outcome.append(error)

    file = threading.Thread(target=run)
    with Talkers(_speaks(model, decode(audio / DIGITS)), 1):
        file.start()
        _until(lambda: model.stats.batch.preempted > before)
        token.cancel()
        file.join(60)
        assert not file.is_alive()
    assert len(outcome) == 1
    stats = model.stats
    assert (stats.holder, stats.batch.waiting) == (None, 0)
    assert model.transcribe_samples(decode(audio / DIGITS)).text == SAID


def test_closing_waits_for_a_window_that_has_given_way(audio: Path) -> None:
    with thoth.WhisperModel("nano.en") as model:
        texts: list[str] = []

        def window() -> None:
            result = model._engine.transcribe(decode(audio / DIGITS), _native.DecodeOptions())
            texts.append("".join(segment.text.decode() for segment in result.segments).strip())

        with Talkers(_speaks_until_closed(model, decode(audio / DIGITS)), 2):
            thread = threading.Thread(target=window)
            thread.start()
            _until(lambda: bool(model.stats.batch.preempted or texts))
            model.close()
            thread.join(60)
        assert texts == [SAID]
        assert model.state == "unloaded"


def _speaks_until_closed(model: thoth.WhisperModel, samples: np.ndarray[Any, Any]) -> Callable[[], None]:
    def speak() -> None:
        try:
            assert model.transcribe_samples(samples).text == SAID
        except thoth.ModelError:
            assert model.state == "unloaded"

    return speak
