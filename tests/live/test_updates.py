"""Updates on their way to their reader: what gives way, what never does, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.errors import WorkerError
from thoth.live.update import Gap, LiveUpdate
from thoth.live.updates import MOST_WAITING, LiveUpdates


def update(
    committed: str = "", tentative: str = "", *, utterance: int = 1, is_final: bool = False, gaps: tuple[Gap, ...] = ()
) -> LiveUpdate:
    return LiveUpdate(committed, tentative, (), gaps, is_final, utterance, 0.0, 1.0, 0.0)


def rest(updates: LiveUpdates) -> list[LiveUpdate]:
    """All that wait now."""
    return list(iter(lambda: updates.get(0), None))


made = st.builds(
    update,
    st.sampled_from(["", "", " one"]),
    st.sampled_from(["", " maybe"]),
    utterance=st.integers(1, 3),
    is_final=st.booleans(),
    gaps=st.sampled_from([(), (), (Gap(0.0, 1.0, "overload"),)]),
)


@settings(deadline=None)
@given(st.lists(st.one_of(made, st.none()), max_size=60))
def test_what_is_committed_comes_whole_and_in_order_and_the_latest_tentative_text_stands(
    script: list[LiveUpdate | None],
) -> None:
    """Where the script has None, somebody reads one update."""
    updates = LiveUpdates()
    put: list[LiveUpdate] = []
    read: list[LiveUpdate] = []
    for one in script:
        if one is not None:
            updates.put(one)
            put.append(one)
        elif (got := updates.get(0)) is not None:
            read.append(got)
    read += rest(updates)
    assert all(any(one is other for other in put) for one in read)
    lasting = [one for one in put if one.committed or one.gaps or one.is_final]
    assert [one for one in read if one.committed or one.gaps or one.is_final] == lasting
    assert (read[-1] is put[-1]) if put else not read


def test_of_tentative_text_nobody_has_read_only_the_latest_is_kept() -> None:
    updates = LiveUpdates()
    for text in (" a", " a b", " a b c"):
        updates.put(update(tentative=text))
    assert [one.tentative for one in rest(updates)] == [" a b c"]


def test_tentative_text_of_an_utterance_before_is_not_replaced_by_the_next_ones() -> None:
    updates = LiveUpdates()
    updates.put(update(tentative=" a", utterance=1))
    updates.put(update(tentative=" b", utterance=2))
    assert [one.tentative for one in rest(updates)] == [" a", " b"]


def test_a_reader_who_does_not_come_costs_bounded_memory_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    updates = LiveUpdates()
    with caplog.at_level(logging.WARNING, "thoth.live.updates"):
        for n in range(MOST_WAITING):
            updates.put(update(f" {n}"))
        assert updates.dropped == 0
        assert caplog.records == []
        for n in range(MOST_WAITING, MOST_WAITING + 50):
            updates.put(update(f" {n}"))
    assert updates.dropped == 50
    assert len(caplog.records) == 1
    assert [one.committed for one in rest(updates)] == [f" {n}" for n in range(50, MOST_WAITING + 50)]


def test_iteration_ends_when_all_is_read_and_stays_ended() -> None:
    updates = LiveUpdates()
    updates.put(update(" a"))
    updates.end()
    assert updates.finished
    assert not updates.ended
    assert [one.committed for one in updates] == [" a"]
    assert updates.ended
    assert list(updates) == []
    assert updates.get() is None


def test_an_error_comes_behind_the_text_and_each_time_again() -> None:
    updates = LiveUpdates()
    updates.put(update(" a"))
    error = WorkerError("died")
    updates.end(error)
    updates.end(WorkerError("again"))
    read = []
    with pytest.raises(WorkerError, match="died"):
        read += list(updates)
    for _ in range(20):
        assert next_of(updates) is error
    assert depth(error) < 5, "each time longer"


def next_of(updates: LiveUpdates) -> BaseException:
    with pytest.raises(WorkerError) as raised:
        next(updates)
    return raised.value


def depth(error: BaseException) -> int:
    trace, n = error.__traceback__, 0
    while trace is not None:
        trace, n = trace.tb_next, n + 1
    return n


def test_reading_waits_for_what_comes_and_a_limit_is_kept() -> None:
    updates = LiveUpdates()
    assert updates.get(0.01) is None
    assert not updates.ended
    got: list[LiveUpdate] = []
    thread = threading.Thread(target=lambda: got.extend(updates))
    thread.start()
    for n in range(5):
        updates.put(update(f" {n}"))
    updates.end()
    thread.join(10)
    assert [one.committed for one in got] == [f" {n}" for n in range(5)]


def test_what_one_reader_gets_no_other_gets() -> None:
    updates = LiveUpdates()
    shares: list[list[str]] = [[] for _ in range(4)]

    def read(share: list[str]) -> None:
        share += [one.committed for one in updates]

    threads = [threading.Thread(target=read, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for n in range(400):
        updates.put(update(f" {n}"))
    updates.end()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(one for share in shares for one in share) == sorted(f" {n}" for n in range(400))


# async


def feeding(updates: LiveUpdates, count: int, error: WorkerError | None = None) -> threading.Thread:
    def feed() -> None:
        for n in range(count):
            updates.put(update(f" {n}"))
        updates.end(error)

    thread = threading.Thread(target=feed)
    thread.start()
    return thread


def test_async_iteration_gives_what_for_gives() -> None:
    async def read() -> list[str]:
        updates = LiveUpdates()
        thread = feeding(updates, 200)
        got = [one.committed async for one in updates]
        thread.join()
        return got

    assert asyncio.run(read()) == [f" {n}" for n in range(200)]


def test_async_iteration_raises_the_error_behind_the_text() -> None:
    async def read() -> list[str]:
        updates = LiveUpdates()
        feeding(updates, 3, WorkerError("died")).join()
        got: list[str] = []
        try:
            async for one in updates:
                got.append(one.committed)  # noqa: PERF401
        except WorkerError as error:
            got.append(str(error))
        return got

    assert asyncio.run(read()) == [" 0", " 1", " 2", "died"]


def test_the_event_loop_goes_on_while_nothing_comes() -> None:
    async def read() -> int:
        updates = LiveUpdates()
        task = asyncio.ensure_future(anext(updates))
        turns = 0
        for _ in range(50):
            await asyncio.sleep(0.001)
            turns += 1
        assert not task.done()
        updates.put(update(" a"))
        assert (await asyncio.wait_for(task, 10)).committed == " a"
        return turns

    assert asyncio.run(read()) == 50


def test_a_cancelled_reader_loses_no_update() -> None:
    """Cancelled again and again at whatever point, while updates come: every one is read, in order."""

    async def read() -> list[str]:
        updates = LiveUpdates()
        got: list[str] = []

        async def reader() -> None:
            async for one in updates:
                got.append(one.committed)  # noqa: PERF401

        thread = threading.Thread(target=feed_slowly, args=(updates,))
        thread.start()
        while not updates.ended:
            task = asyncio.create_task(reader())
            await asyncio.sleep(0.003)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        thread.join()
        return got

    def feed_slowly(updates: LiveUpdates) -> None:
        for n in range(60):
            updates.put(update(f" {n}"))
            threading.Event().wait(0.002)
        updates.end()

    assert asyncio.run(read()) == [f" {n}" for n in range(60)]


class CountedExecutor(ThreadPoolExecutor):
    """Counts what it is given."""

    submitted = 0

    def submit(self, act: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        self.submitted += 1
        return super().submit(act, *args, **options)


def test_waiting_readers_take_no_thread_from_the_program() -> None:
    """The loop's executor has a handful of threads, which are the user's: as many sessions may be idle."""

    async def read() -> tuple[int, list[str]]:
        executor = CountedExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        sources = [LiveUpdates() for _ in range(20)]
        waiting = [asyncio.ensure_future(anext(updates)) for updates in sources]
        threads = threading.active_count()
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in waiting)
        assert threading.active_count() == threads
        for n, updates in enumerate(sources):
            feeding(updates, 0) if n % 2 else updates.put(update(f" {n}"))
        got = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
        assert [isinstance(one, StopAsyncIteration) for one in got] == [False, True] * 10
        return executor.submitted, [one.committed for one in got if isinstance(one, LiveUpdate)]

    assert asyncio.run(read()) == (0, [f" {n}" for n in range(0, 20, 2)])


def test_loops_on_several_threads_and_plain_readers_share_the_updates() -> None:
    updates = LiveUpdates()
    shares: list[list[str]] = [[] for _ in range(6)]

    async def read_async(share: list[str]) -> None:
        async for one in updates:
            share.append(one.committed)  # noqa: PERF401

    def read(n: int) -> None:
        if n % 3 == 0:
            shares[n].extend(one.committed for one in updates)
        else:
            asyncio.run(read_async(shares[n]))

    threads = [threading.Thread(target=read, args=(n,)) for n in range(len(shares))]
    for thread in threads:
        thread.start()
    feeding(updates, 500).join()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert sorted(one for share in shares for one in share) == sorted(f" {n}" for n in range(500))


def test_a_loop_that_was_closed_over_a_waiting_reader_harms_nobody() -> None:
    updates = LiveUpdates()
    reading = updates.__anext__()

    async def begin() -> None:
        reading.send(None)  # up to where it waits; no task, which would complain that it never ended

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    updates.put(update(" a"))
    updates.end()
    assert [one.committed for one in updates] == [" a"]
    reading.close()
