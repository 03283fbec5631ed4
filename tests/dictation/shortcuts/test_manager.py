"""Shortcuts on a real X display: real key events, by xdotool, through pynput."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from x_display import TextField, XDisplay, key_down, key_up, press, xdotool

from thoth.dictation.events import ShortcutPressed, ShortcutReleased, ShortcutTriggered
from thoth.dictation.shortcuts.key_listener import EndCallback, KeyCallback, KeyListener
from thoth.dictation.shortcuts.manager import Shortcut, ShortcutManager
from thoth.errors import InvalidOption, ShortcutError
from thoth.observe.events import Events

LONGEST_S = 20.0
RIGHT_CTRL = "105"  # its key code; by its name, xdotool holds the left one too


@pytest.fixture(scope="module")
def screen() -> Iterator[XDisplay]:
    with XDisplay() as display:
        yield display


@pytest.fixture
def display(screen: XDisplay, monkeypatch: pytest.MonkeyPatch) -> XDisplay:
    for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XAUTHORITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", screen.name)
    return screen


class Heard:
    """What a manager tells, in its order."""

    def __init__(self, events: Events) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()
        events.subscribe(self._queue.put)

    def next(self) -> Any:
        return self._queue.get(timeout=LONGEST_S)

    def take(self, count: int) -> list[tuple[str, str]]:
        """The next ones, each as its kind and the shortcut's name."""
        told = [self.next() for _ in range(count)]
        return [(type(event).__name__.removeprefix("Shortcut").lower(), event.name) for event in told]


@pytest.fixture
def manager(display: XDisplay) -> Iterator[ShortcutManager]:
    with ShortcutManager() as manager:
        yield manager


@pytest.fixture
def heard(manager: ShortcutManager) -> Heard:
    return Heard(manager.events)


def whole(name: str) -> list[tuple[str, str]]:
    return [("pressed", name), ("triggered", name), ("released", name)]


def test_a_press_is_told_then_that_it_triggers_then_the_release(
    manager: ShortcutManager, heard: Heard, display: XDisplay
) -> None:
    shortcut = manager.register("dictate", "<ctrl>+<alt>+d")
    assert shortcut == Shortcut("dictate", "ctrl+alt+d", "toggle")
    key_down(display, "ctrl+alt+d")
    assert [heard.next(), heard.next()] == [
        ShortcutPressed("dictate", "ctrl+alt+d"),
        ShortcutTriggered("dictate", "ctrl+alt+d"),
    ]
    key_up(display, "ctrl+alt+d")
    assert heard.next() == ShortcutReleased("dictate", "ctrl+alt+d")


def test_callbacks_run_in_turn_on_a_thread_of_their_own(manager: ShortcutManager, display: XDisplay) -> None:
    called: queue.Queue[tuple[str, threading.Thread]] = queue.Queue()
    manager.register(
        "talk",
        "F9",
        mode="push-to-talk",
        on_press=lambda: called.put(("press", threading.current_thread())),
        on_release=lambda: called.put(("release", threading.current_thread())),
    )
    key_down(display, "F9")
    first, thread = called.get(timeout=LONGEST_S)
    assert thread.name != "thoth-keys"
    assert thread is not threading.main_thread()
    key_up(display, "F9")
    assert (first, *called.get(timeout=LONGEST_S)) == ("press", "release", thread)


@pytest.mark.parametrize("other", ["ctrl+d", "d", "ctrl+alt+shift+d", "ctrl+super+d", "ctrl+alt+e", "alt+d"])
def test_other_modifiers_make_another_shortcut(
    manager: ShortcutManager, heard: Heard, display: XDisplay, other: str
) -> None:
    manager.register("dictate", "ctrl+alt+d")
    manager.register("last", "F8")
    press(display, other)
    press(display, "F8")
    assert heard.take(1) == [("pressed", "last")]


@pytest.mark.parametrize(
    ("keys", "pressed"),
    [
        ("shift+2", "shift+2"),
        ("ctrl+shift+7", "ctrl+shift+7"),
        ("alt+shift+x", "shift+alt+x"),
        ("right ctrl", RIGHT_CTRL),
        ("ctrl+space", f"{RIGHT_CTRL}+space"),
        ("altgr", "ISO_Level3_Shift"),
        ("super+space", "super+space"),
        ("pause", "Pause"),
        ("numpad 7", "KP_Home"),
        ("ctrl+minus", "ctrl+minus"),
        ("play pause", "XF86AudioPlay"),
        ("print screen", "Print"),
        ("ctrl+shift", "ctrl+shift"),
    ],
)
def test_keys_are_the_same_whatever_modifiers_make_of_them(
    manager: ShortcutManager, heard: Heard, display: XDisplay, keys: str, pressed: str
) -> None:
    manager.register("it", keys)
    for _ in range(2):  # nothing stays behind as held
        press(display, pressed)
        assert heard.take(3) == whole("it")


