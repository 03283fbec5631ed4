"""What a worker does with the messages it gets, be it on a thread or in a process of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from thoth._native import CancelToken
from thoth.audio.samples import SAMPLE_RATE_HZ
from thoth.errors import Cancelled, ModelError, ThothError, WorkerError
from thoth.live.protocol import (
    Answer,
    Error,
    LoadModel,
    ModelLoaded,
    ModelLoading,
    Question,
    Ready,
    Transcribe,
    Transcription,
    lacks_memory,
)
from thoth.model.transcript import Transcript
from thoth.model.whisper import WhisperModel

_LOG: Final = logging.getLogger("thoth.worker")

_REPORTS: Final = 100
"""At most so many reports of one load: a model has hundreds of tensors."""

_SURE_LANGUAGE: Final = 0.7
_LANGUAGE_FROM_S: Final = 5.0
"""A language told with that probability, or from so much audio, holds for the recording: telling it costs an encoder
pass over 30 s, many times that over a short window, and text whose language comes and goes is never agreed upon."""

OnLoading = Callable[[ModelLoading], object]


class Servant:
    """Answers messages with a model that it was given, or that it loads. One thread at a time.

    cancel: ends what is under way, within one pass of the model or one tensor of a load.
    """

    def __init__(self, cancel: CancelToken, model: WhisperModel | None = None) -> None:
        self._cancel = cancel
        self._model = model
        self._owns_model = model is None
        self._threads: int | None = None
        self._options: Mapping[str, Any] = {}
        self._language: tuple[str, str] | None = None  # of the latest session, and its id before it

    def answer(self, message: Question, on_loading: OnLoading) -> Answer:
        """Do what `message` asks; what fails is the answer too."""
        try:
            if isinstance(message, Transcribe):
                return self._transcribe(message)
            if isinstance(message, LoadModel):
                return self._load(message, on_loading)
            self._options = message.options
            return Ready()
        except Exception as failure:
            return _report(failure, message)

    def close(self) -> None:
        """Free the model, unless it was given."""
        if self._owns_model and self._model is not None:
            self._model.close()
            self._model = None

    def _load(self, message: LoadModel, on_loading: OnLoading) -> ModelLoaded:
        began_s = time.perf_counter()
        self._threads = message.threads
        given = self._model
        if given is None:
            self._model = WhisperModel(message.path, on_load=_Loading(self._cancel, on_loading))
        elif given.state == "unloaded":
            raise ModelError(f"the model {given.path.name} that the worker was given is closed: load it again")
        return ModelLoaded(
            size_mb=_size_mb(self._loaded),
            load_time_ms=0.0 if given else (time.perf_counter() - began_s) * 1000,
            multilingual=self._loaded.multilingual,
        )

    @property
    def _loaded(self) -> WhisperModel:
        if self._model is None:
            raise WorkerError("the worker has no model yet: start it")
        return self._model

    def _transcribe(self, request: Transcribe) -> Transcription:
        began_s = time.perf_counter()
        transcript = self._loaded.transcribe_samples(request.audio, cancel=self._cancel, **self._options_for(request))
        processing_s = time.perf_counter() - began_s
        audio_s = len(request.audio) / SAMPLE_RATE_HZ
        self._note_language(request, transcript.info.language, transcript.info.language_probability, audio_s)
        return Transcription(
            chunk_id=request.chunk_id,
            session_id=request.session_id,
            text=transcript.text,
            rtf=processing_s / audio_s if audio_s else 0.0,
            words=transcript.words,
            tokens=tuple(token for segment in transcript.segments for token in segment.tokens),
            processing_s=processing_s,
            temperature=_hottest(transcript),
        )

    def _options_for(self, request: Transcribe) -> dict[str, Any]:
        options: dict[str, Any] = {"threads": self._threads, **self._options}
        options |= {"vad_filter": False, "word_timestamps": True}
        if not request.is_final:
            options["temperature"] = 0.0
            if options.get("audio_context", "auto") == "auto":
                options["audio_context"] = "reduced"
        if options.get("language") is None and self._language is not None and self._language[0] == request.session_id:
            options["language"] = self._language[1]
        return options | _prompt(options.get("hotwords"), options.get("initial_prompt"), request.prompt_tokens)

    def _note_language(self, request: Transcribe, language: str, probability: float, audio_s: float) -> None:
        if request.session_id and (probability >= _SURE_LANGUAGE or audio_s >= _LANGUAGE_FROM_S):
            self._language = (request.session_id, language)


class _Loading:
    """Passes a load's progress on, some hundred times at most, and ends a load that is not wanted any more."""

    def __init__(self, cancel: CancelToken, on_loading: OnLoading) -> None:
        self._cancel = cancel
        self._on_loading = on_loading
        self._told = -1

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        if self._cancel.cancelled:
            raise Cancelled("cancelled while loading the model")
        step = _REPORTS * done_bytes // total_bytes
        if step > self._told:
            self._told = step
            self._on_loading(ModelLoading(done_bytes, total_bytes))


def _report(failure: Exception, message: Question) -> Error:
    if not isinstance(failure, ThothError) and not lacks_memory(failure):
        _LOG.error("a %s failed unexpectedly", type(message).__name__, exc_info=failure)
    chunk_id = message.chunk_id if isinstance(message, Transcribe) else None
    return Error.about(failure, "load" if isinstance(message, LoadModel) else "chunk", chunk_id)


def _prompt(hotwords: str | None, prompt: str | Sequence[int] | None, recent: tuple[int, ...]) -> dict[str, Any]:
    """Put the user's own prompt before the text so far. A text goes to the hotwords, which stand before a prompt."""
    if not recent:
        return {}
    if isinstance(prompt, str):
        return {"hotwords": f"{hotwords or ''} {prompt}".strip(), "initial_prompt": recent}
    return {"initial_prompt": (*(prompt or ()), *recent)}


def _hottest(transcript: Transcript) -> float | None:
    return max(
        (segment.temperature for segment in transcript.segments if segment.temperature is not None), default=None
    )


def _size_mb(model: WhisperModel) -> float:
    try:
        return model.path.stat().st_size / 1e6
    except OSError:  # it may have gone since it was loaded
        return 0.0
