"""How a caller waits where others are using the model: the words for it, and what they may be."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal, cast, get_args

from thoth.errors import InvalidOption

Priority = Literal["live", "batch"]
"""Who is served first: "live", somebody who talks and waits for the text, before "batch", a recording that can wait."""

WhenBusy = Literal["wait", "raise"]
"""What to do where another has the model: wait, as long as the timeout allows, or raise ModelBusy at once."""


def checked_timeout(value: Any) -> float | None:
    """Return seconds from 0, or None for as long as it takes. Raises InvalidOption for anything else."""
    if value is None:
        return None
    if isinstance(value, Real) and float(value) >= 0:
        return float(value)
    raise InvalidOption(f"timeout takes a number of seconds from 0, or None, not {value!r}")


def checked_when_busy(value: Any) -> WhenBusy:
    """Return `value` if it is one of `WhenBusy`, "wait" for None. Raises InvalidOption for anything else."""
    return cast(WhenBusy, _one_of("when_busy", get_args(WhenBusy), "wait" if value is None else value))


def checked_priority(value: Any, default: Priority) -> Priority:
    """Return `value` if it is one of `Priority`, `default` for None. Raises InvalidOption for anything else."""
    return cast(Priority, _one_of("priority", get_args(Priority), default if value is None else value))


def _one_of(option: str, known: tuple[str, ...], value: Any) -> str:
    for one in known:
        if value == one:
            return one
    raise InvalidOption(f"{option} takes {' or '.join(map(repr, known))}, not {value!r}")


def first_timeout(timeout: float | None, when_busy: WhenBusy) -> float | None:
    """Return the seconds that the first wait may take."""
    return 0.0 if when_busy == "raise" else timeout
