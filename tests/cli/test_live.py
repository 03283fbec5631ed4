"""`thoth live` in a process of its own: recordings, a microphone that hears what the test plays, terminals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile
from pulse_audio import PulseServer
from small_terminal import DIM, INVERSE, OnTerminal, SmallTerminal
from thoth_command import RECORDINGS, RUN_MAIN, TRUE_TEXTS, ThothCommand, words

from thoth.cli.live.view import pieces
from thoth.live.update import Gap, LiveUpdate
from thoth.model.transcript import Word

pytestmark = pytest.mark.timeout(120)

DIGITS = RECORDINGS / "digits_07_4.flac"
DIGITS_TEXT = words(TRUE_TEXTS[DIGITS.name])
TEN_DIGITS = RECORDINGS / "digits_17_10.flac"
SPOKEN = words(TRUE_TEXTS[TEN_DIGITS.name])
LONG = RECORDINGS / "long_0_20s.flac"
LONG_TEXT = words(TRUE_TEXTS[LONG.name])

KEYS = {
    "listening": {"source", "saved"},
    "state": {"before", "state", "error"},
    "loading": {"done_bytes", "total_bytes"},
    "speech_started": {"at_s"},
    "speech_ended": {"at_s"},
    "update": {
        "committed",
        "tentative",
        "words",
        "is_final",
        "utterance",
        "start_s",
        "end_s",
        "delay_s",
    },
    "gap": {"start_s", "end_s", "reason"},
    "chunk_dropped": {"start_s", "end_s"},
    "catching_up": {"behind_s"},
    "caught_up": set(),
    "error": {"message"},
    "summary": {
        "heard_s",
        "saved",
        "total_chunks",
        "total_audio_seconds",
        "total_processing_seconds",
        "average_rtf",
        "p50_latency_ms",
        "p99_latency_ms",
        "queue_depth_max",
        "chunks_dropped",
        "errors",
    },
}


@pytest.fixture
def thoth(tmp_path: Path) -> ThothCommand:
    return ThothCommand(tmp_path / "models")


class AfterCode(ThothCommand):
    """The command, run after code that changes what it finds."""

    def __init__(self, models: Path, code: str) -> None:
        super().__init__(models)
        self.argv = (*self.argv[:1], "-c", code + RUN_MAIN)


def objects(lines: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [json.loads(line) for line in lines.splitlines()]
    for one in found:
        assert set(one) == KEYS[one["type"]] | {"type"}, one
    return found


def of_type(kind: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["type"] == kind]


def committed(lines: list[dict[str, Any]]) -> list[str]:
    return words("".join(update["committed"] for update in of_type("update", lines)))


def next_of_type(kind: str, run: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert run.stdout is not None
    for line in run.stdout:
        one: dict[str, Any] = json.loads(line)
        if one["type"] == kind:
            return one
    pytest.fail(f"it ended without {kind}")


def first_words(run: subprocess.Popen[bytes]) -> list[str]:
    while True:
        update = next_of_type("update", run)
        if update["committed"]:
            return words(update["committed"])


def assert_is_beginning(text: list[str]) -> None:
    """All of `text` but its last word, which may be half a word that was cut off, begins what is spoken."""
    assert 1 <= len(text) < len(SPOKEN)
    assert text[:-1] == SPOKEN[: len(text) - 1]


def rest(run: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    assert run.stdout is not None
    return objects(run.stdout.read().decode())


@pytest.mark.parametrize("name", ["digits_07_4", "tts_04", "silence_0"])
def test_a_recording_as_text_comes_out_word_for_word(thoth: ThothCommand, name: str) -> None:
    run = thoth("live", "--text", "-q", "--file", RECORDINGS / f"{name}.flac")
    assert (run.returncode, run.stderr) == (0, "")
    assert words(run.stdout) == words(TRUE_TEXTS[f"{name}.flac"])
    assert run.stdout == "" or run.stdout.endswith("\n")


def test_text_has_a_line_for_each_utterance_and_a_summary_beside_it(thoth: ThothCommand) -> None:
    run = thoth("live", "--text", "--file", LONG)
    assert run.returncode == 0
    assert words(run.stdout) == LONG_TEXT
    lines = run.stdout.splitlines()
    assert 1 < len(lines) < len(LONG_TEXT)
    assert all(line == line.strip() != "" for line in lines)
    said = run.stderr.splitlines()
    assert "151 English words" in said[0]
    assert said[1] == f"thoth: listening to {LONG}; Ctrl-C stops"
    assert said[-1].startswith("thoth: heard 0:20, ")
    assert "none dropped; no errors" in said[-1]


def test_without_a_terminal_json_lines_tell_everything(thoth: ThothCommand) -> None:
    run = thoth("live", "--file", LONG)
    assert run.returncode == 0
    lines = objects(run.stdout)
    assert committed(lines) == LONG_TEXT
    kinds = [line["type"] for line in lines]
    assert kinds.count("listening") == kinds.count("summary") == 1
    assert kinds[-1] == "summary"
    assert lines[-1]["heard_s"] == 20
    assert lines[-1]["total_chunks"] > 3
    assert [line["state"] for line in of_type("state", lines)] == [
        "initializing_worker",
        "loading_model",
        "ready",
        "recording",
        "ready",
        "uninitialized",
    ]
    loading = [line["done_bytes"] for line in of_type("loading", lines)]
    assert loading == sorted(set(loading))
    assert loading[-1] == of_type("loading", lines)[-1]["total_bytes"]
    assert 1 <= len(loading) <= 11
    found = [word for update in of_type("update", lines) for word in update["words"]]
    assert [word["start"] for word in found] == sorted(word["start"] for word in found)
    assert words("".join(word["word"] for word in found)) == LONG_TEXT
    assert len(of_type("speech_started", lines)) == len(of_type("speech_ended", lines)) >= 3
    assert any(update["tentative"] for update in of_type("update", lines))
    assert "heard" not in run.stderr


def test_the_audio_is_saved_to_the_sample_and_the_work_is_traced(thoth: ThothCommand, tmp_path: Path) -> None:
    saved, trace = tmp_path / "talk.wav", tmp_path / "trace.json"
    run = thoth("live", "--file", TEN_DIGITS, "--save", saved, "--trace", trace)
    assert run.returncode == 0
    lines = objects(run.stdout)
    assert lines[-1]["saved"] == of_type("listening", lines)[0]["saved"] == str(saved)
    assert f"{saved}: 0:07, nothing lost" in run.stderr
    heard, spoken = soundfile.read(saved, dtype="int16")[0], soundfile.read(TEN_DIGITS, dtype="int16")[0]
    assert len(heard) == len(spoken)
    assert abs(heard - spoken).max() <= 1
    events = json.loads(trace.read_text())["traceEvents"]
    names = {event["name"] for event in events if event["ph"] == "X"}
    assert names >= {
        "worker_initialization",
        "model_loading",
        "audio_capture",
        "transcription_loop",
        "chunk_process",
        "mel",
        "encode",
        "decode",
    }


def test_a_worker_process_gives_the_same_text(thoth: ThothCommand) -> None:
    run = thoth("live", "--text", "--isolation", "process", "--file", DIGITS)
    assert (run.returncode, words(run.stdout)) == (0, DIGITS_TEXT)


def test_files_that_exist_are_replaced_only_when_asked(thoth: ThothCommand, tmp_path: Path) -> None:
    there = tmp_path / "there"
    for option in ("--save", "--trace"):
        there.write_text("mine")
        run = thoth("live", "--file", DIGITS, option, there)
        assert run.returncode == 1
        assert "the file exists and was left as it is" in run.stderr
        assert there.read_text() == "mine"
        assert thoth("live", "--file", DIGITS, option, there, "--overwrite").returncode == 0
        assert there.stat().st_size > 1000


def test_duration_ends_the_listening_and_the_file(thoth: ThothCommand, tmp_path: Path) -> None:
    saved = tmp_path / "talk.wav"
    run = thoth("live", "--file", LONG, "--realtime", "-d", "2.5", "--save", saved)
    lines = objects(run.stdout)
    assert run.returncode == 0
    assert committed(lines) == LONG_TEXT[:3]
    assert 2.4 <= lines[-1]["heard_s"] < 10
    assert soundfile.info(saved).frames == 40_000


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--file", DIGITS, "--device", "1"), 2, "--file"),
        (("--realtime",), 2, "--realtime"),
        (("--file", DIGITS, "--json", "--text"), 2, "--json"),
        (("--file", DIGITS, "-d", "0"), 2, "--duration"),
        (("--file", DIGITS, "--endpoint-silence", "0.01"), 2, "endpoint_silence_s takes seconds from 0.2"),
        (("--file", DIGITS, "--isolation", "none"), 2, "isolation takes 'thread' or 'process'"),
        (("--file", DIGITS, "-l", "xx"), 2, "xx"),
        (("--file", DIGITS, "-l", "de"), 2, "knows English only"),
        (("--file", DIGITS, "-m", "nonsense"), 1, "nonsense"),
        (("--file", DIGITS, "-m", "base.en", "--offline"), 1, "base.en is not installed"),
        (("--file", "nothing.wav"), 1, "nothing.wav"),
        (("--file", __file__), 1, "test_live.py"),
        (("--file", DIGITS, "--save", "no/folder.wav"), 1, "the folder for this file does not exist"),
        (("--file", DIGITS, "--trace", "no/folder.json"), 2, "the trace cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    thoth: ThothCommand, tmp_path: Path, arguments: tuple[str | Path, ...], status: int, said: str
) -> None:
    run = thoth("live", "--text", *arguments, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (status, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    if status == 1:
        assert run.stderr.splitlines()[-1].startswith("thoth: error: ")


def test_a_device_that_is_not_there_is_one_line(hearing: ThothCommand) -> None:
    run = hearing("live", "-q", "--device", "nonsense")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "'nonsense' is not there" in run.stderr


def test_a_damaged_model_is_an_error_and_the_audio_is_kept(hearing: ThothCommand, tmp_path: Path) -> None:
    model, saved = tmp_path / "broken.bin", tmp_path / "talk.wav"
    model.write_bytes(b"no model" * 100)
    run = hearing("live", "-m", model, "--save", saved)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("thoth: error: ")
    lines = objects(run.stdout)
    assert [line["type"] for line in lines[-2:]] == ["error", "summary"]
    assert soundfile.info(saved).subtype == "PCM_16"


def test_the_microphone_end_to_end(hearing: ThothCommand, pulse: PulseServer, tmp_path: Path) -> None:
    saved = tmp_path / "talk.wav"
    with hearing.start("live", "--device", "desk_micro", "--save", saved) as run:
        assert next_of_type("listening", run)["source"] == "desk_microphone"
        pulse.play(DIGITS)
        begun = first_words(run)
        run.send_signal(signal.SIGINT)
        lines = rest(run)
    assert run.returncode == 0
    assert begun + committed(lines) == DIGITS_TEXT
    assert lines[-1]["heard_s"] >= soundfile.info(DIGITS).duration
    assert abs(soundfile.info(saved).duration - lines[-1]["heard_s"]) < 0.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_an_utterance_flushes_its_words(thoth: ThothCommand, number: signal.Signals) -> None:
    with thoth.start("live", "--file", TEN_DIGITS, "--realtime", "--endpoint-silence", "5") as run:
        begun = first_words(run)
        run.send_signal(number)
        lines = rest(run)
    assert run.returncode == 0
    assert of_type("update", lines)[-1]["is_final"]
    assert of_type("update", lines)[-1]["committed"]
    assert_is_beginning(begun + committed(lines))
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["heard_s"] < 7


def test_what_is_said_while_the_model_loads_becomes_text_also_after_ctrl_c(
    hearing: ThothCommand, pulse: PulseServer
) -> None:
    slow = AfterCode(
        Path(hearing.environment["THOTH_MODELS"]),
        "import sys, thoth.live.session as s; start = s.LiveSession.start\n"
        "s.LiveSession.start = lambda live: (sys.stdin.read(), start(live))[1]\n",
    )
    slow.environment = hearing.environment
    with slow.start("live", stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        next_of_type("listening", run)
        pulse.play(DIGITS)
        run.send_signal(signal.SIGINT)
        run.stdin.close()  # now it may load
        lines = rest(run)
    assert run.returncode == 0
    assert committed(lines) == DIGITS_TEXT


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    stuck = AfterCode(
        tmp_path / "models",
        "import threading, thoth.live.session as s\n"
        'def stop(live): print(\'{"type": "stopping"}\', flush=True); threading.Event().wait()\n'
        "s.LiveSession.stop = stop\n",
    )
    with stuck.start("live", "--file", LONG, "--realtime", "--save", tmp_path / "talk.wav") as run:
        assert run.stderr is not None
        first_words(run)
        run.send_signal(signal.SIGINT)
        next_of_type("stopping", run)
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 130
        assert run.stderr.read().decode().splitlines()[-1] == "thoth: error: interrupted"
    assert soundfile.info(tmp_path / "talk.wav").frames > 0


def test_a_device_that_dies_is_an_error_after_the_text_so_far(tmp_path: Path) -> None:
    folder, saved = tmp_path / "pulse", tmp_path / "talk.wav"
    folder.mkdir()
    thoth = ThothCommand(tmp_path / "models")
    with PulseServer(folder) as pulse:
        thoth.environment |= pulse.variables
        with thoth.start("live", "--save", saved, "--endpoint-silence", "5") as run:
            assert run.stderr is not None
            next_of_type("listening", run)
            pulse.play(DIGITS)
            begun = first_words(run)
            pulse.pause()
            lines = rest(run)
            assert run.wait(20) == 1
            said = run.stderr.read().decode()
    assert begun + committed(lines) == DIGITS_TEXT
    assert [line["type"] for line in lines[-2:]] == ["error", "summary"]
    assert "no audio came for 0.75 s" in said.splitlines()[-1]
    assert said.count("thoth: error:") == 1
    assert soundfile.info(saved).duration > soundfile.info(DIGITS).duration


def test_what_is_dropped_is_a_gap_with_its_time(tmp_path: Path) -> None:
    overloaded = AfterCode(
        tmp_path / "models",
        "import sys, thoth.model.whisper as w; run = w.WhisperModel.transcribe_samples\n"
        "w.WhisperModel.transcribe_samples = lambda *a, **o: (sys.stdin.read(), run(*a, **o))[1]\n",
    )
    with overloaded.start("live", "--file", TEN_DIGITS, "--realtime", stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        dropped = next_of_type("chunk_dropped", run)
        run.stdin.close()  # from now on it keeps up
        lines = rest(run)
    assert run.returncode == 0
    gaps = of_type("gap", lines)
    assert {key: dropped[key] for key in ("start_s", "end_s")} in [
        {key: gap[key] for key in ("start_s", "end_s")} for gap in gaps
    ]
    assert {gap["reason"] for gap in gaps} == {"overload"}
    assert len(gaps) == 1 + len(of_type("chunk_dropped", lines)) == lines[-1]["chunks_dropped"]


def test_a_gap_stands_in_the_text_where_it_lies_in_time() -> None:
    said = (Word(1.0, 1.4, " one", 1.0), Word(1.5, 1.9, " two\x1b[2J", 1.0), Word(5.0, 5.4, " six", 1.0))
    gaps = (Gap(2.0, 5.0, "overload"), Gap(6.0, 6.5, "source"))
    update = LiveUpdate(" one two six", "", said, gaps, True, 1, 1.0, 6.5, 0.1)
    assert "".join(pieces(update)) == " one two [2J [2.0-5.0 s lost: overload] six [6.0-6.5 s lost: source]"


def test_a_reader_that_goes_away_ends_it_quietly(thoth: ThothCommand, tmp_path: Path) -> None:
    saved = tmp_path / "talk.wav"
    with thoth.start("live", "-q", "--file", LONG, "--realtime", "--save", saved) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        first_words(run)
        run.stdout.close()
        assert run.wait(60) == 141
        assert run.stderr.read() == b""
    assert soundfile.info(saved).frames > 16_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line(thoth: ThothCommand) -> None:
    with Path("/dev/full").open("wb") as full, thoth.start("live", "-q", "--file", LONG, stdout=full) as run:
        assert run.stderr is not None
        assert run.wait(60) == 1
        assert run.stderr.read().decode().splitlines() == [
            "thoth: error: cannot write to standard output: No space left on device"
        ]


def test_a_terminal_that_is_closed_takes_no_words_with_it(thoth: ThothCommand, tmp_path: Path) -> None:
    out = tmp_path / "lines.json"
    ours, theirs = os.openpty()
    with out.open("wb") as file:
        run = thoth.start("live", "--file", TEN_DIGITS, "--realtime", stdout=file, stderr=theirs)
    os.close(theirs)
    while b"RTF 0." not in os.read(ours, 4096):
        pass
    os.close(ours)
    run.send_signal(signal.SIGHUP)
    assert run.wait(20) == 0
    lines = objects(out.read_text())
    assert lines[-1]["type"] == "summary"
    assert [state["state"] for state in of_type("state", lines)][-2:] == ["ready", "uninitialized"]


ON_TERMINAL = ("live", "--file", TEN_DIGITS, "--realtime", "--endpoint-silence", "3")


def spoken_on(screen: SmallTerminal, *, without: str = INVERSE) -> list[str]:
    """What stands on it below the note that it listens, and above the summary, if that is there."""
    text = " ".join(screen.text(without=without))
    _, *listened = re.split(broken_anywhere("Ctrl-C stops"), text, maxsplit=1)
    return words(re.split(broken_anywhere("thoth: heard"), listened[0])[0]) if listened else []


def broken_anywhere(note: str) -> str:
    """Match a note wherever the terminal has broken it: that depends on how long the path before it is."""
    return r"\s*".join(re.escape(character) for character in note if character != " ")


def test_a_terminal_shows_one_growing_line_and_a_bar(thoth: ThothCommand) -> None:
    begin_s = time.monotonic()
    with OnTerminal(thoth, *ON_TERMINAL, columns=40, lines=8) as run:
        assert run.end() == 0
    frames = run.drawn.split("\x1b[J")
    assert 20 < len(frames) < 10 * (time.monotonic() - begin_s)

    screen = SmallTerminal(40, 8)
    bars: list[str] = []
    sure: list[list[str]] = []
    guesses = 0
    for frame in frames:
        wrapped = screen.wrapped
        screen.take(frame)
        assert screen.wrapped == wrapped or "thoth: " in frame  # only notes are left for the terminal to break
        whole = spoken_on(screen)
        bars += [row for row in screen.text()[-1:] if "dBFS" in row]
        sure.append([word for word in spoken_on(screen, without=DIM) if word in SPOKEN])
        guesses += len(whole) > len(sure[-1])
        screen.take("\x1b[J")
    assert any("RTF 0." in bar and "queue" in bar and "drops 0" in bar for bar in bars)
    assert guesses > 2
    assert all(text == SPOKEN[: len(text)] for text in sure)
    assert len({len(text) for text in sure}) > 3
    assert spoken_on(screen) == SPOKEN
    assert not any("dBFS" in row for row in screen.text())
    assert (screen.column, screen.row) == (0, len(screen.rows) - 1)


def test_a_terminal_that_becomes_narrower_keeps_the_text(thoth: ThothCommand) -> None:
    screen = SmallTerminal(80, 12)
    with OnTerminal(thoth, *ON_TERMINAL, columns=80) as run:
        run.read_until("seven\x1b[2m")
        screen.take(run.drawn)
        before = len(run.drawn)
        run.resize(30)
        screen.resize(30)
        assert run.end() == 0
    screen.take(run.drawn[before:])
    assert spoken_on(screen) == SPOKEN
    assert not any("dBFS" in row for row in screen.text())


def test_json_on_a_terminal_is_json_all_the_same(thoth: ThothCommand) -> None:
    ours, theirs = os.openpty()
    with thoth.start("live", "--json", "-q", "--file", DIGITS, stdout=theirs) as run:
        os.close(theirs)
        drawn = b""
        while b"summary" not in drawn:
            drawn += os.read(ours, 4096)
        run.wait(20)
    os.close(ours)
    assert committed([json.loads(line) for line in drawn.decode().split("\r\n") if line.endswith("}")]) == DIGITS_TEXT


def test_ctrl_c_on_the_terminal_reaches_a_worker_process_as_well_and_harms_nothing(thoth: ThothCommand) -> None:
    with thoth.start(
        "live", "--file", TEN_DIGITS, "--realtime", "--isolation", "process", start_new_session=True
    ) as run:
        begun = first_words(run)
        os.killpg(run.pid, signal.SIGINT)
        lines = rest(run)
    assert run.returncode == 0
    assert_is_beginning(begun + committed(lines))
    assert not of_type("worker_restarted", lines)
