"""A file on its way in: what has arrived of it, and what is needed to go on later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from thoth.model.durability import sync_folder

PART_SUFFIX = ".part"
ETAG_SUFFIX = ".part.etag"


class PartialFile:
    """`<target>.part`, with the server's ETag beside it. One process at a time, held by the caller's lock."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + PART_SUFFIX)
        self._target = target
        self._etag_path = target.with_name(target.name + ETAG_SUFFIX)

    @property
    def size(self) -> int:
        """Bytes that have arrived; 0 if there is no such file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def resume_headers(self) -> dict[str, str]:
        """Request headers that ask for the rest, on the condition that the file is still the same."""
        size = self.size
        if size == 0:
            return {}
        etag = self._etag()
        return {"Range": f"bytes={size}-"} | ({"If-Range": etag} if etag else {})

    @contextmanager
    def writer(self, start: int, etag: str | None) -> Iterator[BinaryIO]:
        """Open for writing at `start`: 0 begins anew and remembers `etag`, else it must be `size`."""
        with self.path.open("ab" if start else "wb") as file:
            if start == 0:
                # After the truncation: a stop in between must not leave old bytes under a new tag.
                self._remember(etag)
            yield file

    def move_into_place(self) -> None:
        """Give the file its final name, atomically and so that it outlives a power cut."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        self.path.replace(self._target)
        sync_folder(self._target.parent)
        self._etag_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Delete what has arrived."""
        self.path.unlink(missing_ok=True)
        self._etag_path.unlink(missing_ok=True)

    def _etag(self) -> str | None:
        try:
            return self._etag_path.read_text(encoding="ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def _remember(self, etag: str | None) -> None:
        # A weak tag (W/"…") does not promise equal bytes, and If-Range does not take one.
        if etag and etag.isascii() and not etag.startswith("W/"):
            self._etag_path.write_text(etag, encoding="ascii")
        else:
            self._etag_path.unlink(missing_ok=True)
