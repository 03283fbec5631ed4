"""Dictations of real recordings: what comes out, what is told and kept, and who may begin one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
import soundfile
from dictating import LIMIT_S, Held, Kept, Told
from fed_input import FedInput, numbered, wait_until

import thoth
from thoth._native import Pump, WavWriter
from thoth.dictation.events import PipelineComplete
from thoth.dictation.history.store import History
from thoth.dictation.pipeline import Dictation
from thoth.dictation.result import DictationResult
from thoth.errors import InvalidOption, InvalidTransition, PipelineBusy

Dictate = Callable[..., Dictation]
SAID = "three two seven four"
LONG = "long_3_58s.flac"


def result_of(future: Future[DictationResult]) -> DictationResult:
    return future.result(LIMIT_S)


def test_a_recording_becomes_text_in_its_sinks(dictate: Dictate, audio: Path) -> None:
    kept = Kept()
    dictation = dictate(sinks=[kept])
    told = Told(dictation)
    result = result_of(dictation.start())
    assert result.state == "completed"
    assert result.text == result.raw_text == SAID
    assert kept.texts == [SAID]
    assert result.error is None
    assert result.problems == ()
    assert result.losses == ()
    assert not result.is_enhanced
    assert set(result.durations) == {"recording", "saving", "transcribing", "outputting"}
    assert result.audio_path is not None
    said, heard = soundfile.info(audio / "digits_07_4.flac"), soundfile.info(result.audio_path)
    assert heard.frames == said.frames
    assert result.audio_s == heard.frames / 16_000
    told.wait_for("idle")
    assert told.states == ["recording", "transcribing", "outputting", "completed", "idle"]
    assert told.of(PipelineComplete) == [PipelineComplete(result)]
    assert "".join(update.committed for update in told.of(thoth.LiveUpdate)) == SAID


def test_filters_and_enhancement_change_the_text_and_the_raw_text_is_kept(dictate: Dictate) -> None:
    kept, enhancer = Kept(), Held()
    enhancer.let_go.set()
    dictation = dictate(filters=lambda text: text.replace("two", "2"), enhancer=enhancer, sinks=[kept])
    told = Told(dictation)
    result = result_of(dictation.start())
    assert result.raw_text == SAID
    assert enhancer.got == ["three 2 seven four"]
    assert result.text == "THREE 2 SEVEN FOUR"
    assert result.is_enhanced
    assert kept.texts == [result.text]
    told.wait_for("idle")
    assert told.states == [
        "recording", "transcribing", "filtering", "enhancing", "outputting", "completed", "idle",
    ]  # fmt: skip


def test_the_history_tells_the_same_as_the_result(dictate: Dictate, history: History) -> None:
    result = result_of(dictate(sinks=[Kept()]).start())
    assert result.id is not None
    entry = history.get(result.id)
    for field in ("state", "text", "raw_text", "is_enhanced", "audio_path", "audio_s", "problems", "durations"):
        assert getattr(entry, field) == getattr(result, field), field
    assert entry.error is None
    assert entry.attempts == 1
    assert "nano.en" in entry.model


def test_the_recording_is_on_the_disk_before_it_is_transcribed(dictate: Dictate, history: History) -> None:
    """At the moment of the state's event the file is whole, and the entry says how long it is."""
    found: list[tuple[int, float]] = []
    held = Held()
    dictation = dictate(filters=held)
    future = dictation.start()
    assert held.reached.wait(LIMIT_S)
    (entry,) = history.entries()
    assert entry.audio_path is not None
    found.append((soundfile.info(entry.audio_path).frames, entry.audio_s))
    assert entry.state == "filtering"
    assert entry.raw_text == SAID
    held.let_go.set()
    result = result_of(future)
    assert found == [(round(result.audio_s * 16_000), result.audio_s)]


def test_stop_ends_a_recording_in_the_midst_and_what_was_said_is_worked_on(dictate: Dictate) -> None:
    dictation = dictate(LONG, realtime=True)
    told = Told(dictation)
    future = dictation.start()
    while dictation.position_s < 3.0:
        assert not future.done()
    assert dictation.state == "recording"
    assert dictation.stop() is future
    result = result_of(future)
    assert result.state == "completed"
    assert 3.0 <= result.audio_s < 30
    told.wait_for("completed", "idle")
    assert dictation.position_s == 0.0


