"""What is told while somebody dictates."""

from __future__ import annotations

from dataclasses import dataclass

from thoth.dictation.result import DictationResult
from thoth.dictation.states import PipelineState


@dataclass(frozen=True, slots=True)
class PipelineProgress:
    """A dictation came to `state`; `message` says so in a line for people."""

    state: PipelineState
    message: str


@dataclass(frozen=True, slots=True)
class PipelineComplete:
    """A dictation is over, well or not."""

    result: DictationResult


@dataclass(frozen=True, slots=True)
class ShortcutPressed:
    """All keys of the shortcut `name` are down."""

    name: str
    keys: str


@dataclass(frozen=True, slots=True)
class ShortcutTriggered:
    """The shortcut `name` does what it is for; of push-to-talk, at the press."""

    name: str
    keys: str


@dataclass(frozen=True, slots=True)
class ShortcutReleased:
    """The first key of the shortcut `name` went up again."""

    name: str
    keys: str
