"""Trace files: what the format asks for, spans nested as they were, and never half a file."""

from __future__ import annotations

import json
import math
import os
import threading
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thoth.errors import InvalidOption
from thoth.observe import chrome_trace
from thoth.observe.tracing import Span, Tracer


def made(span_id: int, start_ns: int, end_ns: int, parent_id: int | None = None, thread_id: int = 1) -> Span:
    name = f"span {span_id}"
    return Span(name, start_ns, end_ns, thread_id, f"thread {thread_id}", span_id, parent_id, 1, {})


def events_of(path: Path, phase: str) -> list[dict[str, Any]]:
    return [event for event in json.loads(path.read_text())["traceEvents"] if event["ph"] == phase]


def test_the_file_has_what_the_format_asks_for(tmp_path: Path) -> None:
    tracer = Tracer("light")

    def work() -> None:
        with tracer.span("part"):
            pass

    with tracer.span("whole", chunk=7, final=True, text="Grüße", rtf=0.25):
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()
    path = tmp_path / "trace.json"
    tracer.write_chrome(path)
    document = json.loads(path.read_text())
    assert set(document) == {"traceEvents", "displayTimeUnit", "otherData"}
    assert document["displayTimeUnit"] == "ms"
    assert document["otherData"] == {"spans_dropped": 0}
    part, whole = tracer.spans()
    events = {event["name"]: event for event in events_of(path, "X")}
    assert events["whole"] == {
        "ph": "X",
        "name": "whole",
        "cat": "thoth",
        "ts": 0.0,
        "dur": pytest.approx((whole.end_ns - whole.start_ns) / 1000),
        "pid": os.getpid(),
        "tid": threading.get_native_id(),
        "args": {"chunk": 7, "final": True, "text": "Grüße", "rtf": 0.25, "span_id": whole.span_id},
    }
    assert events["part"]["ts"] == pytest.approx((part.start_ns - whole.start_ns) / 1000)
    names = {(event["name"], event["tid"]): event["args"]["name"] for event in events_of(path, "M")}
    assert names == {
        ("process_name", 0): "thoth",
        ("thread_name", whole.thread_id): "MainThread",
        ("thread_name", part.thread_id): "worker",
    }
    assert {event["pid"] for event in events_of(path, "M")} == {os.getpid()}


def test_times_are_exact_to_the_nanosecond_however_long_the_machine_runs(tmp_path: Path) -> None:
    boot = 10**18
    chrome_trace.write(tmp_path / "trace.json", [made(1, boot, boot + 5), made(2, boot + 3_600_000_000_001, boot * 2)])
    first, second = events_of(tmp_path / "trace.json", "X")
    assert (first["ts"], first["dur"], second["ts"]) == (0.0, 0.005, 3_600_000_000.001)


@st.composite
def traces(draw: st.DrawFn) -> list[Span]:
    """Spans whose parents were begun before, on any thread, and which overlap as they like."""
    found: list[Span] = []
    for number in range(1, draw(st.integers(0, 25)) + 1):
        parent = draw(st.none() | st.sampled_from(found)) if found else None
        inside = parent is not None and draw(st.booleans())
        low, high = (parent.start_ns, parent.end_ns) if parent is not None and inside else (0, 40_000)
        start_ns = draw(st.integers(low, high))
        end_ns = draw(st.integers(start_ns, high))
        thread_id = draw(st.integers(1, 3))
        found.append(made(number, start_ns, end_ns, parent.span_id if parent else None, thread_id))
    return draw(st.permutations(found))


@given(spans=traces())
@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # each example writes the same file anew
def test_what_lies_inside_of_something_in_the_picture_is_a_part_of_it(tmp_path: Path, spans: list[Span]) -> None:
    path = tmp_path / "trace.json"
    chrome_trace.write(path, spans)
    events = events_of(path, "X")
    assert sorted(event["args"]["span_id"] for event in events) == sorted(span.span_id for span in spans)
    by_id = {span.span_id: span for span in spans}
    threads = {event["tid"]: event["args"]["name"] for event in events_of(path, "M") if event["name"] == "thread_name"}
    for event in events:
        assert threads[event["tid"]].partition(" (")[0] == by_id[event["args"]["span_id"]].thread_name
    for one, other in combinations(events, 2):
        first, second = by_id[one["args"]["span_id"]], by_id[other["args"]["span_id"]]
        if one["tid"] == other["tid"] and first.start_ns < second.end_ns and second.start_ns < first.end_ns:
            assert is_part_of(first, second, by_id) or is_part_of(second, first, by_id)


def is_part_of(inner: Span, outer: Span, by_id: dict[int, Span]) -> bool:
    parent_id = inner.parent_id
    while parent_id is not None and parent_id != outer.span_id:
        parent_id = by_id[parent_id].parent_id
    return parent_id is not None and outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns


