"""Where keys cannot be listened to, and displays that fail."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from python_process import PythonProcess
from x_display import XDisplay, key_down, key_up, press

from thoth.dictation.events import ShortcutPressed, ShortcutReleased
from thoth.dictation.shortcuts.key_listener import LONGEST_START_S, LONGEST_STOP_S
from thoth.dictation.shortcuts.manager import ShortcutManager
from thoth.errors import ShortcutError

LONGEST_S = 20.0
KEY_PRESS, KEY_RELEASE = 2, 3  # X11/X.h
F9 = 75  # its key code

# What python-xlib leaves of a connection that failed is closed by the garbage collector, which says so.
closed_by_the_collector = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a session on X, still without a display."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XAUTHORITY"):
        monkeypatch.delenv(name, raising=False)
    yield monkeypatch
    gc.collect()


def refused() -> str:
    before = set(threading.enumerate())
    manager = ShortcutManager()
    manager.register("dictate", "ctrl+alt+d", on_press=lambda: None)
    with pytest.raises(ShortcutError) as error:
        manager.start()
    assert not manager.running
    assert set(threading.enumerate()) <= before
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_a_display_it_says_how_to_dictate(session: pytest.MonkeyPatch) -> None:
    assert "DISPLAY is not set" in refused()
    assert "thoth dictate --once" in refused()


@pytest.mark.parametrize(("variable", "value"), [("WAYLAND_DISPLAY", "wayland-0"), ("XDG_SESSION_TYPE", "wayland")])
def test_on_wayland_it_names_the_settings_of_the_desktop(
    session: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    session.setenv("DISPLAY", ":0")
    session.setenv(variable, value)
    assert "Wayland" in refused()
    assert "keyboard settings" in refused()


@closed_by_the_collector
def test_a_display_that_is_not_there_is_named(session: pytest.MonkeyPatch) -> None:
    session.setenv("DISPLAY", ":4711")
    assert 'the X display ":4711" cannot be opened' in refused()
    gc.collect()


def test_a_display_name_that_is_none_is_named(session: pytest.MonkeyPatch) -> None:
    session.setenv("DISPLAY", "no display")
    assert 'the X display "no display" cannot be opened' in refused()


def test_a_server_without_the_record_extension_is_refused(session: pytest.MonkeyPatch) -> None:
    with XDisplay("-extension", "RECORD") as display:
        session.setenv("DISPLAY", display.name)
        assert "has no RECORD extension" in refused()


@closed_by_the_collector
def test_after_a_failure_it_starts_as_soon_as_it_can(session: pytest.MonkeyPatch) -> None:
    """In a process of its own, where pynput was not imported before."""
    program = """
import os, sys
from thoth.dictation.shortcuts.manager import ShortcutManager
from thoth.errors import ShortcutError
manager = ShortcutManager()
for name in ("", ":4711"):
    os.environ["DISPLAY"] = name
    try:
        manager.start()
    except ShortcutError:
        print("refused")
os.environ["DISPLAY"] = sys.argv[1]
with manager:
    print(manager.running)
"""
    with XDisplay() as display:
        run = subprocess.run([sys.executable, "-c", program, display.name], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["refused", "refused", "True"], run.stderr


def test_without_the_extra_it_is_named() -> None:
    """In a process that has no pynput, and no python-xlib."""
    program = """
import os, sys
sys.modules["Xlib"] = sys.modules["pynput"] = None
os.environ |= {"DISPLAY": ":0"}
from thoth.dictation.shortcuts.manager import ShortcutManager
ShortcutManager().start()
"""
    env = {name: value for name, value in os.environ.items() if name not in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE")}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    last = run.stderr.splitlines()[-1]
    assert last.startswith("thoth.errors.ShortcutError: shortcuts need ")
    assert last.endswith('pip install "thoth-speech[desktop]"')


def test_pynput_is_loaded_by_the_start_only() -> None:
    program = """
