"""Wake phrases by openWakeWord's models: small networks, each made for one phrase, that need no transcription."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from thoth._native import Vad
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import InvalidModel, InvalidOption, InvalidTransition
from thoth.model.speech import FRAME_SAMPLES as VAD_FRAME_SAMPLES
from thoth.model.whisper import VAD_MODEL
from thoth.wake.detection import Wake
from thoth.wake.embeddings import EMBEDDING_SIZE, FRAME_SAMPLES, SpeechEmbeddings
from thoth.wake.listener import COOLDOWN_S, WakeListener
from thoth.wake.phrase import checked_threshold
from thoth.wake.tflite import Interpreter, folder

THRESHOLD: Final = 0.5
"""What openWakeWord itself takes."""

_SUFFIX: Final = ".tflite"
_NO_PHRASES: Final = ("embedding_model", "melspectrogram")
"""Models that come with those of the phrases, and are what all of them hear by."""

_MOST_EMBEDDINGS: Final = 128  # 10 s: no phrase is as long

_SPEECH: Final = 0.2
"""A frame of voice activity detection at or above this probability opens the gate: low, since a phrase that does not
open it is missed, and what opens it for nothing costs time only."""

_GATE_S: Final = 1.0
"""How long the gate stays open after the last speech: scores rise while a phrase ends, and may do so 0.4 s later."""

_LONGEST_STOP_S: Final = 1.0  # of a listen() that another thread is in; it looks five times a second


class OpenWakeWord(WakeListener):
    """Listens for phrases by openWakeWord's models (https://github.com/dscripka/openWakeWord); the extra `wake`.

    It needs no Whisper model, takes about a twentieth of a core while somebody speaks and far less in silence, and
    hears nothing but its phrases: `Wake.text` and `Wake.rest` are empty.

    phrases: names of models that come with the extra, as `OpenWakeWord.available()` tells them ("alexa",
        "hey jarvis", …), or paths of .tflite models of your own, which are told by the file's name.
    threshold: what a model's score must reach, above 0 up to 1: a lower one misses fewer, and wakes wrongly more
        often.
    cooldown_s: after a wake, what ends within so many seconds of the stream is none.

    Raises InvalidOption for a phrase that there is no model of, ModelNotFound or InvalidModel for a file, ModelError
    without the extra or where there is no wheel of it. `close()` it, or use it in a `with` statement. Threads: as
    WakeListener; the GIL is released while it computes.
    """

    def __init__(
        self, *phrases: str | os.PathLike[str], threshold: float = THRESHOLD, cooldown_s: float = COOLDOWN_S
    ) -> None:
        models = _models_of(phrases)
        super().__init__(list(models), cooldown_s)
        self._threshold = checked_threshold(threshold)
        self._spotters = [_Spotter(phrase, _phrase_model(path)) for phrase, path in models.items()]
        self._embeddings = SpeechEmbeddings(_models_folder(), max(spotter.count for spotter in self._spotters))
        self._gate = _Gate()
        self._unheard: Samples = np.empty(0, np.float32)  # less than a frame
        self._began = self._end = 0  # where the stream and its last whole frame did, in samples on the stream's clock

    @staticmethod
    def available() -> tuple[str, ...]:
        """List the phrases that come with the extra. Raises ModelError without it."""
        stems = sorted(path.stem for path in _models_folder().glob(f"*{_SUFFIX}"))
        return tuple(stem.replace("_", " ") for stem in stems if stem not in _NO_PHRASES)

    @property
    def threshold(self) -> float:
        """What a score must reach."""
        return self._threshold

    def close(self) -> None:
        """End `listen()`, where another thread is in it, and free the models' memory. May be called again.

        Raises InvalidTransition where that thread is busy with a wake, or it is this one.
        """
        super().close()
        if not self._in_use.acquire(timeout=_LONGEST_STOP_S):
            raise InvalidTransition("this wake listener is in use: end the loop over listen(), or close its iterator")
        try:
            for spotter in self._spotters:
                spotter.model.close()
            self._embeddings.close()
        finally:
            self._in_use.release()

    def _hear(self, samples: Samples) -> Iterator[Wake]:
        self._unheard = np.concatenate((self._unheard, samples))
        while len(self._unheard) >= FRAME_SAMPLES:
            frame, self._unheard = np.split(self._unheard, [FRAME_SAMPLES])
            self._end += FRAME_SAMPLES
            self._embeddings.push(frame)
            if self._gate.passes(frame):
                yield from self._heard_now()
            else:
                self._rearm()
        self._unheard = self._unheard.copy()  # not all of a long block

    def _forget(self) -> None:
        self._unheard = np.empty(0, np.float32)
        self._began = self._end = self._position
        self._embeddings.reset()
        self._gate.reset()
        self._rearm()

    def _rearm(self) -> None:
        for spotter in self._spotters:
            spotter.rearm()

    def _heard_now(self) -> Iterator[Wake]:
        began_s = time.perf_counter()
        embeddings = self._embeddings.last()
        found = [(spotter.phrase, spotter.score(embeddings, self._threshold)) for spotter in self._spotters]
        self._count_pass(time.perf_counter() - began_s)
        for phrase, score in found:
            if score is not None:
                yield self._wake(phrase, score)

    def _wake(self, phrase: str, score: float) -> Wake:
        """Tell what is decided now.

        The phrase began somewhere in the two seconds that the models look back: a score says no more. It comes while
        the phrase ends: 0.2 s before it has, mostly, and 0.1 s after.
        """
        end_s = self._end / SAMPLE_RATE_HZ
        start_s = max(end_s - self._embeddings.lookback_s, self._began / SAMPLE_RATE_HZ)
        return Wake(phrase, score, start_s, end_s=end_s, decided_s=end_s, text="", rest="")


class _Spotter:
    """One phrase's model: tells the frame in which its score reaches the threshold, and is silent until it fell again.

    A single frame decides: to ask for several in a row, or for a mean over them, missed more of our recordings at each
    threshold, and kept nothing away.
    """

    def __init__(self, phrase: str, model: Interpreter) -> None:
        self.phrase = phrase
        self.model = model
        self.count = model.input_shape[1]
        """Embeddings that it takes."""
        self._is_up = False

    def score(self, embeddings: Samples, threshold: float) -> float | None:
        """Return the score for the last `count` of these embeddings where it has reached the threshold just now."""
        score = float(self.model.run(embeddings[np.newaxis, -self.count :]).item())
        was_up, self._is_up = self._is_up, score >= threshold
        return min(score, 1.0) if self._is_up and not was_up else None

    def rearm(self) -> None:
        """Forget the last score: the next one may wake."""
        self._is_up = False


class _Gate:
    """Voice activity detection, at a tenth of the models' cost: open while there is speech and `_GATE_S` after it."""

    def __init__(self) -> None:
        self._vad = Vad(os.fsencode(VAD_MODEL))
        self._is_speech: deque[bool] = deque(maxlen=round(_GATE_S * SAMPLE_RATE_HZ / VAD_FRAME_SAMPLES))
        self._unheard: Samples = np.empty(0, np.float32)  # less than a frame

    def passes(self, samples: Samples) -> bool:
        """Take the next samples; whether the gate is open at their end."""
        self._unheard = np.concatenate((self._unheard, samples))
        whole = len(self._unheard) // VAD_FRAME_SAMPLES * VAD_FRAME_SAMPLES
        heard, self._unheard = np.split(self._unheard, [whole])
        self._is_speech.extend((self._vad.process(heard) >= _SPEECH).tolist())
        return any(self._is_speech)

    def reset(self) -> None:
        """Forget the stream."""
        self._vad.reset()
        self._is_speech.clear()
        self._unheard = np.empty(0, np.float32)


