"""`thoth dictate` in a process of its own: recordings, a microphone that hears what the test plays, terminals, keys."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from chat_server import ChatServer, edits
from pulse_audio import PulseServer
from small_terminal import DIM, INVERSE, OnTerminal, SmallTerminal
from thoth_command import RECORDINGS, TRUE_TEXTS, ThothCommand, words
from x_display import TextField, XDisplay, key_down, key_up, press

from thoth.dictation.history.store import History

pytestmark = pytest.mark.timeout(120)

DIGITS = RECORDINGS / "digits_07_4.flac"
TEXT = "Three two seven four\n"
SHORT = RECORDINGS / "digits_03_2.flac"
SHORT_TEXT = "Three eight"
TEN_DIGITS = RECORDINGS / "digits_17_10.flac"
SILENCE = RECORDINGS / "silence_0.flac"


@pytest.fixture
def mute_endpoint() -> Iterator[str]:
    """Give the address of an endpoint that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


class Typing(OnTerminal):
    """A run whose terminal keys can be pressed."""

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def modes(self) -> Any:
        return termios.tcgetattr(self._ours)[:4]

    def set_modes(self, modes: Any) -> None:
        termios.tcsetattr(self._ours, termios.TCSANOW, modes + termios.tcgetattr(self._ours)[4:])


def history(tmp_path: Path) -> History:
    return History(tmp_path / "history")