import sys
from thoth.dictation.shortcuts.manager import ShortcutManager
ShortcutManager().register("dictate", "ctrl+alt+d")
print(sorted({"pynput", "Xlib"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@closed_by_the_collector
def test_a_server_that_goes_releases_what_is_held_and_another_is_listened_to(
    session: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ShortcutManager()
    pressed, released = threading.Event(), threading.Event()
    manager.events.subscribe(lambda _: pressed.set(), ShortcutPressed)
    manager.events.subscribe(lambda _: released.set(), ShortcutReleased)
    manager.register("talk", "F9", mode="push-to-talk")
    with XDisplay() as display:
        session.setenv("DISPLAY", display.name)
        manager.start()
        key_down(display, "F9")
        assert pressed.wait(LONGEST_S)
        assert manager.error is None
        display.kill()
        assert released.wait(LONGEST_S)
        assert not manager.running
        assert "the keys are lost" in str(manager.error)
    pressed.clear()
    with XDisplay() as display:
        session.setenv("DISPLAY", display.name)
        manager.start()
        assert manager.error is None
        press(display, "F9")
        assert pressed.wait(LONGEST_S)
        manager.stop()
    assert "the keys are lost" in caplog.text
    gc.collect()


@closed_by_the_collector
def test_a_server_that_hangs_keeps_nobody_waiting(
    session: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with XDisplay() as display:
        session.setenv("DISPLAY", display.name)
        manager = ShortcutManager()
        manager.register("talk", "F9")
        manager.start()
        display.pause()
        began_s = time.monotonic()
        manager.stop()
        assert time.monotonic() - began_s < LONGEST_STOP_S + 4.0
        assert "left behind" in caplog.text
        began_s = time.monotonic()
        with pytest.raises(ShortcutError, match="does not answer"):
            manager.start()
        assert time.monotonic() - began_s < LONGEST_START_S + LONGEST_STOP_S + 4.0
        display.resume()
        for thread in threading.enumerate():
            if thread.name == "thoth-keys":
                thread.join(LONGEST_S)
                assert not thread.is_alive()
        heard = threading.Event()
        manager.events.subscribe(lambda _: heard.set(), ShortcutPressed)
        with manager:
            press(display, "F9")
            assert heard.wait(LONGEST_S)
    gc.collect()


def test_another_layout_names_the_keys_by_what_it_types(session: pytest.MonkeyPatch) -> None:
    """On a French keyboard the key of the digit 2 is é by itself, and A and Q have changed places."""
    with XDisplay() as display:
        session.setenv("DISPLAY", display.name)
        subprocess.run(["setxkbmap", "fr"], env=display.env, check=True)
        manager = ShortcutManager()
        heard: list[str] = []
        done = threading.Event()
        manager.register("a", "ctrl+a", on_press=lambda: heard.append("a"))
        manager.register("é", "shift+é", on_press=done.set)
        with manager:
            press(display, "ctrl+a", "shift+11")
            assert done.wait(LONGEST_S)
        assert heard == ["a"]
        manager.register("2", "shift+2")
        with pytest.raises(ShortcutError, match="needs the key 2"):
            manager.start()


def test_in_another_group_of_the_layout_the_keys_keep_their_names(session: pytest.MonkeyPatch) -> None:
    """As with two alphabets, between which one switches."""
    with XDisplay() as display:
        session.setenv("DISPLAY", display.name)
        switch = ["setxkbmap", "us,ru", "-option", "grp:caps_toggle"]
        subprocess.run(switch, env=display.env, check=True)
        manager = ShortcutManager()
        pressed, released = threading.Event(), threading.Event()
        manager.register("dictate", "ctrl+alt+d", on_press=pressed.set, on_release=released.set)
        with manager:
            press(display, "66")  # Caps Lock: to the second group
            key_down(display, "37")
            key_down(display, "64")
            key_down(display, "40")
            assert pressed.wait(LONGEST_S)
            key_up(display, "40")
            assert released.wait(LONGEST_S)


def test_displays_are_apart(session: pytest.MonkeyPatch) -> None:
    with XDisplay() as one, XDisplay() as other:
        assert one.name != other.name
        session.setenv("DISPLAY", one.name)
        manager = ShortcutManager()
        heard: list[str] = []
        done = threading.Event()
        manager.register("first", "F8", on_press=lambda: heard.append("first"))
        manager.register("second", "F9", on_press=done.set)
        with manager:
            press(other, "F8")
            press(one, "F9")
            assert done.wait(LONGEST_S)
        assert heard == []


def test_a_display_ends_with_the_process_that_made_it() -> None:
    program = """
import os, signal
from x_display import TextField, XDisplay
display = XDisplay()
field = TextField(display)
print(display.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with PythonProcess(program) as process:
        name = process.line()
        assert process.outcome()[0] == -signal.SIGKILL
    env = os.environ | {"DISPLAY": name}
    deadline_s = time.monotonic() + LONGEST_S
    while subprocess.run(["xdotool", "getmouselocation"], env=env, capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline_s, "the X server lives on"
        time.sleep(0.02)


def test_a_key_is_heard_at_once_where_no_program_takes_it(session: pytest.MonkeyPatch) -> None:
    """The server would keep what it recorded until there are more keys: here none comes, also by repeating."""
    xtest = importlib.import_module("Xlib.ext.xtest")
    with XDisplay("-r") as display:
        session.setenv("DISPLAY", display.name)
        typist = importlib.import_module("Xlib.display").Display()
        pressed, released = threading.Event(), threading.Event()
        manager = ShortcutManager()
        manager.register("talk", "F9", on_press=pressed.set, on_release=released.set)
        with manager, closing(typist):
            for _ in range(20):
                for kind, told in ((KEY_PRESS, pressed), (KEY_RELEASE, released)):
                    xtest.fake_input(typist, kind, F9)
                    typist.flush()
                    assert told.wait(LONGEST_S)
                    told.clear()
