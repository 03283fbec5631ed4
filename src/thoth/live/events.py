"""What a live session reports beside its text, each a value of its own type; see `thoth.observe.events`."""

from __future__ import annotations

from dataclasses import dataclass

from thoth.live.states import SessionStatus


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The session went from one state to another."""

    before: SessionStatus
    after: SessionStatus


@dataclass(frozen=True, slots=True)
class LoadingProgress:
    """So much of the model has been read."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak, at this time of the stream."""

    at_s: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """An utterance has ended: its last speech lies at this time of the stream."""

    at_s: float


@dataclass(frozen=True, slots=True)
class ChunkDropped:
    """The machine fell behind, and this stretch of the stream was given up."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """Audio comes faster than it is transcribed; so many seconds wait."""

    behind_s: float


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Nothing waits any more."""


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """A pass of the model failed, and the session went on."""

    message: str


@dataclass(frozen=True, slots=True)
class WorkerRestarted:
    """The worker had died, for this reason, and was replaced."""

    reason: str