@pytest.mark.parametrize("lock", ["Caps_Lock", "Num_Lock"])
def test_locked_keys_change_nothing(manager: ShortcutManager, heard: Heard, display: XDisplay, lock: str) -> None:
    manager.register("dictate", "ctrl+alt+d")
    manager.register("number", "numpad 7")
    press(display, lock)
    try:
        press(display, "ctrl+alt+d", "KP_Home")
        assert heard.take(6) == [*whole("dictate"), *whole("number")]
    finally:
        press(display, lock)


def test_the_home_key_is_not_the_one_of_the_numeric_keypad(
    manager: ShortcutManager, heard: Heard, display: XDisplay
) -> None:
    manager.register("home", "home")
    manager.register("number", "numpad 7")
    press(display, "KP_Home", "Home")
    assert heard.take(6) == [*whole("number"), *whole("home")]


def test_a_side_is_kept_apart_where_it_is_asked_for(manager: ShortcutManager, heard: Heard, display: XDisplay) -> None:
    manager.register("right", "right ctrl+d")
    manager.register("left", "left ctrl+d")
    press(display, f"{RIGHT_CTRL}+d", "ctrl+d")
    assert heard.take(6) == [*whole("right"), *whole("left")]


def test_a_key_that_repeats_is_pressed_once(manager: ShortcutManager, heard: Heard, display: XDisplay) -> None:
    manager.register("talk", "d", mode="push-to-talk")
    with TextField(display) as field:
        key_down(display, "d")
        assert len(field.wait_for("dddd")) >= 4  # the server repeats it
        key_up(display, "d")
        assert heard.take(3) == whole("talk")
    press(display, "d")
    assert heard.take(3) == whole("talk")


@pytest.mark.parametrize("first_up", ["ctrl", "alt", "d"])
def test_the_first_key_that_goes_up_releases_it(
    manager: ShortcutManager, heard: Heard, display: XDisplay, first_up: str
) -> None:
    manager.register("dictate", "ctrl+alt+d")
    manager.register("last", "F8")
    rest = "+".join(key for key in ("ctrl", "alt", "d") if key != first_up)
    key_down(display, "ctrl+alt+d")
    assert heard.take(2) == whole("dictate")[:2]
    key_up(display, first_up)
    assert heard.take(1) == [("released", "dictate")]
    key_up(display, rest)
    press(display, "F8")
    assert heard.take(3) == whole("last")


def test_a_push_to_talk_lasts_whatever_else_is_typed_and_wherever_the_focus_goes(
    manager: ShortcutManager, heard: Heard, display: XDisplay
) -> None:
    manager.register("talk", "F9", mode="push-to-talk")
    with TextField(display) as one, TextField(display, "other") as other:
        key_down(display, "F9")
        press(display, "x")
        one.focus()
        press(display, "shift+y")
        assert (one.wait_for("Y"), other.wait_for("x")) == ("Y", "x")
        key_up(display, "F9")
    assert heard.take(3) == whole("talk")


@pytest.mark.parametrize("end", ["unregister", "stop"])
def test_what_is_held_is_released_when_it_ends(
    manager: ShortcutManager, heard: Heard, display: XDisplay, end: str
) -> None:
    calls: queue.Queue[str] = queue.Queue()
    manager.register(
        "talk", "F9", mode="push-to-talk", on_press=lambda: calls.put("press"), on_release=lambda: calls.put("release")
    )
    key_down(display, "F9")
    try:
        assert heard.take(2) == whole("talk")[:2]
        manager.unregister("talk") if end == "unregister" else manager.stop()
        assert heard.take(1) == [("released", "talk")]
        assert [calls.get_nowait(), calls.get_nowait()] == ["press", "release"]
    finally:
        key_up(display, "F9")


def test_a_key_that_was_down_before_the_start_counts_from_its_next_press(display: XDisplay) -> None:
    manager = ShortcutManager()
    heard = Heard(manager.events)
    manager.register("talk", "F9")
    manager.register("last", "F8")
    key_down(display, "F9")
    with manager:
        key_up(display, "F9")
        press(display, "F8", "F9")
        assert heard.take(6) == [*whole("last"), *whole("talk")]


