from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import thoth
from thoth.dictation.output.command import CommandSink
from thoth.dictation.output.delivery import deliver_all
from thoth.dictation.output.file import FileSink
from thoth.dictation.output.stream import StreamSink
from thoth.errors import OutputError


@dataclass
class SinkOf:
    """A sink of somebody else's, which need not be hashable."""

    work: Callable[[str, thoth.CancelToken], object]
    name: str = "theirs"
    limit_s: float = 30.0
    lane: str | None = None

    def deliver(self, text: str, cancel: thoth.CancelToken) -> None:
        self.work(text, cancel)


def test_all_get_the_text_and_nothing_went_wrong(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    stream = io.StringIO()
    sinks = [StreamSink(stream), FileSink(tmp_path / "notes"), CommandSink(["cp", "/dev/stdin", f"{tmp_path}/got"])]
    assert deliver_all(sinks, "hello", cancel) == ()
    assert (stream.getvalue(), (tmp_path / "notes").read_text()) == ("hello\n", "hello\n")
    assert (tmp_path / "got").read_text() == "hello"
    assert deliver_all([], "hello", cancel) == ()


def test_one_that_fails_costs_the_others_nothing(tmp_path: Path, cancel: thoth.CancelToken) -> None:
    def fail(text: str, cancel: thoth.CancelToken) -> None:
        raise RuntimeError("no room")

    def leave(text: str, cancel: thoth.CancelToken) -> None:
        raise SystemExit

    got: list[str] = []
    sinks = [SinkOf(fail), FileSink("/dev/full"), SinkOf(leave), SinkOf(lambda text, _: got.append(text))]
    errors = deliver_all(sinks, "hello", cancel)
    assert got == ["hello"]
    assert all(type(error) is OutputError for error in errors)
    first, second, third = map(str, errors)
    assert first == "theirs failed: RuntimeError: no room"
    assert "/dev/full" in second
    assert third.startswith("theirs failed: SystemExit")


def test_a_sink_or_an_error_that_is_not_as_it_should_be_costs_the_others_nothing(cancel: thoth.CancelToken) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Nameless:
        limit_s = None

        def deliver(self, text: str, cancel: thoth.CancelToken) -> None:
            raise Mute

    got: list[str] = []
    errors = deliver_all([Nameless(), SinkOf(lambda text, _: got.append(text))], "hello", cancel)  # type: ignore[list-item]
    assert got == ["hello"]
    assert list(map(str, errors)) == ["Nameless failed: Mute"]


def test_a_slow_one_does_not_keep_the_others_waiting(cancel: thoth.CancelToken) -> None:
    quick = threading.Event()
    errors = deliver_all([SinkOf(lambda *_: _passed(quick)), SinkOf(lambda *_: quick.set())], "hello", cancel)
    assert errors == ()


def test_sinks_of_one_lane_take_turns_in_their_order(cancel: thoth.CancelToken) -> None:
    at_work = threading.Lock()
    order: list[int] = []

    def work_as(number: int) -> Callable[[str, thoth.CancelToken], object]:
        def work(text: str, cancel: thoth.CancelToken) -> None:
            assert at_work.acquire(blocking=False)
            time.sleep(0.02)
            order.append(number)
            at_work.release()

        return work

    assert deliver_all([SinkOf(work_as(number), lane="desk") for number in range(5)], "hello", cancel) == ()
    assert order == [0, 1, 2, 3, 4]


def test_one_that_hangs_is_told_left_behind_and_given_nothing_until_it_ends(cancel: thoth.CancelToken) -> None:
    end = threading.Event()
    tokens: list[thoth.CancelToken] = []
    got: list[str] = []

    def hang(text: str, cancel: thoth.CancelToken) -> None:
        tokens.append(cancel)
        end.wait()

    sinks = [SinkOf(hang, "stuck", 0.2, "desk"), SinkOf(lambda text, _: got.append(text), lane="desk")]
    try:
        (error,) = deliver_all(sinks, "one", cancel)
        assert str(error) == "stuck did not end within 0.2 s and is left behind"
        assert tokens[0].cancelled
        assert not cancel.cancelled
        (error,) = deliver_all(sinks, "two", cancel)
        assert "stuck still hangs" in str(error)
        assert got == ["one", "two"]
        assert len(tokens) == 1
    finally:
        end.set()
    deadline_s = time.monotonic() + 10.0
    while deliver_all(sinks, "three", cancel):
        assert time.monotonic() < deadline_s
    assert len(tokens) == 2


def test_a_cancel_reaches_every_sink_and_is_told(cancel: thoth.CancelToken) -> None:
    begun, later = threading.Event(), threading.Event()

    def heed(text: str, cancel: thoth.CancelToken) -> None:
        begun.set()
        while not cancel.cancelled:
            time.sleep(0.01)
        raise thoth.Cancelled

    threading.Thread(target=lambda: (begun.wait(), cancel.cancel())).start()
    with pytest.raises(thoth.Cancelled):
        deliver_all([SinkOf(heed, lane="desk"), SinkOf(lambda *_: later.set(), lane="desk")], "hello", cancel)
    assert not later.is_set(), "those that had not begun never do"


def test_a_cancel_does_not_wait_for_one_that_does_not_heed_it(cancel: thoth.CancelToken) -> None:
    end = threading.Event()
    try:
        threading.Timer(0.1, cancel.cancel).start()
        started_s = time.monotonic()
        with pytest.raises(thoth.Cancelled):
            deliver_all([SinkOf(lambda *_: end.wait(60))], "hello", cancel)
        assert time.monotonic() - started_s < 10.0
    finally:
        end.set()


def test_an_interruption_calls_the_sinks_off() -> None:
    """As Ctrl-C on the thread that waits for them."""
    code = """
import os, signal, threading
import thoth
from thoth.dictation.output.delivery import deliver_all

class Patient:
    name = "patient"
    over = threading.Event()

    def deliver(self, text, cancel):
        os.kill(os.getpid(), signal.SIGINT)
        while not cancel.cancelled:
            self.over.wait(0.01)
        self.over.set()

try:
    deliver_all([Patient()], "hello", thoth.CancelToken())
except KeyboardInterrupt:
    print(Patient.over.wait(20))
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "True\n"


def test_a_cancel_that_comes_when_all_is_done_changes_nothing(cancel: thoth.CancelToken) -> None:
    def work(text: str, token: thoth.CancelToken) -> None:
        cancel.cancel()

    assert deliver_all([SinkOf(work)], "hello", cancel) == ()


def test_no_thread_is_left(cancel: thoth.CancelToken) -> None:
    threads = threading.active_count()
    deliver_all([SinkOf(lambda *_: None) for _ in range(10)], "hello", cancel)
    deadline_s = time.monotonic() + 10.0
    while threading.active_count() > threads:
        assert time.monotonic() < deadline_s


def _passed(event: threading.Event) -> None:
    assert event.wait(20.0)
