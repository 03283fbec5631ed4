"""What callers may ask of live audio: numbers in range, or a clear refusal."""

from __future__ import annotations

import math
import numbers
import operator

from thoth.errors import InvalidOption


def checked_count(name: str, value: object, *, most: int) -> int:
    """Return a whole number from 1 to `most`, of any integer type. Raises InvalidOption, naming the option."""
    try:
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        count = 0
    if isinstance(value, bool) or not 1 <= count <= most:
        raise InvalidOption(f"{name} takes a whole number from 1 to {most}, not {value!r}")
    return count


def checked_seconds(name: str, value: object, *, most: float, above_zero: bool = False) -> float:
    """Return seconds from 0, or above it, to `most`. Raises InvalidOption, naming the option."""
    seconds = math.nan if isinstance(value, bool) or not isinstance(value, numbers.Real) else float(value)
    if not 0 <= seconds <= most or (above_zero and seconds == 0):
        least = "above 0" if above_zero else "from 0"
        raise InvalidOption(f"{name} takes seconds {least} to {most:g}, not {value!r}")
    return seconds
