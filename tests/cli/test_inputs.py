from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from thoth._native import CancelToken
from thoth.cli import inputs
from thoth.cli.inputs import STDIN, open_input, printable
from thoth.cli.interrupt import Interrupt
from thoth.errors import DecodeError

MP4_HEAD = b"\0\0\0\x18ftypM4A "


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of a pipe that leads to standard input."""
    ours, theirs = os.pipe()
    with io.TextIOWrapper(io.BufferedReader(io.FileIO(ours))) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield theirs


def send(pipe: int, data: bytes) -> threading.Thread:
    def write() -> None:
        with open(pipe, "wb", buffering=0) as file:
            for start in range(0, len(data), 1000):
                file.write(data[start : start + 1000])

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_only_an_mp4_is_copied_and_both_arrive_whole(piped: int) -> None:
    data = MP4_HEAD + os.urandom(50_000)
    sender = send(piped, data)
    with open_input(STDIN, Interrupt(CancelToken())) as reader:
        assert not isinstance(reader, str)
        assert reader.seekable()
        assert reader.read(100_000) == data
    sender.join()


def test_a_stream_is_given_as_it_comes(piped: int) -> None:
    os.write(piped, b"RIFF")
    os.write(piped, b"....WAVE")
    with open_input(STDIN, Interrupt(CancelToken())) as reader:
        assert not isinstance(reader, str)
        assert not reader.seekable()
        # The pipe is still open: a reader that waits for all it asked for would never return.
        received = b""
        while len(received) < 12:
            received += reader.read(4096)
    assert received == b"RIFF....WAVE"
    os.close(piped)


def test_an_endless_mp4_is_refused_at_the_limit(piped: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "SPOOL_LIMIT_BYTES", 2**14)
    sender = send(piped, MP4_HEAD + bytes(2**15))
    with pytest.raises(DecodeError, match="does not go through a pipe"), open_input(STDIN, Interrupt(CancelToken())):
        pass
    sys.stdin.buffer.read()
    sender.join()


def test_a_plain_file_is_left_to_the_decoder(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").touch()
    for name in ("talk.wav", "absent.wav", "nul\0l.wav"):
        with open_input(str(tmp_path / name), Interrupt(CancelToken())) as source:
            assert source == str(tmp_path / name)


def test_printable_writes_out_what_would_disturb_a_line() -> None:
    assert printable("a b-ü.wav") == "a b-ü.wav"
    assert printable("a\nb\x1b[1m\udce9") == "a\\nb\\x1b[1m\\udce9"
