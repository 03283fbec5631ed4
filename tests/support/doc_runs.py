"""Runs the examples of the documentation for real: Python programs, and lines typed into a shell."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from chat_server import ChatServer, edits
from doc_attendance import CTRL_C, ENTER, LONGEST_S, Attended
from doc_install import check_installation, is_installation
from doc_place import DocPlace, with_stand_ins
from pulse_audio import PulseServer
from thoth_command import RECORDINGS
from x_display import TextField, XDisplay, key_down, key_up, press

SPOKEN: Final = RECORDINGS / "digits_03_2.flac"
PHRASE_SPOKEN: Final = RECORDINGS / "wake_snowboy_0.flac"
COMMAND_SPOKEN: Final = RECORDINGS / "wakecmd_2.flac"
"""Says "smart mirror", and a command."""

PulseSource = Callable[[], PulseServer]

_DESKTOP: Final = re.compile(
    r"--hotkey|--push-to-talk|-o (?:paste|type|clipboard)|ShortcutManager|PasteSink|TypingSink|ClipboardSink"
)
_SOUND_CARD: Final = re.compile(r"\b(?:Microphone|Dictation|Recorder|devices)\(|LiveSession\([^)]*\)\.run\(\)")
_COMMENT: Final = re.compile(r"#.*$", re.MULTILINE)
_PROMPT: Final = re.compile(r"""input\((?:"([^"]*)")?\)""")
_LISTENING: Final = ("live", "record", "listen", "dictate")


@dataclass
class _Surroundings:
    """What an example is run as, and in."""

    text: str
    environment: dict[str, str]
    display: XDisplay | None = None


class DocRunner:
    """Runs examples in one place. `pulse` gives the sound server, which is only asked for where one is needed."""

    def __init__(self, place: DocPlace, pulse: PulseSource) -> None:
        self._place = place
        self._pulse = pulse

    def run_python(self, code: str) -> str:
        """Run a program to its end, speak where it listens, and press Enter where it asks for it; give its output."""
        with self._surroundings(code) as around:
            listens = bool(_SOUND_CARD.search(_COMMENT.sub("", code)))
            around.environment |= self._pulse().variables if listens else {}
            path = self._place.folder / "example.py"
            path.write_text(around.text, encoding="utf-8")
            process = subprocess.Popen(
                [sys.executable, "-u", "-W", "error", path.name],
                cwd=self._place.folder,
                env=around.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            try:
                said = self._attend(process, code, listens)
                rest, _ = process.communicate(timeout=LONGEST_S)
            finally:
                process.kill()
                process.communicate()
            output = said + rest.decode()
            assert process.returncode == 0, f"it ended with {process.returncode}:\n{output}"
            return output

    def _attend(self, process: subprocess.Popen[bytes], code: str, listens: bool) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        said = ""
        for prompt in _PROMPT.findall(code):
            while not said.endswith(prompt or "\n"):
                byte = process.stdout.read(1)
                assert byte, f"it ended before it asked {prompt!r}:\n{said}"
                said += byte.decode(errors="replace")
            if listens:
                self._pulse().play(SPOKEN)
            process.stdin.write(b"\n")
            process.stdin.flush()
        while listens and not _PROMPT.search(code) and process.poll() is None:
            self._pulse().play(SPOKEN)  # again and again, for as long as it listens
        return said

    def run_line(self, line: str) -> str:
        """Run what was typed into a shell; give all its output, without what a terminal alone gets to see."""
        output = ""
        for command in line.split(" && "):
            if is_installation(command):
                check_installation(command)
            else:
                output += self._run_command(command)
        return output

    def _run_command(self, command: str) -> str:
        words = shlex.split(command.partition("|")[0])
        subcommand = _subcommand(words)
        at_microphone = subcommand in _LISTENING and "--file" not in words
        with self._surroundings(command) as around:
            if at_microphone or subcommand == "devices":
                around.environment |= self._pulse().variables
            if at_microphone:
                self._attend_command(words, around)
                return ""
            run = subprocess.run(
                ["bash", "-o", "pipefail", "-c", around.text],
                cwd=self._place.folder,
                env=around.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_S,
            )
        output = run.stdout.decode()
        assert run.returncode == 0, f"{command} ended with {run.returncode}:\n{output}"
        return output

    def _attend_command(self, words: list[str], around: _Surroundings) -> None:
        """Do what somebody does with a command that listens to the microphone, and end it as they do."""
        with Attended(around.text, self._place.folder, around.environment) as run:
            if "dictate" in words:
                self._dictate(run, words, around)
            else:
                run.read_until("dBFS")
                self._pulse().play(PHRASE_SPOKEN if "listen" in words else SPOKEN)
                if "-d" not in words:
                    run.press(CTRL_C)
            code = run.end()
            assert code == 0, f"{around.text} ended with {code}:\n{run.drawn[-3000:]}"

    def _dictate(self, run: Attended, words: list[str], around: _Surroundings) -> None:
        if "--once" in words:
            run.read_until("recording")
            self._pulse().play(SPOKEN)
            return  # silence ends it
        run.read_until("dBFS")
        if "--wake" in words:
            self._pulse().play(COMMAND_SPOKEN)
        elif keys := _after(words, "--hotkey") or _after(words, "--push-to-talk"):
            assert around.display is not None
            self._by_key(run, keys, around.display, is_held="--push-to-talk" in words)
        else:
            run.press(ENTER)
            run.read_until("recording")
            self._pulse().play(SPOKEN)
            run.press(ENTER)
        run.read_until("is in the history")
        run.press(CTRL_C)

    def _by_key(self, run: Attended, keys: str, display: XDisplay, *, is_held: bool) -> None:
        keys = keys.replace("ctrl", "Control_L").replace("alt", "Alt_L")
        key_down(display, keys) if is_held else press(display, keys)
        run.read_until("recording")
        self._pulse().play(SPOKEN)
        key_up(display, keys) if is_held else press(display, keys)

    @contextmanager
    def _surroundings(self, text: str) -> Iterator[_Surroundings]:
        """Give the text with what stands in for others, and the desktop and the server that it needs."""
        around = _Surroundings(text, dict(self._place.environment))
        with ExitStack() as stack:
            endpoint = ""
            if "localhost:11434" in text:
                endpoint = stack.enter_context(ChatServer(edits(lambda said: said.replace("um ", "")))).url
            if _DESKTOP.search(text):
                around.display = stack.enter_context(XDisplay())
                stack.enter_context(TextField(around.display))
                around.environment |= around.display.variables
            around.text = with_stand_ins(text, endpoint)
            yield around


def _subcommand(words: list[str]) -> str | None:
    if "thoth" not in words:
        return None
    at = words.index("thoth") + 1
    return words[at] if at < len(words) else None


def _after(words: list[str], option: str) -> str | None:
    return words[words.index(option) + 1] if option in words else None


def shell_lines(text: str) -> list[str]:
    """The commands of a block, in their order; a loop is one."""
    if re.search(r"^done\b", text, re.MULTILINE):
        return [text]
    joined = text.replace("\\\n", "")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def session(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output that stands below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def assert_prints(shown: str, output: str) -> None:
    """Fail unless `output` is what the page shows; … stands for anything, trailing blanks count for nothing."""
    lines = [line.rstrip() for line in shown.strip().splitlines()]
    pattern = "\n".join(".*?".join(map(re.escape, line.split("…"))) for line in lines)
    got = "\n".join(line.rstrip() for line in output.strip().splitlines())
    assert re.fullmatch(pattern, got, re.DOTALL), f"the page shows\n{shown}\nbut it prints\n{output}"
