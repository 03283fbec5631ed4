"""What a worker and its owner tell each other.

To the worker go LoadModel, Transcribe, SetOptions and Shutdown. Each but the last has one answer, which ends it:
ModelLoaded, Transcription or Ready, or Error; ModelLoading comes before ModelLoaded as often as there is something to
tell. Ready is also the first that is heard of a worker. Metrics is not an answer: the owner's side sends it. All of
them can be pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from thoth import errors
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import ModelError, ThothError, WorkerError
from thoth.model.transcript import Word

MOST_AUDIO_S: Final = 30
MOST_AUDIO_SAMPLES: Final = MOST_AUDIO_S * SAMPLE_RATE_HZ
"""The longest audio of one request: as much as Whisper takes in at once."""

ErrorKind = Literal["chunk", "load", "memory", "crash"]
"""What an error is about: one request, the loading of the model, a lack of memory in either, the end of the worker."""

_NO_MEMORY: Final = "not enough memory"
"""How the engine begins to say so; it has no exception of its own for that."""

_MEMORY_ERRORS: Final[Mapping[ErrorKind, str]] = {
    "load": f"{_NO_MEMORY} to load the model: take a smaller or a quantized one",
    "chunk": f"{_NO_MEMORY} to transcribe this audio: take a smaller model, or give less audio at a time",
}
"""Python's own error says nothing."""


class OutOfMemory(ModelError):
    """There was not enough memory to load the model or for one request; with less audio it may be."""


@dataclass(frozen=True, slots=True)
class LoadModel:
    """Load the model in the file `path`; `threads`: CPU threads of one pass, None adapts to the machine."""

    path: str
    threads: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Transcribe:
    """Turn `audio` into text.

    - `audio`: float32 `(n,)`, 16 kHz mono, at most 30 s.
    - `chunk_id`, `session_id`: come back with the answer. What has a session's id is of one language, where the options
      name none; without an id each request is told anew.
    - `prompt_tokens`: the text so far, put before the audio behind the options' own prompt.
    - `is_final`: the text will stay; else one pass at temperature 0 has to do, however poor its result.
    """

    audio: Samples
    chunk_id: int
    session_id: str = ""
    prompt_tokens: tuple[int, ...] = ()
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class SetOptions:
    """`TranscribeOptions` of all later passes, in place of those before: what is not named has its default."""

    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker can take messages; it has no model yet, or has the options that were sent."""


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """How much of the model's file is loaded."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """The model can be used.

    - `size_mb`: of its file, in 10^6 bytes.
    - `load_time_ms`: 0 where the worker was given a loaded one.
    - `multilingual`: whether it knows other languages than English.
    """

    size_mb: float
    load_time_ms: float
    multilingual: bool


@dataclass(frozen=True, slots=True)
class Transcription:
    """The text of one request.

    - `text`: without white space at its ends.
    - `rtf`: real-time factor, processing over audio time; 0 for no audio.
    - `words`: their times are seconds from the beginning of the request's audio.
    - `tokens`: the model's token ids, timestamps among them.
    - `processing_s`: wall time in the worker, the wait for a shared model included.
    - `temperature`: the highest one that any of it was sampled at; None where there is no text.
    """

    chunk_id: int
    session_id: str
    text: str
    rtf: float
    words: tuple[Word, ...] = ()
    tokens: tuple[int, ...] = ()
    processing_s: float = 0.0
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Error:
    """Something failed: the request `chunk_id`, or with None the load or the worker itself.

    `error` names the class in `thoth.errors`; `exception()` gives it.
    """

    chunk_id: int | None
    message: str
    kind: ErrorKind
    error: str = WorkerError.__name__

    @classmethod
    def about(cls, failure: BaseException, kind: ErrorKind, chunk_id: int | None = None) -> Error:
        """Describe `failure`: by the nearest class of `thoth.errors` that it is one of, else as a WorkerError."""
        if lacks_memory(failure):
            message = _MEMORY_ERRORS[kind] if isinstance(failure, MemoryError) else str(failure)
            return cls(chunk_id, message, "memory", ModelError.__name__)
        if isinstance(failure, ThothError):
            known = next(one for one in type(failure).__mro__ if getattr(errors, one.__name__, None) is one)
            return cls(chunk_id, str(failure), kind, known.__name__)
        return cls(chunk_id, f"unexpected {type(failure).__name__}: {failure}", kind)

    def exception(self) -> ThothError:
        """Return what the same failure raises in the process that it happened in; for a lack of memory OutOfMemory."""
        known: type[ThothError] = OutOfMemory if self.kind == "memory" else getattr(errors, self.error)
        return known(self.message)


@dataclass(frozen=True, slots=True)
class Metrics:
    """How the worker keeps up.

    - `queue_depth`: requests that wait; the one in work is not counted.
    - `avg_latency_ms`: mean over the latest requests from being handed in to the answer.
    """

    queue_depth: int
    avg_latency_ms: float


ToWorker = LoadModel | Transcribe | SetOptions | Shutdown
Question = LoadModel | Transcribe | SetOptions
Answer = Ready | ModelLoaded | Transcription | Error
FromWorker = Answer | ModelLoading | Metrics


def lacks_memory(failure: BaseException) -> bool:
    """Whether `failure` is a lack of memory, Python's own or one that the engine tells."""
    return isinstance(failure, MemoryError | OutOfMemory) or (
        isinstance(failure, ModelError) and str(failure).startswith(_NO_MEMORY)
    )
