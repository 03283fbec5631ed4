"""Runs the real `thoth` command in processes of its own, on this interpreter and with no model installed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

RECORDINGS = Path(__file__).resolve().parent.parent / "audio_files"
TRUE_TEXTS: dict[str, str] = {
    entry["file"]: entry["text"]
    for entry in map(json.loads, (RECORDINGS / "manifest.jsonl").read_text(encoding="utf-8").splitlines())
}


def words(text: str) -> list[str]:
    """The words alone, so that line breaks, case and punctuation do not matter."""
    return re.findall(r"[a-z']+", text.lower())


RUN_MAIN = "from thoth.cli.main import main; main()"
"""The command as code, to be run after code that changes what it finds."""

NO_LIBRARY = """
import importlib.abc, sys
class NoPortAudio(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
sys.meta_path.insert(0, NoPortAudio())
"""


class ThothCommand:
    """`thoth` with its models in `models`, an empty folder: the built-in model is what there is."""

    argv: tuple[str, ...] = (sys.executable, "-m", "thoth")

    def __init__(self, models: Path) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("THOTH_")}
        paths = os.pathsep.join(path for path in sys.path if path)
        self.environment = {**ours, "PYTHONPATH": paths, "THOTH_MODELS": str(models), "TERM": "xterm"}

    def __call__(
        self, *arguments: str | Path, stdin: bytes | IO[bytes] = b"", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end. Text is decoded as UTF-8 without translation of line ends."""
        given: dict[str, Any] = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        run = subprocess.run(
            [*self.argv, *map(os.fspath, arguments)],
            env={**self.environment, **environment},
            cwd=cwd,
            capture_output=True,
            **given,
        )
        return subprocess.CompletedProcess(run.args, run.returncode, run.stdout.decode(), run.stderr.decode())

    def start(self, *arguments: str | Path, **streams: Any) -> subprocess.Popen[bytes]:
        """Begin a run that Ctrl-C reaches even where the tests run in the background, with SIGINT ignored."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen([*self.argv, *map(os.fspath, arguments)], env=self.environment, **streams)
        finally:
            signal.signal(signal.SIGINT, before)


def read_terminal(terminal: int) -> str:
    """Read all that a process wrote to a pseudo-terminal until it closed its end, then close this one."""
    drawn = b""
    try:
        while block := os.read(terminal, 4096):
            drawn += block
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(terminal)
    return drawn.decode()


_TERMINAL_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|[\r\n]|[^\x1b\r\n]+")


def screen_after(drawn: str) -> list[str]:
    """What stands on a terminal, endlessly wide and high, after `drawn`: the lines that are not empty.

    Knows the few controls a progress bar needs: return, line feed, cursor up and erase line.
    """
    lines, row, column = [""], 0, 0
    for token in _TERMINAL_TOKEN.finditer(drawn):
        text, argument, control = token[0], token[1], token[2]
        if text == "\r":
            column = 0
        elif text == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif control == "A":
            row -= int(argument or 1)
        elif control == "K":
            lines[row] = ""
        elif control is None:
            lines[row] = lines[row].ljust(column)[:column] + text + lines[row][column + len(text) :]
            column += len(text)
    return [line.rstrip() for line in lines if line.strip()]
