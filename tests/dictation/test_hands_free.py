"""A wake phrase begins a dictation, and no word of the command is lost."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from dictating import LIMIT_S, Held, Kept, Told
from fed_input import wait_until

import thoth
from thoth.audio.decode import decode
from thoth.audio.samples import Samples
from thoth.dictation.events import PipelineComplete
from thoth.dictation.hands_free import HandsFree
from thoth.dictation.history.store import History, HistoryEntry
from thoth.dictation.pipeline import Dictation
from thoth.dictation.run import without_call
from thoth.wake.detection import Wake
from thoth.wake.listener import WakeListener
from thoth.wake.wakeword import WakeWord

Dictate = Callable[..., Dictation]
PHRASES = ["snowboy", "alexa", "smart mirror"]
COMMANDS = ["wakecmd_0.flac", "wakecmd_1.flac", "wakecmd_2.flac", "wakecmd_3.flac"]
PAUSE = np.zeros(3 * 16_000, np.float32)


def wav(*pieces: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(pieces), 16_000, format="WAV")
    return file.getvalue()


def command_in(text: str) -> str:
    """What comes after the call."""
    return next(text.removeprefix(phrase).strip() for phrase in PHRASES if text.startswith(phrase))


def test_the_command_behind_the_phrase_is_dictated_whole(
    dictate: Dictate, model: thoth.WhisperModel, audio: Path
) -> None:
    """Spoken in one breath, one after the other, as fast as people speak."""
    expected = [command_in(model.transcribe(audio / name).text) for name in COMMANDS]
    assert expected[0] == "turn on the fan in the kitchen"
    pieces = [piece for name in COMMANDS for piece in (decode(audio / name), PAUSE)]
    source = thoth.FileSource(wav(PAUSE[:16_000], *pieces), preroll_s=20.0)
    kept = Kept()
    dictation = dictate(source=source, sinks=[kept], stop_after_silence_s=0.8)
    told = Told(dictation)
    with source, WakeWord(*PHRASES, model=model) as listener:
        HandsFree(dictation, listener).run()
        if dictation.state != "idle":
            told.wait_for("idle")
    results = [complete.result for complete in told.of(PipelineComplete)]
    assert [result.problems for result in results] == [()] * len(results)
    assert kept.texts == expected
    assert [command_in(result.raw_text) for result in results] == expected


def test_a_wake_while_something_else_is_dictated_is_let_go(
    dictate: Dictate, model: thoth.WhisperModel, audio: Path
) -> None:
    source = thoth.FileSource(wav(PAUSE, decode(audio / COMMANDS[0]), PAUSE), preroll_s=20.0)
    held = Held()
    dictation = dictate(source=source, sinks=[held], stop_after_silence_s=0.8)
    with source, WakeWord("snowboy", model=model) as listener:
        run = threading.Thread(target=HandsFree(dictation, listener).run)
        future = dictation.start()
        run.start()
        run.join(LIMIT_S)
        assert not run.is_alive()
        assert listener.stats.wakes == 1
        held.let_go.set()
        assert future.result(LIMIT_S).state == "completed"


def test_what_the_source_kept_too_little_of_is_told(model: thoth.WhisperModel, history: History, audio: Path) -> None:
    source = thoth.FileSource(wav(PAUSE, decode(audio / COMMANDS[0]), PAUSE), preroll_s=0.1)
    with source, Dictation(model, source=source, history=history, stop_after_silence_s=0.8) as dictation:
        told = Told(dictation)
        with WakeWord("snowboy", model=model) as listener:
            HandsFree(dictation, listener).run()
        told.wait_for("idle")
        (complete,) = told.of(PipelineComplete)
    assert any("s are missing: the source keeps too little" in problem for problem in complete.result.problems)


def wake(start_s: float = 0.5, end_s: float = 1.0, phrase: str = "snowboy", text: str = "") -> Wake:
    return Wake(phrase, 1.0, start_s, end_s, end_s, text, "")


def test_the_end_of_listening_leaves_the_source_to_a_dictation(
    dictate: Dictate, model: thoth.WhisperModel, audio: Path
) -> None:
    """A source that did not run before is needed by both, and stopped behind the last of them."""
    source = thoth.FileSource(wav(PAUSE[:16_000], decode(audio / COMMANDS[0]), *[PAUSE] * 20), preroll_s=20.0)
    dictation = dictate(source=source, stop_after_silence_s=30.0)
    told = Told(dictation)
    with WakeWord("snowboy", model=model) as listener:
        hands_free = HandsFree(dictation, listener)
        run = threading.Thread(target=hands_free.run)
        run.start()
        told.wait_for("recording")
        hands_free.stop()
        run.join(LIMIT_S)
        assert not run.is_alive()
        assert dictation.state == "recording"
        assert source.running
        wait_until(lambda: dictation.position_s > 6)
        result = dictation.stop().result(LIMIT_S)
        assert result.error is None
        assert result.text == "turn on the fan in the kitchen"
        wait_until(lambda: not source.running)


class Calling(WakeListener):
    """Hears its phrase once, at once."""

    def _hear(self, samples: Samples) -> Iterator[Wake]:
        if not self.stats.wakes:
            yield wake()

    def _forget(self) -> None:
        pass


def test_a_start_that_is_cancelled_does_not_end_the_listening(
    dictate: Dictate, audio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody may cancel in the very moment in which the phrase begins a recording."""
    source = thoth.FileSource(wav(PAUSE), realtime=False)
    dictation = dictate(source=source)
    listener = Calling(["snowboy"])
    begin = dictation.history.begin

    def begin_and_cancel(**how: str) -> HistoryEntry:
        dictation.cancel()
        return begin(**how)

    dictation.history.begin = begin_and_cancel  # type: ignore[method-assign]
    HandsFree(dictation, listener).run()  # to the source's end
    assert "'snowboy' was heard, and nothing could be dictated: " in caplog.text
    assert not listener.paused
    assert not source.running


@pytest.mark.parametrize(
    ("text", "called", "rest"),
    [
        ("Snowboy, turn on the light.", wake(), "turn on the light."),
        ("snow boy turn it on", wake(), "turn it on"),
        ("well snowboy turn it on", wake(), "turn it on"),
        ("please tell me snowboy turn it on", wake(0.5, 1.5), "turn it on"),
        ("no boat turn on the light and tell the snowboy to wait", wake(), None),
        ("turn on the light", wake(), None),
        ("", wake(), None),
        ("snowboy", wake(), ""),
    ],
)
def test_only_the_call_is_taken_from_the_text(text: str, called: Wake, rest: str | None) -> None:
    """Where the call itself was heard as something else, the phrase later in the text is what somebody said."""
    assert without_call(text, called) == (text if rest is None else rest)


def test_stop_ends_it_and_leaves_a_dictation_going_on(dictate: Dictate, model: thoth.WhisperModel, audio: Path) -> None:
    source = thoth.FileSource(wav(PAUSE, decode(audio / COMMANDS[0]), *[PAUSE] * 20), preroll_s=20.0)
    held = Held()
    dictation = dictate(source=source, sinks=[held], stop_after_silence_s=0.8)
    with source, WakeWord("snowboy", model=model) as listener:
        hands_free = HandsFree(dictation, listener)
        run = threading.Thread(target=hands_free.run)
        run.start()
        assert held.reached.wait(LIMIT_S)
        hands_free.stop()
        run.join(LIMIT_S)
        assert not run.is_alive()
        assert dictation.state == "outputting"
        assert held.got == ["turn on the fan in the kitchen"]
        held.let_go.set()
