"""`WakeWord`: any phrase as a wake phrase, by the model that transcribes everything else."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from thoth._native import CancelToken, Vad
from thoth.audio.checks import checked_seconds
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import Cancelled, InvalidOption, ModelError
from thoth.model.speech import FRAME_S, FRAME_SAMPLES, VadOptions
from thoth.model.transcript import Word
from thoth.model.whisper import VAD_MODEL, WhisperModel
from thoth.wake.bursts import BurstPlanner, Window
from thoth.wake.detection import Wake, WakePassFailed
from thoth.wake.listener import COOLDOWN_S, WakeListener
from thoth.wake.phrase import Match, PhraseMatcher, checked_threshold
from thoth.wake.vocabulary import trust_in

LONGEST_WINDOW_S: Final = 3.0
"""A phrase and the first words of a command. Each pass over more costs more."""

_LEAST_WINDOW_S: Final = 1.0
_MOST_WINDOW_S: Final = 15.0
_SECOND_LOOK_S: Final = 0.1
"""So much later begins the window of the second pass: what is there is heard again, what was made up often not."""

_PROBABLE_ERROR_S: Final = 0.5
"""Of a word's time in mid-speech, at most; where it is told to begin less that it has not begun."""

_MOST_TOKENS_A_SECOND: Final = 16
"""Nobody says more; a model that falls into a loop would go on to 224."""

_PIECE_SAMPLES: Final = 32 * FRAME_SAMPLES  # a second at a time: what is held stays short
_BUSY_SHARE: Final = 2.0  # passes that take longer come less often: half of the time is left for others

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Heard:
    """A phrase in the words of one pass."""

    match: Match
    score: float
    words: tuple[Word, ...]
    text: str


