"""Spans of a worker's process in the trace of its owner.

Both clocks of `time.perf_counter_ns()` are one: Linux and macOS count from the machine's start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from thoth.observe.tracing import Span, tracer


def take_spans() -> list[Span]:
    """Return what this process has traced since the last time."""
    spans = tracer.spans()
    tracer.clear()
    return spans


def add_spans(spans: Iterable[Span], process: int) -> None:
    """Add what `process` has traced to this one's trace, inside of the span around the caller."""
    ours: dict[int, int | None] = {}
    for span in sorted(spans, key=lambda span: span.span_id):  # so that each comes behind what it is a part of
        parent_id = None if span.parent_id is None else ours.get(span.parent_id)
        attributes: dict[str, Any] = {**span.attributes, "process": process}
        ours[span.span_id] = tracer.record(span.name, span.start_ns, span.end_ns, parent_id=parent_id, **attributes)
