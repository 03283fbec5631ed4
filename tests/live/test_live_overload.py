"""More audio than the machine can follow: the oldest goes, each piece is told, and nothing grows or freezes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import psutil
import pytest
from encoded_audio import recording
from live_feeding import EventLog
from live_updates import check_updates

import thoth
from thoth.live.events import CatchingUp, CaughtUp, ChunkDropped
from thoth.live.session import LiveSession
from thoth.live.update import LiveUpdate
from thoth.observe.tracing import Tracer

FEEDING_S = float(os.environ.get("THOTH_OVERLOAD_SECONDS", "10"))
SPEED = 200
"""Times real time: no machine follows that."""

BLOCK = 1600
MOST_GROWTH_BYTES = 3 << 20
"""Above the most in the first third, in which buffers reach their size."""
MOST_KEPT_BYTES = 2_000
"""Of each chunk dropped, for the gap and the events that tell of it, all of which the test keeps. The chunk's samples
were 16 times that and more."""
SLACK_S = 1.0
"""For threads that wait for a processor."""


@pytest.fixture
def tracer() -> Iterator[Tracer]:
    """At work, and as it was afterwards."""
    level = thoth.tracer.level
    thoth.tracer.clear()
    thoth.tracer.level = "light"
    yield thoth.tracer
    thoth.tracer.level = level
    thoth.tracer.clear()


def most_delay_s(tracer: Tracer) -> float:
    """What the queue allows: a chunk waits for those before it, which are taken together, and is taken next."""
    rounds_s = [
        (span.end_ns - span.start_ns) / 1e9
        for span in sorted(tracer.spans(), key=lambda span: span.start_ns)
        if span.name == "transcription_loop"
    ]
    assert len(rounds_s) > 2
    return max(before_s + after_s for before_s, after_s in pairwise(rounds_s)) + SLACK_S


def test_overload_drops_the_oldest_tells_each_and_ends_cleanly(model: thoth.WhisperModel, tracer: Tracer) -> None:
    speech = np.concatenate([recording(f"long_{n}") for n in ("0_20s", "1_28s", "2_42s", "3_58s")])
    blocks = np.array_split(speech, len(speech) // BLOCK)
    depths: list[int] = []
    early, late = [0], [0]  # bytes resident
    slowest_feed_s = 0.0
    process = psutil.Process()
    with LiveSession(model) as session, EventLog(session) as log:
        updates = session.updates()
        began_s = time.monotonic()
        fed = 0
        while (now_s := time.monotonic() - began_s) < FEEDING_S:
            if fed * BLOCK / 16_000 >= now_s * SPEED:
                time.sleep(0.001)
                continue
            before_s = time.monotonic()
            session.feed(blocks[fed % len(blocks)])
            slowest_feed_s = max(slowest_feed_s, time.monotonic() - before_s)
            fed += 1
            depths.append(session.queue_depth)
            (late if now_s > FEEDING_S / 3 else early).append(process.memory_info().rss)
        fed_s = session.position_s
        stopping_s = time.monotonic()
        session.stop()
        stopping_s = time.monotonic() - stopping_s
        got = list(updates)
        log.wait_for(LiveUpdate, lambda update: update is got[-1])
    metrics = session.metrics
    gaps = [gap for update in got for gap in update.gaps]
    print(
        f"{fed_s:.0f} s of audio in {FEEDING_S:.0f} s: {metrics.chunks_dropped} chunks dropped, at most "
        f"{metrics.queue_depth_max} waiting, the slowest feed() {1000 * slowest_feed_s:.0f} ms, "
        f"stop() {stopping_s:.1f} s, memory {(max(late) - max(early)) / 1e6:+.1f} MB, "
        f"delays up to {max(update.delay_s for update in got):.2f} s of {most_delay_s(tracer):.2f} s"
    )
    check_updates(got)
    assert fed_s > 2 * FEEDING_S
    assert max(depths) <= 3
    assert metrics.queue_depth_max <= 3
    assert metrics.chunks_dropped > 0
    assert metrics.chunks_dropped == len(gaps) == len(log.of(ChunkDropped))
    assert [(gap.start_s, gap.end_s) for gap in gaps] == [(one.start_s, one.end_s) for one in log.of(ChunkDropped)]
    assert {gap.reason for gap in gaps} == {"overload"}
    assert log.of(CatchingUp)
    assert metrics.errors == 0
    assert any(update.words for update in got), "it still transcribes what it can"
    assert stopping_s < 30
    assert got[-1].is_final
    assert max(update.delay_s for update in got) < most_delay_s(tracer)
    assert max(late) - max(early) < MOST_GROWTH_BYTES + MOST_KEPT_BYTES * metrics.chunks_dropped


def test_the_user_is_told_when_the_session_falls_behind_and_when_it_has_caught_up(model: thoth.WhisperModel) -> None:
    speech = recording("long_3_58s")
    with LiveSession(model) as session, EventLog(session) as log:
        session.feed(speech)  # all at once
        log.wait_for(CatchingUp)
        assert log.of(CatchingUp)[0].behind_s > 0
        for start in range(0, len(speech), 1600):
            assert session.wait_until_taken(60)
            session.feed(speech[start : start + 1600])
            if log.of(CaughtUp):
                break
        session.stop()
        log.wait_for(CaughtUp)
