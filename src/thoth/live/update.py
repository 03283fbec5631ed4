"""What a live session gives its user: text as it comes, and what of the audio has none."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from thoth.model.transcript import Word

MOST_UTTERANCES: Final = 500
"""Kept in a `LiveTranscript`: an hour of talk, 1 MB. Whoever wants more keeps the updates."""

MOST_ENTRIES: Final = 1000
"""Words and gaps of one `Utterance`, after which it is gone on with in another one: a radio may never pause."""


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
    """One utterance of a transcript: its text, words, and the gaps that came up in it, in the order of time.

    One of very many words is several of these, with the same number.
    """

    number: int
    text: str
    words: tuple[Word, ...]
    gaps: tuple[Gap, ...]

    def __str__(self) -> str:
        return " ".join([*([self.text] if self.text else []), *map(str, self.gaps)])


class _OpenUtterance:
    """An utterance that goes on: adding to it copies nothing of what is there."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._text: list[str] = []
        self._words: list[Word] = []
        self._gaps: list[Gap] = []

    @property
    def full(self) -> bool:
        return len(self._words) + len(self._gaps) >= MOST_ENTRIES

    def add(self, update: LiveUpdate) -> None:
        if update.committed:
            self._text.append(update.committed)
        self._words += update.words
        self._gaps += update.gaps

    def so_far(self) -> Utterance:
        return Utterance(self.number, "".join(self._text).strip(), tuple(self._words), tuple(self._gaps))


class LiveTranscript:
    """The committed text of a session so far: the latest `MOST_UTTERANCES` utterances. Read it from any thread."""

    def __init__(self) -> None:
        self._whole: deque[Utterance] = deque(maxlen=MOST_UTTERANCES)
        self._open: _OpenUtterance | None = None
        self._lock = threading.Lock()

    def add(self, update: LiveUpdate) -> None:
        """Add what an update commits."""
        with self._lock:
            if self._open is None:
                self._open = _OpenUtterance(update.utterance)
            self._open.add(update)
            if update.is_final or self._open.full:
                self._close()

    def end(self) -> None:
        """Say that the recording is over, whatever it broke off in the midst of."""
        with self._lock:
            self._close()

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        """The utterances, oldest first; the last one may still go on."""
        with self._lock:
            return (*self._whole, self._open.so_far()) if self._open else tuple(self._whole)

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

    def _close(self) -> None:
        ended, self._open = self._open, None
        if ended is not None and ((utterance := ended.so_far()).text or utterance.gaps):
            self._whole.append(utterance)
