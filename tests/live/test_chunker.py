"""The chunker: every sample in one chunk's own part, the overlaps as stated, and a length that does not swing."""

from __future__ import annotations

import itertools
import math
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import AudioError, InvalidOption, InvalidTransition
from thoth.live.chunker import OVERLAP_SAMPLES, AdaptiveChunker, Chunk


def numbered(start: int, n: int) -> Samples:
    """Make samples of which each holds its own number in the stream."""
    return np.arange(start, start + n, dtype=np.float32)


def small(overlap: int = 7) -> AdaptiveChunker:
    """A chunker of 48 samples, 16 at least, that a test can fill often."""
    return AdaptiveChunker(48 / SAMPLE_RATE_HZ, 16 / SAMPLE_RATE_HZ, overlap)


@dataclass
class Account:
    """Drives a chunker and keeps its own account of what must come out."""

    chunker: AdaptiveChunker
    pushed: list[int] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    jumps: list[int] = field(default_factory=lambda: [0])  # where an uninterrupted stretch begins
    longest: list[int] = field(default_factory=list)  # what the target was when each chunk began
    finals: list[bool] = field(default_factory=list)

    def push(self, n: int) -> None:
        start = self.chunker.position
        self._note_target()
        completed = self.chunker.push(numbered(start, n))
        self.pushed += range(start, start + n)
        self._take(completed, final=False)

    def flush(self, is_final: bool) -> None:
        self._note_target()
        chunk = self.chunker.flush(is_final)
        assert (chunk is None) == (self._pending() == 0 and not is_final)
        if chunk is not None:
            self._take([chunk], final=is_final)

    def jump(self, distance: int) -> None:
        self.flush(is_final=False)
        start = self.chunker.position + distance
        self.chunker.jump_to(start)
        if distance:
            self.jumps.append(start)

    def rtf(self, rtf: float) -> None:
        self.chunker.note_rtf(rtf)
        assert 16 <= self.chunker.target_samples <= 48

    def _pending(self) -> int:
        return len(self.pushed) - sum(len(chunk.samples) for chunk in self.chunks)

    def _note_target(self) -> None:
        if self._pending() == 0:
            self._begun_with = self.chunker.target_samples

    def _take(self, chunks: list[Chunk], *, final: bool) -> None:
        for _ in chunks:
            self.longest.append(self._begun_with)
            self._begun_with = self.chunker.target_samples
        self.chunks += chunks
        self.finals += [final] * len(chunks)

    def check(self) -> None:
        own = [int(sample) for chunk in self.chunks for sample in chunk.samples]
        assert own == self.pushed
        assert [chunk.chunk_id for chunk in self.chunks] == list(range(len(self.chunks)))
        assert [chunk.is_final for chunk in self.chunks] == self.finals
        for chunk, longest in zip(self.chunks, self.longest, strict=True):
            assert chunk.end == chunk.start + len(chunk.samples)
            assert chunk.samples.tolist() == list(range(chunk.start, chunk.end))
            assert chunk.is_final or len(chunk.samples) > 0
            assert len(chunk.samples) <= longest
            begun = max(start for start in self.jumps if start <= chunk.start)
            before = min(chunk.start - begun, 7)
            assert chunk.overlap.tolist() == list(range(chunk.start - before, chunk.start))
            assert chunk.samples.dtype == chunk.overlap.dtype == np.float32


steps = st.one_of(
    st.tuples(st.just(Account.push), st.integers(0, 130)),
    st.tuples(st.just(Account.flush), st.booleans()),
    st.tuples(st.just(Account.jump), st.integers(0, 20)),
    st.tuples(st.just(Account.rtf), st.sampled_from([0.0, 0.5, 0.7, 0.9, 3.0])),
)


@settings(deadline=None)
@given(st.lists(steps, max_size=40))
def test_every_sample_is_in_one_chunk_and_overlaps_are_what_came_right_before(
    taken: list[tuple[Callable[..., None], float]],
) -> None:
    account = Account(small())
    for step, value in taken:
        step(account, value)
    account.flush(is_final=True)
    account.check()


def plain(chunks: list[Chunk]) -> list[tuple[int, int, list[float], list[float], bool]]:
    return [(c.chunk_id, c.start, c.samples.tolist(), c.overlap.tolist(), c.is_final) for c in chunks]


@settings(deadline=None)
@given(st.lists(st.integers(0, 70), min_size=1), st.lists(st.sampled_from([0.5, 1.0]), max_size=3))
def test_chunks_do_not_depend_on_how_the_stream_is_split(lengths: list[int], rtfs: list[float]) -> None:
    at_once, split = small(), small()
    head = numbered(0, 20)
    for chunker in (at_once, split):
        chunker.push(head)
        for rtf in rtfs:
            chunker.note_rtf(rtf)
    total = sum(lengths)
    expected = at_once.push(numbered(20, total))
    got = list(itertools.chain.from_iterable(split.push(numbered(split.position, length)) for length in lengths))
    assert plain(got) == plain(expected)
    rest, split_rest = at_once.flush(), split.flush()
    assert plain([split_rest] if split_rest else []) == plain([rest] if rest else [])


def test_the_lengths_are_those_asked_for() -> None:
    chunker = AdaptiveChunker()
    assert chunker.target_samples == 24_000
    assert chunker.push(numbered(0, 23_999)) == []
    first, second = chunker.push(numbered(23_999, 24_001))
    assert (first.start, first.end, len(first.overlap)) == (0, 24_000, 0)
    assert (second.start, second.end, len(second.overlap)) == (24_000, 48_000, 3200)
    assert chunker.position == 48_000
    assert chunker.flush() is None
    for _ in range(10):
        chunker.note_rtf(2)
    assert chunker.target_samples == 8_000


