"""What a live session gives its user: text as it comes, and what of the audio has none."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from thoth.model.transcript import Word

MOST_UTTERANCES: Final = 500
"""Kept in a `LiveTranscript`: an hour of talk, 1 MB. Whoever wants more keeps the updates."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the stream that no text stands for, though somebody may have spoken in it.

    - `start_s`, `end_s`: on the stream's clock.
    - `reason`: "overload" (the machine fell behind, and the oldest audio that waited was dropped), "memory" (dropped,
      since memory was short), "failed" (the model could not transcribe it), "source" (lost before it came here: the
      source's own `stats` tell more).
    """

    start_s: float
    end_s: float
    reason: str

    def __str__(self) -> str:
        return f"[{self.start_s:.1f}-{self.end_s:.1f} s lost: {self.reason}]"


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """What changed in a session's text. Times are seconds on the stream's clock.

    - `committed`: text that is new with this update and will never change. One after the other, those of all updates
      are the text of the recording.
    - `tentative`: what comes after it as it looks now; the next update's replaces it.
    - `words`: the words of `committed`.
    - `gaps`: audio newly known to have no text.
    - `is_final`: whether an utterance ended here.
    - `utterance`: counts the utterances, from 1.
    - `start_s`, `end_s`: the stretch of audio that was listened to for it.
    - `delay_s`: from the arrival of the last of this audio, for a final update from when the utterance was found to be
      over, to the making of this update.
    """

    committed: str
    tentative: str
    words: tuple[Word, ...]
    gaps: tuple[Gap, ...]
    is_final: bool
    utterance: int
    start_s: float
    end_s: float
    delay_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of a transcript: its text, words, and the gaps that came up in it, in the order of time."""

    number: int
    text: str
    words: tuple[Word, ...]
    gaps: tuple[Gap, ...]

    def __str__(self) -> str:
        return " ".join([*([self.text] if self.text else []), *map(str, self.gaps)])


class LiveTranscript:
    """The committed text of a session so far: the latest `MOST_UTTERANCES` utterances. Read it from any thread."""

    def __init__(self) -> None:
        self._whole: deque[Utterance] = deque(maxlen=MOST_UTTERANCES)
        self._open: Utterance | None = None
        self._lock = threading.Lock()

    def add(self, update: LiveUpdate) -> None:
        """Add what an update commits."""
        with self._lock:
            after = _extended(self._open or Utterance(update.utterance, "", (), ()), update)
            self._open = None if update.is_final else after
            if update.is_final and (after.text or after.gaps):
                self._whole.append(after)

    def end(self) -> None:
        """Say that the recording is over, whatever it broke off in the midst of."""
        with self._lock:
            if self._open is not None and (self._open.text or self._open.gaps):
                self._whole.append(self._open)
            self._open = None

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        """The utterances, oldest first; the last one may still go on."""
        with self._lock:
            return (*self._whole, self._open) if self._open else tuple(self._whole)

    @property
    def words(self) -> tuple[Word, ...]:
        """All committed words."""
        return tuple(word for utterance in self.utterances for word in utterance.words)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """All gaps."""
        return tuple(gap for utterance in self.utterances for gap in utterance.gaps)

    @property
    def text(self) -> str:
        """The committed text, an utterance a line, with each gap marked at its place."""
        return "\n".join(map(str, self.utterances))


def _extended(utterance: Utterance, update: LiveUpdate) -> Utterance:
    return Utterance(
        utterance.number,
        (utterance.text + update.committed).strip(),
        utterance.words + update.words,
        utterance.gaps + update.gaps,
    )
