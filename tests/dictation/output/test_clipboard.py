from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from clipboard_owner import ClipboardOwner, clipboard_holds, programs_on
from fed_input import wait_until
from x_display import XDisplay

import thoth
from thoth.dictation.output.clipboard import CLIPBOARD_LIMIT_S, ClipboardSink, paste_text
from thoth.errors import OutputError


@pytest.mark.parametrize("text", ["hello", "größer 😀\nnew line\ttab", "x" * 1_000_000])
def test_the_text_is_in_the_clipboard(display: XDisplay, cancel: thoth.CancelToken, text: str) -> None:
    ClipboardSink().deliver(text, cancel)
    assert clipboard_holds(display) == text.encode()


def test_control_characters_and_half_surrogates_do_not_get_there(display: XDisplay, cancel: thoth.CancelToken) -> None:
    ClipboardSink().deliver("a\x00b\x1b[31mc\r\nd\ud83d", cancel)
    assert clipboard_holds(display).decode() == "ab[31mc\nd\ufffd"


def test_a_text_whose_owner_hangs_is_replaced(display: XDisplay, cancel: thoth.CancelToken) -> None:
    with ClipboardOwner(display, b"old") as owner:
        owner.freeze()
        ClipboardSink().deliver("new", cancel)
        assert clipboard_holds(display) == b"new"


def test_reading_from_an_owner_that_hangs_ends_in_time_and_leaves_nothing_running(
    display: XDisplay, cancel: thoth.CancelToken
) -> None:
    with ClipboardOwner(display, b"old") as owner:
        owner.freeze()
        threads, programs = threading.active_count(), programs_on(display)
        started_s = time.monotonic()
        with pytest.raises(OutputError, match="clipboard does not answer"):
            paste_text(cancel)
        assert CLIPBOARD_LIMIT_S <= time.monotonic() - started_s < CLIPBOARD_LIMIT_S + 3.0
        assert threading.active_count() == threads
        wait_until(lambda: programs_on(display) == programs)


def test_a_display_that_hangs_ends_in_time_and_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch, cancel: thoth.CancelToken
) -> None:
    with XDisplay() as frozen:
        monkeypatch.setenv("DISPLAY", frozen.name)
        server = _server_of(frozen)
        sink = ClipboardSink()
        threads, programs = threading.active_count(), programs_on(frozen)
        os.kill(server, signal.SIGSTOP)
        try:
            started_s = time.monotonic()
            with pytest.raises(OutputError, match="clipboard does not answer"):
                sink.deliver("hello", cancel)
            assert time.monotonic() - started_s < 2 * CLIPBOARD_LIMIT_S
            assert threading.active_count() == threads
            wait_until(lambda: programs_on(frozen) == programs)
        finally:
            os.kill(server, signal.SIGCONT)


def test_a_cancel_is_heard_while_the_clipboard_hangs(display: XDisplay, cancel: thoth.CancelToken) -> None:
    with ClipboardOwner(display, b"old") as owner:
        owner.freeze()
        programs = programs_on(display)
        threading.Timer(0.2, cancel.cancel).start()
        started_s = time.monotonic()
        with pytest.raises(thoth.Cancelled):
            paste_text(cancel)
        assert time.monotonic() - started_s < CLIPBOARD_LIMIT_S
        wait_until(lambda: programs_on(display) == programs)


def test_a_display_that_has_gone_is_an_output_error(monkeypatch: pytest.MonkeyPatch, cancel: thoth.CancelToken) -> None:
    with XDisplay() as gone:
        monkeypatch.setenv("DISPLAY", gone.name)
        sink = ClipboardSink()
    with pytest.raises(OutputError, match="clipboard did not take the text"):
        sink.deliver("hello", cancel)


def test_what_serves_the_clipboard_holds_no_pipe_of_ours(display: XDisplay, cancel: thoth.CancelToken) -> None:
    reader, writer = os.pipe()
    saved = os.dup(1)
    try:
        os.dup2(writer, 1)
        ClipboardSink().deliver("hello", cancel)
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writer)
    # Whoever reads what a program printed waits for the end of all that share its stdout.
    os.set_blocking(reader, False)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_on_wayland_it_is_written_and_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cancel: thoth.CancelToken
) -> None:
    for name, work in (("wl-copy", "cat > "), ("wl-paste", "touch read; cat ")):
        (tmp_path / name).write_text(f"#!/bin/sh\ncd {tmp_path}; {work} content\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    ClipboardSink().deliver("größer", cancel)
    assert (tmp_path / "content").read_text() == "größer"
    assert not (tmp_path / "read").exists()


def test_without_a_display_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match="over ssh or without a desktop, choose stdout, a file or a command"):
        ClipboardSink()


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match="install xclip"):
        ClipboardSink()
    monkeypatch.delenv("DISPLAY")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(OutputError, match="install wl-clipboard"):
        ClipboardSink()


def _server_of(display: XDisplay) -> int:
    import psutil

    assert shutil.which("Xvfb")
    servers = [child for child in psutil.Process().children() if child.name() == "Xvfb"]
    return max(servers, key=lambda server: server.create_time()).pid
