"""The options of one transcription, with faster-whisper's names, checked before anything is loaded or decoded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Self, TypedDict

import numpy as np

from thoth import _native
from thoth.errors import InvalidOption
from thoth.model.progress import Progress
from thoth.model.speech import VadOptions
from thoth.model.transcript import Segment
from thoth.model.waiting import Priority, WhenBusy

_NAMED_CONTEXTS: Final = {
    "auto": _native.DecodeOptions.AUTO_CONTEXT,
    "reduced": _native.DecodeOptions.REDUCED_CONTEXT,
    "full": _native.DecodeOptions.FULL_CONTEXT,
}
AudioContext = Literal["auto", "reduced", "full"] | int

MOST_THREADS: Final = 256
LARGEST_TOKEN_ID: Final = 2**31 - 1
"""What the native core can hold. How many tokens there really are only a loaded model can tell."""
DEFAULT_TEMPERATURES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class TranscribeOptions(TypedDict, total=False):
    """What `transcribe` and its kin take as keywords. Each holds for that call only.

    NumPy scalars and arrays are taken like the Python numbers and lists that they stand for.

    - `language`: ISO 639-1 code; None detects it from the first window. English-only models take "en" or None.
    - `task`: "transcribe", or "translate" into English (multilingual models).
    - `beam_size`: 1 is greedy, 2 to 8 search that many hypotheses at once.
    - `best_of`: candidates sampled at temperatures above zero, 1 to 8.
    - `length_penalty`: exponent on the length when hypotheses are ranked; None ranks by mean log-probability.
    - `temperature`: one value, or evenly spaced ones up to 1 that are tried in turn while the result is poor.
    - `repetition_penalty`: above 1 makes words that were said already less likely.
    - `no_repeat_ngram_size`: no sequence of this many tokens occurs twice in a window; 0 is off.
    - `entropy_threshold`: more than 32 tokens with less entropy than this (in nats) are a loop; tried again hotter.
    - `log_prob_threshold`: a mean log-probability below this is poor.
    - `no_speech_threshold`: a window with a higher no-speech probability and a poor text is silence.
    - `condition_on_previous_text`: give the model the text so far; None leaves it to what suits the model.
    - `prompt_reset_on_temperature`: text sampled hotter than this is not given on.
    - `initial_prompt`: text, or token ids, put before every window: style, names, spelling.
    - `hotwords`: words to expect, put before every window ahead of the prompt.
    - `suppress_blank`, `suppress_tokens`: never begin with a blank; never emit these ids (-1: all non-speech ones).
    - `without_timestamps`: sample text only; a window is one segment.
    - `max_initial_timestamp`: the first word begins at most this late in a window, seconds.
    - `word_timestamps`: give each segment its words.
    - `max_new_tokens`: limit per pass over a window; None is the model's own.
    - `max_segment_length`: split segments longer than this many characters at words; None does not.
    - `vad_filter`: leave out what holds no speech (Silero); windows are then cut at pauses.
    - `vad_parameters`: `VadOptions` or a dict of them.
    - `audio_context`: "auto" encodes only as much as the window needs, and all of the model's 30 s where the result
      looks bad; "reduced" leaves that out, for audio that will be transcribed again; "full" always encodes 30 s; a
      number that many positions of 20 ms.
    - `threads`: CPU threads of this call; None takes the model's.
    """

    language: str | None
    task: Literal["transcribe", "translate"]
    beam_size: int
    best_of: int
    length_penalty: float | None
    temperature: float | Sequence[float]
    repetition_penalty: float
    no_repeat_ngram_size: int
    entropy_threshold: float
    log_prob_threshold: float
    no_speech_threshold: float
    condition_on_previous_text: bool | None
    prompt_reset_on_temperature: float
    initial_prompt: str | Sequence[int] | None
    hotwords: str | None
    suppress_blank: bool
    suppress_tokens: Sequence[int] | None
    without_timestamps: bool
    max_initial_timestamp: float
    word_timestamps: bool
    max_new_tokens: int | None
    max_segment_length: int | None
    vad_filter: bool
    vad_parameters: VadOptions | dict[str, Any] | None
    audio_context: AudioContext
    threads: int | None


class CallOptions(TranscribeOptions, total=False):
    """`TranscribeOptions`, and how the caller and the run hear of each other.

    - `on_segment`, `on_progress`: called on the running thread with each segment as it is ready, and at most ten times
      a second with how far the run has come. What they raise ends the run.
    - `cancel`: a token whose `cancel()`, from any thread, ends the run within one pass of the model.
    - `timeout`: seconds to wait for the model where another thread is using it, for each window anew; None waits as
      long as it takes, 0 not at all.
    - `when_busy`: "wait", or "raise": ModelBusy at once where another has the model when the first window needs it.
      Later windows wait as `timeout` says.
    - `priority`: "live" or "batch", where it is not what the method says.
    """

    on_segment: Callable[[Segment], object] | None
    on_progress: Callable[[Progress], object] | None
    cancel: _native.CancelToken | None
    timeout: float | None
    when_busy: WhenBusy
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOptions:
    """`TranscribeOptions` with its defaults filled in and every value checked; see there for the meanings."""

    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    beam_size: int = 1
    best_of: int = 5
    length_penalty: float | None = None
    temperature: tuple[float, ...] = DEFAULT_TEMPERATURES
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    entropy_threshold: float = 2.4
    log_prob_threshold: float = -1.0
    no_speech_threshold: float = 0.6
    condition_on_previous_text: bool | None = None
    prompt_reset_on_temperature: float = 0.5
    initial_prompt: str | tuple[int, ...] | None = None
    hotwords: str | None = None
    suppress_blank: bool = True
    suppress_tokens: tuple[int, ...] = ()
    without_timestamps: bool = False
    max_initial_timestamp: float = 1.0
    word_timestamps: bool = False
    max_new_tokens: int | None = None
    max_segment_length: int | None = None
    vad_filter: bool = True
    vad_parameters: VadOptions = field(default_factory=VadOptions)
    audio_context: AudioContext = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.without_timestamps and (self.word_timestamps or self.max_segment_length is not None):
            raise InvalidOption("word_timestamps and max_segment_length need timestamps: leave without_timestamps off")
        _choice("task", self.task, ("transcribe", "translate"))
        _language(self.language)
        for name in ("suppress_blank", "without_timestamps", "word_timestamps", "vad_filter"):
            _flag(name, getattr(self, name))
        if self.condition_on_previous_text is not None:
            _flag("condition_on_previous_text", self.condition_on_previous_text, " or None")
        require_whole("beam_size", self.beam_size, 1, 8)
        require_whole("best_of", self.best_of, 1, 8)
        require_whole("no_repeat_ngram_size", self.no_repeat_ngram_size, 0, 100)
        _number("repetition_penalty", self.repetition_penalty, 0.01, 10)
        _number("max_initial_timestamp", self.max_initial_timestamp, 0.02, 30)
        _number("no_speech_threshold", self.no_speech_threshold, 0, 1)
        _number("prompt_reset_on_temperature", self.prompt_reset_on_temperature, 0, 2)
        _number("entropy_threshold", self.entropy_threshold, -math.inf, math.inf)
        _number("log_prob_threshold", self.log_prob_threshold, -math.inf, math.inf)
        if self.length_penalty is not None:
            _number("length_penalty", self.length_penalty, 0.01, 10)
        for name in ("max_new_tokens", "max_segment_length"):
            if getattr(self, name) is not None:
                require_whole(name, getattr(self, name), 1, 10_000)
        if self.threads is not None:
            require_whole("threads", self.threads, 1, MOST_THREADS)
        if not (isinstance(self.audio_context, str) and self.audio_context in _NAMED_CONTEXTS):
            require_whole("audio_context", self.audio_context, 1, 1500, "'auto', 'reduced', 'full' or ")

    @classmethod
    def of(cls, options: TranscribeOptions) -> Self:
        """Check the keywords of a call. Raises InvalidOption, or TypeError for one that does not exist."""
        given: dict[str, Any] = {name: plain(value) for name, value in options.items()}
        known = [option.name for option in fields(cls)]
        for name in given:
            if name not in known:
                raise TypeError(f"transcribe() has no option {name!r}; there are {', '.join(known)}")
        if "temperature" in given:
            given["temperature"] = _temperatures(given["temperature"])
        if "vad_parameters" in given:
            given["vad_parameters"] = _vad_options(given["vad_parameters"])
        if "initial_prompt" in given:
            given["initial_prompt"] = _prompt(given["initial_prompt"])
        if given.get("hotwords") is not None:
            given["hotwords"] = _text("hotwords", given["hotwords"], "text or None")
        if "suppress_tokens" in given:
            ids = given["suppress_tokens"]
            given["suppress_tokens"] = () if ids is None else _token_ids("suppress_tokens", ids, lowest=-1)
        return cls(**given)

    def as_dict(self) -> dict[str, Any]:
        """All options by name, as plain values."""
        values = {option.name: getattr(self, option.name) for option in fields(self)}
        values["vad_parameters"] = {
            option.name: getattr(self.vad_parameters, option.name) for option in fields(VadOptions)
        }
        return values

    def for_engine(self, language: str, threads: int) -> _native.DecodeOptions:
        """Translate to what the native engine takes; the window's own values are still to be filled in."""
        native = _native.DecodeOptions()
        native.language = language
        native.translate = self.task == "translate"
        native.beam_size = self.beam_size
        native.best_of = self.best_of
        native.length_penalty = -1.0 if self.length_penalty is None else self.length_penalty
        native.temperature = self.temperature[0]
        native.temperature_step = self.temperature[1] - self.temperature[0] if len(self.temperature) > 1 else 0.0
        native.repetition_penalty = self.repetition_penalty
        native.no_repeat_ngram_size = self.no_repeat_ngram_size
        native.entropy_threshold = self.entropy_threshold
        native.log_prob_threshold = self.log_prob_threshold
        native.no_speech_threshold = self.no_speech_threshold
        native.suppress_blank = self.suppress_blank
        native.suppress_non_speech = -1 in self.suppress_tokens
        native.suppress_tokens = list(self.suppress_tokens)
        native.without_timestamps = self.without_timestamps
        native.max_initial_timestamp = self.max_initial_timestamp
        native.token_timestamps = self.word_timestamps or self.max_segment_length is not None
        native.max_new_tokens = self.max_new_tokens or 0
        native.max_segment_length = self.max_segment_length or 0
        native.audio_context = _native_context(self.audio_context)
        native.threads = threads
        return native


