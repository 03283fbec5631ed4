"""The engines that are compared, each set up to do the same: one encoder pass and a fixed number of tokens.

Greedy at temperature 0 with no second try, no voice activity detection, no timestamps, English, no limit by log
probability: what random weights say is nonsense, and nobody may be slowed down or sped up by judging it.
Imported in a worker process only (see ``worker.py``): two builds of ggml do not go together in one process.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Audio = Samples | str
"""16 kHz mono samples, or the path of a WAV file of that kind."""


class Outcome(NamedTuple):
    """Tokens that came out, how often the encoder ran once more than it should, and the windows that audio became."""

    tokens: int
    reruns: int
    windows: int


class Contender(Protocol):
    """A loaded model. ``transcribe`` takes about the number of tokens to decode in each window."""

    description: str

    def transcribe(self, audio: Audio, limit: int) -> Outcome: ...


class Thoth:
    """Thoth through its public door, with the audio context it takes by itself."""

    def __init__(
        self,
        model: str,
        threads: int,
        native: str | None = None,
        audio_context: Any = "auto",
        vad_filter: bool = False,
    ) -> None:
        if native:
            load_native(Path(native))
        import thoth
        from thoth import _native

        self.description = f"thoth {_native.__version__} ({_native.__file__}; {_native.system_info().strip()})"
        self._model = thoth.WhisperModel(model, threads=threads)
        self._audio_context = audio_context
        self._vad_filter = vad_filter

    def transcribe(self, audio: Audio, limit: int) -> Outcome:
        segments, info = self._model.transcribe(
            audio,
            language="en",
            beam_size=1,
            temperature=0.0,
            vad_filter=self._vad_filter,
            condition_on_previous_text=False,
            without_timestamps=True,
            audio_context=self._audio_context,
            max_new_tokens=limit,
            # The same token over and over would be taken for a loop, and nonsense for a failure of the reduced
            # audio context; the n-gram rule costs Thoth a little time, which it pays alone.
            no_repeat_ngram_size=1,
            log_prob_threshold=-math.inf,
            entropy_threshold=-math.inf,
        )
        return Outcome(sum(len(segment.tokens) for segment in segments), info.audio_context_reruns, len(segments))


class PyWhisperCpp:
    """The pywhispercpp wheel: whisper.cpp as most Python users get it."""

    def __init__(self, model: str, threads: int) -> None:
        import _pywhispercpp as binding
        from machine import version
        from pywhispercpp.model import Model

        self.description = version("pywhispercpp")
        self._binding = binding
        self._model = Model(
            model,
            n_threads=threads,
            language="en",
            temperature=0.0,
            temperature_inc=0.0,
            no_timestamps=True,
            no_context=True,
            logprob_thold=-math.inf,
            entropy_thold=-math.inf,
            print_progress=False,
            print_realtime=False,
            print_timestamps=False,
        )

    def transcribe(self, audio: Audio, limit: int) -> Outcome:
        segments = self._model.transcribe(audio, max_tokens=limit)
        context = self._model._ctx
        tokens = sum(self._binding.whisper_full_n_tokens(context, i) for i in range(len(segments)))
        return Outcome(tokens, 0, len(segments))


class CTranslate2:
    """CTranslate2 with faster-whisper's feature extraction, called as faster-whisper calls it for one window."""

    def __init__(self, model: str, threads: int, compute_type: str = "int8") -> None:
        import ctranslate2
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.feature_extractor import FeatureExtractor
        from machine import version
        from token_ids import END_OF_TEXT, NO_TIMESTAMPS, START_OF_TRANSCRIPT

        self.description = f"{version('ctranslate2')} {compute_type}, {version('faster-whisper')}"
        self._model = ctranslate2.models.Whisper(
            model, device="cpu", compute_type=compute_type, intra_threads=threads, inter_threads=1
        )
        self._to_storage = ctranslate2.StorageView.from_array
        self._features = FeatureExtractor()
        self._pad = pad_or_trim
        self._prompt = [START_OF_TRANSCRIPT, NO_TIMESTAMPS]
        self._never = [END_OF_TEXT]

    def transcribe(self, audio: Audio, limit: int) -> Outcome:
        """One window: samples, not a file."""
        features = self._pad(self._features(audio)[..., :-1])
        window = self._to_storage(np.ascontiguousarray(features[None]))
        encoded = self._model.encode(window, to_cpu=False)
        result = self._model.generate(
            encoded,
            [self._prompt],
            beam_size=1,
            max_length=2 * limit,  # CTranslate2 generates up to half of it, as Whisper's own code does
            suppress_blank=True,
            suppress_tokens=self._never,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        return Outcome(len(result.sequences_ids[0]), 0, 1)


def load_native(path: Path) -> None:
    """Make the extension at ``path`` stand for ``thoth._native``, so that builds can be compared."""
    spec = importlib.util.spec_from_file_location("thoth._native", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python extension")
    module = importlib.util.module_from_spec(spec)
    sys.modules["thoth._native"] = module
    spec.loader.exec_module(module)
    import thoth

    thoth._native = module