def test_a_chunk_keeps_the_length_it_was_begun_with() -> None:
    chunker = small()
    chunker.push(numbered(0, 1))
    chunker.note_rtf(1)
    assert [len(chunk.samples) for chunk in chunker.push(numbered(1, 47 + 32))] == [48, 32]


def test_overlap_reaches_back_over_several_short_chunks() -> None:
    chunker = small()
    for start in range(5):
        chunker.push(numbered(start, 1))
        chunk = chunker.flush()
        assert chunk is not None
        assert chunk.overlap.tolist() == list(range(start))


def test_a_chunk_is_not_changed_by_what_is_pushed_later() -> None:
    chunker = small()
    block = numbered(0, 96)
    chunk = chunker.push(block)[1]
    block[:] = -1
    chunker.push(numbered(96, 100))
    assert chunk.samples.tolist() == list(range(48, 96))
    assert chunk.overlap.tolist() == list(range(41, 48))


def test_a_jump_with_samples_pending_is_refused() -> None:
    chunker = small()
    chunker.push(numbered(0, 3))
    with pytest.raises(InvalidTransition, match=r"3 samples are pending: flush\(\)"):
        chunker.jump_to(10)
    chunker.flush()
    with pytest.raises(InvalidOption, match="start takes a sample's number from 3"):
        chunker.jump_to(2)
    assert chunker.position == 3


RTF = st.floats(0, 5, allow_nan=False)


@settings(deadline=None)
@given(st.lists(RTF, max_size=60))
def test_the_length_falls_only_when_slow_and_grows_only_after_several_good_ones(rtfs: list[float]) -> None:
    chunker = AdaptiveChunker()
    before = chunker.target_samples
    good_in_a_row = 0
    for rtf in rtfs:
        chunker.note_rtf(rtf)
        after = chunker.target_samples
        good_in_a_row = good_in_a_row + 1 if rtf < 0.6 else 0
        assert 8_000 <= after <= 24_000
        assert (after < before) == (rtf > 0.8 and before > 8_000)
        if after > before:
            assert good_in_a_row >= 4
            good_in_a_row = 0
        before = after


@settings(deadline=None)
@given(st.lists(st.floats(0.6, 1.0), max_size=200))
def test_around_the_limit_the_length_never_swings(rtfs: list[float]) -> None:
    chunker = AdaptiveChunker()
    targets = [chunker.target_samples]
    for rtf in rtfs:
        chunker.note_rtf(rtf)
        targets.append(chunker.target_samples)
    assert targets == sorted(targets, reverse=True)


def test_the_length_recovers_completely() -> None:
    chunker = AdaptiveChunker()
    for _ in range(5):
        chunker.note_rtf(1.5)
    grown = []
    for _ in range(12):
        chunker.note_rtf(0.3)
        grown.append(chunker.target_samples)
    assert grown == [8_000] * 3 + [12_000] * 4 + [18_000] * 4 + [24_000]


@pytest.mark.parametrize("rtf", [-0.1, math.nan, math.inf, True, "fast", None])
def test_an_rtf_that_is_none_is_refused(rtf: object) -> None:
    with pytest.raises(InvalidOption, match="rtf takes a number from 0"):
        small().note_rtf(rtf)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_s": 0}, "base_s takes seconds above 0"),
        ({"base_s": math.nan}, "base_s takes seconds"),
        ({"base_s": 31}, "base_s takes seconds above 0 to 30"),
        ({"least_s": 0.0}, "least_s takes seconds above 0"),
        ({"least_s": "short"}, "least_s takes seconds above 0"),
        ({"least_s": 1.6}, "least_s takes seconds up to base_s, which is 1.5, not 1.6"),
        ({"overlap_samples": -1}, "overlap_samples takes a whole number from 0 to 3200"),
        ({"overlap_samples": 3201}, "overlap_samples takes a whole number from 0 to 3200"),
        ({"overlap_samples": 1.5}, "overlap_samples takes a whole number"),
        ({"overlap_samples": True}, "overlap_samples takes a whole number"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        AdaptiveChunker(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "samples", [np.zeros(4), np.zeros(4, np.int16), np.zeros((2, 2), np.float32), [0.0, 1.0], None]
)
def test_what_is_not_mono_float32_is_refused_and_nothing_of_it_taken(samples: object) -> None:
    chunker = small()
    with pytest.raises(AudioError, match="float32 samples with one axis"):
        chunker.push(samples)  # type: ignore[arg-type]
    assert chunker.position == 0
    assert chunker.flush() is None


def test_memory_is_one_chunk_however_long_the_stream() -> None:
    chunker = AdaptiveChunker()
    block = np.zeros(1600, np.float32)
    tracemalloc.start()
    try:
        for _ in range(2000):
            chunker.push(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 4 * (24_000 + OVERLAP_SAMPLES)


def test_a_long_block_costs_as_much_as_its_parts() -> None:
    def seconds(n: int) -> float:
        block = np.zeros(n, np.float32)
        chunker = AdaptiveChunker(0.01, 0.01, 160)
        begun = time.thread_time()
        chunker.push(block)
        return time.thread_time() - begun

    one, sixteen = (min(seconds(n) for _ in range(5)) for n in (250_000, 4_000_000))
    assert sixteen < 64 * one  # 256 times if it were quadratic
