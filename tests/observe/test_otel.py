"""Spans through OpenTelemetry's own SDK, and what is said where it is not installed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from python_process import PythonProcess

from thoth.observe.otel import otel_exporter
from thoth.observe.tracing import Tracer


class Bench:
    """A tracer whose spans go through OpenTelemetry into a list."""

    def __init__(self) -> None:
        self.tracer = Tracer("full")
        self.memory = InMemorySpanExporter()
        self.processor = SimpleSpanProcessor(self.memory)
        self.tracer.add_exporter(otel_exporter(self.processor, Resource({"service.name": "test"})))

    def named(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.memory.get_finished_spans()}


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.processor.shutdown()


def test_times_are_the_systems_and_lengths_are_exact(bench: Bench) -> None:
    before_ns = time.time_ns()
    with bench.tracer.span("outer"), bench.tracer.span("inner"):
        pass
    after_ns = time.time_ns()
    found = bench.named()
    slack_ns = 2_000_000  # the two clocks are not read in one moment
    for span in bench.tracer.spans():
        other = found[span.name]
        assert other.start_time is not None
        assert other.end_time is not None
        assert before_ns - slack_ns <= other.start_time <= other.end_time <= after_ns + slack_ns
        assert other.end_time - other.start_time == span.end_ns - span.start_ns
    assert found["outer"].start_time <= found["inner"].start_time  # type: ignore[operator]
    assert found["inner"].end_time <= found["outer"].end_time  # type: ignore[operator]


def test_parents_are_right_although_they_end_last(bench: Bench) -> None:
    tracer = bench.tracer
    with tracer.span("a") as a:
        with tracer.span("a.1"):
            tracer.record("a.1.1", 0, 1)
        thread = threading.Thread(target=tracer.record, args=("a.2", 0, 1), kwargs={"parent_id": a.span_id})
        thread.start()
        thread.join()
    with tracer.span("b"):
        pass
    found = bench.named()
    parents = {"a.1": "a", "a.2": "a", "a.1.1": "a.1", "a": None, "b": None}
    for name, parent in parents.items():
        expected = None if parent is None else found[parent].get_span_context()
        assert found[name].parent == expected
    traces = {name: span.get_span_context().trace_id for name, span in found.items()}  # type: ignore[union-attr]
    assert len({traces[name] for name in found if name.startswith("a")}) == 1
    assert traces["a"] != traces["b"]
    span_ids = {span.get_span_context().span_id for span in found.values()}  # type: ignore[union-attr]
    assert len(span_ids) == 5


def test_attributes_and_errors_come_along(bench: Bench) -> None:
    with pytest.raises(ValueError, match="no good"), bench.tracer.span("failing", chunk=7, text="Grüße"):
        raise ValueError("no good")
    with bench.tracer.span("well"):
        pass
    failing, well = bench.named()["failing"], bench.named()["well"]
    assert dict(failing.attributes or {}) == {
        "chunk": 7,
        "text": "Grüße",
        "error": "ValueError: no good",
        "thread.id": threading.get_native_id(),
        "thread.name": "MainThread",
    }
    assert failing.status.status_code is StatusCode.ERROR
    assert failing.status.description == "ValueError: no good"
    assert well.status.status_code is StatusCode.UNSET
    assert well.kind is SpanKind.INTERNAL
    assert well.resource.attributes["service.name"] == "test"
    assert well.instrumentation_scope is not None
    assert well.instrumentation_scope.name == "thoth"
    assert '"chunk": 7' in failing.to_json()


def test_two_exporters_do_not_use_the_same_numbers(bench: Bench) -> None:
    other = Bench()
    for each in (bench, other):
        each.tracer.record("a", 0, 1)
    first, second = (each.named()["a"].get_span_context() for each in (bench, other))
    assert first.trace_id != second.trace_id  # type: ignore[union-attr]
    assert first.span_id != second.span_id  # type: ignore[union-attr]
    other.processor.shutdown()


def test_the_batch_processor_takes_them_from_many_threads() -> None:
    tracer, memory = Tracer("light"), InMemorySpanExporter()
    processor = BatchSpanProcessor(memory, max_queue_size=5000)
    tracer.add_exporter(otel_exporter(processor))

    def work() -> None:
        for _ in range(100):
            with tracer.span("outer"), tracer.span("inner"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    processor.shutdown()
    spans = memory.get_finished_spans()
    assert len(spans) == 1600
    contexts = {span.get_span_context().span_id: span.get_span_context().trace_id for span in spans}  # type: ignore[union-attr]
    for span in spans:
        if span.parent is not None:
            assert contexts[span.parent.span_id] == span.get_span_context().trace_id  # type: ignore[union-attr]


def test_without_the_sdk_the_error_says_what_to_install() -> None:
    code = """
        import sys

        class Hidden:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "opentelemetry":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Hidden())
        from thoth.errors import InvalidOption
        from thoth.observe.otel import otel_exporter
        from thoth.observe.tracing import tracer

        with tracer.span("tracing works without it"):
            pass
        try:
            otel_exporter(None)
        except InvalidOption as error:
            print(error)
    """
    with PythonProcess(code) as process:
        code, out, err = process.outcome()
    assert (code, err) == (0, "")
    assert "pip install thoth-speech[trace]" in out
