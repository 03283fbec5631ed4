"""What may go wrong with a dictation, each fault caused for real: it ends with the text or a recording to retry."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import random_model
import soundfile
from chat_server import ChatServer, Exchange, says, status
from dictating import LIMIT_S, Held, Kept, Told
from fed_input import FedInput, Floats, numbered
from pulse_audio import PulseServer
from python_process import PythonProcess

import thoth
from thoth.audio.decode import decode
from thoth.dictation.enhance.enhancer import Enhancer
from thoth.dictation.history import database
from thoth.dictation.history.store import History
from thoth.dictation.output.file import FileSink
from thoth.dictation.pipeline import Dictation
from thoth.dictation.result import DictationResult
from thoth.errors import AudioError, DeviceError, HistoryError, ModelError, ModelNotFound, OutputError

Dictate = Callable[..., Dictation]
SAID = "three two seven four"


def result_of(future: Future[DictationResult]) -> DictationResult:
    return future.result(LIMIT_S)


# The endpoint


def silent(exchange: Exchange) -> None:
    exchange.until_closing()


def garbage(exchange: Exchange) -> None:
    exchange.head(200, {"Content-Type": "application/json", "Connection": "close"})
    exchange.body(b'{"choices": [{"message": ')
    exchange.hang_up()


ANSWER = says(
    "The numbers three, two, seven and four add up to sixteen. Is there anything else you would like to know?"
)


@pytest.mark.parametrize(
    "behaviour", [status(500), garbage, silent, ANSWER], ids=["500", "malformed", "slow", "answers instead of editing"]
)
def test_an_endpoint_that_fails_costs_no_text(dictate: Dictate, history: History, behaviour: Any) -> None:
    kept = Kept()
    with ChatServer(behaviour) as server:
        enhancer = Enhancer(server.url, "any", timeout_s=1.0, attempts=2)
        result = result_of(dictate(enhancer=enhancer, sinks=[kept]).start())
        assert server.requests[0].dictated() == SAID
    check_raw_text_went_on(result, kept, history)


def test_an_endpoint_that_is_down_costs_no_text(dictate: Dictate, history: History) -> None:
    kept = Kept()
    with socket.socket() as taken:  # bound, not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        enhancer = Enhancer(f"http://127.0.0.1:{taken.getsockname()[1]}", "any", timeout_s=2.0, attempts=2)
        result = result_of(dictate(enhancer=enhancer, sinks=[kept]).start())
    check_raw_text_went_on(result, kept, history)


def check_raw_text_went_on(result: DictationResult, kept: Kept, history: History) -> None:
    assert result.state == "completed"
    assert kept.texts == [result.text] == [SAID]
    assert not result.is_enhanced
    (problem,) = result.problems
    assert problem.startswith("the text is not enhanced: ")
    (entry,) = history.entries()
    assert entry.problems == result.problems
    assert not entry.is_enhanced


def test_an_enhancement_that_works_is_put_out(dictate: Dictate) -> None:
    kept = Kept()
    with ChatServer(says("Three, two, seven, four.")) as server:
        result = result_of(dictate(enhancer=Enhancer(server.url, "any"), sinks=[kept]).start())
    assert kept.texts == ["Three, two, seven, four."]
    assert result.is_enhanced
    assert result.raw_text == SAID


# The microphone


@pytest.fixture
def speech(audio: Path) -> Floats:
    return decode(audio / "digits_07_4.flac")


def test_a_microphone_that_goes_in_mid_recording_leaves_what_was_said(
    model: thoth.WhisperModel, history: History, speech: Floats
) -> None:
    kept = Kept()
    source = FedInput(stall_s=0.3)
    with Dictation(model, source=source, history=history, sinks=[kept]) as dictation:
        future = dictation.start(preroll_s=0.0)
        source.push(speech)  # and then nothing comes any more
        result = result_of(future)
        assert isinstance(result.error, DeviceError)
        assert result.state == "completed"
        assert kept.texts == [SAID]
        assert any("ended before its time" in problem for problem in result.problems)
        assert result.audio_path is not None
        assert soundfile.info(result.audio_path).frames >= len(speech)
        # It can be tried again, and the next one begins anew.
        assert result.id is not None
        assert result_of(dictation.retry(result.id)).text == SAID


GONE = """
    import sys, json
    import thoth
    from thoth.dictation.history.store import History
    from thoth.dictation.pipeline import Dictation
    with Dictation(thoth.WhisperModel("nano.en"), history=History(sys.argv[1])) as dictation:
        future = dictation.start()
        print("recording", flush=True)
        result = future.result(60)
        print(json.dumps([result.state, result.text, type(result.error).__name__, str(result.error)]))
