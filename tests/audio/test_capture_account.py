"""Nothing is lost, or it is told to the frame: how many, where, and what stands there instead."""

from __future__ import annotations

import ctypes
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import endurance
import numpy as np
import pytest
import soxr
import tones
from fed_input import INPUT_OVERFLOW, FedInput, Floats, call_back, numbered, read_all
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth._native import CallbackFeeder, Capture, Pump
from thoth.audio.live_stats import Loss, losses_of

RATES_HZ = [8_000, 11_025, 16_000, 32_000, 44_100, 48_000, 96_000, 192_000]

hold_gil_for_s = ctypes.PyDLL(None).sleep


def check_account(stream: Floats, losses: Sequence[Loss], offered: int, *causes: str) -> None:
    """At 16 kHz: what was fed stands where it was, and silence exactly where the losses say."""
    expected = numbered(offered)
    for loss in losses:
        assert loss.cause in causes
        assert loss.frames > 0
        expected[loss.first_frame : loss.first_frame + loss.frames] = 0
        assert (loss.at_s, loss.silence_s) == (loss.first_frame / 16_000, loss.frames / 16_000)
    np.testing.assert_array_equal(stream, expected)


def half_up(value: float) -> int:
    return math.floor(value + 0.5)


def test_nothing_is_lost_while_another_thread_holds_the_gil_for_three_seconds() -> None:
    # Both buffers are shorter than that: what empties them must not wait for Python, nor what fills them.
    common: dict[str, Any] = {"speed": 1.0, "waits": False, "buffer_s": 2.0}
    beats: list[float] = []
    done = threading.Event()

    def beat() -> None:
        while not done.wait(0.01):
            beats.append(time.monotonic())

    mono, stereo = FedInput(**common), FedInput(rate_hz=48_000, channels=2, block_frames=480, **common)
    fed = numbered(5 * 16_000)
    with mono, stereo, mono.pushing(fed), stereo.pushing(np.ones((5 * 48_000, 2), np.float32)):
        (tap,) = mono.pump.add_taps(1, 30.0, 1.0)
        beating = threading.Thread(target=beat)
        beating.start()
        while len(beats) < 3 or stereo.capture.callbacks == 0:
            time.sleep(0.01)
        before = mono.capture.callbacks
        hold_gil_for_s(3)
        called_meanwhile = mono.capture.callbacks - before
        done.set()
        beating.join()
        got = tap.read(len(fed))
    assert called_meanwhile > 200  # of 300: it does not wait for Python
    assert max(after - before for before, after in zip(beats, [*beats[1:], time.monotonic()], strict=True)) > 2.9
    np.testing.assert_array_equal(got, fed)
    for source, frames in [(mono, 80_000), (stereo, 240_000)]:
        stats = source.stats
        assert (stats.frames_captured, stats.frames_lost, stats.losses) == (frames, 0, ())
        assert stats.duration_s == 5.0


@settings(max_examples=25, deadline=None)
@given(
    block_frames=st.integers(1, 5_000),
    buffer_s=st.floats(0.002, 0.5),
    speed=st.floats(100, 400),
    offered=st.integers(1, 300_000),
)
def test_overruns_are_told_exactly(block_frames: int, buffer_s: float, speed: float, offered: int) -> None:
    # Far too fast for so small a buffer: it runs over between one look and the next, many times.
    source = FedInput(block_frames=block_frames, buffer_s=buffer_s, speed=speed, waits=False)
    with source:
        (tap,) = source.pump.add_taps(1, 60.0, 0.0)
        source.push(numbered(offered))
        during = source.stats
        source.finish()
        stream = read_all(tap)
    stats = source.stats
    check_account(stream, stats.losses, offered, "overrun")
    assert during.frames_lost == stats.frames_lost == sum(loss.frames for loss in stats.losses)
    assert stats.frames_captured + stats.frames_lost == offered
    assert stats.duration_s == offered / 16_000
    assert stats.loss_count == len(stats.losses)
    assert losses_of(tap.losses) == stats.losses


