"""The queue of chunks: what is put is taken or dropped, and nobody waits for what is there."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.errors import InvalidOption
from thoth.live.chunk_queue import WAITING_CHUNKS, ChunkQueue
from thoth.live.chunker import AdaptiveChunker, Chunk

NOTHING = np.empty(0, np.float32)
LONG_S = 60.0  # longer than any wait of a test that passes


def chunk(number: int) -> Chunk:
    return Chunk(number, number, np.zeros(1, np.float32), NOTHING)


def numbers(chunks: list[Chunk]) -> list[int]:
    return [chunk.chunk_id for chunk in chunks]


def test_the_oldest_is_dropped_and_handed_back() -> None:
    queue = ChunkQueue()
    chunks = [chunk(number) for number in range(5)]
    assert [queue.put(one) for one in chunks] == [None, None, None, chunks[0], chunks[1]]
    assert (queue.depth, queue.most_depth, queue.dropped) == (3, 3, 2)
    assert numbers(queue.take(0)) == [2, 3, 4]
    assert (queue.depth, queue.most_depth, queue.dropped) == (0, 3, 2)
    assert WAITING_CHUNKS == 3


def test_the_bare_end_of_an_utterance_takes_no_place_of_its_own() -> None:
    queue = ChunkQueue()
    chunks = [chunk(number) for number in range(3)]
    for one in chunks:
        assert queue.put(one) is None
    end = Chunk(3, chunks[-1].end, NOTHING, NOTHING, is_final=True)
    assert queue.put(end) is None
    assert (queue.depth, queue.dropped) == (3, 0)
    taken = queue.take(0)
    assert numbers(taken) == [0, 1, 3]
    assert [one.is_final for one in taken] == [False, False, True]
    assert queue.put(end) is None
    assert queue.take(0) == [end]


def test_short_chunks_that_follow_each_other_wait_as_one() -> None:
    queue = ChunkQueue(longest_samples=3)
    for number in range(7):
        assert queue.put(chunk(number)) is None
    assert queue.depth == 3
    taken = queue.take(0)
    assert [(one.chunk_id, one.start, one.end) for one in taken] == [(2, 0, 3), (5, 3, 6), (6, 6, 7)]
    assert all(len(one.samples) == one.end - one.start for one in taken)


def test_an_utterance_that_is_over_and_what_follows_a_hole_are_not_joined() -> None:
    queue = ChunkQueue(longest_samples=100)
    over = Chunk(0, 0, np.zeros(1, np.float32), NOTHING, is_final=True)
    for one in (over, chunk(1), chunk(3)):
        queue.put(one)
    assert [(one.chunk_id, one.is_final) for one in queue.take(0)] == [(0, True), (1, False), (3, False)]


def test_what_is_cleared_away_is_handed_back_and_counts_as_dropped() -> None:
    queue = ChunkQueue()
    queue.put(chunk(0))
    queue.put(chunk(1))
    assert numbers(queue.clear()) == [0, 1]
    assert queue.clear() == []
    assert (queue.depth, queue.dropped) == (0, 2)
    assert queue.take(0) == []


def test_a_wait_without_a_chunk_ends_in_time() -> None:
    assert ChunkQueue().take(0) == []
    assert ChunkQueue().take(0.01) == []


def test_what_waits_at_the_close_can_be_taken_and_later_chunks_come_back() -> None:
    queue = ChunkQueue()
    queue.put(chunk(0))
    queue.close()
    queue.close()
    late = chunk(1)
    assert queue.put(late) is late
    assert queue.dropped == 1
    assert numbers(queue.take(LONG_S)) == [0]
    assert queue.take(LONG_S) == []


def test_a_wait_for_an_empty_queue_ends_in_time_and_at_once_if_it_is() -> None:
    queue = ChunkQueue()
    assert queue.wait_until_empty(0)
    queue.put(chunk(0))
    assert not queue.wait_until_empty(0)
    assert not queue.wait_until_empty(0.01)


@pytest.mark.parametrize("emptied", [lambda queue: queue.take(0), ChunkQueue.clear, ChunkQueue.close])
def test_a_wait_for_an_empty_queue_ends_with_the_last_chunk_or_the_close(
    emptied: Callable[[ChunkQueue], object],
) -> None:
    queue = ChunkQueue()
    queue.put(chunk(0))
    ended: list[bool] = []
    waiting = threading.Thread(target=lambda: ended.append(queue.wait_until_empty(LONG_S)))
    waiting.start()
    assert not queue.closed
    emptied(queue)
    waiting.join(LONG_S / 2)
    assert ended == [True]
    assert queue.closed == (emptied is ChunkQueue.close)


steps = st.lists(st.one_of(st.just("put"), st.just("take"), st.just("clear"), st.just("close")), max_size=60)


@settings(deadline=None)
@given(steps, st.integers(1, 5))
def test_the_account_holds_after_any_sequence(taken: list[str], most: int) -> None:
    queue = ChunkQueue(most)
    put, out, dropped = 0, [], []
    for step in taken:
        if step == "put":
            gone = queue.put(chunk(put))
            put += 1
            dropped += [] if gone is None else [gone]
        elif step == "take":
            out += queue.take(0)
        elif step == "clear":
            dropped += queue.clear()
        else:
            queue.close()
        assert queue.depth <= queue.most_depth <= most
        assert queue.dropped == len(dropped)
        assert put == len(out) + len(dropped) + queue.depth
    assert numbers(out) == sorted(numbers(out))
    assert sorted(numbers(out + dropped + queue.take(0))) == list(range(put))


def test_each_chunk_wakes_a_waiting_thread() -> None:
    """One chunk at a time, put only after the last was taken: a wakeup lost would hang."""
    queue = ChunkQueue()
    taken = threading.Semaphore(0)
    got: list[int] = []

    def consume() -> None:
        while chunks := queue.take(LONG_S):
            got.extend(numbers(chunks))
            taken.release()

    consumer = threading.Thread(target=consume)
    consumer.start()
    for number in range(2000):
        queue.put(chunk(number))
        assert taken.acquire(timeout=LONG_S)
    queue.close()
    consumer.join()
    assert got == list(range(2000))
    assert queue.dropped == 0


def test_a_close_ends_every_wait() -> None:
    queue = ChunkQueue()
    ended: list[list[Chunk]] = []
    waiting = [threading.Thread(target=lambda: ended.append(queue.take())) for _ in range(4)]
    for thread in waiting:
        thread.start()
    queue.close()
    for thread in waiting:
        thread.join(LONG_S)
    assert ended == [[]] * 4


def test_a_producer_at_full_speed_never_waits_for_a_slow_consumer_and_every_sample_is_accounted_for() -> None:
    queue = ChunkQueue()
    chunker = AdaptiveChunker(0.01, 0.01, 40)
    lost: list[Chunk] = []
    got: list[Chunk] = []
    half = threading.Event()

    def put(one: Chunk | None) -> None:
        dropped = queue.put(one) if one else None
        lost.extend([dropped] if dropped else [])

    def produce() -> None:
        for block in range(500):
            if block == 250:
                half.set()
            for one in chunker.push(np.zeros(777, np.float32)):
                put(one)
        put(chunker.flush(is_final=True))
        queue.close()

    def consume() -> None:
        while chunks := queue.take(LONG_S):
            assert len(chunks) <= 3
            got.extend(chunks)
            half.wait(LONG_S)  # slow at first, then as fast as it can

    threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert queue.most_depth == 3
    assert queue.dropped == len(lost) > 0
    assert numbers(got) == sorted(numbers(got))
    assert got[-1].is_final
    everything = sorted(got + lost, key=lambda one: one.start)
    assert numbers(everything) == list(range(len(everything)))
    ends = [one.end for one in everything]
    assert [one.start for one in everything] == [0, *ends[:-1]]
    assert ends[-1] == chunker.position == 500 * 777


def test_many_producers_and_consumers_lose_nothing_between_them() -> None:
    queue = ChunkQueue()
    out: list[int] = []
    lock = threading.Lock()

    def produce(first: int) -> None:
        for number in range(first, first + 2000):
            dropped = queue.put(chunk(number))
            if dropped is not None:
                with lock:
                    out.append(dropped.chunk_id)

    def consume() -> None:
        while chunks := queue.take(LONG_S):
            with lock:
                out.extend(numbers(chunks))

    producers = [threading.Thread(target=produce, args=(first,)) for first in (0, 2000, 4000)]
    consumers = [threading.Thread(target=consume) for _ in range(3)]
    for thread in producers + consumers:
        thread.start()
    for thread in producers:
        thread.join(LONG_S)
    queue.close()
    for thread in consumers:
        thread.join(LONG_S)
    assert sorted(out) == list(range(6000))
    assert queue.most_depth <= 3


@pytest.mark.parametrize("most", [0, -1, 1001, 2.5, True, "three"])
def test_a_size_that_makes_no_sense_is_refused(most: object) -> None:
    with pytest.raises(InvalidOption, match="most takes a whole number from 1 to 1000"):
        ChunkQueue(most)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout_s", [-1, math.nan, math.inf, True])
def test_a_time_that_makes_no_sense_is_refused(timeout_s: float) -> None:
    with pytest.raises(InvalidOption, match="timeout_s takes seconds"):
        ChunkQueue().take(timeout_s)
