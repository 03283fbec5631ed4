"""What has come of a dictation so far, and its entry in the history."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from thoth.audio.recorder import Recording
from thoth.dictation.history.store import History, HistoryEntry
from thoth.dictation.result import DictationResult
from thoth.dictation.states import FinalState
from thoth.errors import HistoryError, ThothError

_log = logging.getLogger(__name__)


class Account:
    """Gathers what belongs in a DictationResult, and keeps the history's entry true meanwhile.

    A history that cannot be written costs no text: it is one of the problems. One thread at a time, but for `result`
    and `finish`, with which any thread may end it: what comes later is not written any more.
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
        self._writing = threading.Lock()
        self._is_over = False
        self._is_failing = False  # whoever waits for the text shall not wait for a locked history again and again

    def open(self, entry: HistoryEntry) -> None:
        """Take `entry` as the one to be kept."""
        self.entry = entry

    def write(self, **fields: Any) -> None:
        """Note something in the entry, unless that failed before: then all of it comes in the end."""
        with self._writing:
            entry = self.entry
            if entry is not None and not (self._is_over or self._is_failing):
                self._is_failing = not self._is_done(lambda: self._history.update(entry.id, **fields))

    def write_recording(self, recording: Recording) -> None:
        """Take `recording` as this dictation's."""
        self.recording = recording
        self.write(audio_s=recording.duration_s, lost_s=_lost_s(recording))

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
        self.finish(self.result(state, error))
        return self.result(state, error)

    def finish(self, result: DictationResult) -> None:
        """Finish the entry with `result`, unless that was done before: nobody works on it any more."""
        with self._writing:
            entry = self.entry
            if entry is not None and not self._is_over:
                self._is_over = True
                self._is_done(lambda: self._finish(entry, result))

    def _finish(self, entry: HistoryEntry, result: DictationResult) -> None:
        self._history.finish(
            entry.id,
            result.state,
            raw_text=result.raw_text,
            text=result.text,
            is_enhanced=result.is_enhanced,
            audio_s=result.audio_s,
            lost_s=_lost_s(self.recording) if self.recording is not None else entry.lost_s,
            error=None if result.error is None else str(result.error),
            problems=result.problems,
            durations=result.durations,
        )

    def _is_done(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except HistoryError as error:
            self.problem(f"not written to the history: {error}")
        except Exception as error:
            _log.exception("the history failed unexpectedly")
            self.problem(f"not written to the history: unexpected {type(error).__name__}: {error}")
        else:
            return True
        return False

    def result(self, state: FinalState, error: ThothError | None) -> DictationResult:
        """Return what has come of it up to now."""
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


def _lost_s(recording: Recording) -> float:
    return sum(loss.silence_s for loss in recording.losses)
