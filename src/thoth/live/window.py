"""The stretch of audio that is transcribed again and again while somebody speaks."""

from __future__ import annotations

from typing import Final

import numpy as np

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples

_STEP: Final = SAMPLE_RATE_HZ // 50
_EDGE_STEPS: Final = 5


class LiveWindow:
    """Audio from the last point up to which all text is committed. One thread at a time.

    Positions are samples of the stream. `overlap`: how many of the first samples belong to what came before.
    """

    def __init__(self, start: int, samples: Samples, overlap: int = 0) -> None:
        self.start = start
        self._samples = samples
        self._own_start = start + overlap

    @property
    def end(self) -> int:
        """The position behind its last sample."""
        return self.start + len(self._samples)

    @property
    def start_s(self) -> float:
        """Where it begins, in seconds."""
        return self.start / SAMPLE_RATE_HZ

    @property
    def own_start_s(self) -> float:
        """Where its own part begins, behind the overlap, in seconds."""
        return self._own_start / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        """Where it ends, in seconds."""
        return self.end / SAMPLE_RATE_HZ

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self._samples) / SAMPLE_RATE_HZ

    @property
    def samples(self) -> Samples:
        """All of it, 16 kHz mono float32."""
        return self._samples

    def append(self, samples: Samples) -> None:
        """Let it grow."""
        self._samples = np.concatenate((self._samples, samples))

    def split(self, longest_s: float) -> LiveWindow:
        """Take off and return its beginning: at most `longest_s`, cut where it is quietest in the second half of that.

        Quietest over 0.1 s: shorter ones may be a plosive's closure inside of a word.
        """
        part = self._samples[: round(longest_s * SAMPLE_RATE_HZ)]
        levels = np.square(part[: len(part) // _STEP * _STEP].reshape(-1, _STEP)).sum(axis=1)
        smooth = np.convolve(levels, np.ones(_EDGE_STEPS), "valid")  # smooth[i]: steps i to i + 4, around i + 2
        first = len(levels) // 2
        place = (first + int(np.argmin(smooth[first:])) + _EDGE_STEPS // 2) * _STEP + _STEP // 2
        head = LiveWindow(self.start, self._samples[:place], self._own_start - self.start)
        self.start, self._samples = self.start + place, self._samples[place:].copy()
        self._own_start = max(self._own_start, self.start)
        return head
