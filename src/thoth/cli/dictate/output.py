"""What `thoth dictate` writes to stdout: the texts alone, or everything that happens as JSON lines."""

from __future__ import annotations

import json
import sys
from typing import Any

from thoth.cli.terminal.screen import Screen, StdoutError
from thoth.dictation.output.sink import plain
from thoth.observe.event_json import as_json


class TextOutput:
    """A line for each text, or several where new lines were dictated. Any thread."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.failure: Exception | None = None

    def text(self, text: str) -> None:
        """Write a text. Raises what writing raises, which is kept as `failure` too: nobody reads on."""
        if sys.stdout is not None and sys.stdout.isatty():
            text = plain(text)  # a language model must not move the cursor
        self._write(text if text.endswith("\n") else f"{text}\n")
        if self.failure is not None:
            raise self.failure

    def event(self, event: object) -> None:
        """Tell what happens."""

    def _write(self, text: str) -> None:
        try:
            self._screen.result(text)
        except (StdoutError, OSError) as error:
            self.failure = error


class JsonOutput(TextOutput):
    """An object a line, each with its `event`; the text stands in that of pipeline-complete."""

    def event(self, event: Any) -> None:
        """Write it."""
        self._write(f"{json.dumps(as_json(event), ensure_ascii=False, allow_nan=False)}\n")
