"""The ring buffer from Python: a plain queue to its two threads, and clear refusals to all else."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth._native import RingBuffer
from thoth.errors import AudioError, InvalidOption

Floats = npt.NDArray[np.float32]

LONG = 1 << 22  # samples: a block whose copying without the GIL takes milliseconds


def ramp(start: int, count: int) -> Floats:
    # float32 holds whole numbers to 2**24 exactly.
    return (np.arange(start, start + count) % (1 << 24)).astype(np.float32)


@given(
    capacity=st.integers(1, 50),
    steps=st.lists(st.tuples(st.sampled_from(["write", "read", "read all"]), st.integers(0, 60)), max_size=80),
)
@settings(max_examples=300, deadline=None)
def test_agrees_with_a_list(capacity: int, steps: list[tuple[str, int]]) -> None:
    ring = RingBuffer(capacity)
    model: list[float] = []
    sent = 0
    for step, count in steps:
        if step == "write":
            block = ramp(sent, count)
            written = ring.write(block)
            assert written == min(count, capacity - len(model))
            model += block[:written].tolist()
            sent += written
        else:
            out = ring.read(count) if step == "read" else ring.read()
            expected = model[:count] if step == "read" else model[:]
            assert out.dtype == np.float32
            assert out.tolist() == expected
            del model[: len(expected)]
        assert (ring.capacity, ring.free, ring.available) == (capacity, capacity - len(model), len(model))


def test_samples_keep_their_bits() -> None:
    block = np.array([np.nan, -0.0, np.inf, 1e-45, 3.0], np.float32)
    block.flags.writeable = False
    ring = RingBuffer(5)
    assert ring.write(block) == 5
    assert ring.read().tobytes() == block.tobytes()


def test_what_was_read_is_the_readers_own() -> None:
    ring = RingBuffer(3)
    ring.write(ramp(1, 3))
    out = ring.read()
    ring.write(ramp(7, 3))
    assert out.tolist() == [1, 2, 3]
    out[:] = 0
    assert ring.read().tolist() == [7, 8, 9]


@pytest.mark.parametrize(("capacity", "largest", "total"), [(1_000, 700, 100_000), (300_000, 200_000, 1 << 24)])
def test_two_threads_lose_nothing(capacity: int, largest: int, total: int) -> None:
    ring = RingBuffer(capacity)
    stop = threading.Event()

    def produce() -> None:
        sizes = np.random.default_rng(1)
        sent = 0
        while sent < total and not stop.is_set():
            block = ramp(sent, min(int(sizes.integers(1, largest)), total - sent))
            sent += ring.write(block)

    writer = threading.Thread(target=produce)
    writer.start()
    sizes = np.random.default_rng(2)
    received = 0
    deadline = time.monotonic() + 60
    try:
        while received < total:
            out = ring.read(int(sizes.integers(1, largest)))
            np.testing.assert_array_equal(out, ramp(received, len(out)))
            received += len(out)
            assert time.monotonic() < deadline
    finally:
        stop.set()
        writer.join()
    assert ring.available == 0


@pytest.mark.parametrize("side", ["write to", "read from"])
def test_a_second_thread_on_a_side_is_refused_while_the_first_copies_without_the_gil(side: str) -> None:
    ring = RingBuffer(LONG)
    block = np.zeros(LONG, np.float32)
    done = threading.Event()

    def copy_long_blocks() -> None:
        while not done.is_set():
            try:
                ring.write(block)
                ring.read()
            except AudioError:
                continue

    def meet_it() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if side == "write to":
                ring.write(block[:0])
            else:
                ring.read(0)

    worker = threading.Thread(target=copy_long_blocks)
    worker.start()
    try:
        with pytest.raises(AudioError, match=f"two threads at once {side} one RingBuffer"):
            meet_it()
    finally:
        done.set()
        worker.join()
    ring.read()
    assert ring.write(block[:3]) == 3
    assert ring.available == 3


@pytest.mark.parametrize("capacity", [0, -1, (1 << 28) + 1, 1 << 62])
def test_a_capacity_out_of_range_is_refused(capacity: int) -> None:
    with pytest.raises(InvalidOption, match=f"capacity takes 1 to 268435456 samples, not {capacity}"):
        RingBuffer(capacity)


@pytest.mark.parametrize("capacity", [None, "8", 8.5])
def test_a_capacity_that_is_no_whole_number_is_refused(capacity: Any) -> None:
    with pytest.raises(TypeError):
        RingBuffer(capacity)


@pytest.mark.parametrize(
    ("block", "described"),
    [
        (np.zeros(6), r"float64 of shape \(6,\)"),
        (np.zeros(6, np.int16), r"int16 of shape \(6,\)"),
        (np.zeros(6, ">f4"), r">f4 of shape \(6,\)"),
        (np.zeros(12, np.float32)[::2], r"float32 of shape \(6,\), not C-contiguous"),
        (np.zeros((6, 1), np.float32), r"float32 of shape \(6, 1\)"),
        (np.array(1, np.float32), r"float32 of shape \(\)"),
        ([0.0, 1.0], "a list"),
        (None, "a NoneType"),
    ],
)
def test_blocks_of_another_form_are_refused_and_change_nothing(block: Any, described: str) -> None:
    ring = RingBuffer(8)
    ring.write(ramp(1, 2))
    with pytest.raises(AudioError, match=r"C-contiguous float32 array of shape \(samples,\), not " + described):
        ring.write(block)
    assert ring.read().tolist() == [1, 2]


def test_a_negative_count_is_refused_and_changes_nothing() -> None:
    ring = RingBuffer(8)
    ring.write(ramp(1, 2))
    with pytest.raises(InvalidOption, match="max_samples takes 0 or more, or None for all, not -1"):
        ring.read(-1)
    assert ring.read(100).tolist() == [1, 2]