def test_a_long_recording_is_the_text_of_a_file(dictate: Dictate, model: thoth.WhisperModel, audio: Path) -> None:
    """The text made while somebody speaks is as good as that of the whole file, give or take what windows differ in."""
    result = result_of(dictate(LONG).start())
    batch = model.transcribe_file(audio / LONG).text.split()
    heard = result.text.split()
    assert abs(len(heard) - len(batch)) <= 3
    assert len(set(batch) - set(heard)) <= 2


def test_silence_gives_no_text_and_no_sink_is_asked(dictate: Dictate, history: History) -> None:
    kept, held = Kept(), Held()
    result = result_of(dictate("silence_0.flac", sinks=[kept], enhancer=held, filters=held).start())
    assert result.state == "completed"
    assert result.text == ""
    assert kept.texts == []
    assert not held.reached.is_set()
    assert history.entries()[0].state == "completed"


def test_a_recording_ends_at_its_limit(dictate: Dictate) -> None:
    result = result_of(dictate(LONG, longest_s=2.5).start())
    assert result.state == "completed"
    assert result.audio_s == 2.5
    assert result.error is None


def test_a_recording_ends_after_silence(dictate: Dictate, audio: Path) -> None:
    """The long recording pauses for seconds between its utterances."""
    dictation = dictate(LONG, realtime=True, stop_after_silence_s=1.0)
    result = result_of(dictation.start())
    assert result.state == "completed"
    assert result.text
    assert result.audio_s < soundfile.info(audio / LONG).duration / 2


def test_a_recording_without_a_word_ends_as_well(dictate: Dictate) -> None:
    dictation = dictate("noise_0.flac", stop_after_silence_s=0.5)
    assert result_of(dictation.start()).text == ""


# One at a time


