"""Spans: in the right place, at the level asked for, in bounded memory, and for next to nothing while off."""

from __future__ import annotations

import asyncio
import contextvars
import os
import re
import threading
import timeit
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_process import PythonProcess

from thoth.errors import InvalidOption
from thoth.observe.tracing import Span, TraceLevel, Tracer


def named(tracer: Tracer) -> dict[str, Span]:
    return {span.name: span for span in tracer.spans()}


def test_the_process_has_a_tracer_that_is_off() -> None:
    with PythonProcess("from thoth.observe.tracing import tracer; print(tracer.level.name, tracer.spans())") as process:
        assert process.outcome()[:2] == (0, "OFF []\n")


@pytest.mark.parametrize("level", list(TraceLevel))
def test_a_level_traces_what_is_its_own_and_below(level: TraceLevel) -> None:
    tracer = Tracer(level)
    for own in TraceLevel:
        with tracer.span(own.name, own):
            pass
        tracer.record(own.name, 0, 1, own)
    wanted = [own for own in TraceLevel if TraceLevel.OFF < own <= level]
    assert [span.name for span in tracer.spans()] == [own.name for own in wanted for _ in range(2)]
    assert [own for own in TraceLevel if tracer.wants(own)] == wanted


@pytest.mark.parametrize("level", list(TraceLevel))
def test_a_level_has_a_name(level: TraceLevel) -> None:
    tracer = Tracer(level.name.lower())
    assert tracer.level is level
    tracer.level = TraceLevel.OFF
    tracer.level = level.name.lower()
    assert tracer.level is level


@pytest.mark.parametrize("level", ["", "loud", "FULL", 2, None, True])
def test_what_is_no_level_is_refused_and_changes_nothing(level: Any) -> None:
    tracer = Tracer("medium")
    with pytest.raises(InvalidOption, match=rf"off, light, medium, full.*{re.escape(repr(level))}"):
        tracer.level = level
    assert tracer.level is TraceLevel.MEDIUM
    with pytest.raises(InvalidOption):
        Tracer(level)


@pytest.mark.parametrize("capacity", [0, -1, 1.5, True, "many", 10**9])
def test_a_capacity_that_makes_no_sense_is_refused(capacity: Any) -> None:
    with pytest.raises(InvalidOption, match="capacity"):
        Tracer(capacity=capacity)


def test_off_costs_less_than_a_microsecond() -> None:
    tracer = Tracer("off")

    def traced() -> None:
        with tracer.span("encode", TraceLevel.FULL, chunk=7):
            pass

    # The best of many short runs: others on the machine cannot make it cheaper.
    best_s = min(timeit.repeat(traced, number=1000, repeat=200)) / 1000
    assert best_s < 1e-6
    assert tracer.span("a") is tracer.span("b", TraceLevel.FULL)


def test_an_untraced_span_can_be_used_as_any_other() -> None:
    with Tracer("off").span("a") as span:
        span.set(words=3)
        assert span.span_id is None


def test_what_a_span_knows() -> None:
    tracer = Tracer("light")
    with tracer.span("outer", chunk=7) as outer:
        outer.set(words=3, chunk=8)
        assert tracer.current_id == outer.span_id
        with tracer.span("inner"):
            pass
    inner_span, outer_span = tracer.spans()
    assert outer_span.start_ns <= inner_span.start_ns <= inner_span.end_ns <= outer_span.end_ns
    assert (outer_span.parent_id, inner_span.parent_id) == (None, outer_span.span_id)
    assert outer_span.root_id == inner_span.root_id == outer_span.span_id
    assert outer_span.attributes == {"chunk": 8, "words": 3}
    assert (outer_span.thread_id, outer_span.thread_name) == (threading.get_native_id(), "MainThread")
    assert tracer.current_id is None


def test_a_level_left_out_hands_its_parts_to_the_one_around() -> None:
    tracer = Tracer("light")
    with tracer.span("light"), tracer.span("medium", TraceLevel.MEDIUM), tracer.span("light too"):
        pass
    found = named(tracer)
    assert set(found) == {"light", "light too"}
    assert found["light too"].parent_id == found["light"].span_id


trees: st.SearchStrategy[list[Any]] = st.recursive(
    st.just([]), lambda children: st.lists(children, max_size=4), max_leaves=30
)


@given(trees)
@settings(deadline=None)
def test_every_span_has_the_parent_and_the_root_it_was_opened_in(tree: list[Any]) -> None:
    tracer = Tracer("full")
    expected: dict[int | None, tuple[int | None, int | None]] = {}

    def descend(branches: list[Any], parent_id: int | None, root_id: int | None) -> None:
        for branch in branches:
            with tracer.span("node") as node:
                root = node.span_id if root_id is None else root_id
                expected[node.span_id] = parent_id, root
                descend(branch, node.span_id, root)

    descend(tree, None, None)
    assert {span.span_id: (span.parent_id, span.root_id) for span in tracer.spans()} == expected