def test_a_slow_or_raising_callback_harms_no_other(
    manager: ShortcutManager, heard: Heard, display: XDisplay, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    called: queue.Queue[str] = queue.Queue()

    def fail() -> None:
        raise RuntimeError("as it does")

    manager.register("slow", "F7", on_press=lambda: done.wait(LONGEST_S))
    manager.register("failing", "F8", on_press=fail, on_release=lambda: called.put("after a failure"))
    manager.register("good", "F9", on_press=lambda: called.put("good"))
    with caplog.at_level(logging.WARNING, "thoth"):
        press(display, "F7", "F8", "F9")
        assert {called.get(timeout=LONGEST_S), called.get(timeout=LONGEST_S)} == {"after a failure", "good"}
    assert heard.take(9) == [*whole("slow"), *whole("failing"), *whole("good")]
    assert 'a subscriber to events raised: shortcut "failing"' in caplog.text
    done.set()


def test_a_callback_may_register_unregister_and_stop(manager: ShortcutManager, display: XDisplay) -> None:
    stopped = threading.Event()

    def once() -> None:
        manager.unregister("once")
        manager.register("end", "F8", on_press=end)
        press(display, "F8")

    def end() -> None:
        manager.stop()
        stopped.set()

    manager.register("once", "F9", on_press=once)
    began_s = time.monotonic()
    press(display, "F9")
    assert stopped.wait(LONGEST_S)
    assert time.monotonic() - began_s < 10.0
    assert not manager.running
    assert manager.list() == (Shortcut("end", "f8", "toggle"),)


def test_stop_waits_for_no_callback_without_end_and_leaves_no_thread(
    display: XDisplay, caplog: pytest.LogCaptureFixture
) -> None:
    before = set(threading.enumerate())
    release, entered = threading.Event(), threading.Event()
    manager = ShortcutManager()

    def hang() -> None:
        entered.set()
        release.wait(LONGEST_S)

    manager.register("hangs", "F9", on_press=hang)
    manager.start()
    press(display, "F9")
    assert entered.wait(LONGEST_S)
    began_s = time.monotonic()
    manager.stop()
    assert time.monotonic() - began_s < 5.0  # 1 s, and what a loaded machine adds
    assert 'shortcut "hangs"' in caplog.text
    release.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(LONGEST_S)
    assert set(threading.enumerate()) <= before


def test_it_stops_without_a_key_and_starts_again_as_often_as_one_likes(display: XDisplay) -> None:
    before = set(threading.enumerate())
    manager = ShortcutManager()
    called = threading.Semaphore(0)
    manager.register("talk", "F9", on_press=called.release)
    for _ in range(10):
        manager.start()
        assert manager.running
        manager.start()
        press(display, "F9")
        assert called.acquire(timeout=LONGEST_S)
        manager.stop()
        manager.stop()
        assert not manager.running
        assert set(threading.enumerate()) <= before


def test_the_same_keys_are_refused_and_the_other_is_named(manager: ShortcutManager) -> None:
    manager.register("dictate", "ctrl+alt+d")
    with pytest.raises(
        ShortcutError, match=r'"stop" \(right ctrl\+alt\+d\) has the keys of "dictate" \(ctrl\+alt\+d\)'
    ):
        manager.register("stop", "alt+right ctrl+d")
    with pytest.raises(ShortcutError, match=r'a shortcut "dictate" already \(ctrl\+alt\+d\)'):
        manager.register("dictate", "F9")
    assert [each.name for each in manager.list()] == ["dictate"]
    manager.unregister("dictate")
    manager.register("dictate", "ctrl+alt+d")


def test_conflicts_tell_what_keys_get_in_the_way_of(manager: ShortcutManager, heard: Heard, display: XDisplay) -> None:
    long, short = manager.register("long", "ctrl+alt+d"), manager.register("short", "ctrl+d")
    manager.register("apart", "alt+e")
    assert manager.conflicts("left ctrl+d") == (long, short)
    assert manager.conflicts("ctrl+alt") == (long,)
    assert manager.conflicts("F9") == ()
    press(display, "ctrl+alt+d", "ctrl+d")
    assert heard.take(6) == [*whole("long"), *whole("short")]


def test_an_unknown_name_and_bad_options_are_refused(manager: ShortcutManager) -> None:
    manager.register("dictate", "F9")
    with pytest.raises(ShortcutError, match='no shortcut "dictat"; registered: dictate'):
        manager.unregister("dictat")
    with pytest.raises(InvalidOption, match="mode takes toggle or push-to-talk, not 'hold'"):
        manager.register("other", "F8", mode="hold")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="on_release takes a function"):
        manager.register("other", "F8", on_release="no function")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="name takes"):
        manager.register("", "F8")


