from __future__ import annotations

import threading
import time

import pytest
from clipboard_owner import ClipboardOwner, clipboard_holds
from x_display import TextField, XDisplay, key_down, key_up, press

import thoth
from thoth.dictation.output.typing_keys import LONGEST_TYPED, TypingSink
from thoth.errors import OutputError

CYRILLIC_AND_GREEK = "".join(map(chr, [*range(0x410, 0x450), *range(0x3B1, 0x3CA)]))


@pytest.mark.parametrize(
    "text",
    [
        "Hello, World! ~{}[]|\\<>\"'`@#$%^&*()_+-=;:?/",
        "é ß ä Ö ñ ç € „so“ — …",
        "😀 👍🏽 日本",
        "two\nlines\n\nand\ta tab\n",
        CYRILLIC_AND_GREEK,
    ],
    ids=["every key", "accents", "emoji", "newlines and tabs", "more characters than free keys"],
)
def test_the_text_stands_in_the_field_as_it_is(field: TextField, cancel: thoth.CancelToken, text: str) -> None:
    TypingSink().deliver(text, cancel)
    assert field.wait_for(text) == text


def test_texts_after_each_other_find_the_characters_again(field: TextField, cancel: thoth.CancelToken) -> None:
    sink = TypingSink()
    for text in ("größer ", "¿qué? ", "größer"):
        sink.deliver(text, cancel)
    assert field.wait_for("größer ¿qué? größer") == "größer ¿qué? größer"


def test_control_characters_and_half_surrogates_are_not_pressed(field: TextField, cancel: thoth.CancelToken) -> None:
    TypingSink().deliver("a\x00b\x1b\x08\x7fc\r\nd\ud83d", cancel)
    assert field.wait_for("abc\nd\ufffd") == "abc\nd\ufffd"


def test_an_empty_text_needs_nothing(field: TextField, cancel: thoth.CancelToken) -> None:
    TypingSink().deliver("\x00", cancel)
    assert field.text() == ""


def test_a_modifier_that_is_still_held_is_waited_for(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    key_down(display, "ctrl+shift")
    typing = threading.Thread(target=TypingSink().deliver, args=("hello", cancel))
    try:
        typing.start()
        time.sleep(0.2)  # as long as a finger takes
        assert field.text() == ""
    finally:
        key_up(display, "ctrl+shift")
    typing.join()
    assert field.wait_for("hello") == "hello"


def test_a_modifier_that_stays_held_makes_no_shortcuts_of_the_text(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    key_down(display, "ctrl")
    try:
        # As shortcuts, these would jump, delete, and paste.
        TypingSink().deliver("ahead, kid, view", cancel)
    finally:
        key_up(display, "ctrl")
    assert field.wait_for("ahead, kid, view") == "ahead, kid, view"


def test_caps_lock_does_not_turn_the_letters_over(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    press(display, "Caps_Lock")
    try:
        TypingSink().deliver("Hello", cancel)
        assert field.wait_for("Hello") == "Hello"
        press(display, "a")
        assert field.wait_for("HelloA") == "HelloA", "caps lock is on again"
    finally:
        press(display, "Caps_Lock")


def test_the_clipboard_stays_as_it_is(display: XDisplay, field: TextField, cancel: thoth.CancelToken) -> None:
    with ClipboardOwner(display, b"mine"):
        TypingSink().deliver("hello", cancel)
        assert field.wait_for("hello") == "hello"
        assert clipboard_holds(display) == b"mine"


def test_where_there_is_no_x_server_pynput_types(
    field: TextField, cancel: thoth.CancelToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thoth.dictation.output.typing_keys.ON_X", False)
    TypingSink().deliver("Hello, world\n", cancel)
    assert field.wait_for("Hello, world\n") == "Hello, world\n"


def test_a_cancel_ends_the_typing_between_two_characters(field: TextField, cancel: thoth.CancelToken) -> None:
    text = "Long " * 1000
    failure: list[BaseException] = []

    def type_it() -> None:
        try:
            TypingSink().deliver(text, cancel)
        except thoth.Cancelled as error:
            failure.append(error)

    typing = threading.Thread(target=type_it)
    typing.start()
    while not field.text():
        time.sleep(0.005)
    cancel.cancel()
    cancelled_s = time.monotonic()
    typing.join()
    assert time.monotonic() - cancelled_s < 1.0
    assert failure
    typed = field.text()
    assert text.startswith(typed)
    assert 0 < len(typed) < len(text)
    field.clear()
    TypingSink().deliver("after", thoth.CancelToken())
    assert field.wait_for("after") == "after", "no key was left pressed"


def test_a_text_that_would_take_minutes_is_refused_untyped(field: TextField, cancel: thoth.CancelToken) -> None:
    with pytest.raises(OutputError, match="too long to be typed"):
        TypingSink().deliver("x" * (LONGEST_TYPED + 1), cancel)
    with pytest.raises(OutputError, match="1000000 characters"):
        TypingSink().deliver("x" * 1_000_000, cancel)
    assert field.text() == ""


# python-xlib leaves the sockets of a connection that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_display_that_has_gone_is_an_output_error(monkeypatch: pytest.MonkeyPatch, cancel: thoth.CancelToken) -> None:
    with XDisplay() as gone:
        monkeypatch.setenv("DISPLAY", gone.name)
        sink = TypingSink()
    with pytest.raises(OutputError, match="keyboard cannot be reached"):
        sink.deliver("hello", cancel)


def test_a_display_that_dies_in_mid_text_is_an_output_error(
    monkeypatch: pytest.MonkeyPatch, cancel: thoth.CancelToken
) -> None:
    with XDisplay() as dying, TextField(dying) as seen:
        monkeypatch.setenv("DISPLAY", dying.name)
        failure: list[BaseException] = []

        def type_it() -> None:
            try:
                TypingSink().deliver("Long " * 1000, cancel)
            except BaseException as error:
                failure.append(error)

        typing = threading.Thread(target=type_it)
        typing.start()
        while not seen.text():
            time.sleep(0.005)
        dying.kill()
        typing.join()
    assert isinstance(failure[0], OutputError)
    assert "display went away" in str(failure[0])


def test_without_a_display_it_says_so_before_anything_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match="needs a display, and DISPLAY is not set: over ssh"):
        TypingSink()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(OutputError, match="Wayland"):
        TypingSink()
