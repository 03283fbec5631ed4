"""One transcription from a stream of samples to a transcript: windows, prompts, segments, progress."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, cast

from thoth import _native
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import Cancelled, ModelBusy, ThothError
from thoth.model.lanes import lanes
from thoth.model.observation import note_queue, note_window
from thoth.model.options import CallOptions, CheckedOptions, plain
from thoth.model.placing import Part, has_timestamps, parts_of
from thoth.model.progress import Progress, ProgressReporter
from thoth.model.prompt import Prompt
from thoth.model.speech import VadOptions
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
    max_gap_ms: int
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
        self._held_back_s = math.inf  # start of the window that waits for the one beside it
        self._transcribed_s = 0.0  # audio that reached the model
        self._reruns = 0

    def run(self) -> Transcript:
        """Transcribe the source to its end. What it raises carries the transcript so far as `partial`."""
        source = self._source
        reporter = ProgressReporter(self._hooks.on_progress, source.duration_s)
        try:
            prompt = self._prompt()
            for windows in self._groups(self._windows(self._heard(source.blocks, reporter))):
                self._transcribe(windows, prompt)
        except ThothError as error:
            error.partial = self._transcript(reporter)
            raise
        reporter.finish(self._heard_s)
        return self._transcript(reporter)

    def _windows(self, blocks: Iterable[Samples]) -> Iterator[Window]:
        if self._options.vad_filter:
            vad = _native.Vad(self._traits.vad_path)
            return speech_windows(blocks, vad.process, self._longest_window_s, self._vad_options())
        return speech_windows(blocks, always_speech, self._longest_window_s, EVERYTHING)

    def _vad_options(self) -> VadOptions:
        given = self._options.vad_parameters
        # Without its words' times a segment cannot be parted at a pause that was left out.
        packs = not self._options.without_timestamps and has_timestamps(self._engine.info)
        return replace(given, max_gap_ms=self._traits.max_gap_ms) if given.max_gap_ms is None and packs else given

    def _heard(self, blocks: Iterable[Samples], reporter: ProgressReporter) -> Iterator[Samples]:
        for block in blocks:
            if self._hooks.cancel is not None and self._hooks.cancel.cancelled:
                raise Cancelled("cancelled while reading the audio")
            yield block
            self._heard_s += len(block) / SAMPLE_RATE_HZ
            # What is older than a window was transcribed, or is held back, or is silence.
            quiet_s = min(self._heard_s - self._longest_window_s, self._held_back_s)
            reporter.report(max(self._done_s, quiet_s))

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

    def _groups(self, windows: Iterator[Window]) -> Iterator[tuple[Window, ...]]:
        """Two windows where they may run side by side, else one. What fails before the second lets the first run."""
        for first in windows:
            if self._lanes() is None:
                yield (first,)
                continue
            self._held_back_s = first.start_s
            try:
                second = next(windows, None)
            except ThothError:
                yield (first,)
                raise
            self._held_back_s = math.inf
            yield (first,) if second is None else (first, second)

    def _transcribe(self, windows: tuple[Window, ...], prompt: Prompt) -> None:
        self._language_of(windows[0])  # before the window's own time begins
        # Asked again: reading the second window may have taken a while.
        threads = self._lanes() if len(windows) > 1 else None
        if threads is not None:
            self._take(windows, self._pair(windows, threads, prompt), prompt)
            return
        for window in windows:
            self._take((window,), self._one(window, prompt), prompt)

    def _take(self, windows: tuple[Window, ...], results: Iterator[_native.WindowResult], prompt: Prompt) -> None:
        asked_ns = time.perf_counter_ns()
        note_queue(self._traits.metrics, self._engine)
        for window, result in zip(windows, self._errors_counted(results), strict=True):
            self._timeout_s = self._hooks.timeout
            note_window(self._traits.metrics, result, window.duration_s, asked_ns, self._hooks.priority, len(windows))
            self._transcribed_s += window.duration_s
            self._reruns += result.rerun_at_full_context
            for part in parts_of(result.segments, window, self._language or "en", self._engine.end_of_text_token):
                self._add(window, result, part)
            self._carry_on(prompt, result)
            self._done_s = window.end_s

    def _errors_counted(self, results: Iterator[_native.WindowResult]) -> Iterator[_native.WindowResult]:
        try:
            yield from results
        except (Cancelled, ModelBusy):
            raise
        except ThothError:
            self._traits.metrics.error()
            raise

    def _one(self, window: Window, prompt: Prompt) -> Iterator[_native.WindowResult]:
        native = self._for_engine(window, self._threads(), prompt)
        yield self._engine.transcribe(window.samples, native, self._timeout_s, self._hooks.cancel, self._hooks.priority)

    def _pair(
        self, windows: tuple[Window, ...], threads: tuple[int, int], prompt: Prompt
    ) -> Iterator[_native.WindowResult]:
        """Give what the windows gave, in order, and then raise what ended the rest."""
        first, second = windows
        pair = self._engine.transcribe_pair(
            first.samples,
            self._for_engine(first, threads[0], prompt),
            second.samples,
            self._for_engine(second, threads[1], prompt),
            self._timeout_s,
            self._hooks.cancel,
            self._hooks.priority,
        )
        yield from pair.windows
        pair.finish()

    def _for_engine(self, window: Window, threads: int, prompt: Prompt) -> _native.DecodeOptions:
        native = self._options.for_engine(self._language_of(window), threads)
        native.prompt = prompt.tokens()
        native.speech_end_s = window.speech_end_s if self._options.vad_filter else -1.0
        if len(window.pieces) > 1 and not native.without_timestamps and has_timestamps(self._engine.info):
            native.token_timestamps = True  # to tell on which side of a joint a word was said
        return native

    def _conditions(self) -> bool:
        wanted = self._options.condition_on_previous_text
        return self._traits.condition_on_previous_text if wanted is None else wanted

    def _carry_on(self, prompt: Prompt, result: _native.WindowResult) -> None:
        if not self._conditions():
            return
        if result.temperature > self._options.prompt_reset_on_temperature:
            prompt.forget()
            return
        for segment in result.segments:
            prompt.extend([token.id for token in segment.tokens])

    def _threads(self) -> int:
        return usable_threads(self._options.threads or self._traits.threads)

    def _lanes(self) -> tuple[int, int] | None:
        # What has no known length may come as slowly as it is spoken: no text waits there for a second window.
        independent = not self._conditions() and self._source.duration_s is not None
        wanted = self._options.threads or self._traits.threads
        return lanes(self._engine, wanted, self._hooks.priority, independent=independent)

    def _language_of(self, window: Window) -> str:
        if self._language is None:
            probabilities = self._engine.detect_language(
                window.samples, self._threads(), self._timeout_s, self._hooks.cancel, self._hooks.priority
            )
            self._language_probs = tuple(probabilities)
            self._language = probabilities[0][0]
        return self._language

    def _add(self, window: Window, result: _native.WindowResult, part: Part) -> None:
        if not part.text.strip():
            return
        words = None
        if self._options.word_timestamps:
            words = words_of(part.tokens, self._language or "en", self._engine.end_of_text_token, part.piece)
        segment = Segment(
            id=len(self._segments) + 1,
            seek=round(window.start_s * 100),
            start=_milliseconds(part.start_s),
            end=_milliseconds(part.end_s),
            text=part.text,
            tokens=tuple(token.id for token in part.tokens),
            avg_logprob=part.segment.average_log_probability,
            compression_ratio=_compression_ratio(part.text),
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
