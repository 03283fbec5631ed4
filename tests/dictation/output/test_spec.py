from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from x_display import TextField, XDisplay

import thoth
from thoth.dictation.output.delivery import deliver_all
from thoth.dictation.output.sink import Sink
from thoth.dictation.output.spec import sink_from
from thoth.errors import InvalidOption, OutputError


def test_each_form_makes_its_sink(display: XDisplay, tmp_path: Path) -> None:
    specs = ["stdout", "clipboard", "paste", "paste:ctrl+shift+v", "type", f"file:{tmp_path}/a:b", "command:cat -A"]
    sinks = [sink_from(spec) for spec in specs]
    assert all(isinstance(sink, Sink) for sink in sinks)
    names = ["stdout", "clipboard", "paste", "paste", "typing", f"file {tmp_path}/a:b", "command cat"]
    assert [sink.name for sink in sinks] == names


@pytest.mark.parametrize("spec", ["", "printer", "file", "file:", "command: ", "stdout:x", "type:x", "Clipboard"])
def test_anything_else_names_what_there_is(spec: str) -> None:
    with pytest.raises(InvalidOption, match="output must be one of stdout, clipboard, paste, type, paste:KEYS, file:"):
        sink_from(spec)


@pytest.mark.parametrize(
    ("spec", "module", "package"),
    [("clipboard", "pyperclip", "pyperclip"), ("paste", "pyperclip", "pyperclip"), ("type", "Xlib", "Xlib")],
)
def test_a_missing_extra_is_named_when_the_sink_is_made(
    display: XDisplay, monkeypatch: pytest.MonkeyPatch, spec: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    with pytest.raises(OutputError, match=rf'needs {package}.* pip install "thoth-speech\[desktop\]"') as caught:
        sink_from(spec)
    assert "\n" not in str(caught.value)


def test_naming_a_sink_loads_no_optional_package() -> None:
    program = (
        "import sys; from thoth.dictation.output.spec import sink_from; sink_from('stdout');"
        "print([name for name in ('pynput', 'pyperclip', 'Xlib', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_all_sinks_of_the_desktop_at_once_take_turns(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    sinks = [sink_from(spec) for spec in ("paste", "clipboard", "type", "paste")]
    assert deliver_all(sinks, "größer ", cancel) == ()
    assert field.wait_for("größer " * 3) == "größer " * 3
