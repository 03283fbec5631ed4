"""One dictation under way: the stages it goes through, on a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thoth._native import CancelToken
from thoth.audio.recorder import Recording
from thoth.dictation.account import Account
from thoth.dictation.enhance.text_enhancer import TextEnhancer
from thoth.dictation.filters.kinds import Filter
from thoth.dictation.history.files import is_empty
from thoth.dictation.history.store import History
from thoth.dictation.model_supply import ModelSupply
from thoth.dictation.output.delivery import deliver_all
from thoth.dictation.output.sink import Sink
from thoth.dictation.result import DictationResult
from thoth.dictation.source_use import SourceUse
from thoth.dictation.states import FinalState, PipelineState
from thoth.dictation.take import Take
from thoth.errors import AudioError, Cancelled, PipelineError, ThothError
from thoth.model.options import TranscribeOptions
from thoth.wake.detection import Wake
from thoth.wake.phrase import PhraseMatcher

_log = logging.getLogger(__name__)

_LEAST_S: Final = 0.1
"""No word is shorter."""

_FAST_SPEECH: Final = 5.0
"""Words in a second, hardly more of which are said: where the phrase stands later than that, nobody called with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What a run goes through, and where it is written down."""

    model: ModelSupply
    options: TranscribeOptions
    filters: Filter | None
    enhancer: TextEnhancer | None
    sinks: Sequence[Sink]
    history: History


class Run:
    """One dictation, from its claim to its result.

    enter: called with this run, the state it comes to, and a line about it.
    on_over: called with this run and its result, as its last act; the owner then sets `over`, and what `future` gives.

    Threads: `stop`, `cancel`, `so_far` and `finish` are for any; the rest is the owner's, one call after the other.
    """

    def __init__(
        self,
        stages: Stages,
        enter: Callable[[Run, PipelineState, str], object],
        on_over: Callable[[Run, DictationResult], object],
        wake: Wake | None = None,
    ) -> None:
        self._stages = stages
        self._tell = enter
        self._on_over = on_over
        self._wake = wake
        self._account = Account(stages.history)
        self._take: Take | None = None
        self._source: SourceUse | None = None
        self._ending = threading.Event()
        self._cancel = CancelToken()
        self._thread = threading.Thread(target=self._run, name="thoth-dictation", daemon=True)
        self.future: Future[DictationResult] = Future()
        self.future.set_running_or_notify_cancel()  # whoever stops waiting for it, as a task may, takes it from nobody
        self.over = threading.Event()

    @property
    def duration_s(self) -> float:
        """How much is recorded."""
        take = self._take  # which its own thread may be giving up
        return 0.0 if take is None else take.duration_s

    def record(self, source: SourceUse, make_take: Callable[[Path], Take]) -> None:
        """Begin with a recording of `source`. Raises AudioError, HistoryError or Cancelled, and is over then."""
        with self._broken_off_by_errors():
            try:
                source.acquire()  # first: it keeps what is said from now on, also while a slow disk is waited for
                self._source = source
            finally:
                self._raise_if_cancelled()
                entry = self._stages.history.begin(model=self._stages.model.name)
                self._account.open(entry)
            assert entry.audio_path is not None  # it has just been given one
            self._take = take = make_take(entry.audio_path)
            take.start()
            self._note_missing_beginning(take)
            self._enter("recording", "recording")
            self._thread.start()

    def resume(self, entry_id: int) -> None:
        """Begin with the recording of an earlier run. Raises HistoryError or PipelineBusy, and is over then."""
        with self._broken_off_by_errors():
            self._account.open(self._stages.history.claim(entry_id))
            self._enter("transcribing", "transcribing")
            self._thread.start()

    def stop(self) -> None:
        """End the recording; what was said is worked on."""
        self._ending.set()

    def cancel(self) -> None:
        """End it, wherever it is; what was recorded stays in the history."""
        self._cancel.cancel()
        take = self._take  # which its own thread may be giving up
        if take is not None:
            take.cancel()
        self._ending.set()

    def so_far(self, state: FinalState, error: ThothError) -> DictationResult:
        """Return what has come of it up to now, wherever it hangs."""
        return self._account.result(state, error)

    def finish(self, result: DictationResult) -> None:
        """Finish its entry, which it leaves as it is from now on: it was left behind, and may be tried again."""
        self._account.finish(result)

    def is_own_thread(self) -> bool:
        """Whether it is this run's own thread that asks, as a sink may."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        try:
            with self._broken_off_by_errors():
                self._go_through()
                result = self._account.close("completed")
        except Exception:
            return  # it is over already
        self._be_over(result)

    def _go_through(self) -> None:
        account = self._account
        if self._take is not None:
            self._record_to_the_end(self._take)
            self._enter("transcribing", "transcribing")
        account.raw_text = account.text = self._heard()
        account.write(raw_text=account.raw_text, text=account.text, model=self._stages.model.name)
        if self._wake is not None:
            account.text = without_call(account.text, self._wake)
        if account.text:
            self._filter()
        if account.text:
            self._enhance()
        if account.text:
            account.write(text=account.text, is_enhanced=account.is_enhanced)
            self._put_out()
        self._raise_if_cancelled()

    def _record_to_the_end(self, take: Take) -> None:
        self._ending.wait()
        self._account.begin_stage("saving")
        recording = self._stopped(take)
        self._let_go()
        self._raise_if_cancelled()
        if recording.error is not None:
            self._note_early_end(recording, recording.error)

    def _note_early_end(self, recording: Recording, error: AudioError) -> None:
        if recording.duration_s < _LEAST_S:
            raise error
        self._account.problem(f"the recording ended before its time: {error}")

    def _heard(self) -> str:
        text = None if self._take is None else self._take.text()
        self._raise_if_cancelled()
        return self._transcribed() if text is None else text

    def _transcribed(self) -> str:
        entry = self._account.entry
        assert entry is not None
        if entry.audio_path is None:
            raise AudioError(f"dictation {entry.id} has no recording")
        if is_empty(entry.audio_path):
            return ""
        model = self._stages.model.get(self._cancel)
        # Live: somebody waits for it.
        transcript = model.transcribe_file(
            entry.audio_path, cancel=self._cancel, priority="live", **self._stages.options
        )
        return " ".join(transcript.text.split())

    def _filter(self) -> None:
        if self._stages.filters is None:
            return
        self._enter("filtering", "correcting")
        try:
            self._account.text = self._stages.filters(self._account.text)
        except Exception as error:
            _log.exception("a filter failed")
            self._account.problem(f"the text is as it was heard, a filter failed: {_told(error)}")

    def _enhance(self) -> None:
        enhancer = self._stages.enhancer
        if enhancer is None:
            return
        self._enter("enhancing", "asking the language model")
        try:
            self._account.text = enhancer.enhance(self._account.text, cancel=self._cancel)
            self._account.is_enhanced = True
        except Cancelled:
            raise
        except Exception as error:
            self._account.problem(f"the text is not enhanced: {_told(error)}")

    def _put_out(self) -> None:
        sinks = self._stages.sinks
        if not sinks:
            return
        self._enter("outputting", "handing over the text")
        failures = deliver_all(sinks, self._account.text, self._cancel)
        for failure in failures:
            self._account.problem(str(failure))
        if len(failures) == len(sinks):
            raise failures[0]

    def _enter(self, state: PipelineState, message: str) -> None:
        self._raise_if_cancelled()
        self._account.begin_stage(state)
        self._account.write(state=state)
        self._tell(self, state, message)

    @contextlib.contextmanager
    def _broken_off_by_errors(self) -> Iterator[None]:
        try:
            yield
        except ThothError as error:
            self._break_off(error)
            raise
        except BaseException as error:
            _log.exception("a dictation failed unexpectedly")
            self._break_off(PipelineError(f"unexpected {type(error).__name__}: {error}"))
            raise

    def _break_off(self, error: ThothError) -> None:
        if self._take is not None and self._account.recording is None:
            self._save_what_there_is(self._take)
        self._be_over(self._account.close("cancelled" if isinstance(error, Cancelled) else "failed", error))

    def _save_what_there_is(self, take: Take) -> None:
        take.cancel()
        try:
            self._stopped(take)
        except AudioError as error:
            self._account.problem(str(error))

    def _stopped(self, take: Take) -> Recording:
        recording = take.stop()
        if self._source is not None:
            self._source.note_taken(take.begins_s + recording.duration_s)
        self._account.write_recording(recording)
        return recording

    def _be_over(self, result: DictationResult) -> None:
        self._let_go()
        self._take = None  # which knows this run, holds megabytes, and shall not wait for the garbage collector
        self._on_over(self, result)

    def _note_missing_beginning(self, take: Take) -> None:
        if self._wake is not None and take.begins_s > self._wake.start_s + _LEAST_S:
            self._account.problem(
                f"the first {take.begins_s - self._wake.start_s:.1f} s are missing: the source keeps too little of "
                "the past; give it a longer preroll_s"
            )

    def _let_go(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.release()

    def _raise_if_cancelled(self) -> None:
        if self._cancel.cancelled:
            raise Cancelled("the dictation was cancelled; what was recorded is kept")


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ThothError) else f"{type(error).__name__}: {error}"


def without_call(text: str, wake: Wake) -> str:
    """Return what comes after the wake phrase; where that stands too late in the text to be the one heard, all."""
    matcher = PhraseMatcher([wake.phrase])
    found = matcher.find(text)
    if found is None or found.first_word > _FAST_SPEECH * (wake.end_s - wake.start_s):
        return text
    return matcher.without_phrase(text)
