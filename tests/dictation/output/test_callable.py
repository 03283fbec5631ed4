from __future__ import annotations

import threading
import time

import pytest

import thoth
from thoth.dictation.output.callable import CallableSink
from thoth.errors import InvalidOption, OutputError


def test_the_function_gets_the_text_as_it_is(cancel: thoth.CancelToken) -> None:
    got: list[str] = []
    sink = CallableSink(got.append)
    texts = ["hello", "\x00\x1b \ud83d", "x" * 1_000_000]
    for text in texts:
        sink.deliver(text, cancel)
    assert got == texts


def test_what_it_raises_is_an_output_error(cancel: thoth.CancelToken) -> None:
    def refuse(text: str) -> None:
        raise KeyError(text)

    with pytest.raises(OutputError, match=r"refuse failed: KeyError: 'hello'") as caught:
        CallableSink(refuse).deliver("hello", cancel)
    assert isinstance(caught.value.__cause__, KeyError)

    def leave(text: str) -> None:
        raise SystemExit

    with pytest.raises(OutputError, match="notes failed: SystemExit"):
        CallableSink(leave, "notes").deliver("hello", cancel)


def test_one_that_hangs_is_left_behind_and_not_called_again_until_it_ends(cancel: thoth.CancelToken) -> None:
    end = threading.Event()
    got: list[str] = []

    def hang(text: str) -> None:
        got.append(text)
        end.wait()

    sink = CallableSink(hang, timeout_s=0.1)
    try:
        with pytest.raises(OutputError, match=r"hang did not end within 0\.1 s and is left behind"):
            sink.deliver("one", cancel)
        with pytest.raises(OutputError, match="still hangs with a text before this one"):
            sink.deliver("two", cancel)
    finally:
        end.set()
    deadline_s = time.monotonic() + 10
    while len(got) < 2:
        assert time.monotonic() < deadline_s
        try:
            sink.deliver("three", cancel)
        except OutputError:
            time.sleep(0.01)
    assert got == ["one", "three"]


def test_a_cancel_does_not_wait_for_it(cancel: thoth.CancelToken) -> None:
    end = threading.Event()
    threading.Timer(0.1, cancel.cancel).start()
    try:
        with pytest.raises(thoth.Cancelled):
            CallableSink(lambda _: end.wait(60)).deliver("hello", cancel)
    finally:
        end.set()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidOption, match="function must be callable"):
        CallableSink("print")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="timeout_s must be above 0"):
        CallableSink(print, timeout_s=0)


async def _store(text: str) -> None:
    raise AssertionError("nobody awaits it")


def test_an_async_function_is_refused_since_its_text_would_be_lost() -> None:
    with pytest.raises(InvalidOption, match=r"function must not be async, as .*_store.* is: give one that"):
        CallableSink(_store)