"""


def test_a_sound_server_that_is_killed_in_mid_recording_leaves_what_was_said(tmp_path: Path, audio: Path) -> None:
    import json

    folder = tmp_path / "pulse"
    folder.mkdir()
    script = GONE.replace("sys.argv[1]", repr(os.fspath(tmp_path / "history")))
    with PulseServer(folder) as pulse, PythonProcess(script, pulse.env) as process:
        assert process.line() == "recording"
        wav = tmp_path / "said.wav"
        soundfile.write(wav, decode(audio / "digits_07_4.flac"), 16_000)
        pulse.play(wav)
        pulse.kill()
        state, text, kind, message = json.loads(process.line())
    assert (state, kind) == ("completed", "DeviceError"), message
    assert text == SAID


def test_a_microphone_that_cannot_be_opened_is_told_at_once(
    model: thoth.WhisperModel, history: History, tmp_path: Path
) -> None:
    source = thoth.FileSource(tmp_path / "nothing.wav")
    with Dictation(model, source=source, history=history) as dictation:
        told = Told(dictation)
        with pytest.raises(AudioError, match=r"nothing\.wav"):
            dictation.start()
        told.wait_for("failed", "idle")
        assert dictation.state == "idle"
    (entry,) = history.entries()
    assert entry.state == "failed"
    assert "nothing.wav" in str(entry.error)
    assert not entry.retryable


# The model


def test_a_model_that_is_missing_leaves_a_recording_to_retry(
    dictate: Dictate, history: History, model: thoth.WhisperModel, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.bin"
    dictation = dictate(model=missing)
    result = result_of(dictation.start())
    assert result.state == "failed"
    assert isinstance(result.error, ModelNotFound)
    assert result.id is not None
    assert history.get(result.id).retryable
    shutil.copyfile(model.path, missing)
    again = result_of(dictation.retry(result.id))
    assert again.text == SAID
    assert again.state == "completed"


def test_without_a_model_a_recording_ends_at_silence_all_the_same(
    dictate: Dictate, history: History, audio: Path, tmp_path: Path
) -> None:
    """Who speaks hands-free is not recorded on and on because the text will have to come later."""
    dictation = dictate("long_3_58s.flac", realtime=True, model=tmp_path / "missing.bin", stop_after_silence_s=1.0)
    result = result_of(dictation.start())
    assert isinstance(result.error, ModelNotFound)
    assert 1 < result.audio_s < soundfile.info(audio / "long_3_58s.flac").duration / 2
    assert history.entries()[0].retryable


def test_a_model_that_is_being_loaded_is_let_go_at_the_end(
    model: thoth.WhisperModel, audio: Path, tmp_path: Path
) -> None:
    """Of a dictation that is closed, and of a program that ends without: neither waits for the model, nor crashes."""
    large = tmp_path / "large.bin"
    random_model.write_model(large, random_model.OFFICIAL["base.en"])
    code = f"""
        import thoth
        dictation = thoth.Dictation({os.fspath(large)!r}, source=thoth.FileSource("nothing.wav"))
        {{end}}
    """
    for end in ("dictation.close()", "pass", "del dictation"):
        with PythonProcess(code.format(end=end)) as process:
            assert process.outcome() == (0, "", "")


def test_a_model_that_is_closed_under_a_dictation_leaves_a_recording_to_retry(
    dictate: Dictate, history: History, model: thoth.WhisperModel
) -> None:
    own = thoth.WhisperModel(model.path)
    dictation = dictate(model=own)
    assert result_of(dictation.start()).text == SAID
    own.close()
    result = result_of(dictation.start())
    assert result.state == "failed"
    assert isinstance(result.error, ModelError)
    assert result.id is not None
    assert result_of(dictate().retry(result.id)).text == SAID


# The disk


def test_a_disk_that_is_full_at_the_start_is_told_before_anything_is_said(dictate: Dictate, small_disk: Path) -> None:
    with History(small_disk / "history") as history:
        (small_disk / "filler").write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))
        with dictate(history=history) as dictation:
            with pytest.raises((HistoryError, AudioError), match="full"):
                dictation.start()
            (small_disk / "filler").unlink()
            assert result_of(dictation.start()).text == SAID


def test_a_disk_that_fills_up_in_mid_recording_costs_no_text(
    dictate: Dictate, small_disk: Path, model: thoth.WhisperModel
) -> None:
    """What was heard up to then is put out, and what is in the file stays there."""
    with History(small_disk / "history") as history:
        room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
        (small_disk / "filler").write_bytes(bytes(max(room - 80_000, 0)))
        kept = Kept()
        with dictate("long_3_58s.flac", history=history, sinks=[kept]) as dictation:
            result = result_of(dictation.start())
        assert result.error is not None
        assert "full" in str(result.error)
        assert result.audio_path is not None
        assert result.audio_s > 1
        assert soundfile.info(result.audio_path).duration == pytest.approx(result.audio_s)
        assert result.state == "completed"
        assert kept.texts == [result.text]
        assert result.text


# The history


def test_a_history_that_somebody_keeps_locked_is_not_waited_for_again_and_again(
    dictate: Dictate, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 1.0)
    history.close()  # what is opened anew has that much patience
    kept, held = Kept(), Held()
    held.let_go.set()
    dictation = dictate("long_3_58s.flac", realtime=True, filters=str.strip, enhancer=held, sinks=[kept])
    future = dictation.start()
    outside = sqlite3.connect(history.folder / "history.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    while dictation.position_s < 5.0:
        assert not future.done()
    begin_s = time.monotonic()
    dictation.stop()
    result = result_of(future)
    waited_s = time.monotonic() - begin_s
    assert result.state == "completed"
    assert kept.texts == [result.text]
    assert result.text
    assert waited_s < 4, "once for what is written meanwhile, and once at the end"
    (problem,) = result.problems
    assert "locked" in problem
    outside.execute("ROLLBACK")
    outside.close()
    assert result.id is not None
    entry = history.get(result.id)
    assert entry.interrupted
    assert entry.retryable
    assert result_of(dictation.retry(result.id)).text


class Faulty(History):
    """A history in which one thing after the other goes wrong in a way that nobody thought of."""

    def update(self, entry_id: int, **fields: Any) -> None:
        raise RuntimeError("update is out of order")

    def finish(self, entry_id: int, state: Any, **fields: Any) -> None:
        super().finish(entry_id, state, **fields)
        raise RuntimeError("finish is out of order")

    def prune(self, **limits: Any) -> Any:
        raise RuntimeError("prune is out of order")


def test_a_history_that_fails_at_each_call_costs_no_text(dictate: Dictate, tmp_path: Path) -> None:
    kept = Kept()
    with Faulty(tmp_path / "faulty") as history:
        dictation = dictate(history=history, sinks=[kept])
        for _ in range(2):
            result = result_of(dictation.start())
            assert result.state == "completed"
            assert [problem.partition(": ")[2] for problem in result.problems] == [
                "unexpected RuntimeError: update is out of order",
                "unexpected RuntimeError: finish is out of order",
            ]
        assert kept.texts == [SAID, SAID]
        assert [entry.text for entry in history.entries()] == [SAID, SAID]


# The sinks


def test_a_sink_that_fails_costs_the_others_nothing(dictate: Dictate, tmp_path: Path) -> None:
    kept = Kept()
    folder = tmp_path / "folder"
    folder.mkdir()
    sink = FileSink(folder / "notes.txt")
    folder.rmdir()
    result = result_of(dictate(sinks=[sink, kept]).start())
    assert result.state == "completed"
    assert kept.texts == [SAID]
    assert any("notes.txt" in problem for problem in result.problems)


def test_where_every_sink_fails_the_text_is_in_the_history(dictate: Dictate, history: History, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    dictation = dictate(sinks=[FileSink(folder / "notes.txt")])
    folder.rmdir()
    result = result_of(dictation.start())
    assert result.state == "failed"
    assert isinstance(result.error, OutputError)
    assert result.text == SAID
    assert result.id is not None
    assert history.get(result.id).text == SAID
    folder.mkdir()
    assert result_of(dictation.retry(result.id)).state == "completed"
    assert (folder / "notes.txt").read_text() == SAID + "\n"


# Parts of the user's own


def test_a_filter_that_raises_costs_no_text(dictate: Dictate) -> None:
    def faulty(text: str) -> str:
        raise KeyError(text)

    kept = Kept()
    result = result_of(dictate(filters=faulty, sinks=[kept]).start())
    assert result.state == "completed"
    assert kept.texts == [SAID]
    assert "a filter failed: KeyError" in result.problems[0]


def test_an_enhancer_that_raises_costs_no_text(dictate: Dictate) -> None:
    class Faulty:
        def enhance(self, text: str, cancel: Any = None, on_text: Any = None) -> str:
            raise RuntimeError("out of order")

    kept = Kept()
    result = result_of(dictate(enhancer=Faulty(), sinks=[kept]).start())
    assert kept.texts == [SAID]
    assert "RuntimeError: out of order" in result.problems[0]


# The text that is made meanwhile


def test_where_the_live_text_is_not_whole_the_recording_is_transcribed(
    model: thoth.WhisperModel, history: History, speech: Floats
) -> None:
    """A reader that was kept from reading for too long: the file has what it missed."""
    source = FedInput()
    with Dictation(model, source=source, history=history) as dictation:
        future = dictation.start(preroll_s=0.0)
        # Far more at once than the backlog holds while a pass is under way.
        source.push(numbered(40 * 16_000) * 0)
        source.push(speech)
        source.settle()
        dictation.stop()
        assert result_of(future).text == SAID
