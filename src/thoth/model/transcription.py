"""One transcription from a stream of samples to a transcript: windows, prompts, segments, progress."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, cast

from thoth import _native
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import Cancelled, ModelBusy, ThothError
from thoth.model.observation import note_queue, note_window
from thoth.model.options import CallOptions, CheckedOptions, plain
from thoth.model.progress import Progress, ProgressReporter
from thoth.model.prompt import Prompt
from thoth.model.threads import usable_threads
from thoth.model.transcript import Segment, Transcript, TranscriptionInfo
from thoth.model.waiting import (
    Priority,
    WhenBusy,
    checked_priority,
    checked_timeout,
    checked_when_busy,
    first_timeout,
)
from thoth.model.windows import EVERYTHING, Window, always_speech, speech_windows
from thoth.model.words import words_of
from thoth.observe.metrics import MetricsCollector


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHooks:
    """How the caller and the run hear of each other; see `CallOptions` for the meanings."""

    on_segment: Callable[[Segment], object] | None = None
    on_progress: Callable[[Progress], object] | None = None
    cancel: _native.CancelToken | None = None
    timeout: float | None = None
    when_busy: WhenBusy = "wait"
    priority: Priority = "batch"

    @classmethod
    def taken_from(cls, call: CallOptions, priority: Priority) -> Self:
        """Take the hooks out of a call's keywords, so that only `TranscribeOptions` are left.

        priority: where the call says nothing.
        """
        keywords = cast(dict[str, Any], call)
        taken = {hook.name: keywords.pop(hook.name, None) for hook in fields(cls)}
        taken["timeout"] = checked_timeout(plain(taken["timeout"]))
        taken["when_busy"] = checked_when_busy(taken["when_busy"])
        taken["priority"] = checked_priority(taken["priority"], priority)
        return cls(**taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is transcribed: its blocks of 16 kHz mono float32, its length if known, what is wrong with it."""

    blocks: Iterable[Samples]
    duration_s: float | None
    problems: Callable[[], Sequence[str]] = tuple


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTraits:
    """What a run must know of the model beside the engine."""

    name: str
    threads: int | None
    longest_window_s: float
    condition_on_previous_text: bool
    vad_path: bytes
    metrics: MetricsCollector


