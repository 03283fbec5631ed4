"""Speech of which every sample knows its place in the stream, and a model that hears it without fail.

A sample's place is in its mantissa and its loudness in its exponent, so that a stretch of audio tells where it comes
from, wherever it was cut, and is quiet between the words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from thoth.live.protocol import Transcription
from thoth.model.transcript import Word

Floats = npt.NDArray[np.float32]

RATE_HZ = 16_000
_PLACES = 1 << 22
_QUIET = 2.0**-10


@dataclass(frozen=True)
class Said:
    """A word in the stream, in samples."""

    text: str
    start: int
    end: int


@dataclass
class ScriptedSpeech:
    """Words of their own texts, one after the other; `at` is where the next one begins."""

    at: int = 0
    words: list[Said] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.at += round(seconds * RATE_HZ)

    def say(self, seconds: float) -> None:
        end = self.at + round(seconds * RATE_HZ)
        self.words.append(Said(f" w{len(self.words)}", self.at, end))
        self.at = end

    def samples(self, start: int, end: int) -> Floats:
        places = np.arange(start, end)
        assert end < _PLACES
        loud = np.full(len(places), _QUIET)
        for word in self.words:
            loud[max(word.start - start, 0) : max(word.end - start, 0)] = 1.0
        return ((1.0 + places / _PLACES) * loud).astype(np.float32)

    def hear(self, audio: Floats) -> tuple[Word, ...]:
        """What a model without fault makes of audio: each whole word; of one that is cut, something else each time."""
        start = place_of(audio[0])
        end = start + len(audio)
        assert place_of(audio[-1]) == end - 1, "this audio was not in one piece"
        heard = []
        for word in self.words:
            first, last = max(word.start, start), min(word.end, end)
            if first < last:
                whole = (first, last) == (word.start, word.end)
                text = word.text if whole else f" cut{start}-{end}"
                heard.append(Word((first - start) / RATE_HZ, (last - start) / RATE_HZ, text, 0.9))
        return tuple(heard)


def place_of(sample: np.float32) -> int:
    mantissa, _ = np.frexp(np.float64(sample))
    return round((float(mantissa) * 2 - 1) * _PLACES)


@dataclass
class ScriptedModel:
    """Passes over scripted speech. `fails`: told the number of a pass, whether it fails."""

    speech: ScriptedSpeech
    fails: Callable[[int], bool] = lambda number: False
    passes: list[tuple[int, int, bool]] = field(default_factory=list)
    prompts: list[tuple[int, ...]] = field(default_factory=list)
    temperature: float | None = 0.0

    def __call__(self, audio: Floats, prompt: Sequence[int], *, is_final: bool) -> Transcription | None:
        start = place_of(audio[0])
        self.passes.append((start, start + len(audio), is_final))
        self.prompts.append(tuple(prompt))
        if self.fails(len(self.passes)):
            return None
        words = self.speech.hear(audio)
        text = "".join(word.word for word in words).strip()
        tokens = tuple(int(word.word[2:]) for word in words if word.word.startswith(" w"))
        return Transcription(len(self.passes), "", text, 0.1, words, tokens, 0.01, temperature=self.temperature)
