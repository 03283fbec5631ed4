"""How long an enhancement may take, and when it is tried again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from thoth.errors import InvalidOption

FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 4.0
MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Bounds on one enhancement, all tries together. Raises InvalidOption for values that make no sense."""

    timeout_s: float
    stall_s: float
    attempts: int

    def __post_init__(self) -> None:
        _require_seconds("timeout_s", self.timeout_s)
        _require_seconds("stall_s", self.stall_s)
        _require_attempts(self.attempts)


def backoff_s(failures: int, wanted_s: float | None) -> float:
    """Return how long to wait after so many failures: what the endpoint wants, else doubling, with jitter.

    The jitter takes away up to half, so that many clients of one overloaded endpoint do not come back together.
    """
    if wanted_s is not None:
        return wanted_s
    longest_s: float = min(FIRST_BACKOFF_S * 2 ** (failures - 1), LONGEST_BACKOFF_S)
    return longest_s * random.uniform(0.5, 1.0)


def _require_seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InvalidOption(f"{name} takes a number of seconds above 0, not {value!r}")


def _require_attempts(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_ATTEMPTS:
        raise InvalidOption(f"attempts takes a whole number from 1 to {MOST_ATTEMPTS}, not {value!r}")
