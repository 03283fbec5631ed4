"""Which windows of a stream are worth a pass of the model, on the look-out for a phrase. Pure: no audio, no model.

People call a name after a breath: a phrase is looked for where speech begins, and where it goes on after a pause. Time
is counted in frames of voice activity detection (32 ms).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from thoth.live.endpoint import Endpointer, Mark
from thoth.model.speech import FRAME_S, VadOptions

FIRST_PASS_S: Final = 0.6
"""Of speech before the first pass: few phrases are shorter, and those end in the pause that is a reason for a pass."""

HOP_S: Final = 0.5
ROLLING_HOP_S: Final = 1.5
"""Between passes in speech that has gone on for longer than a window; half a window where that is less, so that what is
said in no more than half a window is whole in one of them."""

_SHORTEST_S: Final = 0.2
"""A burst of less is no phrase."""

_END_S: Final = 0.6
"""Silence after which what follows is another utterance."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch to run the model over, in frames: `begin` up to, not including, `end`.

    - `begin`: where the burst of speech began, or later where it is longer than a window.
    - `silent_from`: where the silence began that the window ends in; None in mid-speech.
    - `more`: whether a window that begins in the same place, and is longer, comes soon.
    """

    begin: int
    end: int
    silent_from: int | None
    more: bool


class BurstPlanner:
    """Follows a stream's speech probabilities, frame by frame, and says when a pass is due. One thread at a time.

    A burst is speech without a pause of 0.2 s. It is heard from its beginning after 0.6 s of speech, every 0.5 s from
    then on up to the longest window, and where it pauses.

    longest_s: of a window, without the padding before it.
    rolling: go on with windows over the latest speech of a burst that is longer.
    options: how speech is told from silence.
    """

    def __init__(self, longest_s: float, options: VadOptions, *, rolling: bool) -> None:
        self._endpointer = Endpointer(options, _END_S)
        self._longest = frames(longest_s)
        self._silence = options.end_threshold
        self._rolling = rolling
        self._rolling_hop = min(frames(ROLLING_HOP_S), self._longest // 2)
        self._now = 0
        self._burst: int | None = None  # where the burst that goes on began
        self._due = 0  # the frame from which the next pass is due

    @property
    def bursting(self) -> int | None:
        """Where the burst began that goes on; None in silence. In a burst that may be: where that may have begun."""
        return self._endpointer.speech_may_begin if self._burst is None else self._burst

    def push(self, probability: float) -> Window | None:
        """Take the next frame's speech probability; return the window to run a pass over, if one is due."""
        self._now += 1
        mark = self._endpointer.push(probability)
        if mark is not None:
            return self._on(mark)
        # In what may become the pause it waits for that, or for speech to go on.
        if self._burst is None or self._now < self._due or probability < self._silence:
            return None
        return self._in_speech(self._burst)

    def put_off(self, seconds: float) -> None:
        """Run no pass for so long, unless a burst begins or ends: where passes take longer than the time between."""
        self._due = max(self._due, self._now + frames(seconds))

    def forget_burst(self) -> None:
        """Look for nothing more in the burst that goes on, up to here: it holds what was looked for."""
        self._burst = self._now if self._rolling and self._burst is not None else None
        self._due = self._now + frames(HOP_S)

    def _on(self, mark: Mark) -> Window | None:
        if mark.kind in ("speech", "resumed"):
            self._burst = mark.frame
            self._due = mark.frame + frames(FIRST_PASS_S)
            return None
        burst, self._burst = self._burst, None
        return None if burst is None else self._last(burst, mark.frame)

    def _in_speech(self, burst: int) -> Window | None:
        if self._now - burst <= self._longest:
            self._due = self._now + frames(HOP_S)
            return Window(burst, self._now, None, more=self._due - burst <= self._longest)
        if not self._rolling:
            return None
        self._due = self._now + self._rolling_hop
        return Window(self._now - self._longest, self._now, None, more=False)

    def _last(self, burst: int, silent_from: int) -> Window | None:
        too_long = silent_from - burst > self._longest and not self._rolling
        if too_long or silent_from - burst < frames(_SHORTEST_S):
            return None
        return Window(max(burst, self._now - self._longest), self._now, silent_from, more=False)


def frames(seconds: float) -> int:
    """Return how many frames last so long."""
    return round(seconds / FRAME_S)