def _models_of(phrases: tuple[str | os.PathLike[str], ...]) -> dict[str, Path]:
    """Return the model of each phrase, by how that is told. Raises InvalidOption for one that there is none of."""
    if not phrases:
        raise InvalidOption(f"OpenWakeWord takes at least one phrase: {_choices()}")
    models: dict[str, Path] = {}
    for phrase in phrases:
        if isinstance(phrase, str) and not phrase.lower().endswith(_SUFFIX):
            models[" ".join(phrase.split())] = _model_that_comes_with_it(phrase)
        elif isinstance(phrase, (str, os.PathLike)):
            path = Path(phrase).expanduser()
            models[path.stem.replace("_", " ")] = path
        else:
            raise InvalidOption(f"a phrase of OpenWakeWord is a name or a path, not {phrase!r}")
    return models


def _model_that_comes_with_it(phrase: str) -> Path:
    name = " ".join(phrase.replace("_", " ").lower().split())
    if name not in OpenWakeWord.available():
        raise InvalidOption(f"openWakeWord has no model for {phrase!r}: {_choices()}")
    return _models_folder() / f"{name.replace(' ', '_')}{_SUFFIX}"


def _choices() -> str:
    names = ", ".join(repr(name) for name in OpenWakeWord.available())
    return f"there are {names}, and paths of {_SUFFIX} models of your own"


def _models_folder() -> Path:
    return folder() / "models"


def _phrase_model(path: Path) -> Interpreter:
    model = Interpreter(path)
    takes, gives = model.input_shape, model.output_shape
    if (
        len(takes) != 3
        or takes[0] != 1
        or not 1 <= takes[1] <= _MOST_EMBEDDINGS
        or takes[2] != EMBEDDING_SIZE
        or math.prod(gives) != 1
    ):
        raise InvalidModel(
            f"{path} is no openWakeWord model: it takes values of shape {takes} and gives {gives}, where those take "
            f"(1, 1 to {_MOST_EMBEDDINGS}, {EMBEDDING_SIZE}) and give one score"
        )
    return model