def test_of_many_that_start_at_once_one_wins(dictate: Dictate, history: History) -> None:
    dictation = dictate(LONG, realtime=True)
    barrier = threading.Barrier(16)
    won: list[Future[DictationResult]] = []
    refused: list[str] = []

    def go() -> None:
        barrier.wait()
        try:
            won.append(dictation.start())
        except PipelineBusy as error:
            refused.append(str(error))

    threads = [threading.Thread(target=go) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(refused) == 15
    assert all("another dictation is" in line for line in refused)
    assert len(history.entries()) == 1
    dictation.stop()
    assert result_of(won[0]).state == "completed"


@pytest.mark.parametrize("held_at", ["filtering", "enhancing", "outputting"])
def test_another_one_is_refused_while_one_is_being_worked_on(dictate: Dictate, held_at: str) -> None:
    held = Held()
    parts = {"filtering": {"filters": held}, "enhancing": {"enhancer": held}, "outputting": {"sinks": [held]}}
    dictation = dictate(**parts[held_at])
    future = dictation.start()
    assert held.reached.wait(LIMIT_S)
    assert dictation.state == held_at
    for begin in (dictation.start, dictation.toggle, dictation.press, lambda: dictation.retry(1)):
        with pytest.raises(PipelineBusy, match=f"another dictation is {held_at}"):
            begin()
    with pytest.raises(InvalidTransition, match=f"{held_at} cannot be stopped"):
        dictation.stop()
    held.let_go.set()
    assert result_of(future).state == "completed"


def test_what_makes_no_sense_in_a_state_is_refused(dictate: Dictate) -> None:
    dictation = dictate()
    with pytest.raises(InvalidTransition, match="idle cannot be stopped"):
        dictation.stop()
    assert dictation.release() is None
    assert not dictation.cancel()
    dictation.close()
    dictation.close()
    with pytest.raises(InvalidTransition, match="was closed"):
        dictation.start()


def test_toggle_and_push_to_talk(dictate: Dictate) -> None:
    dictation = dictate(LONG, realtime=True)
    first = dictation.toggle()
    assert dictation.state == "recording"
    assert dictation.toggle() is first
    assert result_of(first).state == "completed"
    second = dictation.press()
    assert dictation.state == "recording"
    assert dictation.release() is second
    assert result_of(second).state == "completed"


def test_a_future_may_be_awaited_and_may_begin_the_next_one(dictate: Dictate) -> None:
    dictation = dictate()
    seen: list[Future[DictationResult]] = []
    started = threading.Event()

    def again(_: object) -> None:
        seen.append(dictation.start())
        started.set()

    async def main() -> DictationResult:
        future = dictation.start()
        future.add_done_callback(again)
        return await asyncio.wrap_future(future)

    assert asyncio.run(main()).text == SAID
    assert started.wait(LIMIT_S)
    assert result_of(seen[0]).text == SAID


def test_a_running_source_gives_what_was_said_before_the_start(
    model: thoth.WhisperModel, history: History, audio: Path
) -> None:
    with thoth.FileSource(audio / LONG, preroll_s=2.0) as source:
        reader = iter(source)
        for _ in range(25):
            next(reader)
        with Dictation(model, source=source, history=history) as dictation:
            future = dictation.start(preroll_s=1.5)
            dictation.stop()
            assert result_of(future).audio_s >= 1.5
            short = dictation.start(preroll_s=0.0)
            dictation.stop()
            assert result_of(short).audio_s < 1.5
        assert source.running, "it is left as it was"


def test_a_start_that_waits_for_the_disk_loses_nothing_that_is_said_meanwhile(
    model: thoth.WhisperModel, history: History
) -> None:
    """The recording begins where it was asked for, however long its entry takes."""
    begun: list[Future[DictationResult]] = []
    with FedInput(preroll_s=5.0) as source, Dictation(model, source=source, history=history) as dictation:
        source.push(numbered(8_000))
        source.settle()
        outside = sqlite3.connect(history.folder / "history.db", isolation_level=None)
        outside.execute("BEGIN IMMEDIATE")  # what a slow disk does
        starting = threading.Thread(target=lambda: begun.append(dictation.start(preroll_s=0.0)))
        starting.start()
        wait_until(lambda: dictation._current is not None)
        source.push(numbered(16_000, first=8_000))
        source.settle()
        outside.execute("ROLLBACK")
        outside.close()
        starting.join(LIMIT_S)
        dictation.stop()
        assert result_of(begun[0]).audio_s >= 1.0


def test_a_recording_of_nothing_is_retried_without_a_failure(dictate: Dictate, history: History) -> None:
    entry = history.begin()
    assert entry.audio_path is not None
    with WavWriter(entry.audio_path, 16_000):
        pass
    history.finish(entry.id, "failed")
    result = result_of(dictate().retry(entry.id))
    assert (result.state, result.text, result.error) == ("completed", "", None)


def test_the_entry_says_by_which_model_the_latest_run_heard_it(
    dictate: Dictate, history: History, model: thoth.WhisperModel, tmp_path: Path
) -> None:
    first = result_of(dictate(model="nano.en").start())
    assert first.id is not None
    assert history.get(first.id).model == model.path.name
    other = tmp_path / "another.bin"
    shutil.copyfile(model.path, other)
    assert result_of(dictate(model=other).retry(first.id)).text == SAID
    assert history.get(first.id).model == "another.bin"


def test_a_preroll_that_makes_no_sense_is_refused_and_leaves_no_entry(dictate: Dictate, history: History) -> None:
    dictation = dictate()
    for odd in (-1, float("nan"), 1e9):
        with pytest.raises(InvalidOption, match="preroll_s"):
            dictation.start(preroll_s=odd)
    assert history.entries() == []
    assert result_of(dictation.start()).text == SAID


# Whoever waits for the result


def test_a_task_that_stops_waiting_changes_nothing(dictate: Dictate, history: History) -> None:
    """Cancelling a task cancels the future that it awaits, which must not reach the dictation."""
    kept = Kept()
    dictation = dictate(sinks=[kept])
    told = Told(dictation)

    async def main() -> Future[DictationResult]:
        future = dictation.start()
        awaiting = asyncio.ensure_future(asyncio.wrap_future(future))
        await asyncio.sleep(0)
        awaiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await awaiting
        return future

    result = result_of(asyncio.run(main()))
    assert result.state == "completed"
    assert kept.texts == [SAID]
    told.wait_for("completed", "idle")
    assert history.entries()[0].state == "completed"


@pytest.mark.parametrize("error", [ValueError, SystemExit], ids=lambda error: error.__name__)
def test_a_callback_that_raises_costs_nothing(dictate: Dictate, history: History, error: type[BaseException]) -> None:
    called = threading.Event()

    def faulty(_: object) -> None:
        called.set()
        raise error

    held = Held()
    dictation = dictate(sinks=[held])
    future = dictation.start()
    assert held.reached.wait(LIMIT_S)
    future.add_done_callback(faulty)
    held.let_go.set()
    assert result_of(future).state == "completed"
    assert called.wait(LIMIT_S)
    assert result_of(dictation.start()).state == "completed"  # and by then the thread of the first is through
    assert {entry.state for entry in history.entries()} == {"completed"}
    assert {entry.error for entry in history.entries()} == {None}


# Cancelling


def cancelled(dictation: Dictation, future: Future[DictationResult]) -> DictationResult:
    assert dictation.cancel()
    assert dictation.state == "idle"
    result = result_of(future)
    assert result.state == "cancelled"
    return result


def test_a_recording_that_is_cancelled_is_kept(dictate: Dictate, history: History) -> None:
    dictation = dictate(LONG, realtime=True)
    future = dictation.start()
    while dictation.position_s < 2.0:
        pass
    result = cancelled(dictation, future)
    assert isinstance(result.error, thoth.Cancelled)
    assert result.id is not None
    entry = history.get(result.id)
    assert entry.state == "cancelled"
    assert entry.retryable
    assert entry.audio_path is not None
    assert soundfile.info(entry.audio_path).duration >= 2.0
    again = result_of(dictation.retry(result.id))
    assert again.state == "completed"
    assert again.text
    assert history.get(result.id).attempts == 2


@pytest.mark.parametrize("obeys", [True, False], ids=["obeys", "hangs"])
@pytest.mark.parametrize("held_at", ["filtering", "enhancing", "outputting"])
def test_each_stage_can_be_cancelled_also_one_that_hangs(
    dictate: Dictate, history: History, held_at: str, obeys: bool
) -> None:
    held = Held(obeys=obeys)
    parts = {"filtering": {"filters": held}, "enhancing": {"enhancer": held}, "outputting": {"sinks": [held]}}
    dictation = dictate(**parts[held_at])
    future = dictation.start()
    assert held.reached.wait(LIMIT_S)
    result = cancelled(dictation, future)
    # The next one begins at once, though the one before it may still hang.
    assert held_at != "outputting" or held.got == [SAID]
    next_one = dictation.start()
    held.let_go.set()
    assert result_of(next_one).state == "completed"
    dictation.close()
    assert result.id is not None
    entry = history.get(result.id)
    assert entry.state == "cancelled"
    assert entry.raw_text == SAID


def test_what_is_left_behind_can_be_tried_again_at_once(dictate: Dictate, history: History) -> None:
    hanging, later = Held(obeys=False), Held()
    later.let_go.set()
    parts = [hanging, later]
    dictation = dictate(filters=lambda text: parts.pop(0)(text))
    future = dictation.start()
    assert hanging.reached.wait(LIMIT_S)
    result = cancelled(dictation, future)
    assert isinstance(result.error, thoth.Cancelled)
    assert "left behind" in str(result.error)
    assert result.raw_text == SAID
    assert result.audio_s > 1
    assert result.audio_path is not None
    assert result.id is not None
    wait_until(lambda: history.get(result.id or 0).state == "cancelled")
    again = dictation.retry(result.id)
    assert result_of(again).state == "completed"
    # What was left behind ends at last, and has no say any more.
    hanging.let_go.set()
    dictation.close()
    wait_until(lambda: not any(thread.name == "thoth-dictation" for thread in threading.enumerate()))
    entry = history.get(result.id)
    assert entry.state == "completed"
    assert entry.attempts == 2


def test_a_callback_that_hangs_holds_up_nobody_who_cancels(dictate: Dictate) -> None:
    hanging, let_go, returned = Held(obeys=False), threading.Event(), threading.Event()

    def call_back(_: object) -> None:
        let_go.wait(LIMIT_S)
        returned.set()

    dictation = dictate(filters=hanging)
    future = dictation.start()
    assert hanging.reached.wait(LIMIT_S)
    future.add_done_callback(call_back)
    assert dictation.cancel()
    assert not returned.is_set()
    assert dictation.state == "idle"
    let_go.set()
    hanging.let_go.set()


class SlowToOpen(thoth.FileSource):
    """A device that takes as long to open as the test wants."""

    def __init__(self, recording: Path) -> None:
        super().__init__(recording)
        self.opening, self.answer = threading.Event(), threading.Event()

    def _open(self, pump: Pump) -> None:
        self.opening.set()
        assert self.answer.wait(LIMIT_S)
        super()._open(pump)


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_while_the_device_opens_it_can_be_cancelled_and_closed(
    dictate: Dictate, history: History, audio: Path, end: str
) -> None:
    source = SlowToOpen(audio / LONG)
    dictation = dictate(source=source)
    told = Told(dictation)
    refused: list[BaseException] = []

    def start() -> None:
        try:
            dictation.start()
        except thoth.ThothError as error:
            refused.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    assert source.opening.wait(LIMIT_S)
    with pytest.raises(PipelineBusy, match="opening the microphone"):
        dictation.start()
    if end == "cancel":
        assert dictation.cancel()
    else:
        dictation.close()
    assert dictation.state == "idle"
    if end == "cancel":
        told.wait_for("cancelled", "idle")
    source.answer.set()
    starting.join(LIMIT_S)
    assert [type(error) for error in refused] == [thoth.Cancelled]
    assert not source.running
    assert history.entries() == []


def test_a_key_that_is_let_go_while_the_device_opens_ends_the_recording(dictate: Dictate, audio: Path) -> None:
    source = SlowToOpen(audio / LONG)
    dictation = dictate(source=source)
    pressing = threading.Thread(target=dictation.press)
    pressing.start()
    assert source.opening.wait(LIMIT_S)
    future = dictation.release()
    source.answer.set()
    pressing.join(LIMIT_S)
    assert future is not None
    assert result_of(future).state == "completed"


def test_a_retry_has_a_state_at_once(dictate: Dictate) -> None:
    held = Held()
    held.let_go.set()
    dictation = dictate(filters=held)
    first = result_of(dictation.start())
    assert first.id is not None
    held.let_go.clear()
    future = dictation.retry(first.id)
    assert dictation.state != "idle"
    with pytest.raises(PipelineBusy, match=r"another dictation is (transcribing|filtering)"):
        dictation.start()
    held.let_go.set()
    assert result_of(future).state == "completed"


class Fidget:
    """Somebody who does anything at any time to a dictation."""

    WHATEVER = ("start", "toggle", "press", "release", "stop", "cancel", "retry", "position_s")
    REFUSALS = (PipelineBusy, InvalidTransition, thoth.Cancelled, thoth.HistoryError)

    def __init__(self, dictation: Dictation, seed: int, turns: int) -> None:
        self._dictation = dictation
        self._chance = random.Random(seed)
        self._turns = turns
        self.futures: list[Future[DictationResult]] = []
        self.unexpected: list[BaseException] = []

    def __call__(self) -> None:
        try:
            for _ in range(self._turns):
                with contextlib.suppress(*self.REFUSALS):
                    self._do(self._chance.choice(self.WHATEVER))
        except BaseException as error:  # told by the main thread
            self.unexpected.append(error)

    def _do(self, what: str) -> None:
        attribute = getattr(self._dictation, what)
        if what == "retry":
            self.futures.append(attribute(self._chance.randint(1, 20)))
        elif what in ("start", "toggle", "press"):
            self.futures.append(attribute())
        elif callable(attribute):
            attribute()


def test_many_threads_may_do_anything_at_any_time(dictate: Dictate, history: History) -> None:
    """2400 calls: nothing sticks, and each run comes to an end, in its future and in its entry."""
    dictation = dictate("digits_00_1.flac", filters=str.strip)
    people = [Fidget(dictation, seed, turns=300) for seed in range(8)]
    threads = [threading.Thread(target=somebody) for somebody in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error for somebody in people for error in somebody.unexpected] == []
    dictation.cancel()
    assert dictation.state == "idle"
    for somebody in people:
        for future in somebody.futures:
            result_of(future)
    wait_until(lambda: not any(thread.name.startswith("thoth-dictation") for thread in threading.enumerate()))
    assert not dictation.source.running
    entries = history.entries(limit=None)
    assert {entry.state for entry in entries} - {"completed"} == {"cancelled"}
    assert not any(entry.in_work for entry in entries)
    assert result_of(dictation.start()).state == "completed"


def test_a_pass_of_the_model_can_be_cancelled(dictate: Dictate) -> None:
    dictation = dictate(LONG)
    first = result_of(dictation.start())
    assert first.id is not None
    told = Told(dictation)
    future = dictation.retry(first.id)
    told.wait_for("transcribing")
    result = cancelled(dictation, future)
    assert result.audio_path == first.audio_path


def test_a_sink_may_cancel_its_own_dictation(dictate: Dictate) -> None:
    outcome: list[bool] = []

    class Canceller(Kept):
        def deliver(self, text: str, cancel: thoth.CancelToken) -> None:
            outcome.append(dictation.cancel())

    dictation = dictate(sinks=[Canceller()])
    assert result_of(dictation.start()).state == "cancelled"
    assert dictation.state == "idle"


# Retrying


def test_a_retry_goes_the_whole_way_again(dictate: Dictate, history: History) -> None:
    failing, kept = Held(), Kept()
    dictation = dictate(filters=failing)
    future = dictation.start()
    assert failing.reached.wait(LIMIT_S)
    first = cancelled(dictation, future)
    failing.let_go.set()
    assert first.id is not None
    later = dictate(filters=str.title, sinks=[kept], enhancer=failing)
    told = Told(later)
    result = result_of(later.retry(first.id))
    assert result.id == first.id
    assert result.raw_text == SAID
    assert kept.texts == [SAID.upper()]
    told.wait_for("idle")
    assert told.states == ["transcribing", "filtering", "enhancing", "outputting", "completed", "idle"]
    entry = history.get(first.id)
    assert entry.state == "completed"
    assert entry.error is None


def test_what_cannot_be_tried_again_is_told(dictate: Dictate, history: History) -> None:
    dictation = dictate()
    with pytest.raises(thoth.ThothError, match="77"):
        dictation.retry(77)
    result = result_of(dictation.start())
    assert result.audio_path is not None
    assert result.id is not None
    result.audio_path.unlink()
    with pytest.raises(thoth.ThothError, match="gone"):
        dictation.retry(result.id)
    assert dictation.state == "idle"
    assert result_of(dictation.start()).text == SAID


# Options


def test_options_that_make_no_sense_are_refused(model: thoth.WhisperModel, history: History, audio: Path) -> None:
    source = thoth.FileSource(audio / LONG)
    with pytest.raises(InvalidOption, match="device is for a dictation without a source"):
        Dictation(model, source=source, device=1, history=history)
    with pytest.raises(thoth.ThothError, match="longest_s"):
        Dictation(model, source=source, history=history, longest_s=0)
    with pytest.raises(thoth.ThothError, match="stop_after_silence_s"):
        Dictation(model, source=source, history=history, stop_after_silence_s=-1)
    with pytest.raises(InvalidOption, match="beam_size"):
        Dictation(model, source=source, history=history, beam_size=0)


def test_a_result_is_a_value(dictate: Dictate) -> None:
    result = result_of(dictate().start())
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.text = "other"  # type: ignore[misc]


def test_what_was_dictated_once_is_not_in_the_next_one_again(
    model: thoth.WhisperModel, history: History, audio: Path
) -> None:
    """However soon it begins, and however far its pre-roll reaches."""
    with (
        thoth.FileSource(audio / LONG, preroll_s=20.0) as source,
        Dictation(model, source=source, history=history) as dictation,
    ):
        lengths_s = []
        begin_s = source.stats.duration_s
        for turn in range(4):
            future = dictation.start(preroll_s=0.0 if turn == 0 else 15.0)
            while dictation.position_s < 0.5:
                assert not future.done()
            if turn == 2:
                dictation.cancel()
            else:
                dictation.stop()
            lengths_s.append(result_of(future).audio_s)
        assert sum(lengths_s) <= source.stats.duration_s - begin_s + 0.01
        assert min(lengths_s) >= 0.5