def _native_context(audio_context: AudioContext) -> int:
    return audio_context if isinstance(audio_context, int) else _NAMED_CONTEXTS[audio_context]


def plain(value: Any) -> Any:
    """Turn what NumPy computed into Python's own numbers and lists, which every check and writer knows."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def _choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidOption(f"{name} takes {' or '.join(map(repr, allowed))}, not {value!r}")


def _language(value: object) -> None:
    if value is not None and not (isinstance(value, str) and value in _native.languages()):
        raise InvalidOption(f"language takes a code such as 'en' or 'de', or None, not {value!r}")


def _flag(name: str, value: object, also: str = "") -> None:
    # Not by truth: the text "no" counts as true.
    if not isinstance(value, bool):
        raise InvalidOption(f"{name} takes True or False{also}, not {value!r}")


def require_whole(name: str, value: object, low: int, high: int, also: str = "") -> None:
    """Raise InvalidOption unless `value` is an int or NumPy's from `low` to `high`; `also` names what else is taken."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise InvalidOption(f"{name} takes {also}a whole number from {low} to {high}, not {value!r}")


def _number(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InvalidOption(f"{name} takes a number from {low} to {high}, not {value!r}")


def _text(name: str, value: object, takes: str) -> str | None:
    """Check a text for what a tokenizer can read; nothing but spaces is no text."""
    if not isinstance(value, str):
        raise InvalidOption(f"{name} takes {takes}, not {value!r}")
    # A NUL would end the text in the native core; a lone surrogate has no UTF-8.
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise InvalidOption(f"{name} takes text without NUL characters and lone surrogates, not {value!r}")
    return value if value.strip() else None


def _prompt(value: object) -> str | tuple[int, ...] | None:
    takes = "text, a sequence of token ids or None"
    if value is None:
        return None
    if isinstance(value, str):
        return _text("initial_prompt", value, takes)
    return _token_ids("initial_prompt", value, lowest=0, takes=takes)


def _token_ids(name: str, value: object, *, lowest: int, takes: str = "a sequence of token ids") -> tuple[int, ...]:
    ids = tuple(map(plain, value)) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else None
    if ids is None or not all(type(token) is int and lowest <= token <= LARGEST_TOKEN_ID for token in ids):
        raise InvalidOption(f"{name} takes {takes}, not {value!r}")
    return ids


def _vad_options(value: object) -> VadOptions:
    if isinstance(value, Mapping):
        value = {name: plain(one) for name, one in value.items()}
    return VadOptions.of(value)


def _temperatures(value: object) -> tuple[float, ...]:
    """Check for what whisper.cpp can do: one temperature, or even steps from the first one up to 1."""
    values = tuple(map(plain, value)) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    for one in values:
        _number("temperature", one, 0, 1)
    steps = [later - earlier for earlier, later in itertools.pairwise(values)]
    even = all(math.isclose(step, steps[0], abs_tol=1e-6) and step > 0 for step in steps)
    # The next step after the last must leave the range, or whisper.cpp would go on to it.
    complete = not steps or values[-1] + steps[0] > 1.0 + 1e-6
    if not values or not even or not complete:
        raise InvalidOption(
            "temperature takes one value from 0 to 1, or evenly spaced ones that go up to 1 "
            f"such as {DEFAULT_TEMPERATURES}, not {value!r}"
        )
    return values
