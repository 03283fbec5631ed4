from collections.abc import Callable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypedDict, type_check_only

import numpy as np
import numpy.typing as npt

_Samples = npt.NDArray[np.float32]

__version__: str

@type_check_only
class ModelInfo(TypedDict):
    n_vocab: int
    n_audio_ctx: int
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_text_ctx: int
    n_text_state: int
    n_text_head: int
    n_text_layer: int
    n_mels: int
    ftype: int
    multilingual: bool
    file_bytes: int
    n_tensors: int

class Resampler:
    def __init__(self, in_rate_hz: float, out_rate_hz: float, channels: int = 1, quality: str = "VHQ") -> None: ...
    @property
    def in_rate_hz(self) -> float: ...
    @property
    def out_rate_hz(self) -> float: ...
    @property
    def channels(self) -> int: ...
    def process(self, block: _Samples) -> _Samples: ...
    def flush(self) -> _Samples: ...

class RingBuffer:
    """For one writing thread (write, free) and one reading thread (read, available), which never wait."""

    def __init__(self, capacity: int) -> None: ...
    @property
    def capacity(self) -> int: ...
    @property
    def free(self) -> int: ...
    @property
    def available(self) -> int: ...
    def write(self, block: _Samples) -> int: ...
    def read(self, max_samples: int | None = None) -> _Samples: ...

class WavWriter:
    def __init__(
        self,
        path: str | bytes | PathLike[str] | PathLike[bytes],
        rate_hz: int,
        channels: int = 1,
        encoding: str = "pcm16",
        overwrite: bool = False,
        *,
        riff_limit_bytes: int = 0xFFFFFFFE,
    ) -> None: ...
    def write(self, block: _Samples) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...
    @property
    def path(self) -> Path: ...
    @property
    def frames(self) -> int: ...
    @property
    def nan_samples(self) -> int: ...
    @property
    def closed(self) -> bool: ...

class CancelToken:
    """Ends whatever run it was given to. Any thread may call any member; once cancelled it stays so.

    A token with a parent is cancelled with it; the parent is not cancelled with the child.
    """

    def __init__(self, parent: CancelToken | None = None) -> None: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

class DecodeOptions:
    AUTO_CONTEXT: ClassVar[int]
    FULL_CONTEXT: ClassVar[int]
    language: str
    translate: bool
    beam_size: int
    best_of: int
    length_penalty: float
    temperature: float
    temperature_step: float
    repetition_penalty: float
    no_repeat_ngram_size: int
    prompt: list[int]
    suppress_blank: bool
    suppress_non_speech: bool
    suppress_tokens: list[int]
    entropy_threshold: float
    log_prob_threshold: float
    no_speech_threshold: float
    without_timestamps: bool
    max_initial_timestamp: float
    token_timestamps: bool
    max_new_tokens: int
    max_segment_length: int
    audio_context: int
    speech_end_s: float
    threads: int
    def __init__(self) -> None: ...

class TokenResult:
    @property
    def id(self) -> int: ...
    @property
    def text(self) -> bytes: ...
    @property
    def probability(self) -> float: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...

class SegmentResult:
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def text(self) -> bytes: ...
    @property
    def tokens(self) -> list[TokenResult]: ...
    @property
    def average_log_probability(self) -> float: ...

class WindowResult:
    @property
    def segments(self) -> list[SegmentResult]: ...
    @property
    def no_speech_probability(self) -> float: ...
    @property
    def temperature(self) -> float: ...
    @property
    def rerun_at_full_context(self) -> bool: ...

class Engine:
    def __init__(self, path: str | bytes, on_progress: Callable[[int, int], object] | None = None) -> None: ...
    def transcribe(
        self,
        samples: _Samples,
        options: DecodeOptions,
        timeout_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> WindowResult: ...
    def detect_language(
        self,
        samples: _Samples,
        threads: int,
        timeout_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> list[tuple[str, float]]: ...
    def tokenize(self, text: str, timeout_s: float | None = None, cancel: CancelToken | None = None) -> list[int]: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def info(self) -> ModelInfo: ...
    @property
    def window_samples(self) -> int: ...
    @property
    def end_of_text_token(self) -> int: ...
    @property
    def context_reruns(self) -> int: ...
    @property
    def most_inside(self) -> int: ...

class Vad:
    FRAME_SAMPLES: ClassVar[int]
    def __init__(self, path: str | bytes) -> None: ...
    def process(self, samples: _Samples) -> _Samples: ...
    def reset(self) -> None: ...

def check_model(path: str | bytes) -> ModelInfo: ...
def languages() -> dict[str, str]: ...
def drain_log() -> list[tuple[int, bytes]]: ...
def system_info() -> str: ...
def whisper_version() -> str: ...
