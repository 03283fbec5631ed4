"""Where a file's bytes come from: a path, a binary file object or bytes, read in one guarded way."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

from thoth.errors import DecodeError


class BinaryReader(Protocol):
    """What a file object needs: `read(n)` giving at most n bytes, none of them at the end."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


AudioSource: TypeAlias = str | os.PathLike[str] | BinaryReader | IO[bytes] | bytes | bytearray | memoryview

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")


class SourceReader:
    """A file object as FFmpeg may be given it.

    Positions count from where the source stood when it was handed over. FFmpeg's C code must not see an
    exception or more bytes than it asked for: whatever goes wrong is kept in `failure`, and the data ends
    there.

    One thread at a time.
    """

    def __init__(self, file: Any, name: str, *, owned: bool) -> None:
        suffix = _SUFFIX.search(name)
        self.name = "audio" + (suffix[0] if suffix else "")
        """All that FFmpeg learns of the name: the suffix, by which it knows formats without a signature."""
        self.failure: BaseException | None = None
        self.bytes_read = 0
        self._file = file
        self._owned = owned
        self._seekable = _is_seekable(file)
        self._start = file.tell() if self._seekable else 0

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end and after a failure."""
        if self.failure is not None:
            return b""
        try:
            data = self._checked(self._file.read(size), size)
        except BaseException as error:
            self.failure = error
            return b""
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as `io.IOBase.seek` does, counting from the source's start; return -1 after a failure."""
        if self.failure is not None:
            return -1
        try:
            if whence == os.SEEK_SET:
                offset += self._start
            self._file.seek(offset, whence)
            return int(self._file.tell()) - self._start
        except BaseException as error:
            self.failure = error
            return -1

    def tell(self) -> int:
        """Return the position, counted from the source's start."""
        return int(self._file.tell()) - self._start

    def seekable(self) -> bool:
        """Whether `seek` works."""
        return self._seekable

    def close(self) -> None:
        """Close the file if it was opened here; one that the caller gave stays open."""
        if self._owned:
            self._file.close()

    @staticmethod
    def _checked(data: object, size: int) -> bytes:
        if data is None:
            raise BlockingIOError("the file object is non-blocking and had no data ready")
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"read() gave {type(data).__name__}, not bytes: open the file in binary mode")
        if len(data) > size:
            raise ValueError(f"read({size}) gave {len(data)} bytes")
        return bytes(data)


def open_source(source: object, name: str | None = None) -> tuple[SourceReader, str]:
    """Open `source` for reading; return the reader and the name that messages give it.

    Raises DecodeError for a path that cannot be opened, a URL, and anything that is no source.
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        shown = name or path
        return SourceReader(_open_path(path, shown), path, owned=True), shown
    if isinstance(source, (bytes, bytearray, memoryview)):
        shown = name or "audio in memory"
        return SourceReader(io.BytesIO(source), shown, owned=True), shown
    if not hasattr(source, "read"):
        raise DecodeError(
            f"cannot read audio from a {type(source).__name__}: give a path, a binary file object, or the file's bytes"
        )
    own_name = getattr(source, "name", None)
    shown = name or (own_name if isinstance(own_name, str) else "audio stream")
    try:
        return SourceReader(source, shown, owned=False), shown
    except (OSError, ValueError) as error:
        raise DecodeError(f"{shown} cannot be read: {error}") from error


def _open_path(path: str, shown: str) -> IO[bytes]:
    if _URL.match(path):
        raise DecodeError(f"{shown} is a URL, and Thoth reads local files only: download it first")
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise DecodeError(f"{shown}: no such file") from None
    except IsADirectoryError:
        raise DecodeError(f"{shown} is a directory: name the files in it") from None
    except PermissionError:
        raise DecodeError(f"{shown}: no permission to read it") from None
    except (OSError, ValueError) as error:
        raise DecodeError(f"{shown} cannot be opened: {error}") from error


def _is_seekable(file: Any) -> bool:
    if not (hasattr(file, "seek") and hasattr(file, "tell")):
        return False
    return bool(file.seekable()) if hasattr(file, "seekable") else True
