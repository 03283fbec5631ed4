"""Reading a live stream: what comes, when, in which pieces, to how many, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tones
from fed_input import FedInput, Floats, Held, numbered, numbers, read_all, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.errors import AudioError, DeviceError, InvalidOption


@settings(max_examples=50, deadline=None)
@given(
    heard=st.integers(0, 60_000),
    kept=st.integers(0, 40_000),
    wanted=st.lists(st.integers(0, 40_000), min_size=1, max_size=3),
    later=st.integers(0, 5_000),
)
def test_who_begins_later_gets_exactly_the_last_samples(heard: int, kept: int, wanted: list[int], later: int) -> None:
    with FedInput(preroll_s=kept / 16_000) as source:
        source.push(numbered(heard))
        taps = [source.pump.add_taps(1, 10.0, samples / 16_000)[0] for samples in wanted]
        source.read(1, timeout_s=0.0) if later % 2 else None
        source.push(numbered(later, first=heard))
        source.finish()
        for samples, tap in zip(wanted, taps, strict=True):
            past = min(samples, kept, heard)
            np.testing.assert_array_equal(read_all(tap), numbered(past + later, first=heard - past))


def test_reading_begins_with_the_pre_roll() -> None:
    with FedInput(preroll_s=0.5) as source:
        source.push(numbered(20_000))
        np.testing.assert_array_equal(source.read(8_000), numbered(8_000, first=12_000))
        source.push(numbered(100, first=20_000))
        assert numbers(source.read(100))[0] == 20_000


@pytest.mark.parametrize("preroll_s", [-0.1, 600.1, math.nan, math.inf])
def test_a_pre_roll_out_of_range_is_refused(preroll_s: float) -> None:
    with pytest.raises(InvalidOption, match="preroll_s takes seconds from 0 to 600"):
        FedInput(preroll_s=preroll_s).start()


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 3_000), max_size=20), fed=st.integers(0, 30_000))
def test_every_reader_gets_all_however_it_cuts(cuts: list[int], fed: int) -> None:
    with FedInput(preroll_s=2.0) as source:
        source.push(numbered(fed))
        (other,) = source.pump.add_taps(1, 10.0, 2.0)
        first = [source.read(samples, timeout_s=0.0) for samples in cuts]
        source.finish()
        mine = np.concatenate([*first, read_all(source)])
        np.testing.assert_array_equal(mine, numbered(fed))
        np.testing.assert_array_equal(read_all(other, block=777), mine)
        assert mine.dtype == np.float32


def test_a_time_limit_gives_what_has_come() -> None:
    with FedInput() as source:
        begin = time.monotonic()
        assert len(source.read(1_600, timeout_s=0.05)) == 0
        assert time.monotonic() - begin >= 0.05
        assert not source.ended
        source.push(numbered(500))
        assert len(source.read(1_600, timeout_s=0.1)) == 500
        begin = time.monotonic()
        source.push(numbered(500, first=500))
        assert len(source.read(500, timeout_s=60.0)) == 500
        assert len(source.read(1, timeout_s=-1.0)) == 0
        assert time.monotonic() - begin < 30


def test_after_the_end_all_is_read_first_and_then_nothing_at_once() -> None:
    source = FedInput()
    with source:
        source.push(numbered(1_000))
        assert len(source.read(300)) == 300
    assert not source.running
    assert not source.ended
    assert len(source.read(1_600)) == 700
    assert source.ended
    assert len(source.read(1_600)) == 0
    assert list(source) == []
    assert source.error is None


def test_a_failed_stream_gives_all_that_came_and_then_its_error() -> None:
    with FedInput() as source:
        source.push(numbered(5_000))
        got: list[Floats] = []
        source.finish("the cable broke")
        with pytest.raises(DeviceError, match="the cable broke"):
            got.extend(source)
        np.testing.assert_array_equal(np.concatenate(got), numbered(5_000))
        assert [len(block) for block in got] == [1_600, 1_600, 1_600, 200]
        with pytest.raises(DeviceError, match="the cable broke"):
            source.read()
        assert isinstance(source.error, DeviceError)
        assert not source.running


def test_iteration_takes_blocks_of_a_given_length() -> None:
    with FedInput() as source:
        source.push(numbered(1_000))
        source.finish()
        blocks = list(source.blocks(300))
    assert [len(block) for block in blocks] == [300, 300, 300, 100]
    np.testing.assert_array_equal(np.concatenate(blocks), numbered(1_000))


@pytest.mark.parametrize("samples", [0, -1, 1.5, True, None, "100"])
def test_a_number_of_samples_that_makes_no_sense_is_refused(samples: Any) -> None:
    async def read_one(source: FedInput) -> None:
        await anext(source.async_blocks(samples))

    with FedInput() as source:
        for call in (source.read, lambda count: next(source.blocks(count)), lambda _: asyncio.run(read_one(source))):
            with pytest.raises(InvalidOption, match="samples takes a whole number from 1"):
                call(samples)


def test_a_read_may_ask_for_more_than_the_backlog_holds() -> None:
    fed = numbered(50 * 16_000)
    with ThreadPoolExecutor(1) as reader, FedInput(preroll_s=0.0) as source:
        source.read(1, timeout_s=0.0)
        reading = reader.submit(source.read, len(fed))
        for second in np.split(fed, 50):
            source.push(second)
            source.settle()
            time.sleep(0.001)
        source.finish()
        got = reading.result(timeout=60)
    np.testing.assert_array_equal(got, fed)


def test_before_the_start_there_is_nothing_to_read() -> None:
    source = FedInput()
    for call in (source.read, lambda: next(iter(source)), lambda: source.level, lambda: source.stats):
        with pytest.raises(AudioError, match="a fed input is not open: use it in a with statement or call start"):
            call()
    assert not source.running
    assert not source.ended
    assert source.error is None
    source.stop()


def test_a_second_reader_at_once_is_refused() -> None:
    with ThreadPoolExecutor(1) as reader, FedInput() as source:
        waiting = reader.submit(source.read, 1_600)
        refused = ""
        while not refused:
            try:
                assert len(source.read(1, timeout_s=0.0)) == 0  # the other has not begun
            except AudioError as error:
                refused = str(error)
            if waiting.done():  # it was the second
                refused = str(waiting.exception())
        assert "two threads at once" in refused


def test_a_refused_reader_does_not_disturb_the_one_that_waits() -> None:
    def disturb() -> None:
        while not waiting.done():
            with contextlib.suppress(AudioError):
                assert len(source.read(1, timeout_s=0.0)) == 0

    with ThreadPoolExecutor(3) as readers, FedInput() as source:
        source.push(numbered(100))
        waiting = readers.submit(source.read, 1_600)
        wait_until(lambda: source.pump.stats().samples == 100)
        disturbing = [readers.submit(disturb) for _ in range(2)]
        with contextlib.suppress(TimeoutError):
            waiting.result(timeout=2)
        source.push(numbered(1_500, first=100))
        np.testing.assert_array_equal(waiting.result(timeout=30), numbered(1_600))
        assert [thread.result(timeout=30) for thread in disturbing] == [None, None]


def test_a_stop_from_another_thread_ends_a_waiting_read_at_once() -> None:
    for _ in range(5):
        with ThreadPoolExecutor(1) as reader, FedInput() as source:
            source.push(numbered(10))
            waiting = reader.submit(lambda: (source.read(1_600), time.monotonic()))
            time.sleep(0.02)  # it is waiting by now, most likely; if not, the stop comes first and must do too
            stopped = time.monotonic()
            source.stop()
            assert time.monotonic() - stopped < 2
            block, returned = waiting.result(timeout=30)
            assert len(block) == 10
            assert returned - stopped < 1


def test_async_iteration_gives_all_in_blocks_and_the_error_behind() -> None:
    async def read(source: FedInput) -> list[Floats]:
        got: list[Floats] = []
        with pytest.raises(DeviceError, match="gone"):  # noqa: PT012
            async for block in source:
                got.append(block)  # noqa: PERF401
        return got

    with FedInput(preroll_s=1.0) as source:
        source.push(numbered(5_000))
        source.finish("gone")
        got = asyncio.run(read(source))
    assert [len(block) for block in got] == [1_600, 1_600, 1_600, 200]
    np.testing.assert_array_equal(np.concatenate(got), numbered(5_000))


def test_the_event_loop_runs_on_while_a_stream_is_awaited() -> None:
    async def read(source: FedInput) -> None:
        waiting = asyncio.create_task(anext(source.async_blocks(100)))
        for _ in range(100):  # turns of the loop, all before the first sample is there
            await asyncio.sleep(0)
        assert not waiting.done()
        source.push(numbered(100))
        np.testing.assert_array_equal(await waiting, numbered(100))

    with FedInput() as source:
        asyncio.run(read(source))


def test_cancelling_async_iteration_loses_no_samples() -> None:
    async def read(source: FedInput) -> list[Floats]:
        got: list[Floats] = []

        async def take() -> None:
            async for block in source.async_blocks(160):
                got.append(block)  # noqa: PERF401

        delays = np.random.default_rng(3).uniform(0, 0.03, 60)
        for delay_s in delays:
            task = asyncio.create_task(take())
            await asyncio.sleep(delay_s)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return got

    fed = numbered(16_000 * 4)
    with FedInput(speed=1.0) as source, source.pushing(fed):
        (other,) = source.pump.add_taps(1, 30.0, 1.0)
        got = asyncio.run(read(source))
        source.stop()
        rest = read_all(source)
    assert len(got) > 1
    np.testing.assert_array_equal(np.concatenate([*got, rest]), read_all(other))


def test_a_stream_may_be_started_again() -> None:
    source = FedInput()
    for turn in range(3):
        with source:
            assert source.start() is source
            source.push(numbered(100, first=1_000 * turn))
            source.finish()
            assert numbers(read_all(source))[0] == 1_000 * turn
            assert source.ended
            assert source.stats.frames_captured == 100


def test_starting_and_stopping_leaves_nothing_behind() -> None:
    def use() -> None:
        with FedInput(speed=1.0) as source, source.pushing(numbered(16_000)):
            source.read(160)
            source.feeder.stop()

    use()
    before = Held.now()
    for _ in range(50):
        use()
    before.wait_for_no_more()
    dropped = FedInput().start()
    dropped.read(1, timeout_s=0.0)
    del dropped
    before.wait_for_no_more()


@pytest.mark.parametrize(
    ("amplitude", "level_db", "peak_db"), [(1.0, -3.01, 0.0), (0.5, -9.03, -6.02), (0.001, -63.01, -60.0)]
)
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_level_and_peak_of_a_sine(rate_hz: int, amplitude: float, level_db: float, peak_db: float) -> None:
    with FedInput(rate_hz=rate_hz) as source:
        source.push(tones.sine(1_000, rate_hz) * np.float32(amplitude))
        source.settle()
        assert source.level == pytest.approx(level_db, abs=0.02)
        assert source.peak == pytest.approx(peak_db, abs=0.02)


def test_level_of_a_square_wave_of_silence_and_of_what_came_last() -> None:
    with FedInput() as source:
        assert (source.level, source.peak) == (-120, -120)
        for value, db in [(1.0, 0.0), (0.0, -120.0), (1e-9, -120.0), (-2.0, 6.0206), (0.1, -20.0), (0.0, -120.0)]:
            source.push(np.full(1_600, value, np.float32))
            source.settle()
            assert source.level == pytest.approx(db, abs=1e-3)
            assert source.peak == pytest.approx(db, abs=1e-3)


def test_the_account_tells_what_is_open_and_what_came() -> None:
    source = FedInput(rate_hz=48_000, channels=2, block_frames=480)
    with source:
        source.push(np.zeros((48_000, 2), np.float32))
        source.settle()
        during = source.stats
    after = source.stats
    for stats in (during, after):
        assert (stats.device, stats.rate_hz, stats.channels) == ("a fed input", 48_000, 2)
        assert (stats.frames_captured, stats.frames_lost, stats.xruns, stats.bad_samples) == (48_000, 0, 0, 0)
        assert stats.callbacks == 100
        assert 0 < stats.callback_mean_s <= stats.callback_worst_s < 10
        assert 0 < stats.handover_mean_s <= stats.handover_worst_s < 10
        assert stats.latency_s >= stats.handover_mean_s
    assert 0.8 < during.duration_s < after.duration_s == 1.0
