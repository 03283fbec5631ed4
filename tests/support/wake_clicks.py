"""A wake listener whose phrase is a click, so that a test decides to the sample when it is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fed_input import Floats

from thoth.wake.detection import Wake
from thoth.wake.listener import WakeListener

RATE_HZ = 16_000
_LOUD = 0.5


class ClickListener(WakeListener):
    """Wakes at every loud sample. `begun_at`: the positions at which it began anew."""

    def __init__(self, cooldown_s: float = 0.0) -> None:
        super().__init__(["click"], cooldown_s)
        self.begun_at: list[int] = []

    def _hear(self, samples: Floats) -> Iterator[Wake]:
        for place in np.flatnonzero(np.abs(samples) > _LOUD).tolist():
            at_s = (self._position + place) / RATE_HZ
            yield Wake("click", 1.0, at_s, at_s, at_s, "click", "")

    def _forget(self) -> None:
        self.begun_at.append(self._position)


def clicks(duration_s: float, at_s: Sequence[float]) -> Floats:
    """Silence with clicks at these times."""
    samples = np.zeros(round(duration_s * RATE_HZ), np.float32)
    samples[[round(time_s * RATE_HZ) for time_s in at_s]] = 0.9
    return samples


def times_of(wakes: Sequence[Wake]) -> list[float]:
    return [wake.end_s for wake in wakes]
