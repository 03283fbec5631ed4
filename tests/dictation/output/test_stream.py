from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest

import thoth
from thoth.dictation.output.stream import StreamSink
from thoth.errors import OutputError


def test_each_text_is_a_line(cancel: thoth.CancelToken) -> None:
    stream = io.StringIO()
    sink = StreamSink(stream)
    for text in ("one", "two\nlines", "ended\n", "x" * 1_000_000, "\x00\x1b \ud83d"):
        sink.deliver(text, cancel)
    assert stream.getvalue() == "one\ntwo\nlines\nended\n" + "x" * 1_000_000 + "\n\x00\x1b \ufffd\n"


def test_it_is_flushed_to_the_standard_output_of_the_moment(
    capsys: pytest.CaptureFixture[str], cancel: thoth.CancelToken
) -> None:
    StreamSink().deliver("hällo", cancel)
    assert capsys.readouterr().out == "hällo\n"


def test_a_reader_sees_a_text_before_the_program_ends() -> None:
    program = (
        "import sys, thoth; from thoth.dictation.output.stream import StreamSink;"
        "StreamSink().deliver('hello', thoth.CancelToken()); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"hello\n"
        child.stdin.close()


def test_a_terminal_gets_nothing_that_it_would_obey(cancel: thoth.CancelToken) -> None:
    ours, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        StreamSink(stream).deliver("a\x1b]0;title\x07b\x00", cancel)
        assert os.read(ours, 100) == b"a]0;titleb\r\n"
    os.close(ours)


def test_a_stream_that_is_closed_or_whose_reader_has_gone_is_an_output_error(cancel: thoth.CancelToken) -> None:
    closed = io.StringIO()
    closed.close()
    with pytest.raises(OutputError, match="closed file"):
        StreamSink(closed).deliver("hello", cancel)
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot write the text to .*Broken pipe"):
        StreamSink(stream).deliver("hello", cancel)
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_an_encoding_that_lacks_a_character_says_what_to_set(cancel: thoth.CancelToken) -> None:
    data = io.BytesIO()
    stream = io.TextIOWrapper(data, encoding="ascii")
    with pytest.raises(OutputError, match="ascii only, which lacks 'ä': set PYTHONIOENCODING=utf-8"):
        StreamSink(stream, name="stdout").deliver("hällo", cancel)
    assert data.getvalue() == b""


def test_nothing_is_written_after_a_cancel(cancel: thoth.CancelToken) -> None:
    stream = io.StringIO()
    cancel.cancel()
    with pytest.raises(thoth.Cancelled):
        StreamSink(stream).deliver("hello", cancel)
    assert stream.getvalue() == ""


def test_a_program_without_a_standard_output_is_told(
    monkeypatch: pytest.MonkeyPatch, cancel: thoth.CancelToken
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="there is no standard output here"):
        StreamSink().deliver("hello", cancel)
