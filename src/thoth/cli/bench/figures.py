"""What `thoth bench` measures, over and over until its time is up, and what is left of it: minima and medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MOST_REPEATS: Final = 50
"""More changes neither figure."""

Key = tuple[str | None, int | None, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the result: what took how long. Less is better in every unit.

    model, threads: None for what has nothing to do with them.
    repeats: how often it was timed, after once untimed where the time allowed it.
    """

    name: str
    unit: str
    minimum: float
    median: float
    repeats: int
    model: str | None = None
    threads: int | None = None

    @property
    def key(self) -> Key:
        """What makes it the same figure on another machine."""
        return self.model, self.threads, self.name

    def as_json(self) -> dict[str, Any]:
        """Give it as a JSON object; "min" and "median" are in "unit"."""
        return {
            "model": self.model,
            "threads": self.threads,
            "name": self.name,
            "unit": self.unit,
            "min": round(self.minimum, 6),
            "median": round(self.median, 6),
            "repeats": self.repeats,
        }


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something to be timed. `once` gives the value of each figure that one run of it yields, by name."""

    once: Callable[[], dict[str, float]]
    unit: str
    model: str | None = None
    threads: int | None = None


@dataclass(slots=True)
class Clock:
    """Shares the time that a bench may take out among measurements: what one leaves over is the others'.

    A measurement that cannot be made once within its share is made once all the same.
    """

    seconds: float
    _begin_s: float = field(default_factory=time.monotonic)

    def figures(self, measurements: Sequence[Measurement]) -> Iterator[Figure]:
        """Make every measurement, in the order given."""
        for index, measurement in enumerate(measurements):
            left_s = self._begin_s + self.seconds - time.monotonic()
            yield from _repeated(measurement, left_s / (len(measurements) - index))


def _repeated(measurement: Measurement, seconds: float) -> Iterator[Figure]:
    """Run once to have memory and caches warm, then until the time is up; the first run counts if it took it all."""
    end_s = time.monotonic() + seconds
    first = measurement.once()
    runs: list[dict[str, float]] = []
    while len(runs) < MOST_REPEATS and time.monotonic() < end_s:
        runs.append(measurement.once())
    runs = runs or [first]
    found = {name: [run[name] for run in runs] for name in first}
    for name, values in found.items():
        yield Figure(
            name,
            measurement.unit,
            min(values),
            statistics.median(values),
            len(runs),
            measurement.model,
            measurement.threads,
        )
