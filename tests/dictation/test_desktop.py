"""The whole way on a desktop, all parts real: a key or a phrase, a microphone, the model, an endpoint, a text field."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from chat_server import ChatServer, edits, status
from pulse_audio import PulseServer
from python_process import PythonProcess
from x_display import TextField, XDisplay, key_down, key_up, press

AUDIO = Path(__file__).parent.parent / "audio_files"
CLIPBOARD: Final = "what somebody copied before"

pytestmark = pytest.mark.timeout(300)

PROGRAM: Final = """
import json, os, sys
import thoth
from thoth.dictation.enhance.enhancer import Enhancer
from thoth.dictation.events import PipelineComplete, PipelineProgress
from thoth.dictation.filters.chain import filters_for
from thoth.dictation.filters.settings import FilterSettings
from thoth.dictation.hands_free import HandsFree
from thoth.dictation.history.store import History
from thoth.dictation.output.paste import PasteSink
from thoth.dictation.pipeline import Dictation
from thoth.dictation.shortcuts.manager import ShortcutManager
from thoth.wake.wakeword import WakeWord

def tell(event):
    if isinstance(event, PipelineProgress):
        print(json.dumps({"state": event.state}), flush=True)
    else:
        result = event.result
        print(json.dumps({
            "text": result.text, "raw": result.raw_text, "enhanced": result.is_enhanced, "problems": result.problems,
            "error": str(result.error), "result": result.state,
        }), flush=True)

model = thoth.WhisperModel("nano.en")
microphone = thoth.Microphone(preroll_s=5)
common = dict(
    source=microphone, filters=filters_for(FilterSettings()), enhancer=Enhancer(os.environ["URL"], "a-model"),
    sinks=[PasteSink()], history=History(os.environ["HISTORY"]),
)
"""

BY_KEY: Final = (
    PROGRAM
    + """
with Dictation(model, **common) as dictation, ShortcutManager() as shortcuts:
    dictation.events.subscribe(tell, PipelineProgress, PipelineComplete)
    shortcuts.register(
        "talk", "F9", mode="push-to-talk", on_press=dictation.press, on_release=dictation.release
    )
    shortcuts.register("toggle", "ctrl+alt+d", on_press=dictation.toggle)
    print(json.dumps({"state": "ready"}), flush=True)
    input()
"""
)

BY_PHRASE: Final = (
    PROGRAM
    + """
import threading
with microphone, Dictation(model, stop_after_silence_s=1.0, **common) as dictation:
    dictation.events.subscribe(tell, PipelineProgress, PipelineComplete)
    with WakeWord("snowboy", model=model) as listener:
        hands_free = HandsFree(dictation, listener)
        thread = threading.Thread(target=hands_free.run)
        thread.start()
        print(json.dumps({"state": "ready"}), flush=True)
        input()
        hands_free.stop()
        thread.join()
"""
)


class Desktop:
    """A display with a text field and something in its clipboard, a microphone, an endpoint; and who dictates there."""

    def __init__(self, display: XDisplay, pulse: PulseServer, field: TextField, server: ChatServer, home: Path) -> None:
        self.display, self.pulse, self.field, self.server = display, pulse, field, server
        self._home = home
        self.copy(CLIPBOARD)

    def copy(self, text: str) -> None:
        """Put a text into the clipboard; a program of its own gives it out from then on."""
        command = ["xclip", "-selection", "clipboard"]
        nothing = subprocess.DEVNULL
        subprocess.run(command, input=text, text=True, env=self.display.env, stdout=nothing, stderr=nothing, check=True)

    def clipboard(self) -> str:
        command = ["xclip", "-selection", "clipboard", "-o"]
        return subprocess.run(command, env=self.display.env, capture_output=True, text=True, check=True).stdout

    def dictating(self, program: str) -> PythonProcess:
        return PythonProcess(program, self._environment())

    def _environment(self) -> Mapping[str, str]:
        own = {"URL": self.server.url, "HISTORY": str(self._home / "history")}
        return self.pulse.env | self.display.variables | own


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """An endpoint that sets a capital and a full stop, the first time; after that it is out of service."""
    with ChatServer(edits(lambda text: text.strip().rstrip(".").capitalize() + "."), status(503)) as server:
        yield server


@pytest.fixture
def desktop(tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    folder = tmp_path / "pulse"
    folder.mkdir()
    with PulseServer(folder) as pulse, XDisplay() as display, TextField(display) as field:
        yield Desktop(display, pulse, field, server, tmp_path)


def told(program: PythonProcess, key: str, *values: str) -> Any:
    """Wait for a line that has `key`, and one of `values` if there are any."""
    while line := program.line():
        message = json.loads(line)
        if key in message and (not values or message[key] in values):
            return message
    pytest.fail(f"the dictating program ended: {program.outcome()[2]}")


@pytest.mark.parametrize("recording", ["digits_07_4.flac", "tts_00.flac"])
def test_hold_a_key_speak_and_the_text_stands_in_the_field(
    desktop: Desktop, manifest: dict[str, dict[str, Any]], recording: str
) -> None:
    words = manifest[recording]["text"]
    with desktop.dictating(BY_KEY) as program:
        told(program, "state", "ready")
        key_down(desktop.display, "F9")
        told(program, "state", "recording")
        desktop.pulse.play(AUDIO / recording)
        key_up(desktop.display, "F9")
        result = told(program, "result")
        assert (result["enhanced"], result["problems"], result["result"]) == (True, [], "completed")
        assert plain(result["raw"]) == words
        assert desktop.field.wait_for(result["text"]) == result["text"]
        assert desktop.clipboard() == CLIPBOARD
        program.go_on()
        assert program.outcome()[0] == 0
    assert result["text"][0].isupper()
    assert result["text"][-1] == "."
    assert plain(result["text"]) == plain(words)
    assert len(desktop.server.requests) == 1


def test_press_keys_speak_and_press_them_again(desktop: Desktop) -> None:
    """Twice, with an endpoint that fails the second time: what the model heard is pasted then."""
    with desktop.dictating(BY_KEY) as program:
        told(program, "state", "ready")
        for recording, words, enhanced in (("digits_02_2", "eight three", True), ("digits_00_1", "five", False)):
            desktop.field.clear()
            press(desktop.display, "ctrl+alt+d")
            told(program, "state", "recording")
            desktop.pulse.play(AUDIO / f"{recording}.flac")
            press(desktop.display, "ctrl+alt+d")
            result = told(program, "result")
            assert (result["result"], result["enhanced"]) == ("completed", enhanced)
            assert plain(result["text"]) == words
            assert desktop.field.wait_for(result["text"]) == result["text"]
            assert desktop.clipboard() == CLIPBOARD
            told(program, "state", "idle")
    assert "503" in "".join(result["problems"])


def test_say_the_phrase_and_a_command_in_one_breath(desktop: Desktop) -> None:
    with desktop.dictating(BY_PHRASE) as program:
        told(program, "state", "ready")
        player = desktop.pulse.play(AUDIO / "wakecmd_0.flac", block=False)
        told(program, "state", "recording")
        result = told(program, "result")
        assert player.wait() == 0
        assert (result["enhanced"], result["problems"], result["result"]) == (True, [], "completed")
        assert result["text"] == "Turn on the fan in the kitchen."
        assert desktop.field.wait_for(result["text"]) == result["text"]
        assert desktop.clipboard() == CLIPBOARD
        program.go_on()
        assert program.outcome()[0] == 0


def plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum() or character == " ").strip()
