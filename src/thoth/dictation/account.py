"""What has come of a dictation so far, and its entry in the history."""

from __future__ import annotations

import logging
import time
from typing import Any

from thoth.audio.recorder import Recording
from thoth.dictation.history import History, HistoryEntry
from thoth.dictation.result import DictationResult
from thoth.dictation.states import FinalState
from thoth.errors import HistoryError, ThothError

_log = logging.getLogger(__name__)


class Account:
    """Gathers what belongs in a DictationResult, and keeps the history's entry true meanwhile.

    A history that cannot be written costs no text: it is one of the problems. One thread at a time.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self.entry: HistoryEntry | None = None
        self.recording: Recording | None = None
        self.raw_text = ""
        self.text = ""
        self.is_enhanced = False
        self._durations: dict[str, float] = {}
        self._problems: list[str] = []
        self._stage = ""
        self._stage_since_s = time.monotonic()

    def open(self, entry: HistoryEntry) -> None:
        """Take `entry` as the one to be kept."""
        self.entry = entry

    def write(self, **fields: Any) -> None:
        """Note something in the entry."""
        if self.entry is None:
            return
        try:
            self._history.update(self.entry.id, **fields)
        except HistoryError as error:
            self.problem(f"not written to the history: {error}")

    def write_recording(self, recording: Recording) -> None:
        """Take `recording` as this dictation's."""
        self.recording = recording
        self.write(audio_s=recording.duration_s, lost_s=sum(loss.silence_s for loss in recording.losses))

    def problem(self, line: str) -> None:
        """Note what went wrong without costing the text."""
        if line not in self._problems:
            _log.warning("dictation: %s", line)
            self._problems.append(line)

    def begin_stage(self, stage: str) -> None:
        """Count time for `stage` from now on, and no more for the one before."""
        now_s = time.monotonic()
        if self._stage:
            self._durations[self._stage] = self._durations.get(self._stage, 0.0) + now_s - self._stage_since_s
        self._stage, self._stage_since_s = stage, now_s

    def close(self, state: FinalState, error: ThothError | None = None) -> DictationResult:
        """Finish the entry, and return the result."""
        self.begin_stage("")
        if self.entry is not None:
            self._finish(self.entry, state, error)
        return self._result(state, error)

    def _finish(self, entry: HistoryEntry, state: FinalState, error: ThothError | None) -> None:
        result = self._result(state, error)
        try:
            self._history.finish(
                entry.id,
                state,
                raw_text=result.raw_text,
                text=result.text,
                is_enhanced=result.is_enhanced,
                audio_s=result.audio_s,
                error=None if result.error is None else str(result.error),
                problems=result.problems,
                durations=result.durations,
            )
        except HistoryError as failure:
            self.problem(f"not written to the history: {failure}")

    def _result(self, state: FinalState, error: ThothError | None) -> DictationResult:
        entry, recording = self.entry, self.recording
        if recording is not None:
            error, audio_s = error or recording.error, recording.duration_s
        else:
            audio_s = 0.0 if entry is None else entry.audio_s
        return DictationResult(
            id=None if entry is None else entry.id,
            state=state,
            text=self.text,
            raw_text=self.raw_text,
            is_enhanced=self.is_enhanced,
            audio_path=None if entry is None else entry.audio_path,
            audio_s=audio_s,
            durations=dict(self._durations),
            losses=() if recording is None else recording.losses,
            error=error,
            problems=tuple(self._problems),
        )
