"""Spans as a file for trace viewers: ui.perfetto.dev, and Chrome's own under chrome://tracing.

The format is the JSON object of "Trace Event Format" by the Chromium authors
(https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsChNAySU8): complete events ("X") with their
beginning and length in microseconds, and metadata events ("M") that name processes and threads.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from thoth.errors import InvalidOption
from thoth.observe.spans import Attribute, Span

_NS_PER_US: Final = 1000
_FIRST_EXTRA_LANE: Final = 1 << 30
"""Above the threads' own numbers, and within the 32 bits that a viewer may have for them."""


def write(path: str | os.PathLike[str], spans: Sequence[Span], *, dropped: int = 0) -> None:
    """Write `spans`, and how many others were dropped, to `path`.

    A file that is there is replaced, when the new one is whole. Raises InvalidOption if that cannot be done.
    """
    try:
        _replace(Path(os.path.realpath(path)), _document(spans, dropped))  # a link stays one
    except (OSError, ValueError) as error:  # a ValueError: no name, or one with a null character
        reason = getattr(error, "strerror", None) or error
        raise InvalidOption(
            f"the trace cannot be written to {os.fspath(path)!r} ({reason}): name a file in a writable folder"
        ) from error


def _replace(target: Path, lines: Iterator[str]) -> None:
    if target.exists() and not target.is_file():  # a folder, or a device, whose place a file must not take
        raise OSError(0, "there is something else than a file")
    temporary = target.with_name(f".thoth-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.writelines(lines)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _document(spans: Sequence[Span], dropped: int) -> Iterator[str]:
    # Line by line: a hundred thousand spans as one string would hold more memory than the spans.
    yield '{"displayTimeUnit": "ms",\n'
    yield f'"otherData": {_json({"spans_dropped": dropped})},\n'
    yield '"traceEvents": [\n'
    pid = os.getpid()
    yield _json({"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": "thoth"}})
    for event in _events(spans, pid):
        yield ",\n" + _json(event)
    yield "\n]}\n"


def _events(spans: Sequence[Span], pid: int) -> Iterator[dict[str, Any]]:
    origin_ns = min((span.start_ns for span in spans), default=0)
    lanes = _Lanes()
    # A parent comes before its parts: it starts no later, and was numbered first.
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
        tid, name = lanes.place(span)
        if name is not None:
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}
        yield {
            "ph": "X",
            "name": span.name,
            "cat": "thoth",
            "ts": (span.start_ns - origin_ns) / _NS_PER_US,
            "dur": (span.end_ns - span.start_ns) / _NS_PER_US,
            "pid": pid,
            "tid": tid,
            "args": _arguments(span),
        }


def _arguments(span: Span) -> dict[str, Attribute]:
    ids = {"span_id": span.span_id} | ({} if span.parent_id is None else {"parent_id": span.parent_id})
    return {key: _finite(value) for key, value in span.attributes.items()} | ids


def _finite(value: Attribute) -> Attribute:
    # JSON has no NaN and no infinity.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False)


class _Lanes:
    """Where in the picture a span goes.

    A viewer takes what overlaps on one thread for nested. So a span stands in its thread's own lane only where that is
    empty at its time, or is taken by its parent for as long; else, as for asyncio's tasks, in an extra lane.
    Spans come in the order of their beginning.
    """

    def __init__(self) -> None:
        # The system gives a number again when its thread has ended: only with the name it stands for one thread.
        self._of_thread: dict[tuple[int, str], list[tuple[int, list[Span]]]] = {}
        self._taken: set[int] = set()
        self._extra = itertools.count(_FIRST_EXTRA_LANE)

    def place(self, span: Span) -> tuple[int, str | None]:
        """Return the number of the span's lane and, where it is a new one, the lane's name."""
        lanes = self._of_thread.setdefault((span.thread_id, span.thread_name), [])
        for tid, around in lanes:
            if _fits(span, around):
                around.append(span)
                return tid, None
        tid = next(self._extra) if span.thread_id in self._taken else span.thread_id
        self._taken.add(tid)
        lanes.append((tid, [span]))
        return tid, span.thread_name if len(lanes) == 1 else f"{span.thread_name} ({len(lanes)})"


def _fits(span: Span, around: list[Span]) -> bool:
    """Tell whether a lane takes `span`, after taking what is over off `around`, outermost first."""
    while around and around[-1].end_ns <= span.start_ns and around[-1].span_id != span.parent_id:
        around.pop()
    return not around or (around[-1].span_id == span.parent_id and span.end_ns <= around[-1].end_ns)
