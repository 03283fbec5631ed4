"""What of a hypothesis is committed, so that it never changes, and what may still change.

LocalAgreement-2 (Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by
Partial Hypothesis Selection", Interspeech 2020; for Whisper: Macháček, Dabre and Bojar, "Turning Whisper into Real-Time
Transcription System", 2023): a word is committed when two hypotheses in a row, the later one of more audio, agree on it
and on all before it. Pure: words in, words out.
"""

from __future__ import annotations

import math
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from thoth.live import seam
from thoth.model.transcript import Word

UNSTABLE_S: Final = 0.4
"""Words that end so close to the end of the audio may be cut in two, and are not committed however often they come."""


class Agreement:
    """Words of one window that grows. Times are seconds on the stream's clock. One thread at a time."""

    def __init__(self) -> None:
        self._committed: list[Word] = []  # of the present window
        self._tentative: list[Word] = []

    @property
    def committed(self) -> tuple[Word, ...]:
        """The words of the present window that will not change."""
        return tuple(self._committed)

    @property
    def tentative(self) -> tuple[Word, ...]:
        """The words after them as they look now."""
        return tuple(self._tentative)

    def hear(self, words: Sequence[Word], audio_end_s: float) -> list[Word]:
        """Take a hypothesis about the whole window, which ends at `audio_end_s`; return the words it commits."""
        rest = self._new(words)
        stable = [word for word in rest if word.end <= audio_end_s - UNSTABLE_S]
        n = min(seam.agreed(_ids(self._tentative), _ids(rest)), len(stable))
        self._committed += rest[:n]
        self._tentative = rest[n:]
        return rest[:n]

    def close(self, words: Sequence[Word], end_s: float = math.inf) -> list[Word]:
        """Take the final words of the window up to `end_s`; return those to commit. What is left begins a new window.

        What was heard behind `end_s` already is known in the new window, which has its audio once more.
        """
        committed, tentative = _from(self._committed, end_s), _from(self._tentative, end_s)
        rest = [] if committed else self._new(words)
        self._committed, self._tentative = committed, tentative
        return rest

    def _new(self, words: Sequence[Word]) -> list[Word]:
        """Return the words that come after what is committed."""
        known = self._committed
        n = seam.covered(_ids(known), _middles(known), _ids(words), _middles(words))
        return list(words[n:])


def _from(words: Sequence[Word], begin_s: float) -> list[Word]:
    return [word for word in words if (word.start + word.end) / 2 >= begin_s]


def _ids(words: Sequence[Word]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.fromiter((zlib.crc32(key(word.word).encode()) for word in words), np.int64, len(words))


def _middles(words: Sequence[Word]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.fromiter(((word.start + word.end) / 2 for word in words), np.float64, len(words))


def key(text: str) -> str:
    """Return what is compared of a word: no case, no punctuation, one form for each character."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum()) or folded.strip()
