"""Windows of speech out of a stream of samples, with memory for little more than one window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.model.speech import FRAME_SAMPLES, Span, VadOptions, WindowPlanner

SpeechProbability = Callable[[Samples], Samples]
"""Takes float32 samples of whole frames, returns one speech probability per frame, state carried on."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the stream in a window: where it begins there and where in the stream, and its length; seconds."""

    window_s: float
    stream_s: float
    duration_s: float

    def place(self, time_s: float) -> float:
        """Turn a time in the window into one in the stream; what lies outside of the piece goes to its nearest end."""
        return self.stream_s + min(max(time_s - self.window_s, 0.0), self.duration_s)


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of the stream, or several without the pauses between them, transcribed as one.

    - `pieces`: in order, at least one.
    - `samples`: float32, 16 kHz mono.
    - `speech_end_s`: where its speech ends, seconds from the window's own beginning.
    """

    pieces: tuple[Piece, ...]
    samples: Samples
    speech_end_s: float

    @property
    def start_s(self) -> float:
        """Where it begins in the stream, seconds."""
        return self.pieces[0].stream_s

    @property
    def end_s(self) -> float:
        """Where it ends in the stream, seconds."""
        return self.pieces[-1].stream_s + self.pieces[-1].duration_s

    @property
    def duration_s(self) -> float:
        """Length in seconds, without what was left out."""
        return len(self.samples) / SAMPLE_RATE_HZ

    def piece_at(self, time_s: float) -> int:
        """Index of the piece that a time in the window lies in; the nearest for one outside."""
        return max(bisect_right([piece.window_s for piece in self.pieces], time_s) - 1, 0)

    def stream_time(self, time_s: float) -> float:
        """Turn a time in the window into one in the stream, seconds."""
        return self.pieces[self.piece_at(time_s)].place(time_s)


EVERYTHING: Final = VadOptions(min_speech_duration_ms=0, speech_pad_ms=0)
"""For a stream in which every frame counts as speech: windows without a gap or an overlap."""


def always_speech(samples: Samples) -> Samples:
    """Take all frames for speech: windows of the greatest length, with voice activity detection off."""
    return np.ones(-(-len(samples) // FRAME_SAMPLES), np.float32)


def speech_windows(
    blocks: Iterable[Samples], speech_probability: SpeechProbability, longest_window_s: float, options: VadOptions
) -> Iterator[Window]:
    """Yield the windows of speech in a stream, each as soon as it is decided. Block sizes make no difference."""
    planner = WindowPlanner(longest_window_s, options)
    tape = _Tape()
    for block in blocks:
        tape.append(block)
        yield from _windows(planner, tape, tape.take_frames(), speech_probability)
    yield from _windows(planner, tape, tape.take_rest(), speech_probability)
    for span in planner.finish():
        yield tape.window(span)


def _windows(
    planner: WindowPlanner, tape: _Tape, samples: Samples, speech_probability: SpeechProbability
) -> Iterator[Window]:
    if not len(samples):
        return
    padded = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
    energies = np.square(padded.reshape(-1, FRAME_SAMPLES)).sum(axis=1)
    for probability, energy in zip(speech_probability(samples).tolist(), energies.tolist(), strict=True):
        for span in planner.push(probability, energy):
            yield tape.window(span)
    tape.forget(planner.needed_from, planner.kept)


class _Tape:
    """The last stretch of the stream, and pieces before it: appended at one end, forgotten at the other.

    Addressed by frame. What is handed out for reading, but for windows, holds until the next `append` or `forget`.
    """

    def __init__(self) -> None:
        # Grows by doubling, not by each block: those of a microphone are small, a window is long.
        self._store: Samples = np.empty(FRAME_SAMPLES, np.float32)
        self._first = 0  # place of _store[0] in the stream
        self._end = 0  # place behind the last sample in the stream
        self._taken = 0  # place up to which frames were handed out
        self._kept: dict[int, Samples] = {}  # what is older, by its first frame

    def append(self, block: Samples) -> None:
        held = self._end - self._first
        if held + len(block) > len(self._store):
            grown = np.empty(max(held + len(block), 2 * len(self._store)), np.float32)
            grown[:held] = self._store[:held]
            self._store = grown
        self._store[held : held + len(block)] = block
        self._end += len(block)

    def take_frames(self) -> Samples:
        """Hand out what is new, as far as it makes whole frames."""
        return self._take((self._end - self._taken) // FRAME_SAMPLES * FRAME_SAMPLES)

    def take_rest(self) -> Samples:
        """Hand out everything that is new."""
        return self._take(self._end - self._taken)

    def _take(self, n: int) -> Samples:
        self._taken += n
        return self._between(self._taken - n, self._taken)

    def _between(self, start: int, end: int) -> Samples:
        return self._store[start - self._first : min(end, self._end) - self._first]

    def window(self, span: Span) -> Window:
        samples = [self._piece(start, end) for start, end in span.pieces]
        pieces: list[Piece] = []
        length = 0
        for (start, _), piece in zip(span.pieces, samples, strict=True):
            begin_s = start * FRAME_SAMPLES / SAMPLE_RATE_HZ
            pieces.append(Piece(length / SAMPLE_RATE_HZ, begin_s, len(piece) / SAMPLE_RATE_HZ))
            length += len(piece)
        speech = (span.speech_end - span.pieces[-1][0]) * FRAME_SAMPLES + length - len(samples[-1])
        return Window(tuple(pieces), np.concatenate(samples), min(speech, length) / SAMPLE_RATE_HZ)

    def _piece(self, start: int, end: int) -> Samples:
        if start in self._kept:
            return self._kept[start][: (end - start) * FRAME_SAMPLES]
        return self._between(start * FRAME_SAMPLES, end * FRAME_SAMPLES)

    def forget(self, before_frame: int, but: tuple[tuple[int, int], ...]) -> None:
        """Forget what lies before a frame, but for some pieces."""
        self._kept = {
            start: self._kept[start] if start in self._kept else self._piece(start, end).copy() for start, end in but
        }
        first = min(before_frame * FRAME_SAMPLES, self._taken)
        if first > self._first:
            kept = self._between(first, self._end)
            self._store[: len(kept)] = kept
            self._first = first
