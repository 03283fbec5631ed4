"""Dictations of real recordings: what comes out, what is told and kept, and who may begin one."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
import soundfile
from dictating import LIMIT_S, Held, Kept, Told

import thoth
from thoth.dictation.events import PipelineComplete
from thoth.dictation.history import History
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
