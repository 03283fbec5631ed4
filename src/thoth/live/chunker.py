"""Cuts a live stream into chunks for the worker, shorter ones while it falls behind. Pure: no thread, no clock."""

from __future__ import annotations

import math
import numbers
import operator
from dataclasses import dataclass
from typing import Final

import numpy as np

from thoth.audio.checks import checked_seconds
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import AudioError, InvalidOption, InvalidTransition

OVERLAP_SAMPLES: Final = 3200
"""0.2 s: fricatives and diphthongs outlast the 50 ms that would do for a plosive."""

_MAX_CHUNK_S: Final = 30.0  # what Whisper takes at once

_SLOW_RTF: Final = 0.8
_GOOD_RTF: Final = 0.6  # well below the other, so that a machine on the edge does not swing between two sizes
_GOOD_IN_A_ROW: Final = 4
_STEP: Final = 2 / 3  # 1.5 s, 1 s, 0.67 s, 0.5 s


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A piece of the stream, float32, 16 kHz mono.

    - `chunk_id`: counts up from 0, in the stream's order.
    - `start`: number of its first own sample in the stream.
    - `samples`: its own part, empty only where it says nothing but that an utterance is over; every sample of the
      stream is in the own part of one chunk.
    - `overlap`: the samples right before `start`, which chunks before it own: context, so that a word cut in two is
      heard whole. Empty where nothing came right before.
    - `is_final`: whether it ends an utterance.
    """

    chunk_id: int
    start: int
    samples: Samples
    overlap: Samples
    is_final: bool = False

    @property
    def end(self) -> int:
        """Number of the sample behind its last one."""
        return self.start + len(self.samples)


class AdaptiveChunker:
    """Cuts a stream into chunks of `base_s` seconds, down to `least_s` while the worker is slow.

    What it promises: every sample pushed lies in the own part of exactly one chunk, in order; chunks depend on what was
    pushed, not on how it was split; no own part is longer than `target_samples` was when its first sample came. Memory
    is one chunk with its overlap. One thread at a time, but for `note_rtf`, which may be another's.

    Raises InvalidOption for an option out of range.
    """

    def __init__(self, base_s: float = 1.5, least_s: float = 0.5, overlap_samples: int = OVERLAP_SAMPLES) -> None:
        base_s = checked_seconds("base_s", base_s, most=_MAX_CHUNK_S, above_zero=True)
        least_s = checked_seconds("least_s", least_s, most=_MAX_CHUNK_S, above_zero=True)
        if least_s > base_s:
            raise InvalidOption(f"least_s takes seconds up to base_s, which is {base_s:g}, not {least_s!r}")
        self._base = _samples_in(base_s)
        self._least = _samples_in(least_s)
        self._target = self._base
        self._good_in_a_row = 0
        self._overlap_samples = _checked_overlap(overlap_samples)
        self._store: Samples = np.empty(self._overlap_samples + self._base, np.float32)
        self._overlap = 0  # samples of overlap at the beginning of the store
        self._pending = 0  # samples behind them that no chunk has yet
        self._wanted = self._target  # samples of the chunk begun; fixed by its first one
        self._position = 0
        self._next_id = 0

    @property
    def target_samples(self) -> int:
        """Length of the own part of the next chunk to be begun."""
        return self._target

    @property
    def position(self) -> int:
        """Number of the next sample to be pushed."""
        return self._position

    def push(self, samples: Samples) -> list[Chunk]:
        """Take the next samples, float32, 1-D, any number; return the chunks that they complete.

        Raises AudioError for anything else; nothing is taken then.
        """
        _check_samples(samples)
        chunks: list[Chunk] = []
        taken = 0
        while taken < len(samples):
            if not self._pending:
                self._wanted = self._target
            block = samples[taken : taken + self._wanted - self._pending]
            self._append(block)
            taken += len(block)
            if self._pending == self._wanted:
                chunks.append(self._cut(is_final=False))
        return chunks

    def flush(self, is_final: bool = False) -> Chunk | None:
        """Return what is pending as a chunk of its own. The stream may go on.

        Where nothing is pending it is None, but for the end of an utterance: that is told by a chunk without samples.
        """
        return self._cut(is_final) if self._pending or is_final else None

    def jump_to(self, start: int) -> None:
        """Leave out the samples up to `start`, the number of the next one pushed: they are no chunk's.

        Raises InvalidTransition while samples are pending (`flush` first), InvalidOption for a place already passed.
        """
        if self._pending:
            raise InvalidTransition(f"{self._pending} samples are pending: flush() before jump_to()")
        if start < self._position:
            raise InvalidOption(f"start takes a sample's number from {self._position}, the next one, not {start!r}")
        if start > self._position:
            self._overlap = 0
            self._position = start

    def note_rtf(self, rtf: float) -> None:
        """Take the real-time factor of a chunk done: processing time over the length of its own part.

        Above 0.8 the chunks to come are a third shorter, `least_s` at least; after four in a row below 0.6 they are a
        step longer again. A chunk already begun keeps its length. Raises InvalidOption for what is not a number from 0.
        """
        rtf = _checked_rtf(rtf)
        if rtf > _SLOW_RTF:
            self._good_in_a_row = 0
            self._target = max(round(self._target * _STEP), self._least)
            return
        self._good_in_a_row = self._good_in_a_row + 1 if rtf < _GOOD_RTF else 0
        if self._good_in_a_row == _GOOD_IN_A_ROW:
            self._good_in_a_row = 0
            self._target = min(math.ceil(self._target / _STEP), self._base)

    def _append(self, block: Samples) -> None:
        end = self._overlap + self._pending
        self._store[end : end + len(block)] = block
        self._pending += len(block)
        self._position += len(block)

    def _cut(self, is_final: bool) -> Chunk:
        end = self._overlap + self._pending
        own = self._store[self._overlap : end].copy()
        chunk = Chunk(self._next_id, self._position - len(own), own, self._store[: self._overlap].copy(), is_final)
        self._next_id += 1
        self._overlap = min(end, self._overlap_samples)
        self._store[: self._overlap] = self._store[end - self._overlap : end]
        self._pending = 0
        return chunk


def _samples_in(seconds: float) -> int:
    return max(round(seconds * SAMPLE_RATE_HZ), 1)


def _checked_overlap(value: object) -> int:
    try:
        samples = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        samples = -1
    if isinstance(value, bool) or not 0 <= samples <= OVERLAP_SAMPLES:
        raise InvalidOption(f"overlap_samples takes a whole number from 0 to {OVERLAP_SAMPLES}, not {value!r}")
    return samples


def _checked_rtf(value: object) -> float:
    rtf = math.nan if isinstance(value, bool) or not isinstance(value, numbers.Real) else float(value)
    if not 0 <= rtf < math.inf:
        raise InvalidOption(f"rtf takes a number from 0, not {value!r}")
    return rtf


def _check_samples(samples: object) -> None:
    if not isinstance(samples, np.ndarray) or samples.dtype != np.float32 or samples.ndim != 1:
        what = f"{samples.dtype} array of shape {samples.shape}" if isinstance(samples, np.ndarray) else repr(samples)
        raise AudioError(f"a chunker takes float32 samples with one axis, as as_samples() gives them, not {what}")