def test_an_exception_goes_through_and_is_noted() -> None:
    tracer = Tracer("light")
    with pytest.raises(ValueError, match="no good"), tracer.span("failing"):
        raise ValueError("no good")
    assert named(tracer)["failing"].attributes == {"error": "ValueError: no good"}
    assert tracer.current_id is None


def test_an_exception_that_cannot_be_told_is_noted_all_the_same() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    tracer = Tracer("light")
    with pytest.raises(Unspeakable), tracer.span("failing"):
        raise Unspeakable
    assert named(tracer)["failing"].attributes == {"error": "Unspeakable: <Unspeakable>"}


def test_attributes_keep_nothing_big_alive() -> None:
    tracer = Tracer("light")
    big: Any = [0] * 10_000
    with tracer.span("a", data=big, text="as it is", rtf=0.5, final=True):
        pass
    attributes = named(tracer)["a"].attributes
    assert isinstance(attributes["data"], str)
    assert len(attributes["data"]) <= 500
    assert (attributes["text"], attributes["rtf"], attributes["final"]) == ("as it is", 0.5, True)


def test_attributes_may_be_called_as_the_span_is() -> None:
    tracer = Tracer("light")
    with tracer.span("a", name="b"):
        pass
    tracer.record("c", 0, 1, name="d", self=1)
    assert [span.attributes for span in tracer.spans()] == [{"name": "b"}, {"name": "d", "self": 1}]


def test_another_thread_is_outside_unless_it_names_the_parent() -> None:
    tracer = Tracer("light")

    def work(parent_id: int | None) -> None:
        with tracer.span("told", parent_id=parent_id), tracer.span("part of told"):
            pass
        with tracer.span("alone"):
            pass

    with tracer.span("outer"), tracer.span("middle") as middle:
        thread = threading.Thread(target=work, args=(middle.span_id,), name="worker 7")
        thread.start()
        thread.join()
    found = named(tracer)
    outer_id, middle_id = found["outer"].span_id, found["middle"].span_id
    assert (found["told"].parent_id, found["told"].root_id) == (middle_id, outer_id)
    assert (found["part of told"].parent_id, found["part of told"].root_id) == (found["told"].span_id, outer_id)
    assert (found["alone"].parent_id, found["alone"].root_id) == (None, found["alone"].span_id)
    assert found["told"].thread_name == "worker 7"
    assert found["told"].thread_id != found["outer"].thread_id


def test_asyncio_tasks_that_take_turns_keep_their_own_parents() -> None:
    tracer = Tracer("light")

    async def work(name: str, mine: asyncio.Event, other: asyncio.Event) -> None:
        with tracer.span(name):
            other.set()
            await mine.wait()
            with tracer.span(f"{name}.1"):
                await asyncio.sleep(0)
            await asyncio.to_thread(tracer.record, f"{name}.2", 0, 1)

    async def both() -> None:
        with tracer.span("all"):
            first, second = asyncio.Event(), asyncio.Event()
            await asyncio.gather(work("a", first, second), work("b", second, first))

    asyncio.run(both())
    found = named(tracer)
    for name in ("a", "b"):
        assert found[name].parent_id == found["all"].span_id
        assert found[f"{name}.1"].parent_id == found[f"{name}.2"].parent_id == found[name].span_id


def test_a_span_around_a_yield_may_end_in_another_context() -> None:
    tracer = Tracer("light")

    def steps() -> Iterator[None]:
        with tracer.span("generator"):
            yield

    generator = steps()
    contextvars.copy_context().run(next, generator)
    assert next(generator, "over") == "over"
    assert "generator" in named(tracer)
    assert tracer.current_id is None


def test_spans_measured_elsewhere_find_their_place() -> None:
    tracer = Tracer("full")
    with tracer.span("outer"):
        process_id = tracer.record("chunk_process", 100, 900, chunk=1)
        tracer.record("mel", 100, 200, TraceLevel.FULL, parent_id=process_id)
        backwards_id = tracer.record("clock went back", 300, 299)
    found = named(tracer)
    assert found["chunk_process"].parent_id == found["outer"].span_id
    assert (found["mel"].parent_id, found["mel"].root_id) == (process_id, found["outer"].span_id)
    assert (found["mel"].start_ns, found["mel"].end_ns) == (100, 200)
    assert found["chunk_process"].attributes == {"chunk": 1}
    assert found["clock went back"].span_id == backwards_id
    assert found["clock went back"].end_ns == 300
    tracer.level = "off"
    assert tracer.record("nothing", 0, 1) is None


