"""What a span is, and how much of them is wanted."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from thoth.errors import InvalidOption

Attribute = str | int | float | bool
"""What an attribute of a span may be; anything else is turned into a str."""


class TraceLevel(enum.IntEnum):
    """How much is traced: each level has what the one before has, and more."""

    OFF = 0
    LIGHT = 1
    """What a chunk goes through, in one span for each part. Below 1 % of the work's CPU time."""
    MEDIUM = 2
    """The steps that make up a part. Below 5 %."""
    FULL = 3
    """The stages inside the engine. Below 12 %."""

    @classmethod
    def of(cls, level: str | TraceLevel) -> TraceLevel:
        """Return the level of that name, "off", "light", "medium" or "full". Raises InvalidOption for another."""
        if isinstance(level, cls):
            return level
        for member in cls:
            if level == member.name.lower():
                return member
        names = ", ".join(member.name.lower() for member in cls)
        raise InvalidOption(f"level takes one of {names}, not {level!r}")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work that is over.

    name: what was done.
    start_ns, end_ns: when, on the clock of `time.perf_counter_ns()`.
    thread_id, thread_name: where, with the operating system's number of the thread.
    span_id: its number, 1 or more, unlike any other of this tracer; later spans have higher ones.
    parent_id: the span it is a part of; None if it stands alone.
    root_id: the outermost span it is a part of; its own number if it stands alone.
    attributes: what else is known. "error" is there if an exception ended it.
    """

    name: str
    start_ns: int
    end_ns: int
    thread_id: int
    thread_name: str
    span_id: int
    parent_id: int | None
    root_id: int
    attributes: dict[str, Attribute] = field(hash=False)


class OpenSpan(Protocol):
    """What `with tracer.span(...) as span` gives: a piece of work that goes on. One thread at a time."""

    @property
    def span_id(self) -> int | None:
        """Its number, to be the `parent_id` of spans on other threads; None if it is not being traced."""

    def set(self, **attributes: Attribute) -> None:
        """Add what has come to be known since it began."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
