"""The thread that reads a source: all of it, no more than there is room for, and its end whatever it was."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from fed_input import INPUT_OVERFLOW, FedInput, Floats, call_back, numbered, numbers, wait_until

from thoth.errors import AudioError, DeviceError, ThothError, WorkerError
from thoth.live.reading import BLOCK_SAMPLES, SourceReader
from thoth.live.update import Gap


@dataclass
class Ear:
    """Takes what a reader gives. `room`: whether there is any."""

    blocks: list[Floats] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    room: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    errors: list[ThothError | None] = field(default_factory=list)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.room.set()

    def hear(self, samples: Floats, resampling_ns: int = 0) -> None:
        if self.failure is not None:
            raise self.failure
        self.blocks.append(samples)

    def lost(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def wait_until_taken(self, timeout_s: float) -> bool:
        return self.room.wait(timeout_s)

    def end(self, error: ThothError | None) -> None:
        self.errors.append(error)
        self.ended.set()

    def wait(self) -> ThothError | None:
        assert self.ended.wait(30)
        (error,) = self.errors
        return error

    @property
    def samples(self) -> Floats:
        return np.concatenate([np.zeros(0, np.float32), *self.blocks])


def test_a_source_is_read_to_its_end_in_frames_of_voice_activity_detection() -> None:
    ear = Ear()
    with FedInput(lossless=True) as source:
        SourceReader(source, ear, ear.end)
        source.push(numbered(20_000))
        source.finish()
        assert ear.wait() is None
        assert source.running is False
    assert np.array_equal(numbers(ear.samples), np.arange(20_000))
    assert max(map(len, ear.blocks)) <= BLOCK_SAMPLES


def test_a_source_that_does_not_run_is_started_and_stopped() -> None:
    ear = Ear()
    source = FedInput(lossless=True)
    SourceReader(source, ear, ear.end)
    wait_until(lambda: source.running)
    source.push(numbered(2000))
    source.finish()
    assert ear.wait() is None
    assert np.array_equal(numbers(ear.samples), np.arange(2000))
    assert not source.running


def test_a_source_that_runs_is_left_running_when_reading_stops() -> None:
    ear = Ear()
    with FedInput(lossless=True) as source:
        reader = SourceReader(source, ear, ear.end)
        source.push(numbered(5000))
        wait_until(lambda: len(ear.samples) == 5000)
        reader.stop()
        assert ear.wait() is None
        assert source.running
        reader.stop()


def test_a_source_that_waits_is_read_only_when_there_is_room() -> None:
    ear = Ear()
    ear.room.clear()
    with FedInput(lossless=True, buffer_s=1.0) as source, source.pushing(numbered(60_000)) as pushing:
        reader = SourceReader(source, ear, ear.end)
        pushing.join(0.7)
        assert pushing.is_alive(), "the source did not wait"
        assert ear.blocks == []
        ear.room.set()
        pushing.join(30)
        wait_until(lambda: len(ear.samples) == 60_000)
        reader.stop()
    assert np.array_equal(numbers(ear.samples), np.arange(60_000))


def test_a_source_that_does_not_wait_is_read_however_little_room_there_is() -> None:
    ear = Ear()
    ear.room.clear()
    with FedInput() as source:
        reader = SourceReader(source, ear, ear.end)
        source.push(numbered(12_000))  # within the pre-roll, so that it does not matter when reading begins
        wait_until(lambda: len(ear.samples) == 12_000)
        reader.stop()


def test_what_ends_a_source_is_told_once_all_was_read() -> None:
    ear = Ear()
    with FedInput(lossless=True) as source:
        SourceReader(source, ear, ear.end)
        source.push(numbered(3000))
        source.finish("unplugged")
        error = ear.wait()
    assert isinstance(error, DeviceError)
    assert len(ear.samples) == 3000


def test_what_the_listener_raises_ends_the_reading_and_stops_the_source() -> None:
    for failure, kind in ((AudioError("bad"), AudioError), (RuntimeError("a fault"), WorkerError)):
        ear = Ear(failure=failure)
        source = FedInput(lossless=True)
        SourceReader(source, ear, ear.end)
        wait_until(lambda source=source: source.running)  # type: ignore[misc]
        source.push(numbered(3000))
        error = ear.wait()
        assert isinstance(error, kind)
        assert str(failure) in str(error)
        assert not source.running


def test_what_a_source_lost_is_told_at_its_place_from_where_reading_began() -> None:
    ear = Ear()
    with FedInput(waits=False, preroll_s=0.0) as source:
        call_back(source.capture, numbered(16_000))
        source.settle()
        reader = SourceReader(source, ear, ear.end)
        while not ear.blocks:
            call_back(source.capture, numbered(1_600))
            source.settle()
        for flags in (0, INPUT_OVERFLOW, 0):
            call_back(source.capture, numbered(8_000), flags=flags)
            source.settle()
        wait_until(lambda: len(ear.samples) >= 20_000)
        reader.stop()
        (loss,) = source.stats.losses
        began_s = source.first_sample / 16_000
    (gap,) = ear.gaps
    assert gap.reason == "source"
    assert gap.start_s == pytest.approx(loss.at_s - began_s)
    assert gap.end_s - gap.start_s == pytest.approx(loss.silence_s)


def test_losses_are_told_once() -> None:
    ear = Ear()
    with FedInput(waits=False) as source:
        reader = SourceReader(source, ear, ear.end)
        for n in range(1, 4):
            call_back(source.capture, numbered(8_000), flags=INPUT_OVERFLOW)
            wait_until(lambda n=n: len(ear.gaps) == n, 20)  # type: ignore[misc]
        reader.stop()
    assert len(ear.gaps) == 3
