"""What the command line is given to transcribe: files, standard input, and pipes by name."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from thoth.errors import DecodeError

if TYPE_CHECKING:
    from thoth.cli.interrupt import Interrupt

STDIN = "-"
STDIN_NAME = "standard input"

SPOOL_LIMIT_BYTES = 4 * 2**30
"""How much of an MP4 is taken through a pipe: an hour of video, or days of AAC."""

_SPOOL_PIECE_BYTES = 2**20

# The kinds of box with which MP4, M4A and QuickTime files begin (ISO/IEC 14496-12, section 4.2): their index mostly
# stands at the end, so that they cannot be read from front to back.
_MP4_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"))
_MP4_HEAD_BYTES = 8


def printable(name: str) -> str:
    """Give a file name as it may stand in a line: line breaks, escapes and undecodable bytes written out."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in name)


def shown_name(source: str) -> str:
    """Give the name by which messages call an input."""
    return STDIN_NAME if source == STDIN else printable(source)


@contextlib.contextmanager
def open_input(source: str, interrupt: Interrupt) -> Iterator[str | StreamReader]:
    """Give what `WhisperModel.transcribe_file` can read `source` from.

    A pipe is read as it comes, so that text can appear while the speaker still speaks, in bounded memory. Only
    an MP4 has to be there as a whole: it is copied to a temporary file first, up to `SPOOL_LIMIT_BYTES`.
    """
    with contextlib.ExitStack() as resources:
        file = _stream(source, interrupt, resources)
        if file is None:
            yield source
            return
        reader = StreamReader(file, shown_name(source), interrupt)
        if reader.needs_seeking():
            spool = resources.enter_context(tempfile.TemporaryFile(prefix="thoth-"))
            _copy(reader, spool)
            reader = StreamReader(spool, reader.name, interrupt)
        yield reader


def _stream(source: str, interrupt: Interrupt, resources: contextlib.ExitStack) -> IO[bytes] | None:
    """Open what is no plain file; None where the path itself serves."""
    if source == STDIN:
        if sys.stdin is None:
            raise DecodeError(f"{STDIN_NAME} is closed")
        if sys.stdin.isatty():
            raise DecodeError(
                f"{STDIN_NAME} is a terminal: send a recording into it, as in 'thoth transcribe - < talk.wav'"
            )
        return sys.stdin.buffer
    try:
        mode = os.stat(source).st_mode  # noqa: PTH116 - Path() would drop a trailing slash
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return None
        with interrupt.breaking():  # a named pipe opens when somebody writes into it
            return resources.enter_context(Path(source).open("rb"))
    except (OSError, ValueError):
        return None  # transcribe_file says what is wrong with it


class StreamReader:
    """A binary file object whose reads Ctrl-C ends as if the data did, so that what was heard is kept."""

    def __init__(self, file: IO[bytes], name: str, interrupt: Interrupt) -> None:
        self.name = name
        self._file = file
        self._interrupt = interrupt
        self._head = b""

    def read(self, size: int) -> bytes:
        """Return what is there, at most `size` bytes; none at the end or after Ctrl-C."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        try:
            with self._interrupt.breaking():
                # read1 gives what has arrived; read would wait for all of `size`.
                return getattr(self._file, "read1", self._file.read)(size)
        except KeyboardInterrupt:
            return b""

    def seekable(self) -> bool:
        """Whether `seek` works."""
        return self._file.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as `io.IOBase.seek` does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def needs_seeking(self) -> bool:
        """Whether it holds an MP4 and cannot seek."""
        if self.seekable():
            return False
        head = b""
        while len(head) < _MP4_HEAD_BYTES and (more := self.read(_MP4_HEAD_BYTES - len(head))):
            head += more
        self._head = head
        return head[4:] in _MP4_BOXES


def _copy(reader: StreamReader, spool: IO[bytes]) -> None:
    size = 0
    while piece := reader.read(_SPOOL_PIECE_BYTES):
        size += len(piece)
        if size > SPOOL_LIMIT_BYTES:
            limit = f"{SPOOL_LIMIT_BYTES / 2**30:g} GiB"
            raise DecodeError(f"{reader.name}: an MP4 of more than {limit} does not go through a pipe: save it first")
        spool.write(piece)
    spool.seek(0)
