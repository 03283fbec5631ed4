"""What the history knows of one dictation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypedDict

from thoth.dictation.states import STAGES, PipelineState

FINAL_STATES: Final[tuple[PipelineState, ...]] = ("completed", "failed", "cancelled")
ENTRY_STATES: Final[tuple[PipelineState, ...]] = (*STAGES, *FINAL_STATES)
"""The states in which an entry can be; "idle" is none of them."""

ChosenState = PipelineState | Literal["interrupted"]
"""What entries can be chosen by: a state, or "interrupted", which is in mid-run with nobody at work on it."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One dictation as it stood when it was asked for.

    - `id`: never used for another one.
    - `created_at`: when it began, in UTC.
    - `state`: as far as it came; `interrupted` says that it is in mid-run and whoever worked on it is gone.
    - `audio_path`, `audio_s`: its recording, which may not be there (any more), and the length of that.
    - `raw_text`, `text`, `is_enhanced`: as of DictationResult; of a run in work, what is there up to now.
    - `model`: what it was transcribed with, "" until that is known.
    - `error`: why it failed; `problems`: what went wrong without costing the text.
    - `durations`: seconds in each stage, by its name; `lost_s`: seconds of sound that are missing in the recording.
    - `attempts`: how often it was run, the first time included.
    """

    id: int
    created_at: datetime
    state: PipelineState
    audio_path: Path | None
    audio_s: float
    raw_text: str
    text: str
    is_enhanced: bool
    model: str
    error: str | None
    problems: tuple[str, ...]
    durations: Mapping[str, float]
    lost_s: float
    attempts: int
    interrupted: bool

    @property
    def in_work(self) -> bool:
        """Whether somebody works on it."""
        return self.state in STAGES and not self.interrupted

    @property
    def retryable(self) -> bool:
        """Whether `History.claim()` would give it now: its recording is on the disk, and nobody works on it."""
        return not self.in_work and self.audio_path is not None and self.audio_path.is_file()


class ResultFields(TypedDict, total=False):
    """What a run may write into its entry at any time; see HistoryEntry."""

    audio_s: float
    raw_text: str
    text: str
    is_enhanced: bool
    model: str
    error: str | None
    problems: Sequence[str]
    durations: Mapping[str, float]
    lost_s: float


class EntryFields(ResultFields, total=False):
    """What a run may write into its entry while it goes on."""

    state: PipelineState


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be.

    - `entries`: how many.
    - `orphans`: how many recordings of which the history knew nothing.
    - `freed_bytes`: what their recordings took on the disk.
    """

    entries: int
    orphans: int
    freed_bytes: int
