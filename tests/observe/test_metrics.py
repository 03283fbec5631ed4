"""Metrics: these nine figures, right, from any thread, in memory that does not grow."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import FrozenInstanceError, fields

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.errors import InvalidOption
from thoth.observe.metrics import Metrics, MetricsCollector

FIELDS = [
    "total_chunks",
    "total_audio_seconds",
    "total_processing_seconds",
    "average_rtf",
    "p50_latency_ms",
    "p99_latency_ms",
    "queue_depth_max",
    "chunks_dropped",
    "errors",
]


def test_the_fields_are_these_nine() -> None:
    assert [field.name for field in fields(Metrics)] == FIELDS


def test_before_anything_happens_all_is_zero() -> None:
    assert set(MetricsCollector().snapshot().as_dict().values()) == {0}


def test_figures_of_a_session() -> None:
    collector = MetricsCollector()
    for depth in (1, 3, 2):
        collector.queue_depth(depth)
    for number in range(1, 101):
        collector.chunk(audio_s=1.5, processing_s=0.3, latency_s=number / 100)
    collector.dropped()
    collector.dropped(2)
    collector.error()
    found = collector.snapshot()
    assert found.total_chunks == 100
    assert found.total_audio_seconds == pytest.approx(150.0)
    assert found.total_processing_seconds == pytest.approx(30.0)
    assert found.average_rtf == pytest.approx(0.2)
    assert found.p50_latency_ms == pytest.approx(500.0, rel=0.008)
    assert found.p99_latency_ms == pytest.approx(990.0, rel=0.008)
    assert (found.queue_depth_max, found.chunks_dropped, found.errors) == (3, 3, 1)


chunks = st.lists(st.tuples(st.floats(0, 30), st.floats(0, 60), st.floats(0, 100)), max_size=100)


@settings(deadline=None)
@given(chunks)
def test_totals_are_the_sums_and_the_rtf_is_their_ratio(parts: list[tuple[float, float, float]]) -> None:
    collector = MetricsCollector()
    for part in parts:
        collector.chunk(*part)
    found = collector.snapshot()
    audio_s, processing_s = (sum(part[n] for part in parts) for n in (0, 1))
    assert found.total_chunks == len(parts)
    assert found.total_audio_seconds == pytest.approx(audio_s)
    assert found.total_processing_seconds == pytest.approx(processing_s)
    assert found.average_rtf == (pytest.approx(processing_s / audio_s) if audio_s > 0 else 0.0)
    assert found.p50_latency_ms <= found.p99_latency_ms


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["audio_s", "processing_s", "latency_s"])
def test_what_is_no_duration_is_refused_by_name_and_counts_nothing(name: str, bad: float) -> None:
    collector = MetricsCollector()
    with pytest.raises(InvalidOption, match=name):
        collector.chunk(**{"audio_s": 1.0, "processing_s": 1.0, "latency_s": 1.0, name: bad})
    assert collector.snapshot() == MetricsCollector().snapshot()


def test_a_snapshot_stays_as_it_was_and_goes_into_json() -> None:
    collector = MetricsCollector()
    before = collector.snapshot()
    collector.chunk(1.0, 0.5, 0.25)
    assert before.total_chunks == 0
    with pytest.raises(FrozenInstanceError):
        before.errors = 1  # type: ignore[misc]
    assert list(json.loads(json.dumps(collector.snapshot().as_dict()))) == FIELDS


def test_snapshots_between_threads_belong_together() -> None:
    collector = MetricsCollector()
    begin = threading.Barrier(5)

    def work() -> None:
        begin.wait()
        for _ in range(3000):
            collector.chunk(1.0, 0.5, 0.25)
            collector.dropped()
            collector.error()
            collector.queue_depth(2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    begin.wait()
    while any(thread.is_alive() for thread in threads):
        found = collector.snapshot()
        assert found.total_audio_seconds == found.total_chunks == 2 * found.total_processing_seconds
    for thread in threads:
        thread.join()
    found = collector.snapshot()
    assert (found.total_chunks, found.chunks_dropped, found.errors, found.queue_depth_max) == (
        12_000,
        12_000,
        12_000,
        2,
    )


def test_a_hundred_thousand_chunks_take_no_memory() -> None:
    collector = MetricsCollector()
    process = psutil.Process()
    for _ in range(1000):
        collector.chunk(1.5, 0.1, 0.2)
    before = process.memory_info().rss
    for number in range(200_000):
        collector.chunk(1.5, number * 1e-6, number * 1e-5)
    assert process.memory_info().rss - before < 2**20


def test_work_adds_to_the_processing_and_to_nothing_else() -> None:
    collector = MetricsCollector()
    collector.chunk(2.0, 0.5, 0.1)
    collector.work(1.5)
    metrics = collector.snapshot()
    assert metrics.total_processing_seconds == 2.0
    assert metrics.average_rtf == 1.0
    assert metrics.total_chunks == 1


@pytest.mark.parametrize("processing_s", [-1.0, math.nan, math.inf])
def test_work_that_is_no_time_is_refused(processing_s: float) -> None:
    collector = MetricsCollector()
    with pytest.raises(InvalidOption, match="processing_s"):
        collector.work(processing_s)
    assert collector.snapshot().total_processing_seconds == 0
