"""Text on a stream: standard output, or any other text stream."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from thoth.dictation.output.sink import check_not_cancelled, encodable, plain
from thoth.errors import OutputError

if TYPE_CHECKING:
    from thoth._native import CancelToken


class StreamSink:
    """Writes each text as a line of its own to `stream` (standard output at the time of writing), and flushes it.

    A terminal gets no control characters, since it would obey them. On failure OutputError: a stream whose encoding
    lacks a character gets nothing; one that is closed, or whose reader has gone, may have got a part. A reader that
    takes nothing in makes `deliver` wait; `deliver_all` bounds that.
    """

    def __init__(self, stream: TextIO | None = None, *, name: str | None = None) -> None:
        self._stream = stream
        self.name = name or ("stdout" if stream is None else str(getattr(stream, "name", "stream")))
        self.lane = f"stream {self.name}"

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Write the text and a newline, unless it ends with one. Raises OutputError, Cancelled."""
        check_not_cancelled(cancel, self.name)
        stream = sys.stdout if self._stream is None else self._stream
        if stream is None:  # of a program without a console
            raise OutputError("there is no standard output here: choose a file, the clipboard or a command")
        try:
            shown = plain(text) if stream.isatty() else encodable(text)
            stream.write(shown if shown.endswith("\n") else f"{shown}\n")
            stream.flush()
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{self.name} takes {error.encoding} only, which lacks {error.object[error.start]!r}: "
                "set PYTHONIOENCODING=utf-8"
            ) from error
        except (OSError, ValueError) as error:  # ValueError: it is closed
            raise OutputError(f"cannot write the text to {self.name}: {error}") from error
