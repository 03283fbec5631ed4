"""What went wrong while a file was decoded, told once and in bounded space."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

MAX_LINES: Final = 50
"""A file broken in more places than this is described well enough."""

NEAR_S: Final = 1.0
"""Two of one kind closer than this are one."""


@dataclass(slots=True)
class _Problem:
    what: str
    from_s: float
    to_s: float
    times: int = 1

    def __str__(self) -> str:
        at = f"{self.from_s:.2f}"
        span = f"{at}-{self.to_s:.2f} s" if self.to_s > self.from_s else f"at {at} s"
        return f"{span}: {self.what}" + (f" ({self.times} times)" if self.times > 1 else "")


class Problems:
    """Collects the problems of the file `name` and warns of each new one on `log`. One thread at a time."""

    def __init__(self, name: str, log: logging.Logger) -> None:
        self._name = name
        self._log = log
        self._found: list[_Problem] = []
        self._more = 0

    def add(self, what: str, from_s: float, to_s: float | None = None) -> None:
        """Note `what` happened from `from_s` to `to_s` seconds; joined to the last one if alike and near."""
        to_s = from_s if to_s is None else to_s
        last = self._found[-1] if self._found else None
        if last is not None and last.what == what and from_s - last.to_s <= NEAR_S:
            last.to_s, last.times = max(last.to_s, to_s), last.times + 1
        elif len(self._found) < MAX_LINES:
            self._found.append(_Problem(what, from_s, to_s))
            self._log.warning("%s: %s", self._name, self._found[-1])
        else:
            self._more += 1

    def lines(self) -> list[str]:
        """All of them as text, with times in seconds."""
        return [str(problem) for problem in self._found] + ([f"and {self._more} more"] if self._more else [])