def objects(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def states(lines: list[dict[str, Any]]) -> list[str]:
    return [line["state"] for line in lines if line["event"] == "pipeline-progress"]


def until_state(state: str, run: subprocess.Popen[bytes]) -> None:
    assert run.stdout is not None
    for line in run.stdout:
        one = json.loads(line)
        if one["event"] == "pipeline-progress" and one["state"] == state:
            return
    pytest.fail(f"it ended without {state}")


def next_result(run: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert run.stdout is not None
    for line in run.stdout:
        one = json.loads(line)
        if one["event"] == "pipeline-complete":
            result: dict[str, Any] = one["result"]
            return result
    pytest.fail("it ended without a result")


def result_of(run: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert run.stdout is not None
    (done,) = [line for line in objects(run.stdout.read().decode()) if line["event"] == "pipeline-complete"]
    result: dict[str, Any] = done["result"]
    return result


def test_a_recording_becomes_its_text_and_nothing_else_on_stdout(thoth: ThothCommand, tmp_path: Path) -> None:
    run = thoth("dictate", "--once", "--file", DIGITS)
    assert (run.returncode, run.stdout) == (0, TEXT)
    assert run.stderr.splitlines()[1:] == [
        f"thoth: listening to {DIGITS}; Ctrl-C ends",
        "thoth: dictation 1, 0:03, is in the history",
    ]
    with history(tmp_path) as kept:
        (entry,) = kept.entries()
        assert (entry.state, entry.text, entry.raw_text) == ("completed", TEXT.strip(), "three two seven four")
        assert entry.audio_path is not None
        assert soundfile.info(entry.audio_path).frames == soundfile.info(DIGITS).frames


def test_quiet_leaves_the_text_alone_and_a_file_means_once(thoth: ThothCommand) -> None:
    run = thoth("dictate", "-q", "--file", DIGITS)
    assert (run.returncode, run.stdout, run.stderr) == (0, TEXT, "")


def test_without_speech_there_is_no_text_and_a_line_says_so(thoth: ThothCommand) -> None:
    run = thoth("dictate", "--once", "--file", SILENCE)
    assert (run.returncode, run.stdout) == (0, "")
    assert run.stderr.splitlines()[-1].startswith("thoth: no speech was heard; ")


def test_json_lines_tell_every_state_the_text_while_spoken_and_the_result(thoth: ThothCommand) -> None:
    run = thoth("dictate", "--once", "--json", "--file", DIGITS)
    assert run.returncode == 0
    lines = objects(run.stdout)
    assert states(lines) == ["recording", "transcribing", "filtering", "completed", "idle"]
    said = "".join(line["committed"] for line in lines if line["event"] == "live-update")
    assert words(said) == words(TEXT)
    (done,) = [line["result"] for line in lines if line["event"] == "pipeline-complete"]
    assert (done["text"], done["rawText"], done["isEnhanced"], done["error"]) == (
        TEXT.strip(),
        "three two seven four",
        False,
        None,
    )
    assert Path(done["audioPath"]).is_file()


def test_text_goes_to_all_outputs_in_their_order(thoth: ThothCommand, tmp_path: Path) -> None:
    notes, copy = tmp_path / "notes.txt", tmp_path / "copy"
    command = f"command:tee {copy}"
    run = thoth("dictate", "--file", DIGITS, "-o", f"file:{notes}", "-o", command, "-o", "stdout", "-o", "stdout")
    assert (run.returncode, run.stdout) == (0, TEXT)
    assert notes.read_text() == TEXT
    assert copy.read_text() == TEXT.strip()
    assert thoth("dictate", "-q", "--file", DIGITS, "-o", f"file:{notes}").stdout == ""
    assert notes.read_text() == TEXT * 2


def test_settings_of_the_file_hold_unless_a_variable_or_flag_says_otherwise(
    thoth: ThothCommand, tmp_path: Path
) -> None:
    settings = tmp_path / "mine.toml"
    settings.write_text(
        f"[filters]\ncasing = false\ndictionary = {{seven = 'SEVEN'}}\n[history]\nfolder = '{tmp_path / 'elsewhere'}'\n"
    )
    assert thoth("dictate", "--file", DIGITS, "--config", settings).stdout == "three two SEVEN four\n"
    assert thoth("dictate", "--file", DIGITS, THOTH_CONFIG=str(settings)).stdout == "three two SEVEN four\n"
    run = thoth("dictate", "--file", DIGITS, THOTH_CONFIG=str(settings), THOTH_FILTERS_DICTIONARY='{four = "4"}')
    assert run.stdout == "three two seven 4\n"
    assert (tmp_path / "elsewhere" / "recordings").is_dir()
    assert not (tmp_path / "history").exists()
    run = thoth("dictate", "--file", DIGITS, "-o", f"file:{tmp_path / 'out'}", THOTH_OUTPUT_SINKS="file:/nowhere/out")
    assert (run.returncode, (tmp_path / "out").read_text()) == (0, TEXT)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--file", DIGITS, "--device", "1"), 2, "--device"),
        (("--realtime",), 2, "--realtime"),
        (("--once", "--wake", "computer"), 2, "--once"),
        (("--hotkey", "f9", "--push-to-talk", "f8"), 2, "--hotkey"),
        ((), 2, "no terminal is here"),
        (("--once", "--enhance", "http://127.0.0.1:9/v1"), 2, "--enhance: enhance.url is set and enhance.model is not"),
        (("--file", DIGITS, "-o", "fil:x"), 2, "'fil:x'"),
        (("--file", DIGITS, "-o", "file:/no/folder/x"), 1, "/no/folder"),
        (("--file", DIGITS, "--stop-after-silence", "60"), 2, "--stop-after-silence: dictation.stop_after_silence_s"),
        (("--file", DIGITS, "-l", "xx"), 2, "xx"),
        (("--file", DIGITS, "-l", "de"), 2, "'de', and ggml-nano.en-q5_1.bin knows English only"),
        (("--file", DIGITS, "-m", "nonsense"), 1, "nonsense"),
        (("--file", DIGITS, "-m", "base.en", "--offline"), 1, "base.en is not installed"),
        (("--file", DIGITS, "--config", "no.toml"), 2, "no.toml"),
        (("--file", "nothing.wav"), 1, "nothing.wav"),
        (("--file", __file__), 1, "test_dictate.py"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_recorded(
    thoth: ThothCommand, tmp_path: Path, arguments: tuple[str | Path, ...], status: int, said: str
) -> None:
    run = thoth("dictate", "-q", *arguments, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (status, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.count("thoth: error: ") <= 1
    assert not list(tmp_path.rglob("*.wav"))


def test_a_device_that_is_not_there_is_one_line(hearing: ThothCommand) -> None:
    run = hearing("dictate", "--once", "-q", "--device", "nonsense")
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "'nonsense' is not there" in run.stderr


def test_without_a_display_hotkeys_are_refused_before_anything_else(thoth: ThothCommand, tmp_path: Path) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        thoth.environment.pop(name, None)
    for flag in ("--hotkey", "--push-to-talk"):
        run = thoth("dictate", flag, "ctrl+alt+d")
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr.count("\n") == 1
        assert "there is no display" in run.stderr
        assert "thoth dictate --once" in run.stderr
    assert not list(tmp_path.rglob("*.wav"))


def test_an_endpoint_that_is_down_costs_the_correction_and_not_the_text(thoth: ThothCommand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    run = thoth("dictate", "--file", DIGITS, "--enhance", url, "--enhance-model", "m", THOTH_ENHANCE_ATTEMPTS="1")
    assert (run.returncode, run.stdout) == (0, TEXT)
    (told,) = [line for line in run.stderr.splitlines() if "not enhanced" in line]
    assert url.removeprefix("http://").removesuffix("/v1") in told


def test_an_endpoint_corrects_the_text_and_its_key_is_not_shown(thoth: ThothCommand) -> None:
    with ChatServer(edits(lambda text: text.replace("Three", "Three,"))) as server:
        arguments = ("--json", "--file", DIGITS, "--enhance", server.url, "--enhance-model", "m")
        run = thoth("dictate", *arguments, THOTH_ENHANCE_API_KEY_ENV="MY_KEY", MY_KEY="sk-hidden")
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer sk-hidden"
    (done,) = [line["result"] for line in objects(run.stdout) if line["event"] == "pipeline-complete"]
    assert (done["text"], done["isEnhanced"]) == ("Three, two seven four", True)
    assert "hidden" not in run.stdout + run.stderr
    assert states(objects(run.stdout))[2:4] == ["filtering", "enhancing"]


def test_a_variable_for_the_key_that_is_not_set_is_said(thoth: ThothCommand) -> None:
    arguments = ("--file", DIGITS, "--enhance", "http://127.0.0.1:9", "--enhance-model", "m")
    run = thoth("dictate", "-q", *arguments, THOTH_ENHANCE_API_KEY_ENV="NO_SUCH_KEY")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "enhance.api_key_env names NO_SUCH_KEY, which is not set" in run.stderr


def test_a_model_that_cannot_be_loaded_fails_and_the_recording_is_kept(thoth: ThothCommand, tmp_path: Path) -> None:
    model = tmp_path / "broken.bin"
    model.write_bytes(b"no model" * 100)
    at_once = thoth("dictate", "--file", DIGITS, "-m", model)
    assert (at_once.returncode, at_once.stderr.count("\n")) == (1, 1)
    assert "broken.bin: not a usable Whisper model" in at_once.stderr
    run = thoth("dictate", "--file", DIGITS, "-m", model, "-l", "en")  # it need not be looked into for its languages
    assert (run.returncode, run.stdout) == (1, "")
    assert "broken.bin" in run.stderr
    assert "'thoth history retry 1' makes text of it" in run.stderr.splitlines()[-1]
    with history(tmp_path) as kept:
        assert kept.get(1).retryable


def test_a_microphone_is_heard_until_silence(hearing: ThothCommand, pulse: PulseServer) -> None:
    with hearing.start("dictate", "--once", "--json", "--device", "desk_micro") as run:
        until_state("recording", run)
        pulse.play(SHORT)
        result = result_of(run)
    assert run.returncode == 0
    assert result["text"] == SHORT_TEXT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_recording_and_what_was_said_is_delivered(
    hearing: ThothCommand, pulse: PulseServer, number: signal.Signals
) -> None:
    with hearing.start("dictate", "--once", "--json", "--stop-after-silence", "10") as run:
        until_state("recording", run)
        pulse.play(SHORT)
        run.send_signal(number)
        result = result_of(run)
    assert run.returncode == 0
    assert result["text"] == SHORT_TEXT


def test_a_second_ctrl_c_cancels_and_says_where_the_recording_is(
    thoth: ThothCommand, mute_endpoint: str, tmp_path: Path
) -> None:
    arguments = ("--once", "--file", TEN_DIGITS, "--realtime", "--enhance", mute_endpoint, "--enhance-model", "m")
    with thoth.start("dictate", "--json", *arguments) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        until_state("recording", run)
        for line in run.stdout:
            if json.loads(line).get("committed"):
                break
        run.send_signal(signal.SIGINT)
        until_state("enhancing", run)
        run.send_signal(signal.SIGINT)
        result = result_of(run)
        told = run.stderr.read().decode()
    assert run.returncode == 130
    assert result["state"] == "cancelled"
    assert f"'thoth history retry {result['id']}' makes text of it" in told
    with history(tmp_path) as kept:
        entry = kept.get(result["id"])
        assert entry.state == "cancelled"
        assert entry.retryable
        assert entry.raw_text


def test_a_reader_that_went_away_ends_it_quietly(thoth: ThothCommand) -> None:
    with thoth.start("dictate", "-q", "--json", "--file", TEN_DIGITS, "--realtime") as run:
        assert run.stdout is not None
        assert run.stderr is not None
        until_state("recording", run)
        run.stdout.close()
        assert run.wait(60) == 141
        assert run.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_told_and_the_text_is_in_the_history(thoth: ThothCommand, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full, thoth.start("dictate", "-q", "--file", DIGITS, stdout=full) as run:
        assert run.stderr is not None
        assert run.wait(60) == 1
        assert "No space left on device" in run.stderr.read().decode()
    with history(tmp_path) as kept:
        assert kept.get(1).text == TEXT.strip()


@pytest.fixture
def display(hearing: ThothCommand) -> Iterator[XDisplay]:
    with XDisplay() as display:
        hearing.environment |= display.variables
        yield display


def until_told(text: str, run: subprocess.Popen[bytes]) -> None:
    assert run.stderr is not None
    for line in run.stderr:
        if text in line.decode():
            return
    pytest.fail(f"it ended without {text}")


def test_while_keys_are_held_down_is_heard_and_the_text_is_typed_into_the_window(
    hearing: ThothCommand, pulse: PulseServer, display: XDisplay
) -> None:
    arguments = ("--json", "--push-to-talk", "ctrl+F9", "-o", "type")
    with TextField(display) as field, hearing.start("dictate", *arguments) as run:
        until_told("hold ctrl+F9 and speak", run)
        key_down(display, "ctrl+F9")
        until_state("recording", run)
        pulse.play(SHORT)
        key_up(display, "ctrl+F9")
        assert field.wait_for(SHORT_TEXT) == SHORT_TEXT
        until_state("idle", run)
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0


def test_a_hotkey_begins_and_ends_dictations_until_ctrl_c(
    hearing: ThothCommand, pulse: PulseServer, display: XDisplay
) -> None:
    with hearing.start("dictate", "--json", "--hotkey", "ctrl+F9") as run:
        until_told("ctrl+F9 begins and ends", run)
        for number in (1, 2):
            press(display, "ctrl+F9")
            until_state("recording", run)
            pulse.play(SHORT)
            press(display, "ctrl+F9")
            result = next_result(run)
            assert (result["id"], words(result["text"])[-2:]) == (number, words(SHORT_TEXT))
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0


def test_a_wake_phrase_begins_a_dictation_with_all_that_follows_it(thoth: ThothCommand) -> None:
    run = thoth("dictate", "--wake", "snowboy", "--file", RECORDINGS / "wakecmd_0.flac")
    assert (run.returncode, run.stdout) == (0, "Turn on the fan in the kitchen\n")
    assert "say 'snowboy'; Ctrl-C ends" in run.stderr
    assert thoth("dictate", "-q", "--wake", "snowboy", "--file", RECORDINGS / "wakecmd_1.flac").stdout == ""


def test_a_wake_phrase_at_the_microphone_again_and_again(hearing: ThothCommand, pulse: PulseServer) -> None:
    with hearing.start("dictate", "--json", "--wake", "snowboy", "--stop-after-silence", "0.6") as run:
        until_told("say 'snowboy'", run)
        for _ in range(2):
            pulse.play(RECORDINGS / "wakecmd_0.flac")
            until_state("completed", run)
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0


def test_keys_of_the_terminal_begin_end_and_cancel_dictations(hearing: ThothCommand, pulse: PulseServer) -> None:
    with Typing(hearing, "dictate", columns=100) as run:
        run.read_until("Enter begins and ends, Esc cancels, q quits")
        run.press("\x1b[A\x1bOPx\r")  # all but the last mean nothing
        run.read_until("recording")
        pulse.play(SHORT)
        run.press(" ")
        run.read_until("dictation 1")
        run.press("\r")
        run.read_until("recording")
        run.press("\x1b")
        run.read_until("cancelled")
        run.press("q")
        assert run.end() == 0
    screen = SmallTerminal(100, 12)
    screen.take(run.drawn.replace("\r\n", "\n\r"))
    shown = screen.text()
    assert SHORT_TEXT in shown
    assert not any("dBFS" in row for row in shown)


def test_on_a_terminal_what_is_said_is_shown_while_it_is_said(thoth: ThothCommand) -> None:
    with OnTerminal(thoth, "dictate", "--file", TEN_DIGITS, "--realtime", columns=40, lines=8) as run:
        assert run.end() == 0
    screen = SmallTerminal(40, 8)
    sure: list[list[str]] = []
    guesses = bars = 0
    spoken = words(TRUE_TEXTS[TEN_DIGITS.name])
    _, _, drawn = run.drawn.partition("Ctrl-C ends")
    for frame in drawn.split("\x1b[J"):
        screen.take(frame)
        shown = [row for row in screen.text(without=INVERSE) if "thoth" not in row]
        bars += any("recording" in row for row in screen.text())
        sure.append([word for word in words(" ".join(screen.text(without=DIM))) if word in spoken])
        guesses += len([word for word in words(" ".join(shown)) if word in spoken]) > len(sure[-1])
        screen.take("\x1b[J")
    assert bars > 5
    assert guesses > 2
    assert len({len(text) for text in sure}) > 3
    assert any(words(row) == spoken[: len(words(row))] and words(row) for row in screen.text())


def test_the_terminal_is_left_as_it_was(thoth: ThothCommand) -> None:
    with Typing(thoth, "dictate", "--file", TEN_DIGITS, "--realtime", columns=80) as run:
        before = run.modes()
        run.read_until("recording")
        assert run.modes() != before
        run.press("\r")  # ends it
        assert run.end() == 0
        assert run.modes() == before


def test_keys_work_after_the_job_was_stopped(thoth: ThothCommand) -> None:
    with Typing(thoth, "dictate", "--file", TEN_DIGITS, "--realtime", columns=80) as run:
        before = run.modes()
        run.read_until("recording")
        ours = run.modes()
        run.set_modes(before)  # as a shell does
        run.process.send_signal(signal.SIGCONT)
        while run.modes() != ours:
            run.read_until("dBFS")
        run.press(" ")
        run.read_until("dictation 1")
        assert run.end() == 0


def test_a_job_in_the_background_leaves_the_terminal_alone(thoth: ThothCommand) -> None:
    """Whoever touches the terminal from there is stopped."""
    code = (
        "import os, pty, subprocess, sys\n"
        "pid, terminal = pty.fork()\n"
        "if pid == 0:\n"
        "    run = subprocess.Popen(sys.argv[1:], process_group=0, stdout=subprocess.PIPE)\n"
        "    print('TEXT', run.communicate()[0], run.returncode, flush=True)\n"
        "    sys.exit()\n"
        "said = b''\n"
        "while True:\n"
        "    try:\n"
        "        said += os.read(terminal, 4096)\n"
        "    except OSError:\n"
        "        break\n"
        "os.waitpid(pid, 0)\n"
        "print(said.decode())\n"
    )
    command = [*thoth.argv, "dictate", "-q", "--file", str(DIGITS)]
    run = subprocess.run(
        [sys.executable, "-c", code, *command], env=thoth.environment, capture_output=True, text=True, timeout=60
    )
    assert f"TEXT {TEXT.encode()!r} 0" in run.stdout, run.stdout + run.stderr