def test_spans_that_nest_stay_in_their_threads_own_lane(tmp_path: Path) -> None:
    spans = [made(3, 20, 30, 2), made(4, 30, 40, 2), made(2, 10, 50, 1), made(1, 0, 100), made(5, 100, 120)]
    spans += [made(7, 200, 200, 6), made(8, 200, 250, 6), made(9, 200, 250, 8), made(6, 200, 300)]
    chrome_trace.write(tmp_path / "trace.json", spans)
    assert {event["tid"] for event in events_of(tmp_path / "trace.json", "X")} == {1}


def test_tasks_that_take_turns_get_lanes_of_their_own_which_are_used_again(tmp_path: Path) -> None:
    spans = [made(1, 0, 50), made(2, 10, 60), made(3, 20, 30, 2), made(4, 70, 80), made(5, 75, 90)]
    chrome_trace.write(tmp_path / "trace.json", spans)
    tids = {event["args"]["span_id"]: event["tid"] for event in events_of(tmp_path / "trace.json", "X")}
    assert tids[1] == tids[4] == 1
    assert tids[2] == tids[3] == tids[5] != 1
    names = [event["args"]["name"] for event in events_of(tmp_path / "trace.json", "M")]
    assert names == ["thoth", "thread 1", "thread 1 (2)"]


def test_a_thread_that_got_the_number_of_another_has_its_own_lane(tmp_path: Path) -> None:
    first = Span("a", 0, 10, 5, "one", 1, None, 1, {})
    second = Span("b", 20, 30, 5, "two", 2, None, 2, {})
    chrome_trace.write(tmp_path / "trace.json", [first, second])
    assert len({event["tid"] for event in events_of(tmp_path / "trace.json", "X")}) == 2


def test_lanes_have_numbers_that_fit_into_32_bits(tmp_path: Path) -> None:
    chrome_trace.write(tmp_path / "trace.json", [made(number, number, 1000) for number in range(1, 50)])
    tids = {event["tid"] for event in events_of(tmp_path / "trace.json", "X")}
    assert len(tids) == 49
    assert max(tids) < 2**31


def test_the_time_order_of_the_file_is_that_of_the_beginnings(tmp_path: Path) -> None:
    chrome_trace.write(tmp_path / "trace.json", [made(3, 20, 30), made(1, 5, 40), made(2, 10, 12)])
    assert all(a["ts"] <= b["ts"] for a, b in pairwise(events_of(tmp_path / "trace.json", "X")))


def test_numbers_that_json_has_not_are_written_as_text(tmp_path: Path) -> None:
    span = Span("a", 0, 1, 1, "t", 1, None, 1, {"rtf": math.inf, "level": math.nan, "bad": "\ud800"})
    chrome_trace.write(tmp_path / "trace.json", [span])
    (event,) = events_of(tmp_path / "trace.json", "X")
    assert (event["args"]["rtf"], event["args"]["level"]) == ("inf", "nan")


def test_a_trace_of_nothing_is_a_trace_and_what_was_dropped_is_told(tmp_path: Path) -> None:
    tracer = Tracer("light", capacity=1)
    tracer.write_chrome(tmp_path / "trace.json")
    assert events_of(tmp_path / "trace.json", "X") == []
    for number in range(4):
        tracer.record("a", number, number)
    tracer.write_chrome(tmp_path / "trace.json")
    assert len(events_of(tmp_path / "trace.json", "X")) == 1
    assert json.loads((tmp_path / "trace.json").read_text())["otherData"] == {"spans_dropped": 3}


def test_a_file_that_is_there_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text("before")
    chrome_trace.write(path, [made(1, 0, 1)])
    assert len(events_of(path, "X")) == 1
    before = path.read_text()
    broken = Span("a", 0, 1, 1, "t", 1, None, 1, {"what": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        chrome_trace.write(path, [made(1, 0, 1), broken])
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    target.write_text("before")
    link.symlink_to(target)
    chrome_trace.write(link, [made(1, 0, 1)])
    assert link.is_symlink()
    assert len(events_of(target, "X")) == 1


def test_a_path_that_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bad = {
        tmp_path / "nowhere" / "trace.json": "No such file",
        tmp_path / "file" / "trace.json": "Not a directory",
        tmp_path: "something else than a file",
        tmp_path / ("x" * 300): "File name too long",
        tmp_path / "null\0": "null",
        Path(os.sep): "something else than a file",
    }
    for path, reason in bad.items():
        with pytest.raises(InvalidOption, match=reason) as caught:
            Tracer().write_chrome(path)
        assert repr(os.fspath(path)) in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_device_or_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidOption, match="something else than a file"):
        Tracer().write_chrome(pipe)
    assert pipe.is_fifo()
