"""What `thoth live` puts out where no terminal reads it: JSON lines, or plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thoth.cli.terminal.level_line import LevelLine
from thoth.cli.terminal.progress_line import clock
from thoth.cli.terminal.screen import Screen

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.live.update import LiveUpdate
    from thoth.observe.metrics import Metrics

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LOADING_STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run comes to: seconds heard, the session's figures, and the file that was saved."""

    heard_s: float
    metrics: Metrics
    saved: Path | None


class LiveView:
    """Where a run of `thoth live` is seen. The main thread, but for `hidden`.

    screen: for lines on stderr. line: shows the level, on stderr.
    """

    def __init__(self, screen: Screen, line: LevelLine) -> None:
        self._screen = screen
        self._line = line

    def listening(self, source: str, saved: Path | None) -> None:
        """Tell that from now on everything is heard."""
        kept = "" if saved is None else f", saved in {saved}"
        self._screen.notice(f"listening to {source}{kept}; Ctrl-C stops")

    def update(self, update: LiveUpdate) -> None:
        """Show what is new of the text."""

    def happened(self, happening: object) -> None:
        """Show what else the session reports."""
        from thoth.live.events import ChunkFailed, WorkerRestarted

        if isinstance(happening, ChunkFailed):
            self._screen.notice(f"a piece could not be transcribed, going on: {happening.message}")
        elif isinstance(happening, WorkerRestarted):
            self._screen.notice(f"the worker died and was replaced: {happening.reason}")

    def show(self, heard_s: float, source: LiveInput | None, told: str) -> None:
        """Show how it goes; called ten times a second."""
        self._line.update(heard_s, source, told)

    def failed(self, error: Exception) -> None:
        """Show what ended the run; the line for people is written elsewhere."""

    def summary(self, summary: Summary) -> None:
        """Show what it came to."""
        self._screen.notice(summary_text(summary))

    def hidden(self) -> AbstractContextManager[None]:
        """Have nothing moving on the screen meanwhile."""
        return self._line.hidden()

    def close(self) -> None:
        """Leave the screen."""
        self._line.close()


class TextView(LiveView):
    """Committed text alone, a line per utterance, each word as soon as it is sure."""

    def __init__(self, screen: Screen, line: LevelLine) -> None:
        super().__init__(screen, line)
        self._begun = False

    def update(self, update: LiveUpdate) -> None:
        """Write what is committed."""
        text = "".join(pieces(update))
        if not self._begun:
            text = text.lstrip()
        self._begun = self._begun or text != ""
        if update.is_final and self._begun:
            text += "\n"
            self._begun = False
        if text:
            self._screen.result(text)

    def close(self) -> None:
        """End the line that was broken off."""
        if self._begun:
            self._begun = False
            self._screen.result("\n")
        super().close()


class JsonView(LiveView):
    """An object a line, each with a `type`; README.md lists them."""

    def __init__(self, screen: Screen, line: LevelLine) -> None:
        super().__init__(screen, line)
        self._loaded = -1

    def listening(self, source: str, saved: Path | None) -> None:
        """Write `listening`."""
        self._put("listening", source=source, saved=_name(saved))
        super().listening(source, saved)

    def update(self, update: LiveUpdate) -> None:
        """Write a `gap` for each gap, and the `update`."""
        fields = asdict(update)
        for gap in fields.pop("gaps"):
            self._put("gap", **gap)
        self._put("update", **fields)

    def happened(self, happening: object) -> None:
        """Write the happening under its own name; of states what changed, of loading every tenth."""
        from thoth.live.events import LoadingProgress, StateChanged

        if isinstance(happening, StateChanged):
            status = happening.after
            error = None if status.error is None else str(status.error)
            self._put("state", before=happening.before.state, state=status.state, error=error)
        elif isinstance(happening, LoadingProgress):
            self._loading(happening.done_bytes, happening.total_bytes)
        else:
            self._put(_snake(type(happening).__name__), **asdict(happening))  # type: ignore[call-overload]

    def failed(self, error: Exception) -> None:
        """Write `error`."""
        self._put("error", message=str(error))

    def summary(self, summary: Summary) -> None:
        """Write `summary`."""
        self._put("summary", heard_s=round(summary.heard_s, 3), saved=_name(summary.saved), **summary.metrics.as_dict())

    def _loading(self, done: int, total: int) -> None:
        step = _LOADING_STEPS * done // max(total, 1)
        if step > self._loaded:
            self._loaded = step
            self._put("loading", done_bytes=done, total_bytes=total)

    def _put(self, kind: str, **fields: Any) -> None:
        line = json.dumps({"type": kind, **fields}, ensure_ascii=False, allow_nan=False)
        self._screen.result(f"{line}\n")


def pieces(update: LiveUpdate) -> Iterator[str]:
    """Give the committed words of an update, with its gaps at their times, all as it may stand on a terminal."""
    gaps = list(update.gaps)
    for word in update.words:
        while gaps and gaps[0].start_s <= word.start:
            yield f" {gaps.pop(0)}"
        yield plain(word.word)
    for gap in gaps:
        yield f" {gap}"


def plain(text: str) -> str:
    """Give text with spaces in place of what would move the cursor."""
    return _CONTROLS.sub(" ", text)


def summary_text(summary: Summary) -> str:
    """Tell in one line what a run came to."""
    figures = summary.metrics
    parts = [f"heard {clock(summary.heard_s)}, {_count(figures.total_chunks, 'chunk')}"]
    if figures.total_chunks:
        delays = f"{figures.p50_latency_ms / 1000:.2f} s (p50), {figures.p99_latency_ms / 1000:.2f} s (p99)"
        parts.append(f"RTF {figures.average_rtf:.2f}, text after {delays}")
    parts.append(f"at most {figures.queue_depth_max} waiting, {figures.chunks_dropped or 'none'} dropped")
    parts.append(_count(figures.errors, "error"))
    return "; ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _name(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
