"""Spans for OpenTelemetry: behind the extra `trace` (pip install thoth-speech[trace]).

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

tracer.add_exporter(otel_exporter(BatchSpanProcessor(OTLPSpanExporter())))
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING, Final

from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor

    from thoth.observe.spans import Span

_MOST_DRIFT_NS: Final = 1_000_000


def otel_exporter(processor: SpanProcessor, resource: Resource | None = None) -> Callable[[Span], None]:
    """Return an exporter for `Tracer.add_exporter()` that hands each span to an OpenTelemetry span processor.

    processor: as a rule a BatchSpanProcessor, which has a queue and a thread of its own. It stays the caller's, who
        shuts it down at the end.
    resource: what the spans are said to come from; by default what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say.

    Beginning and end are moved to the system's clock as it is at that moment. Each outermost span is a trace with all
    its parts. Threads stand in the attributes "thread.id" and "thread.name", errors in the status. Any thread may call
    it. Raises InvalidOption if OpenTelemetry's SDK is not installed.
    """
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
    except ImportError as error:
        raise InvalidOption(
            f"traces for OpenTelemetry need its SDK ({error}): pip install thoth-speech[trace]"
        ) from error
    made_of = Resource.create() if resource is None else resource
    scope = InstrumentationScope("thoth")
    sampled = TraceFlags(TraceFlags.SAMPLED)
    ids, clock = _Ids(), _Clock()

    def context_of(span_id: int, root_id: int) -> SpanContext:
        return SpanContext(ids.trace(root_id), ids.span(span_id), is_remote=False, trace_flags=sampled)

    def status_of(span: Span) -> Status:
        return Status(StatusCode.ERROR, str(span.attributes["error"])) if "error" in span.attributes else Status()

    def export(span: Span) -> None:
        offset_ns = clock.offset_ns()
        processor.on_end(
            ReadableSpan(
                name=span.name,
                context=context_of(span.span_id, span.root_id),
                parent=None if span.parent_id is None else context_of(span.parent_id, span.root_id),
                resource=made_of,
                attributes={**span.attributes, "thread.id": span.thread_id, "thread.name": span.thread_name},
                kind=SpanKind.INTERNAL,
                status=status_of(span),
                start_time=span.start_ns + offset_ns,
                end_time=span.end_ns + offset_ns,
                instrumentation_scope=scope,
            )
        )

    return export


class _Ids:
    """OpenTelemetry's numbers of spans: random to others, and for ours always the same.

    A span ends, and is exported, before the one around it, whose number it must give all the same.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def trace(self, root_id: int) -> int:
        """Return 128 bits, never 0."""
        return self._hash(root_id, b"trace", 16)

    def span(self, span_id: int) -> int:
        """Return 64 bits, never 0."""
        return self._hash(span_id, b"span", 8)

    def _hash(self, number: int, use: bytes, size: int) -> int:
        digest = hashlib.blake2b(number.to_bytes(16), digest_size=size, key=self._key, person=use)
        return int.from_bytes(digest.digest()) or 1


class _Clock:
    """Where the spans' clock stands on the system's, renewed when that was set or the machine has slept."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.perf_counter_ns()

    def offset_ns(self) -> int:
        """Return nanoseconds to add; the same from one span to the next as long as can be, so that parts fit."""
        now_ns = time.time_ns() - time.perf_counter_ns()
        if abs(now_ns - self._offset_ns) > _MOST_DRIFT_NS:
            self._offset_ns = now_ns
        return self._offset_ns
