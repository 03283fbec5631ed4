"""`thoth listen` in a process of its own: wake phrases in recordings and at a microphone, and the commands they run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulse_audio import PulseServer
from small_terminal import OnTerminal
from thoth_command import RECORDINGS, ThothCommand

from thoth.cli.listen.wake_commands import MOST_AT_ONCE, WakeCommands
from thoth.cli.terminal.screen import Screen
from thoth.errors import InvalidOption
from thoth.wake.detection import Wake

pytestmark = pytest.mark.timeout(120)

SNOWBOY = RECORDINGS / "wakecmd_0.flac"
MIRROR = RECORDINGS / "wakecmd_2.flac"
WAKE = Wake("computer", 0.99, 1.0, 1.5, 1.6, "computer lights", "lights")


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def until_told(text: str, run: subprocess.Popen[bytes]) -> None:
    assert run.stderr is not None
    for line in run.stderr:
        if text in line.decode():
            return
    pytest.fail(f"it ended without {text}")


def events(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def test_each_wake_is_a_json_line_and_other_phrases_are_none(thoth: ThothCommand, tmp_path: Path) -> None:
    run = thoth("listen", "--wake", "snowboy", "--wake", "smart mirror", "--file", MIRROR)
    assert run.returncode == 0
    (wake,) = events(run.stdout)
    assert (wake["event"], wake["phrase"]) == ("wake", "smart mirror")
    assert 0.36 < wake["endS"] < 1.5
    assert "for 'snowboy' and 'smart mirror'; Ctrl-C stops" in run.stderr
    assert not list(tmp_path.rglob("*.wav"))
    assert thoth("listen", "-q", "--wake", "snowboy", "--file", MIRROR).stdout == ""


def test_a_command_gets_the_phrase_at_once_and_then_all_that_follows(thoth: ThothCommand, tmp_path: Path) -> None:
    took = tmp_path / "took"
    code = (
        "import os, sys; from pathlib import Path; print(os.environ['THOTH_WAKE_PHRASE'], flush=True);"
        f"Path({str(took)!r}).write_text(sys.stdin.read()); print('done')"
    )
    run = thoth("listen", "--wake", "snowboy", "--file", SNOWBOY, "--run", python(code))
    assert run.returncode == 0
    assert took.read_text() == "turn on the fan in the kitchen\n"
    assert [line for line in run.stderr.splitlines() if not line.startswith("thoth: ")] == ["snowboy", "done"]
    wake, complete = events(run.stdout)
    assert wake["event"] == "wake"
    assert complete["result"]["text"] == "turn on the fan in the kitchen"
    assert Path(complete["result"]["audioPath"]).is_file()


def test_a_command_that_fails_is_told_and_the_listening_goes_on(thoth: ThothCommand) -> None:
    run = thoth("listen", "-q", "--wake", "snowboy", "--file", SNOWBOY, "--run", python("raise SystemExit(3)"))
    assert run.returncode == 0
    assert len(events(run.stdout)) == 2
    assert run.stderr.splitlines() == [f"thoth: error: {sys.executable} ended with exit code 3; listening goes on"]


def test_a_command_does_not_wait_for_what_cannot_be_recorded(
    hearing: ThothCommand, pulse: PulseServer, tmp_path: Path
) -> None:
    took = tmp_path / "took"
    os.mkfifo(took)
    with hearing.start("listen", "--wake", "snowboy", "--run", f"tee {took}") as run:
        until_told("listening to", run)
        recordings = tmp_path / "history" / "recordings"
        recordings.rmdir()
        recordings.write_text("no folder")
        pulse.play(SNOWBOY)
        assert took.read_bytes() == b""  # which ends with the command's stdin, and the microphone never does
        until_told("what followed could not be recorded: ", run)
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0


def test_a_terminal_shows_a_line_for_each(thoth: ThothCommand) -> None:
    arguments = ("--wake", "snowboy", "--file", SNOWBOY, "--run", python("pass"))
    with OnTerminal(thoth, "listen", "-q", *arguments, columns=100) as run:
        assert run.end() == 0
    assert run.drawn.splitlines() == ["snowboy (1.00)", "turn on the fan in the kitchen"]


def test_the_microphone_is_listened_to_until_ctrl_c_which_waits_for_the_command(
    hearing: ThothCommand, pulse: PulseServer, tmp_path: Path
) -> None:
    took = tmp_path / "took"
    command = python(f"import sys; from pathlib import Path; Path({str(took)!r}).write_text(sys.stdin.read())")
    with hearing.start("listen", "--wake", "snowboy", "--run", command) as run:
        assert run.stdout is not None
        until_told("listening to", run)
        pulse.play(SNOWBOY)
        assert json.loads(run.stdout.readline())["event"] == "wake"
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0
    assert took.read_text() == "turn on the fan in the kitchen\n"


def test_ctrl_c_ends_a_command_that_is_waited_for(thoth: ThothCommand, tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    os.mkfifo(lives)
    code = f"import time; held = open({str(lives)!r}, 'w'); time.sleep(600)"
    arguments = ("--wake", "snowboy", "--file", SNOWBOY, "--run", python(code))
    with thoth.start("listen", *arguments) as run, lives.open("rb") as held:
        until_told("waiting for 1 of the commands; Ctrl-C ends them", run)
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 130
        assert held.read() == b""  # which ends with the command


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--run", "no-such-program-here"), 2, "--run: there is no program 'no-such-program-here'"),
        (("--run", "'open"), 2, '--run: "\'open" is no command line'),
        (("--threshold", "2"), 2, "--threshold: wake.threshold takes a number from 0 to 1, not 2.0"),
        (("--detector", "siri"), 2, "--detector: wake.detector takes"),
        (("--wake", "***"), 2, "***"),
        (("--device", "1"), 2, "--device"),
        (("-m", "nonsense"), 1, "nonsense"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    thoth: ThothCommand, arguments: tuple[str, ...], status: int, said: str
) -> None:
    run = thoth("listen", "-q", "--file", SNOWBOY, *arguments)
    assert (run.returncode, run.stdout) == (status, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_phrases_and_command_can_come_from_the_settings(thoth: ThothCommand, tmp_path: Path) -> None:
    settings = tmp_path / "mine.toml"
    settings.write_text(f"[wake]\nphrases = ['snowboy']\nrun = {json.dumps(python('print(42)'))}\n")
    run = thoth("listen", "-q", "--file", SNOWBOY, "--config", settings)
    assert (run.returncode, run.stderr) == (0, "42\n")


def test_openwakeword_needs_no_model_and_tells_the_same(thoth: ThothCommand) -> None:
    pytest.importorskip("pyopen_wakeword")
    file = RECORDINGS / "wake_alexa_0.flac"
    run = thoth("listen", "--detector", "openwakeword", "--wake", "alexa", "--file", file)
    (wake,) = events(run.stdout)
    assert (run.returncode, wake["phrase"]) == (0, "alexa")
    assert "nano.en" not in run.stderr


def test_no_more_than_a_few_run_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with WakeCommands(python("import time; print('here', flush=True); time.sleep(600)"), _screen()) as commands:
        for _ in range(MOST_AT_ONCE + 1):
            commands.start(WAKE)
    commands.wait()  # they were ended
    told = capfd.readouterr().err
    assert f"was not run: {MOST_AT_ONCE} of them are still running" in told
    assert "listening goes on" not in told


def test_a_command_is_run_without_a_shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with WakeCommands("echo '$HOME;' ; ls", _screen()) as commands:
        commands.start(WAKE)
        commands.hand_on("not read")
        commands.wait()
    assert capfd.readouterr().err == "$HOME; ; ls\n"


def test_a_command_line_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidOption, match="no program nothing"):
        WakeCommands(" ", _screen())


def _screen() -> Screen:
    return Screen(quiet=False, verbosity=0)