def test_a_key_that_the_keyboard_lacks_is_refused(display: XDisplay) -> None:
    manager = ShortcutManager()
    manager.register("sign", "ctrl+@")
    with pytest.raises(ShortcutError, match=r'"sign" \(ctrl\+@\) needs the key @, .*as "shift\+2" for "@"'):
        manager.start()
    assert not manager.running
    manager.unregister("sign")
    with manager, pytest.raises(ShortcutError, match="needs the key f24"):
        manager.register("far", "F24")


def test_eight_threads_change_shortcuts_while_keys_are_pressed(
    manager: ShortcutManager, heard: Heard, display: XDisplay
) -> None:
    """Each name's presses and releases alternate to the end, whoever registers what meanwhile."""
    stop = threading.Event()
    failures: list[BaseException] = []
    told: list[Any] = []
    manager.events.subscribe(told.append, ShortcutPressed, ShortcutReleased)

    def change(number: int) -> None:
        dice = random.Random(number)
        try:
            while not stop.is_set():
                key = dice.choice("asdfgh")
                try:
                    manager.register(f"{number} {key}", key, on_press=lambda: None)
                except ShortcutError:  # another thread has it
                    continue
                assert any(each.name == f"{number} {key}" for each in manager.list())
                assert manager.conflicts(key)
                stop.wait(dice.uniform(0, 0.004))
                manager.unregister(f"{number} {key}")
        except BaseException as error:
            failures.append(error)

    released = threading.Semaphore(0)
    manager.register("steady", "F9", on_release=released.release)
    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    rounds = 0
    deadline_s = time.monotonic() + LONGEST_S
    while rounds < 8 or sum(event.name != "steady" for event in tuple(told)) < 20:
        assert time.monotonic() < deadline_s, "no shortcut that came and went was pressed"
        press(display, *("asdfgh" * 4), "F9")
        rounds += 1
    for _ in range(rounds):
        assert released.acquire(timeout=LONGEST_S)
    stop.set()
    for thread in threads:
        thread.join(LONGEST_S)
    manager.stop()
    assert not failures
    manager.events.close()
    for name in {event.name for event in told}:
        kinds = [type(event) for event in told if event.name == name]
        assert kinds == [ShortcutPressed, ShortcutReleased] * (len(kinds) // 2), name
    assert sum(event.name == "steady" for event in told) == 2 * rounds


class Keyboard(KeyListener):
    """A keyboard on which the test plays itself."""

    def start(self, on_key: KeyCallback, on_end: EndCallback) -> None:
        self.play, self.unplug = on_key, on_end

    def stop(self) -> None:
        """Nothing to end."""


KEYS = ["left ctrl", "right ctrl", "left alt", "d", "e", "f9"]
SHORTCUTS = ["ctrl+d", "d", "ctrl+alt+d", "right ctrl", "f9", "ctrl+alt", "alt+e"]
STEPS = st.tuples(st.sampled_from(KEYS), st.booleans()) | st.sampled_from(["lost", "restart", *SHORTCUTS])


@given(st.lists(STEPS, max_size=60))
def test_each_press_has_its_release_whatever_comes(steps: list[Any]) -> None:
    """Keys that go down and up in any order, repeated and unpaired; connections lost; shortcuts that come and go."""
    keyboard, told = Keyboard(), Recorded()
    manager = ShortcutManager(told, keyboard)
    for keys in SHORTCUTS:
        manager.register(keys, keys)
    manager.start()
    for step in steps:
        perform(step, manager, keyboard)
    manager.stop()
    for name in SHORTCUTS:
        kinds = [type(event) for event in told.events if event.name == name]
        assert kinds == [ShortcutPressed, ShortcutTriggered, ShortcutReleased] * (len(kinds) // 3)


class Recorded(Events):
    """A bus that keeps what is published."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    def publish(self, event: object) -> None:
        self.events.append(event)


def perform(step: Any, manager: ShortcutManager, keyboard: Keyboard) -> None:
    actions: dict[str, Callable[[], object]] = {
        "lost": lambda: keyboard.unplug(ShortcutError("unplugged")),
        "restart": manager.start,
    }
    if isinstance(step, tuple):
        keyboard.play(*step)
    elif step in actions:
        actions[step]()
    else:
        manager.unregister(step)
        manager.register(step, step)


def test_xdotool_presses_are_heard_one_by_one(manager: ShortcutManager, heard: Heard, display: XDisplay) -> None:
    manager.register("talk", "F9")
    xdotool(display, "key", "--delay", "0", *["F9"] * 200)
    assert heard.take(600) == whole("talk") * 200