def test_the_level_can_be_switched_from_another_thread_while_others_trace() -> None:
    tracer = Tracer("off")
    seen_on, stop = threading.Event(), threading.Event()
    tracer.add_exporter(lambda span: seen_on.set())

    def work() -> None:
        while not stop.is_set():
            with tracer.span("outer"), tracer.span("inner", TraceLevel.FULL):
                pass

    thread = threading.Thread(target=work)
    thread.start()
    for level in ("full", "light", "medium"):
        seen_on.clear()
        tracer.level = level
        assert seen_on.wait(30)
        tracer.level = "off"
    stop.set()
    thread.join()
    tracer.clear()
    with tracer.span("late"):
        pass
    assert tracer.spans() == []


def test_a_span_that_is_open_when_the_level_changes_is_still_recorded() -> None:
    tracer = Tracer("light")
    with tracer.span("open"):
        tracer.level = "off"
    assert set(named(tracer)) == {"open"}


def test_memory_is_bounded_and_what_made_room_is_counted() -> None:
    tracer = Tracer("light", capacity=10)
    for number in range(25):
        tracer.record(str(number), 0, 1)
    assert [span.name for span in tracer.spans()] == [str(number) for number in range(15, 25)]
    assert tracer.dropped == 15
    tracer.clear()
    assert (tracer.spans(), tracer.dropped) == ([], 0)


def test_threads_lose_no_span_and_share_no_number() -> None:
    tracer = Tracer("light", capacity=5000)
    begin = threading.Barrier(8)

    def work() -> None:
        begin.wait()
        for _ in range(500):
            with tracer.span("outer"), tracer.span("inner"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = tracer.spans()
    assert len(spans) + tracer.dropped == 8000
    assert len({span.span_id for span in spans}) == len(spans) == 5000
    threads_of = {span.span_id: span.thread_id for span in spans}
    parts = [span for span in spans if span.parent_id in threads_of]
    assert len(parts) > 1000
    assert all(threads_of[span.parent_id] == span.thread_id for span in parts if span.parent_id is not None)


def test_exporters_get_each_span_as_it_ends_until_they_are_removed() -> None:
    tracer = Tracer("light")
    first: list[Span] = []
    second: list[Span] = []
    remove_first = tracer.add_exporter(first.append)
    remove_again = tracer.add_exporter(first.append)
    tracer.add_exporter(second.append)
    with tracer.span("a"):
        tracer.record("b", 0, 1)
        assert [span.name for span in second] == ["b"]
    remove_first()
    remove_first()
    tracer.record("c", 0, 1)
    remove_again()
    tracer.record("d", 0, 1)
    assert [span.name for span in first] == ["b", "b", "a", "a", "c"]
    assert second == tracer.spans()


def test_an_exporter_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    tracer = Tracer("light")
    good: list[Span] = []

    def bad(span: Span) -> None:
        raise RuntimeError("the collector is gone")

    tracer.add_exporter(bad)
    tracer.add_exporter(good.append)
    for _ in range(100):
        with tracer.span("a"):
            pass
    assert good == tracer.spans()
    assert len(good) == 100
    (message,) = caplog.messages
    assert "bad" in message
    assert "the collector is gone" in caplog.text


def test_what_an_exporter_traces_is_kept_but_not_exported() -> None:
    tracer = Tracer("light")

    def export(span: Span) -> None:
        with tracer.span("exporting"):
            pass

    tracer.add_exporter(export)
    tracer.record("a", 0, 1)
    assert [span.name for span in tracer.spans()] == ["a", "exporting"]


def test_what_is_no_exporter_is_refused() -> None:
    with pytest.raises(InvalidOption, match="exporter"):
        Tracer().add_exporter(None)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_goes_on_tracing_whatever_other_threads_held() -> None:
    code = """
        import os, threading, warnings
        from thoth.observe.tracing import Tracer

        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, which is the matter here
        tracer = Tracer("light")
        inside, leave = threading.Event(), threading.Event()

        def hold():
            with tracer._lock:
                inside.set()
                leave.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait()
        child = os.fork()
        if child == 0:
            with tracer.span("in the child"):
                pass
            os._exit(0 if [span.name for span in tracer.spans()] == ["in the child"] else 1)
        print(os.waitpid(child, 0)[1])
        leave.set()
        thread.join()
    """
    with PythonProcess(code) as process:
        assert process.outcome()[:2] == (0, "0\n")