@settings(max_examples=60, deadline=None)
@given(
    block_frames=st.integers(1, 700),
    buffer_frames=st.integers(1, 3_000),
    backlog=st.integers(1, 3_000),
    steps=st.lists(st.tuples(st.booleans(), st.integers(1, 4_000)), max_size=30),
)
def test_a_stopped_consumer_loses_exactly_what_found_no_room(
    block_frames: int, buffer_frames: int, backlog: int, steps: list[tuple[bool, int]]
) -> None:
    # A pump that waits for its reader is a consumer that a test can stop; the callback does not wait.
    pump = Pump(0.0, stall_s=0.0, lossless=True)
    capture = Capture(16_000, 1, buffer_frames / 16_000)
    feeder = CallbackFeeder(capture.callback_address, capture.userdata_address, 16_000, 1, block_frames, 0.0)
    pump.attach(capture)
    (tap,) = pump.add_taps(1, backlog / 16_000, 0.0)
    offered, stream = 0, []
    for feeds, frames in steps:
        if feeds:
            feeder.push(numbered(frames, first=offered))
            offered += frames
            room = buffer_frames + backlog + sum(map(len, stream))
            assert offered - capture.frames_lost <= room + 1  # 1: a capacity in seconds is rounded up
        else:
            stream.append(tap.read(frames, 0.0))
    pump.finish()
    stream.append(read_all(tap))
    # Silence for an overrun is not held back: where the backlog is full the reader loses what lies behind it.
    check_account(np.concatenate(stream), losses_of(tap.losses), offered, "overrun", "reader")
    lost = sum(loss.frames for loss in pump.stats().losses)
    assert lost == pump.stats().frames_lost == capture.frames_lost
    assert pump.stats().frames_captured + capture.frames_lost == offered


def test_one_gap_in_the_middle_and_one_at_the_end() -> None:
    capture, pump = Capture(16_000, 1, 0.1), Pump(0.0, stall_s=0.0)
    feeder = CallbackFeeder(capture.callback_address, capture.userdata_address, 16_000, 1, 1_000, 0.0)
    (tap,) = pump.add_taps(1, 10.0, 0.0)
    feeder.push(numbered(5_000))  # 1600 fit
    pump.attach(capture)
    pump.set_paused([], paused=True)  # takes what there is
    assert pump.stats().frames_lost == 3_400
    feeder.push(numbered(1_500, first=5_000))
    pump.set_paused([], paused=True)
    call_back(capture, None, frames=77)
    pump.stop()
    losses = losses_of(pump.stats().losses)
    assert gaps_of(losses) == [(1_600, 3_400), (6_500, 77)]
    check_account(read_all(tap), losses, 6_577, "overrun")


@settings(max_examples=60, deadline=None)
@given(
    rate_hz=st.sampled_from(RATES_HZ),
    channels=st.integers(1, 3),
    blocks=st.lists(st.tuples(st.integers(1, 5_000), st.booleans(), st.booleans()), min_size=1, max_size=40),
)
def test_at_every_rate_losses_stand_where_the_clock_says(
    rate_hz: int, channels: int, blocks: list[tuple[int, bool, bool]]
) -> None:
    source = FedInput(rate_hz=rate_hz, channels=channels, buffer_s=30.0)
    expected_gaps: list[tuple[int, int]] = []
    expected_xruns, position = [], 0
    with source:
        for is_lost, group in groupby(blocks, key=lambda block: block[1]):
            begin = position
            for frames, _, xrun in group:
                if xrun:
                    expected_xruns.append(position)
                block = None if is_lost else np.ones((frames, channels), np.float32)
                call_back(source.capture, block, frames, INPUT_OVERFLOW if xrun else 0)
                position += frames
            if is_lost:
                expected_gaps.append((begin, position - begin))
        source.finish()
        source.pump.wait_while("running")
    stats = source.stats
    gaps = [loss for loss in stats.losses if loss.cause == "overrun"]
    assert gaps_of(gaps) == expected_gaps
    for loss in gaps:
        begin, end = (half_up(frame * 16_000 / rate_hz) for frame in (loss.first_frame, loss.first_frame + loss.frames))
        assert (loss.at_s, loss.silence_s) == (begin / 16_000, (end - begin) / 16_000)
    xruns = [loss for loss in stats.losses if loss.cause == "device"]
    assert [(loss.first_frame, loss.frames, loss.silence_s) for loss in xruns] == [(at, 0, 0) for at in expected_xruns]
    assert [loss.at_s for loss in xruns] == [half_up(at * 16_000 / rate_hz) / 16_000 for at in expected_xruns]
    assert stats.xruns == len(expected_xruns)
    assert stats.frames_lost == sum(frames for _, frames in expected_gaps)
    assert stats.frames_captured + stats.frames_lost == position
    assert abs(stats.duration_s * 16_000 - position * 16_000 / rate_hz) <= 0.5