class Transcription:
    """One run over one source. Made, run once and thrown away; one thread at a time."""

    def __init__(
        self,
        engine: _native.Engine,
        traits: ModelTraits,
        options: CheckedOptions,
        hooks: RunHooks,
        source: Source,
    ) -> None:
        self._engine = engine
        self._traits = traits
        self._options = options
        self._hooks = hooks
        self._source = source
        self._timeout_s = first_timeout(hooks.timeout, hooks.when_busy)  # until the first window has had its turn
        self._segments: list[Segment] = []
        self._language = options.language
        self._language_probs: tuple[tuple[str, float], ...] | None = None
        self._longest_window_s = min(traits.longest_window_s, engine.window_samples / SAMPLE_RATE_HZ)
        self._heard_s = 0.0  # audio read so far
        self._done_s = 0.0  # end of the last window transcribed
        self._transcribed_s = 0.0  # audio that reached the model
        self._reruns = 0

    def run(self) -> Transcript:
        """Transcribe the source to its end. What it raises carries the transcript so far as `partial`."""
        source = self._source
        reporter = ProgressReporter(self._hooks.on_progress, source.duration_s)
        try:
            prompt = self._prompt()
            for window in self._windows(self._heard(source.blocks, reporter)):
                self._transcribe(window, prompt)
                self._done_s = window.start_s + window.duration_s
        except ThothError as error:
            error.partial = self._transcript(reporter)
            raise
        reporter.finish(self._heard_s)
        return self._transcript(reporter)

    def _windows(self, blocks: Iterable[Samples]) -> Iterator[Window]:
        if self._options.vad_filter:
            vad = _native.Vad(self._traits.vad_path)
            return speech_windows(blocks, vad.process, self._longest_window_s, self._options.vad_parameters)
        return speech_windows(blocks, always_speech, self._longest_window_s, EVERYTHING)

    def _heard(self, blocks: Iterable[Samples], reporter: ProgressReporter) -> Iterator[Samples]:
        for block in blocks:
            if self._hooks.cancel is not None and self._hooks.cancel.cancelled:
                raise Cancelled("cancelled while reading the audio")
            yield block
            self._heard_s += len(block) / SAMPLE_RATE_HZ
            # What is older than a window was transcribed or is silence.
            reporter.report(max(self._done_s, self._heard_s - self._longest_window_s))

    def _prompt(self) -> Prompt:
        limit = int(self._engine.info["n_text_ctx"]) // 2 - 1
        fixed: list[int] = []
        if self._options.hotwords:
            fixed += self._tokens(self._options.hotwords)
        if isinstance(self._options.initial_prompt, str):
            fixed += self._tokens(self._options.initial_prompt)
        elif self._options.initial_prompt is not None:
            fixed += self._options.initial_prompt
        return Prompt(fixed, limit)

    def _tokens(self, text: str) -> list[int]:
        # A leading space: the vocabulary's words begin with one.
        return self._engine.tokenize(" " + text.strip(), self._timeout_s, self._hooks.cancel, self._hooks.priority)

    def _transcribe(self, window: Window, prompt: Prompt) -> None:
        native = self._options.for_engine(self._language_of(window), self._threads())
        native.prompt = prompt.tokens()
        native.speech_end_s = window.speech_end_s if self._options.vad_filter else -1.0
        result = self._run_engine(window, native)
        self._transcribed_s += window.duration_s
        self._reruns += result.rerun_at_full_context
        for found in result.segments:
            self._add(window, result, found)
        self._carry_on(prompt, result)

    def _run_engine(self, window: Window, native: _native.DecodeOptions) -> _native.WindowResult:
        metrics, priority = self._traits.metrics, self._hooks.priority
        note_queue(metrics, self._engine)
        asked_ns = time.perf_counter_ns()
        try:
            result = self._engine.transcribe(window.samples, native, self._timeout_s, self._hooks.cancel, priority)
        except (Cancelled, ModelBusy):
            raise
        except ThothError:
            metrics.error()
            raise
        self._timeout_s = self._hooks.timeout
        note_window(metrics, result, window.duration_s, asked_ns, priority)
        return result

    def _carry_on(self, prompt: Prompt, result: _native.WindowResult) -> None:
        wanted = self._options.condition_on_previous_text
        if not (self._traits.condition_on_previous_text if wanted is None else wanted):
            return
        if result.temperature > self._options.prompt_reset_on_temperature:
            prompt.forget()
            return
        for segment in result.segments:
            prompt.extend([token.id for token in segment.tokens])

    def _threads(self) -> int:
        return usable_threads(self._options.threads or self._traits.threads)

    def _language_of(self, window: Window) -> str:
        if self._language is None:
            probabilities = self._engine.detect_language(
                window.samples, self._threads(), self._timeout_s, self._hooks.cancel, self._hooks.priority
            )
            self._language_probs = tuple(probabilities)
            self._language = probabilities[0][0]
        return self._language

    def _add(self, window: Window, result: _native.WindowResult, found: _native.SegmentResult) -> None:
        text = found.text.decode("utf-8", "replace")
        if not text.strip():
            return
        end_s = window.start_s + window.duration_s
        words = None
        if self._options.word_timestamps:
            text_end = self._engine.end_of_text_token
            words = words_of(found.tokens, self._language or "en", text_end, window.start_s, end_s)
        start_s = min(window.start_s + max(found.start_s, 0.0), end_s)
        segment = Segment(
            id=len(self._segments) + 1,
            seek=round(window.start_s * 100),
            start=_milliseconds(start_s),
            end=_milliseconds(max(start_s, min(window.start_s + found.end_s, end_s))),
            text=text,
            tokens=tuple(token.id for token in found.tokens),
            avg_logprob=found.average_log_probability,
            compression_ratio=_compression_ratio(text),
            no_speech_prob=result.no_speech_probability,
            words=words,
            temperature=result.temperature,
        )
        self._segments.append(segment)
        if self._hooks.on_segment is not None:
            self._hooks.on_segment(segment)

    def _transcript(self, reporter: ProgressReporter) -> Transcript:
        info = TranscriptionInfo(
            language=self._language or "en",
            language_probability=self._language_probs[0][1] if self._language_probs else 1.0,
            duration=self._heard_s,
            duration_after_vad=self._transcribed_s,
            all_language_probs=self._language_probs,
            transcription_options=self._options.as_dict(),
            model=self._traits.name,
            elapsed_s=reporter.elapsed_s,
            audio_context_reruns=self._reruns,
            problems=tuple(self._source.problems()),
        )
        return Transcript(tuple(self._segments), info)


def _milliseconds(time_s: float) -> float:
    """Round to whole milliseconds: the model's own grid is 20 ms, and 11.684000000000001 s tells nobody more."""
    return round(time_s, 3)


def _compression_ratio(text: str) -> float:
    data = text.encode("utf-8")
    return len(data) / len(zlib.compress(data))
