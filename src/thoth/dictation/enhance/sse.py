"""Server-sent events, as chat endpoints stream them (WHATWG HTML, section 9.2)."""

from __future__ import annotations

from collections.abc import Iterator


class EventReader:
    """Turns the bytes of a stream, cut anywhere, into the data of its events. One stream, one thread at a time.

    Lines may end in LF or CRLF. What an unfinished stream leaves without its empty line is no event.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[str]:
        """Take more bytes and give the data of each event that they complete."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", "replace")
            if not text:
                yield from self._dispatch()
            elif text.startswith("data:"):
                self._data.append(text.removeprefix("data:").removeprefix(" "))

    def _dispatch(self) -> Iterator[str]:
        if self._data:
            yield "\n".join(self._data)
            self._data = []
