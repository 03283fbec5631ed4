"""What a model, or a gate of one's own, tells of who uses it and how long they waited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from thoth import _native
from thoth.model.waiting import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassStats:
    """The requests of one class, "live" or "batch", up to one moment. A window of audio is one request.

    granted: those that got their turn.
    waiting: those waiting now, one that has given way included.
    timed_out: waits that ended with ModelBusy.
    cancelled: waits that ended by a token or Ctrl-C.
    preempted: how often a turn gave way to live requests.
    p50_wait_s, p99_wait_s: what half and 99 % of those granted waited at most, in seconds, to within 0.8 %.
    longest_wait_s: the longest of them.
    """

    granted: int
    waiting: int
    timed_out: int
    cancelled: int
    preempted: int
    p50_wait_s: float
    p99_wait_s: float
    longest_wait_s: float

    @classmethod
    def of(cls, found: _native.GateClassStats) -> Self:
        """Copy what the native gate tells."""
        return cls(
            granted=found.granted,
            waiting=found.waiting,
            timed_out=found.timed_out,
            cancelled=found.cancelled,
            preempted=found.preempted,
            p50_wait_s=found.p50_wait_s,
            p99_wait_s=found.p99_wait_s,
            longest_wait_s=found.longest_wait_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStats:
    """Who stands at a gate at one moment; `holder` is the class of who has it, or None."""

    live: ClassStats
    batch: ClassStats
    holder: Priority | None

    @classmethod
    def of(cls, found: _native.GateStats) -> Self:
        """Copy what the native gate tells."""
        return cls(live=ClassStats.of(found.live), batch=ClassStats.of(found.batch), holder=found.holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStats:
    """Who uses a model at one moment, and what it has done since it was loaded.

    live, batch, holder: as in `GateStats`. Loading, closing and tokenizing a prompt are short requests of their own.
    windows: windows of audio transcribed.
    audio_context_reruns: those that looked bad at a reduced audio context and were encoded again in full.
    """

    live: ClassStats
    batch: ClassStats
    holder: Priority | None
    windows: int
    audio_context_reruns: int
