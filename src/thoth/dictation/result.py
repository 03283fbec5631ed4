"""What comes of one dictation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from thoth.audio.live_stats import Loss
from thoth.dictation.states import FinalState
from thoth.errors import ThothError


@dataclass(frozen=True, slots=True)
class DictationResult:
    """One dictation, from its recording to where its text went.

    - `id`: its number in the history; None where the history could not be written.
    - `state`: completed, failed or cancelled.
    - `text`, `raw_text`: what was put out, and what the model heard, before filters and enhancement.
    - `is_enhanced`: whether the language model's text is the one that was put out.
    - `audio_path`, `audio_s`: the recording and its length; `Dictation.retry()` takes it up again.
    - `durations`: seconds spent in each stage that was entered, by its name.
    - `losses`: what is missing in the recording; silence stands there instead.
    - `error`: of failed, why; of completed, why the recording ended before its time (device gone, disk full).
    - `problems`: what went wrong without costing the text, a line each: enhancement, a sink, the history.
    """

    id: int | None
    state: FinalState
    text: str = ""
    raw_text: str = ""
    is_enhanced: bool = False
    audio_path: Path | None = None
    audio_s: float = 0.0
    durations: Mapping[str, float] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    error: ThothError | None = None
    problems: tuple[str, ...] = ()
