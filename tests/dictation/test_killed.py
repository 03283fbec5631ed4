"""A process that is killed in mid-dictation: the entry and the recording survive, and a retry gives the text."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import random_model
import soundfile
from dictating import LIMIT_S
from python_process import PythonProcess

from thoth.dictation.history.store import History
from thoth.dictation.pipeline import Dictation

Dictate = Callable[..., Dictation]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

SCRIPT = """
    import os, sys, threading, time
    import thoth
    from thoth.dictation.events import PipelineProgress
    from thoth.dictation.history.store import History
    from thoth.dictation.pipeline import Dictation

    wanted, folder, recording, slow_model = {arguments}

    class Hanging:
        name = "a hanging part"
        def __call__(self, text): self.hang()
        def enhance(self, text, cancel=None, on_text=None): self.hang()
        def deliver(self, text, cancel): self.hang()
        def hang(self):
            threading.Event().wait()

    hanging = Hanging()
    parts = dict(filtering=dict(filters=hanging), enhancing=dict(enhancer=hanging), outputting=dict(sinks=[hanging]))
    source = thoth.FileSource(recording, realtime=wanted == "recording")
    history = History(folder)
    dictation = Dictation("nano.en", source=source, history=history, **parts.get(wanted, {{}}))
    begin = dictation.start
    if wanted == "transcribing":  # which the model that is here does too fast
        first = dictation.start().result()
        dictation = Dictation(thoth.WhisperModel(slow_model), source=source, history=history)
        begin = lambda: dictation.retry(first.id)

    def tell(event):
        if event.state == wanted:
            while wanted == "recording" and dictation.position_s < 3:
                time.sleep(0.01)
            print(os.getpid(), event.state, flush=True)

    dictation.events.subscribe(tell, PipelineProgress)
    begin()
    threading.Event().wait()
"""


@pytest.mark.parametrize("state", ["recording", "transcribing", "filtering", "enhancing", "outputting"])
def test_killed_in_each_state(dictate: Dictate, audio: Path, tmp_path: Path, state: str) -> None:
    recording = audio / ("long_1_28s.flac" if state == "recording" else "digits_07_4.flac")
    slow_model = tmp_path / "slow.bin"
    if state == "transcribing":
        random_model.write_model(slow_model, random_model.OFFICIAL["base.en"])
    folder = tmp_path / "history of the killed"
    arguments = tuple(map(os.fspath, (state, folder, recording, slow_model)))
    with PythonProcess(SCRIPT.format(arguments=repr(arguments))) as process:
        told = process.line().split()
        assert told[1:] == [state], process.outcome()
        os.kill(int(told[0]), signal.SIGKILL)
        assert process.outcome()[0] == -signal.SIGKILL
    with History(folder) as history:
        (entry,) = history.entries()
        assert entry.interrupted
        assert entry.state == state
        assert entry.retryable
        assert entry.audio_path is not None
        kept_s = soundfile.info(entry.audio_path).duration
        if state == "recording":
            assert kept_s >= 2, "less than the last second is missing"
        else:
            assert kept_s == pytest.approx(soundfile.info(recording).duration, abs=0.01)
        assert [one.id for one in history.retryable()] == [entry.id]
        dictation = dictate(history=history)
        result = dictation.retry(entry.id).result(LIMIT_S)
        assert result.state == "completed"
        if recording.name.startswith("digits"):
            assert result.text == "three two seven four"
        else:
            assert result.text.startswith("snowboy")
        again = history.get(entry.id)
        assert not again.interrupted
        assert again.state == "completed"
        assert again.attempts == entry.attempts + 1
