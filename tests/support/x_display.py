"""An X display of the tests' own, a text field that has the focus there, and the keys of its keyboard.

    with XDisplay() as display, TextField(display) as field:
        press(display, "shift+h")
        assert field.wait_for("H") == "H"

What reads DISPLAY in this process (pynput, pyperclip) is given `display.variables` by `monkeypatch.setenv`; child
processes are given `display.env`. Nothing outlives the test process, however it ends.
"""

from __future__ import annotations

import base64
import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from types import TracebackType
from typing import IO, Final, Self

import pytest

_PROGRAMS: Final = {"Xvfb": "xvfb", "wish": "tk", "xdotool": "xdotool", "setpriv": "util-linux"}
_LONGEST_START_S: Final = 20.0
_POLL_S: Final = 0.01
_ENDING_S: Final = 5.0

# Every answer is one line of base64, so that any text comes over the pipe whole.
_TEXT_FIELD: Final = """
wm title . {title}
wm geometry . 600x300+20+20
pack [text .field -undo 1 -font {{fixed 12}}] -fill both -expand 1
proc answer {{text}} {{
    puts [binary encode base64 [encoding convertto utf-8 $text]]
    flush stdout
}}
proc serve {{}} {{
    if {{[gets stdin line] < 0}} {{
        if {{[eof stdin]}} {{ exit 0 }}
        return
    }}
    set content [binary decode base64 [lindex $line 1]]
    switch [lindex $line 0] {{
        text {{ update; answer [.field get 1.0 end-1c] }}
        clear {{ .field delete 1.0 end; update; answer "" }}
        insert {{ .field insert insert [encoding convertfrom utf-8 $content]; update; answer "" }}
        focus {{ raise .; focus -force .field; update; answer [expr {{[focus] eq ".field"}}] }}
    }}
}}
fconfigure stdin -blocking 0 -buffering line
fileevent stdin readable serve
tkwait visibility .field
answer ready
"""