def gaps_of(losses: Sequence[Loss]) -> list[tuple[int, int]]:
    return [(loss.first_frame, loss.frames) for loss in losses]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 96_000])
def test_resampled_audio_keeps_its_place_around_a_gap(rate_hz: int, channels: int) -> None:
    audio = tones.band_limited_noise(rate_hz, 3_000, 3.0)
    gaps = [(rate_hz // 2, rate_hz // 7), (2 * rate_hz, rate_hz // 100), (3 * rate_hz - 1_000, 1_000)]
    source = FedInput(rate_hz=rate_hz, channels=channels)
    position = 0
    with source:
        (tap,) = source.pump.add_taps(1, 30.0, 0.0)
        for begin, frames in gaps:
            source.push(np.repeat(audio[position:begin, None], channels, axis=1))
            call_back(source.capture, None, frames)
            audio[begin : begin + frames] = 0
            position = begin + frames
        source.finish()
        stream = read_all(tap)
    assert gaps_of(source.stats.losses) == gaps
    expected = soxr.resample(audio, rate_hz, 16_000, quality="VHQ")
    assert len(stream) == len(expected) == 48_000
    at_edges = np.zeros(48_000, np.bool_)
    for frame in [0, 3 * rate_hz, *(edge for begin, frames in gaps for edge in (begin, begin + frames))]:
        centre = frame * 16_000 // rate_hz
        at_edges[max(centre - 200, 0) : centre + 200] = True
    np.testing.assert_allclose(stream[~at_edges], expected[~at_edges], atol=2e-3)
    assert np.abs(stream[~at_edges]).max() > 0.5


@settings(max_examples=40, deadline=None)
@given(
    backlog=st.integers(50, 20_000),
    blocks=st.lists(st.tuples(st.integers(1, 30_000), st.integers(0, 30_000)), min_size=1, max_size=20),
)
def test_a_reader_that_falls_behind_loses_what_it_is_told(backlog: int, blocks: list[tuple[int, int]]) -> None:
    source, offered, read = FedInput(), 0, []
    with source:
        slow, keen = (source.pump.add_taps(1, seconds, 0.0)[0] for seconds in (backlog / 16_000, 60.0))
        for fed, wanted in blocks:
            source.push(numbered(fed, first=offered))
            offered += fed
            source.settle()
            read.append(slow.read(wanted, 0.0))
        source.finish()
        read.append(read_all(slow))
        everything = read_all(keen)
    losses = losses_of(slow.losses)
    check_account(np.concatenate(read), losses, offered, "reader")
    assert slow.loss_count == len(losses)
    assert losses or offered <= backlog + 1 or sum(map(len, read[:-1])) > 0
    assert keen.losses == []
    check_account(everything, [], offered)
    assert (source.stats.frames_lost, source.stats.duration_s) == (0, offered / 16_000)


def test_a_reader_may_be_30_s_behind_and_loses_all_beyond() -> None:
    with FedInput(preroll_s=0.0) as source:
        assert len(source.read(1, timeout_s=0.0)) == 0  # begins here
        fed = numbered(45 * 16_000)
        source.push(fed)
        source.settle()
        behind = source.read(30 * 16_000)
        np.testing.assert_array_equal(behind, fed[: 30 * 16_000])
        source.push(numbered(16_000, first=len(fed)))
        source.settle()
        np.testing.assert_array_equal(source.read(15 * 16_000), np.zeros(15 * 16_000, np.float32))
        np.testing.assert_array_equal(source.read(16_000), numbered(16_000, first=len(fed)))


def test_what_the_own_reader_lost_is_in_the_account() -> None:
    with FedInput(preroll_s=0.0) as source:
        source.read(1, timeout_s=0.0)
        for first in (0, 45 * 16_000):
            source.push(numbered(45 * 16_000, first=first))
            source.settle()
            source.read(30 * 16_000)
        source.read(1_600)
        lost = [loss for loss in source.stats.losses if loss.cause == "reader"]
        assert lost == [Loss("reader", 15 * 16_000, 30 * 16_000, 30.0, 15.0)]


@settings(max_examples=60, deadline=None)
@given(
    bad=st.dictionaries(
        st.integers(0, 4_999),
        st.sampled_from([np.nan, -np.nan, np.inf, -np.inf, 8.001, -8.001, 3e38, -3e38, 32_767.0]),
        max_size=50,
    ),
    block_frames=st.integers(1, 700),
)
def test_what_is_no_sample_is_replaced_and_counted_and_the_rest_untouched(
    bad: dict[int, float], block_frames: int
) -> None:
    fed = np.tile(np.array([0.5, -8.0, 8.0, 1e-45, -0.25], np.float32), 1_000)
    expected = fed.copy()
    for place, value in bad.items():
        fed[place] = value
        expected[place] = 0 if math.isnan(value) else math.copysign(8, value)
    with FedInput(block_frames=block_frames, preroll_s=1.0) as source:
        source.push(fed)
        source.finish()
        stream = read_all(source)
    np.testing.assert_array_equal(stream, expected)
    assert source.stats.bad_samples == len(bad)


def test_one_bad_channel_does_not_spoil_the_others() -> None:
    fed = np.full((1_600, 2), 0.5, np.float32)
    fed[100] = [np.nan, 0.5]
    fed[200] = [np.inf, -np.inf]
    fed[300] = [np.inf, 0.0]
    with FedInput(channels=2) as source:
        source.push(fed)
        source.finish()
        stream = read_all(source)
    expected = np.full(1_600, 0.5, np.float32)
    expected[[100, 200, 300]] = [0.25, 0, 4]
    np.testing.assert_array_equal(stream, expected)
    assert source.stats.bad_samples == 4


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_bad_sample_stays_where_it_is_in_a_resampled_stream(rate_hz: int) -> None:
    fed = tones.band_limited_noise(rate_hz, 3_000, 2.0) / 4
    expected = soxr.resample(fed, rate_hz, 16_000, quality="VHQ")
    fed[rate_hz] = np.nan
    with FedInput(rate_hz=rate_hz) as source:
        (tap,) = source.pump.add_taps(1, 10.0, 0.0)
        source.push(fed)
        source.finish()
        stream = read_all(tap)
    near = np.abs(np.arange(32_000) - 16_000) < 200
    away = ~near & (np.arange(32_000) > 200) & (np.arange(32_000) < 31_800)
    np.testing.assert_allclose(stream[away], expected[away], atol=1e-3)
    assert np.isfinite(stream).all()
    assert source.stats.bad_samples == 1


def test_long_capture_neither_grows_nor_drifts() -> None:
    # In a process of its own, where nothing else has an effect on the memory.
    command = [sys.executable, endurance.__file__, "--json", "--minutes", "4", "--speed", "120"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
    assert found["frames"] == 240 * 48_000
    assert found["samples"] == 240 * 16_000
    assert found["frames_lost"] == 0
    assert found["growth_bytes"] < endurance.MOST_GROWTH_BYTES