class WakeWord(WakeListener):
    """Listens for phrases with a Whisper model, which others may share: its passes are live requests.

    While nobody speaks, only voice activity detection runs, for half a percent of a core. Where somebody begins to
    speak, and goes on after a pause, the model hears the first `longest_window_s` seconds as they come, every half a
    second, and once more when they pause. A phrase counts when it is heard in two windows in a row, or when speech
    pauses behind it, and then once more from a little later on. Its score is the likeness of the text to the phrase,
    times the probability of the least probable word. With the built-in model a phrase has to come first in what is said
    after a breath; a larger one finds it anywhere.

    phrases: what to listen for, such as "hey thoth". Two or three syllables at least; a word that is said a lot wakes
        a lot.
    model: a loaded model, to be shared, or the name or path of one to load, as for WhisperModel.
    threshold: the score from which a phrase counts, above 0 up to 1. None takes what suits the model: 0.98 for
        nano.en, 0.5 for others.
    cooldown_s: quiet for so long after a wake.
    longest_window_s: 1 to 15 s.
    language: what is spoken, for a model that knows several.

    Threads: as for WakeListener. A pass that fails is logged, counted, and told as WakePassFailed. Raises InvalidOption
    for a phrase with a word that the model cannot write, ModelError where the model cannot be used.
    """

    def __init__(
        self,
        *phrases: str,
        model: WhisperModel | str | os.PathLike[str] | None = None,
        threshold: float | None = None,
        cooldown_s: float = COOLDOWN_S,
        longest_window_s: float = LONGEST_WINDOW_S,
        language: str = "en",
    ) -> None:
        super().__init__(phrases, cooldown_s)
        self._longest_s = checked_seconds("longest_window_s", longest_window_s, most=_MOST_WINDOW_S)
        if self._longest_s < _LEAST_WINDOW_S:
            raise InvalidOption(f"longest_window_s takes {_LEAST_WINDOW_S:g} s at least, not {longest_window_s!r}")
        if threshold is not None:
            threshold = checked_threshold(threshold)
        self._owns_model = not isinstance(model, WhisperModel)
        self.model = model if isinstance(model, WhisperModel) else WhisperModel(model)
        self._trust = trust_in(self.model, self.phrases)
        self.threshold = self._trust.threshold if threshold is None else threshold
        self._matcher = PhraseMatcher(self.phrases)
        self._language = language
        self._options = VadOptions()
        self._pad = round(self._options.speech_pad_ms / 1000 * SAMPLE_RATE_HZ)
        self._vad = Vad(os.fsencode(VAD_MODEL))
        self._cancel = CancelToken()
        self._forget()

    def close(self) -> None:
        """End `listen()`, and free the model unless it was given loaded. May be called again."""
        super().close()
        if self._owns_model:
            self.model.close()

    def _forget(self) -> None:
        self._vad.reset()
        self._planner = BurstPlanner(self._longest_s, self._options, rolling=self._trust.anywhere)
        self._first = self._position  # where frame 0 begins
        self._frames = 0
        self._held: Samples = np.empty(0, np.float32)  # the latest of the stream, with what is less than a frame
        self._held_from = self._position
        self._before: tuple[int, str] | None = None  # where the latest window began, and the phrase heard in it

    def _interrupt(self) -> None:
        self._cancel.cancel()

    def _hear(self, samples: Samples) -> Iterator[Wake]:
        for start in range(0, len(samples), _PIECE_SAMPLES):
            self._held = np.concatenate((self._held, samples[start : start + _PIECE_SAMPLES]))
            yield from self._hear_frames()
            self._let_go()

    def _hear_frames(self) -> Iterator[Wake]:
        begin = self._sample_of(self._frames) - self._held_from
        count = (len(self._held) - begin) // FRAME_SAMPLES
        if not count:
            return
        for probability in self._vad.process(self._held[begin : begin + count * FRAME_SAMPLES]).tolist():
            self._frames += 1
            window = self._planner.push(probability)
            if window is not None and self._sample_of(window.end) >= self._quiet_until:
                wake = self._look_at(window)
                if wake is not None:
                    self._planner.forget_burst()
                    yield wake

    def _let_go(self) -> None:
        """Keep of the stream what a window may still begin with."""
        begun = self._planner.bursting
        since = self._frames if begun is None else max(begun, self._frames - round(self._longest_s / FRAME_S) - 1)
        surplus = self._sample_of(since) - self._pad - self._held_from
        if surplus > 0:
            self._held = self._held[surplus:].copy()
            self._held_from += surplus

    def _look_at(self, window: Window) -> Wake | None:
        begin = max(self._sample_of(window.begin) - self._pad, self._held_from)
        end = self._sample_of(window.end)
        heard = self._look(begin, end)
        before, self._before = self._before, None if heard is None else (window.begin, heard.match.phrase)
        if heard is None or (window.more and before != self._before):
            return None
        again = self._look(begin + round(_SECOND_LOOK_S * SAMPLE_RATE_HZ), end)
        if again is None or again.match.phrase != heard.match.phrase:
            return None
        return self._wake(window, begin, end, heard, min(heard.score, again.score))

    def _look(self, begin: int, end: int) -> _Heard | None:
        """Run a pass; return the phrase in what was heard, where it reaches the threshold."""
        words = self._words(self._held[begin - self._held_from : end - self._held_from], begin)
        text = "".join(word.word for word in words).strip()
        match = self._matcher.find(text)
        if match is None or (match.first_word > 0 and not self._trust.anywhere):
            return None
        said = _words_of(match, words)
        score = match.score * min((word.probability for word in said), default=0.0)
        return _Heard(match, score, said, text) if score >= self.threshold else None

    def _words(self, audio: Samples, begin: int) -> tuple[Word, ...]:
        self._cancel = cancel = CancelToken()
        if self._halted:  # only now: an interruption from here on finds the token
            return ()
        begun_s = time.perf_counter()
        failed = False
        try:
            return self._transcribe(audio, cancel)
        except Cancelled:
            return ()
        except ModelError as failure:
            failed = True
            if self.model.state == "unloaded":
                raise
            self._tell(failure, begin, len(audio))
            return ()
        finally:
            took_s = time.perf_counter() - begun_s
            self._count_pass(took_s, failed=failed)
            self._planner.put_off(_BUSY_SHARE * took_s)

    def _transcribe(self, audio: Samples, cancel: CancelToken) -> tuple[Word, ...]:
        transcript = self.model.transcribe_samples(
            audio,
            language=self._language,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            max_new_tokens=round(_MOST_TOKENS_A_SECOND * self._longest_s),
            vad_filter=False,
            audio_context="reduced",
            cancel=cancel,
        )
        return transcript.words

    def _tell(self, failure: ModelError, begin: int, samples: int) -> None:
        _log.warning("a pass of the model failed, and wake phrases are listened for all the same: %s", failure)
        start_s, end_s = begin / SAMPLE_RATE_HZ, (begin + samples) / SAMPLE_RATE_HZ
        self.events.publish(WakePassFailed(str(failure), start_s, end_s))

    def _wake(self, window: Window, begin: int, end: int, heard: _Heard, score: float) -> Wake:
        begin_s, decided_s = begin / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ
        start_s, end_s = begin_s, begin_s + heard.words[-1].end
        if heard.match.first_word > 0:
            start_s = max(begin_s + heard.words[0].start - _PROBABLE_ERROR_S, begin_s)
        rest = self._matcher.without_phrase(heard.text)
        if window.silent_from is not None:
            # Where silence begins is known better than where a word ends; nothing is said behind it.
            silent_s = self._sample_of(window.silent_from) / SAMPLE_RATE_HZ
            end_s = silent_s if not rest else min(end_s, silent_s)
        return Wake(
            phrase=heard.match.phrase,
            score=score,
            start_s=start_s,
            end_s=min(end_s, decided_s),
            decided_s=decided_s,
            text=heard.text,
            rest=rest,
        )

    def _sample_of(self, frame: int) -> int:
        return self._first + frame * FRAME_SAMPLES


def _words_of(match: Match, words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words in which the match lies that was found in all of their text, stripped."""
    place = -(len(words[0].word) - len(words[0].word.lstrip()))
    said = []
    for word in words:
        begin, place = place, place + len(word.word)
        if begin < match.end and place > match.begin:
            said.append(word)
    return tuple(said)