class XDisplay:
    """One X server without a screen, on a display number that was free. A context manager; starts when made.

    A test that needs it is skipped where Xvfb, xdotool or Tk is not installed, except on CI, where it fails.
    There is no window manager: a text field takes the focus by itself.

    options: more of Xvfb's own, as "-extension", "RECORD" to have it without that.
    """

    def __init__(self, *options: str) -> None:
        _require_programs()
        self._server, self.name = _start_server(options)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variable by which X programs find this display."""
        return {"DISPLAY": self.name}

    @property
    def env(self) -> dict[str, str]:
        """A whole environment for child processes: this display, and no other desktop."""
        others = ("WAYLAND_DISPLAY", "XAUTHORITY", "XDG_SESSION_TYPE", "DBUS_SESSION_BUS_ADDRESS")
        return {name: value for name, value in os.environ.items() if name not in others} | self.variables

    def pause(self) -> None:
        """Freeze the X server: it answers nothing, and keeps all connections."""
        self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._server.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the X server at once, without goodbyes to its programs."""
        self._server.kill()
        self._server.wait()

    def close(self) -> None:
        """End the display and what runs on it. May be called again."""
        _end(self._server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TextField:
    """A window with one Tk text widget, which has the focus when this returns. A context manager."""

    def __init__(self, display: XDisplay, title: str = "field") -> None:
        # Tk decodes what is typed by its locale.
        env = display.env | {"LC_ALL": "C.UTF-8"}
        pipe = subprocess.PIPE
        script, writer = os.pipe()
        command = ["wish", f"/dev/fd/{script}", "-name", title]
        with os.fdopen(writer, "w") as stream:  # far below the size of a pipe
            stream.write(_TEXT_FIELD.format(title=title))
        self._wish = _start(command, script, env, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            self._answer()
            self.focus()
        except BaseException:
            self.close()
            raise

    def text(self) -> str:
        """What stands in the field now."""
        return self._ask("text")

    def wait_for(self, text: str, timeout_s: float = 10.0) -> str:
        """What stands in the field as soon as it is `text`, or else when the time is up."""
        deadline_s = time.monotonic() + timeout_s
        while (found := self.text()) != text and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        return found

    def insert(self, text: str) -> None:
        """Put text at the cursor, by the program itself."""
        self._ask("insert", text)

    def clear(self) -> None:
        """Empty the field."""
        self._ask("clear")

    def focus(self) -> None:
        """Give the field the keyboard."""
        deadline_s = time.monotonic() + _LONGEST_START_S
        while self._ask("focus") != "1":
            assert time.monotonic() < deadline_s, "the text field does not get the focus"
            time.sleep(_POLL_S)

    def close(self) -> None:
        """End the program. May be called again."""
        for pipe in (self._wish.stdin, self._wish.stdout, self._wish.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        _end(self._wish)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, command: str, content: str = "") -> str:
        assert self._wish.stdin is not None
        encoded = base64.b64encode(content.encode()).decode()
        self._wish.stdin.write(f"{command} {encoded}\n".encode())
        self._wish.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._wish.stdout is not None
        assert self._wish.stderr is not None
        line = _read_line(self._wish.stdout)
        if line is None:
            pytest.fail(f"the text field does not answer: {_read(self._wish.stderr).decode()}")
        return base64.b64decode(line).decode()


def press(display: XDisplay, keys: str, *more: str) -> None:
    """Press and release keys, each in xdotool's words: "d", "ctrl+alt+d", "F9", "Control_R"."""
    xdotool(display, "key", "--delay", "1", keys, *more)


def key_down(display: XDisplay, keys: str) -> None:
    """Press keys, and keep them down."""
    xdotool(display, "keydown", keys)


def key_up(display: XDisplay, keys: str) -> None:
    """Release keys, first the last of them."""
    xdotool(display, "keyup", "+".join(reversed(keys.split("+"))))


def type_text(display: XDisplay, text: str) -> None:
    """Type on the keyboard; what is on none of its keys is put there, which programs take a moment to hear of."""
    xdotool(display, "type", "--delay", "20", "--", text)


def xdotool(display: XDisplay, *arguments: str) -> str:
    """Run xdotool and give what it prints."""
    run = subprocess.run(
        ["xdotool", *arguments], env=display.env, capture_output=True, text=True, timeout=_LONGEST_START_S, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def _start_server(options: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], str]:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as answer:
        arguments = ["-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset", "-displayfd", str(writer), *options]
        # The server takes the lowest display number that is free.
        server = _start(["Xvfb", *arguments], writer, dict(os.environ), stderr=subprocess.PIPE)
        number = _read_line(answer)
    if number is None:
        assert server.stderr is not None
        why = _read(server.stderr).decode()
        _end(server)
        pytest.fail(f"Xvfb does not start: {why}")
    return server, f":{number}"


def _read_line(stream: IO[bytes]) -> str | None:
    """A line without its end, or None where none comes."""
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        part = _read(stream)
        if not part:
            return None
        parts.append(part)
    return b"".join(parts).decode().removesuffix("\n")


def _read(stream: IO[bytes]) -> bytes:
    readable, _, _ = select.select([stream], [], [], _LONGEST_START_S)
    return os.read(stream.fileno(), 1 << 16) if readable else b""


def _start(
    command: list[str],
    handed: int,
    env: dict[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int,
) -> subprocess.Popen[bytes]:
    """Start a program that has the descriptor `handed`, which is closed here."""
    try:
        return subprocess.Popen(_tied(command), env=env, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=(handed,))
    finally:
        os.close(handed)


def _tied(command: list[str]) -> list[str]:
    """The command, ended by the kernel when the thread that started it ends, be it by SIGKILL."""
    return ["setpriv", "--pdeathsig", "KILL", *command]


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        process.send_signal(signal.SIGCONT)  # were it paused, it would not hear the first one
    try:
        process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _require_programs() -> None:
    missing = {program: package for program, package in _PROGRAMS.items() if shutil.which(program) is None}
    if not missing:
        return
    why = f"{', '.join(missing)} not found: install {', '.join(missing.values())}"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
