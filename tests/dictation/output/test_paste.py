from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest
from clipboard_owner import PNG, ClipboardOwner, clipboard_holds, programs_on, require_program
from fed_input import wait_until
from x_display import TextField, XDisplay, key_down, key_up, press

import thoth
from thoth.dictation.output.paste import LONGEST_PASTED_BYTES, PasteSink
from thoth.dictation.output.press import press as press_keys
from thoth.errors import InvalidOption, OutputError

TEXT = "Größer 😀,\nand\ta tab"


def test_the_text_stands_in_the_field_and_the_clipboard_is_restored(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    before = "früher 😀".encode()
    with ClipboardOwner(display, before):
        PasteSink().deliver(TEXT, cancel)
        assert field.wait_for(TEXT) == TEXT
        assert clipboard_holds(display) == before


def test_the_restored_clipboard_outlives_the_program_that_held_it(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    with ClipboardOwner(display, b"mine"):
        PasteSink().deliver("hello", cancel)
    assert clipboard_holds(display) == b"mine"


def test_an_empty_clipboard_is_empty_again(display: XDisplay, field: TextField, cancel: thoth.CancelToken) -> None:
    programs = programs_on(display)
    threads = threading.active_count()
    PasteSink().deliver("hello", cancel)
    assert field.wait_for("hello") == "hello"
    assert clipboard_holds(display, "TARGETS") == b""
    wait_until(lambda: programs_on(display) == programs)
    assert threading.active_count() == threads


def test_text_in_an_old_encoding_is_restored(display: XDisplay, field: TextField, cancel: thoth.CancelToken) -> None:
    with ClipboardOwner(display, "früher".encode("latin-1"), "STRING"):
        PasteSink().deliver("hello", cancel)
        assert field.wait_for("hello") == "hello"
        assert clipboard_holds(display).decode() == "früher"


def test_an_image_in_the_clipboard_stays_there(display: XDisplay, field: TextField, cancel: thoth.CancelToken) -> None:
    with ClipboardOwner(display, PNG, "image/png"):
        PasteSink().deliver(TEXT, cancel)
        assert field.wait_for(TEXT) == TEXT
        assert clipboard_holds(display, "image/png") == PNG


def test_a_text_too_long_to_type_beside_an_image_says_so(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    with ClipboardOwner(display, PNG, "image/png"):
        with pytest.raises(OutputError, match=r"not just text, so .* typed instead of pasted, but .* too long"):
            PasteSink().deliver("x" * 20_000, cancel)
        assert field.text() == ""
        assert clipboard_holds(display, "image/png") == PNG


def test_a_text_arrives_also_when_the_owner_of_the_clipboard_hangs(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    with ClipboardOwner(display, b"mine") as owner:
        owner.freeze()
        programs, threads = programs_on(display), threading.active_count()
        PasteSink().deliver(TEXT, cancel)
        assert field.wait_for(TEXT) == TEXT
        wait_until(lambda: programs_on(display) == programs)
        assert threading.active_count() == threads


def test_nothing_that_takes_the_text_is_an_error_and_the_clipboard_is_restored(
    display: XDisplay, cancel: thoth.CancelToken
) -> None:
    with ClipboardOwner(display, b"mine"):
        with pytest.raises(OutputError, match=r"nothing took the text within 3 s of ctrl\+v"):
            PasteSink().deliver("hello", cancel)
        assert clipboard_holds(display) == b"mine"


def test_a_cancel_while_nothing_takes_the_text_restores_the_clipboard(
    display: XDisplay, cancel: thoth.CancelToken
) -> None:
    with ClipboardOwner(display, b"mine"):
        sink = PasteSink(delay_s=60.0)
        watched = threading.Thread(target=_cancel_when_offered, args=(display, b"hello", cancel))
        watched.start()
        with pytest.raises(thoth.Cancelled):
            sink.deliver("hello", cancel)
        watched.join()
        assert clipboard_holds(display) == b"mine"


def test_what_the_user_copies_meanwhile_stays(display: XDisplay, cancel: thoth.CancelToken) -> None:
    held: list[ClipboardOwner] = []

    def copy() -> None:
        _wait_until_offered(display, b"hello")
        held.append(ClipboardOwner(display, b"copied"))

    copying = threading.Thread(target=copy)
    with ClipboardOwner(display, b"mine"):
        copying.start()
        # The latter if that was faster than any person is.
        with pytest.raises(OutputError, match=r"nothing took the text|clipboard does not take the text"):
            PasteSink(delay_s=3.0).deliver("hello", cancel)
        copying.join()
        try:
            assert clipboard_holds(display) == b"copied"
        finally:
            held[0].close()


def test_a_clipboard_manager_that_takes_the_text_over_changes_nothing(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    managers: list[ClipboardOwner] = []

    def take_over() -> None:
        _wait_until_offered(display, b"hello")
        managers.append(ClipboardOwner(display, b"hello"))

    taking = threading.Thread(target=take_over)
    with ClipboardOwner(display, b"mine"):
        taking.start()
        PasteSink(delay_s=2.0).deliver("hello", cancel)
        taking.join()
        try:
            assert field.wait_for("hello") == "hello"
            assert clipboard_holds(display) == b"mine"
        finally:
            managers[0].close()


def test_a_cancel_after_the_keys_were_pressed_does_not_paste_what_was_there_before(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed = press_keys

    def press_and_cancel(keys: tuple[str, ...], token: thoth.CancelToken) -> None:
        pressed(keys, token)
        cancel.cancel()

    monkeypatch.setattr("thoth.dictation.output.paste.press", press_and_cancel)
    with ClipboardOwner(display, b"mine"):
        PasteSink().deliver("hello", cancel)
        assert field.wait_for("hello") == "hello"
        assert clipboard_holds(display) == b"mine"


def test_other_keys_paste_where_these_do_not(display: XDisplay, field: TextField, cancel: thoth.CancelToken) -> None:
    PasteSink(keys="shift+insert").deliver("hello", cancel)
    assert field.wait_for("hello") == "hello"


def test_a_modifier_that_is_still_held_does_not_spoil_the_keys(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    key_down(display, "alt+shift")
    try:
        PasteSink().deliver("hello", cancel)
    finally:
        key_up(display, "alt+shift")
    assert field.wait_for("hello") == "hello"


def test_control_characters_and_half_surrogates_are_not_pasted(field: TextField, cancel: thoth.CancelToken) -> None:
    PasteSink().deliver("a\x00b\x1b[201~c\r\nd\ud83d", cancel)
    assert field.wait_for("ab[201~c\nd\ufffd") == "ab[201~c\nd\ufffd"


def test_the_longest_text_arrives_whole_and_a_longer_one_is_refused(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken
) -> None:
    longest = "0123456789abcde\n" * (LONGEST_PASTED_BYTES // 16)
    PasteSink().deliver(longest, cancel)
    assert field.wait_for(longest) == longest
    with ClipboardOwner(display, b"mine"):
        with pytest.raises(OutputError, match="1000000 bytes is too long to be pasted"):
            PasteSink().deliver("x" * 1_000_000, cancel)
        assert clipboard_holds(display) == b"mine"


def test_without_xclip_it_pastes_and_restores_by_pyperclip(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "xsel").symlink_to(require_program("xsel"))
    with ClipboardOwner(display, b"mine"):
        with monkeypatch.context() as patch:
            patch.setenv("PATH", str(tmp_path))
            PasteSink().deliver(TEXT, cancel)
        assert field.wait_for(TEXT) == TEXT
        assert clipboard_holds(display) == b"mine"


def test_without_xclip_what_may_be_an_image_stays_there(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "xsel").symlink_to(require_program("xsel"))
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        PasteSink().deliver(TEXT, cancel)
    assert field.wait_for(TEXT) == TEXT
    assert clipboard_holds(display, "TARGETS") == b""


def test_where_there_is_no_x_server_pynput_presses_the_keys(
    display: XDisplay, field: TextField, cancel: thoth.CancelToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("paste", "press", "typing_keys"):
        monkeypatch.setattr(f"thoth.dictation.output.{module}.ON_X", False)
    with ClipboardOwner(display, b"mine"):
        PasteSink().deliver(TEXT, cancel)
        assert field.wait_for(TEXT) == TEXT
        assert clipboard_holds(display) == b"mine"


def test_texts_after_each_other_arrive_in_order(display: XDisplay, field: TextField, cancel: thoth.CancelToken) -> None:
    sink = PasteSink()
    with ClipboardOwner(display, b"mine"):
        for number in range(5):
            sink.deliver(f"{number} ", cancel)
        assert field.wait_for("0 1 2 3 4 ") == "0 1 2 3 4 "
        press(display, "ctrl+v")
        assert field.wait_for("0 1 2 3 4 mine") == "0 1 2 3 4 mine"


@pytest.mark.parametrize("keys", ["", "v+ctrl", "ctrl+", "ctrl+vv", "hyper+v"])
def test_keys_that_make_no_sense_are_refused(keys: str) -> None:
    with pytest.raises(InvalidOption, match="keys must be like"):
        PasteSink(keys=keys or "+")
    with pytest.raises(InvalidOption, match="delay_s must be 0 or more"):
        PasteSink(delay_s=-1)


def _wait_until_offered(display: XDisplay, text: bytes) -> None:
    deadline_s = time.monotonic() + 10.0
    while clipboard_holds(display) != text:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def _cancel_when_offered(display: XDisplay, text: bytes, cancel: thoth.CancelToken) -> None:
    try:
        _wait_until_offered(display, text)
    except (AssertionError, subprocess.SubprocessError):
        pass
    finally:
        cancel.cancel()
