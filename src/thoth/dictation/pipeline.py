"""`Dictation`: from a key, a call or a phrase to corrected text where it is wanted."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Final, Self, Unpack

from thoth._native import release_free_memory
from thoth.audio.checks import checked_seconds
from thoth.audio.live_input import MOST_PREROLL_S, PREROLL_S, LiveInput
from thoth.audio.microphone import Microphone
from thoth.dictation.enhance.text_enhancer import TextEnhancer
from thoth.dictation.events import PipelineComplete, PipelineProgress
from thoth.dictation.filters.kinds import Filter
from thoth.dictation.history.store import History
from thoth.dictation.model_supply import ModelSupply
from thoth.dictation.output.sink import Sink
from thoth.dictation.result import DictationResult
from thoth.dictation.run import Run, Stages
from thoth.dictation.source_use import SourceUse
from thoth.dictation.states import PipelineState, StateMachine
from thoth.dictation.take import Take, TakeSettings
from thoth.errors import Cancelled, HistoryError, InvalidOption, InvalidTransition, PipelineBusy
from thoth.model.options import CheckedOptions, TranscribeOptions
from thoth.model.whisper import WhisperModel
from thoth.observe.events import Events
from thoth.wake.detection import Wake

_log = logging.getLogger(__name__)

LONGEST_S: Final = 600.0
"""How long one dictation is at most, unless said otherwise: a key that is stuck shall not fill the disk."""

MOST_LONGEST_S: Final = 4 * 3600.0
CANCEL_S: Final = 0.7
"""How long a cancelled run is waited for; it is left behind then, and the next one may begin."""

_LEAVE_S: Final = 0.2
"""How long a cancelled run that was left behind is kept waiting for its entry in the history."""

_WAKE_MARGIN_S: Final = 0.2
_PRUNE_EVERY_S: Final = 3600.0
_OPENING: Final = "another dictation is opening the microphone"


class Dictation:
    """Turns what somebody says into text, corrects it, and puts it where it is wanted; one dictation at a time.

    What is said goes to the disk first, into the history's folder, and into text meanwhile, so that the text is there
    shortly after the last word. Whatever fails behind the recording leaves an entry in the history that `retry()` takes
    up again, in this process or a later one.

    model: a loaded model, or the name or path of one, which is loaded in the background from now on; see WhisperModel.
    source: what is recorded. One that is running stays so, and each recording begins with the second before its start,
        as far as that is not in the one before; any other runs during the recordings only. None is the microphone
        `device`.
    filters: changes the text that the model heard; see `thoth.filters_for`. None changes nothing.
    enhancer: a language model that edits the filtered text; see `thoth.Enhancer`.
    sinks: where the text goes; see `thoth.sink_from`.
    history: where recordings and texts are kept; None is the user's own, which `close()` closes.
    longest_s: a recording ends by itself at this length, up to 4 h.
    stop_after_silence_s: a recording ends after so much silence behind what was said, or 8 s without a word, 4 s
        behind a wake phrase. None waits for `stop()`.
    options: see `TranscribeOptions`.

    Events (`events`): PipelineProgress with each state, PipelineComplete with each result, LiveUpdate with the text
    while it is being spoken.

    Use it in a `with` statement, or call `close()`. Any thread may call anything. `start()` opens the source and
    returns; all else happens on a thread of the run's own.
    """

    def __init__(
        self,
        model: WhisperModel | str | os.PathLike[str] | None = None,
        *,
        source: LiveInput | None = None,
        device: int | str | None = None,
        filters: Filter | None = None,
        enhancer: TextEnhancer | None = None,
        sinks: Sequence[Sink] = (),
        history: History | None = None,
        longest_s: float = LONGEST_S,
        stop_after_silence_s: float | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> None:
        if source is not None and device is not None:
            raise InvalidOption("device is for a dictation without a source: this one records the source given")
        CheckedOptions.of(options.copy())
        self._longest_s = checked_seconds("longest_s", longest_s, most=MOST_LONGEST_S, above_zero=True)
        if stop_after_silence_s is not None:
            checked_seconds("stop_after_silence_s", stop_after_silence_s, most=MOST_LONGEST_S, above_zero=True)
        self._stop_after_silence_s = stop_after_silence_s
        self._source = SourceUse(Microphone(device) if source is None else source)
        self._owns_history = history is None
        self._history = History() if history is None else history
        self._events = Events()
        self._stages = Stages(
            model=ModelSupply(model),
            options=options,
            filters=filters,
            enhancer=enhancer,
            sinks=tuple(sinks),
            history=self._history,
        )
        self._machine = StateMachine(lambda state, message: self._events.publish(PipelineProgress(state, message)))
        self._lock = threading.RLock()  # over what follows; nobody waits for anything with it
        self._current: Run | None = None  # the claim: whoever finds None here takes it
        self._closed = False
        self._pruning = threading.Lock()
        self._pruned_s = float("-inf")
        self._stages.model.prepare()

    def start(self, *, preroll_s: float | None = None, wake: Wake | None = None) -> Future[DictationResult]:
        """Record from now on; return what will have the result: one also of a run that fails or is cancelled.

        It cannot be cancelled itself, so that a task that stops waiting for it changes nothing: see `cancel()`.

        preroll_s: how much of what the source heard before belongs to it, if the source was running and keeps as much;
            a second, if nothing is said.
        wake: what a wake listener on the same source has heard: the recording begins where the phrase did, and the
            phrase is taken out of the text.

        Raises PipelineBusy while another one is under way, AudioError or DeviceError where nothing can be recorded,
        HistoryError where the recording could not be kept, Cancelled where `cancel()` came meanwhile.
        """
        if preroll_s is not None:
            checked_seconds("preroll_s", preroll_s, most=MOST_PREROLL_S)
        begins_s = self._begin_of(preroll_s, wake)
        run = self._claimed(wake)
        run.record(
            self._source,
            lambda path: Take(
                path,
                self._source.source,
                self._stages.model,
                self._stages.options,
                self._take_settings(begins_s, wake),
                on_update=self._events.publish,
                on_end=run.stop,
            ),
        )
        return run.future

    def stop(self) -> Future[DictationResult]:
        """End the recording, and return what will have the result. Raises InvalidTransition unless recording."""
        with self._lock:
            run = self._current
            if run is None or self.state != "recording":
                raise InvalidTransition(
                    f"a dictation that is {self.state} cannot be stopped; start() begins a recording"
                )
            run.stop()
            return run.future

    def cancel(self) -> bool:
        """End what is under way; return whether there was something. It is idle within a second, whatever hangs.

        What was recorded stays in the history. Text that was handed over to a sink is not taken back.
        """
        run = self._current
        if run is None:
            return False
        run.cancel()
        if run.is_own_thread() or not run.over.wait(CANCEL_S):
            self._leave_behind(run)
        return True

    def toggle(self) -> Future[DictationResult]:
        """Start, or stop what is recording. Raises PipelineBusy where the latest one is still being worked on."""
        with self._lock:
            if self._current is not None and self.state == "recording":
                return self.stop()
        return self.start()

    def press(self) -> Future[DictationResult]:
        """Start, as the key of push-to-talk goes down. Raises what `start()` raises."""
        return self.start()

    def release(self) -> Future[DictationResult] | None:
        """Stop recording, as the key of push-to-talk goes up, also while the microphone is still being opened.

        Returns what will have the result of the dictation under way; None where there is none any more.
        """
        run = self._current
        if run is None:
            return None
        run.stop()
        return run.future

    def retry(self, entry_id: int) -> Future[DictationResult]:
        """Take up the recording of an earlier dictation, from the history, and go on with it as with a new one.

        Raises PipelineBusy while another one is under way, here or, of the same entry, in another process,
        HistoryError where there is no such entry or its recording is gone, Cancelled where `cancel()` came meanwhile.
        """
        run = self._claimed(None)
        run.resume(entry_id)
        return run.future

    @property
    def state(self) -> PipelineState:
        """What it is doing."""
        return self._machine.state

    @property
    def events(self) -> Events:
        """Where to subscribe."""
        return self._events

    @property
    def history(self) -> History:
        """Where its runs are kept."""
        return self._history

    @property
    def source(self) -> LiveInput:
        """What it records."""
        return self._source.source

    @property
    def source_use(self) -> SourceUse:
        """Who has the source running; for use within Thoth."""
        return self._source

    @property
    def position_s(self) -> float:
        """How much of the present recording there is, in seconds."""
        run = self._current
        return 0.0 if run is None else run.duration_s

    def close(self) -> None:
        """Cancel what is under way, and free the model, if it was loaded here. May be called again."""
        with self._lock:
            self._closed = True
        self.cancel()
        self._stages.model.close()
        self._events.close()
        with self._pruning:  # which would open the history again, behind the back of whoever closes it next
            if self._owns_history:
                self._history.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Dictation {self.state}>"

    def _claimed(self, wake: Wake | None) -> Run:
        """Return a run of which there is no other."""
        with self._lock:
            if self._closed:
                raise InvalidTransition("this dictation was closed: make another one")
            if self._current is not None:
                state = self.state
                raise PipelineBusy(
                    _OPENING
                    if state == "idle"
                    else f"another dictation is {state}: stop() or cancel() it, or wait for it"
                )
            self._stages.model.prepare()
            self._current = Run(self._stages, self._enter, self._over, wake)
            return self._current

    def _begin_of(self, preroll_s: float | None, wake: Wake | None) -> float:
        """Return where a recording that is asked for now begins, on the source's clock; behind the one before it."""
        if wake is not None:
            begins_s = wake.start_s - _WAKE_MARGIN_S
        else:
            begins_s = self._source.position_s - (PREROLL_S if preroll_s is None else preroll_s)
        return max(begins_s, self._source.taken_until_s)

    def _take_settings(self, begins_s: float, wake: Wake | None) -> TakeSettings:
        return TakeSettings(
            preroll_s=min(max(self._source.position_s - begins_s, 0.0), MOST_PREROLL_S),
            longest_s=self._longest_s,
            stop_after_silence_s=self._stop_after_silence_s,
            called_until_s=None if wake is None else wake.end_s,
        )

    def _enter(self, run: Run, state: PipelineState, message: str) -> None:
        with self._lock:
            if run is self._current:  # one that was left behind has no say
                self._machine.to(state, message)

    def _over(self, run: Run, result: DictationResult) -> None:
        if self._is_ended(run, result):
            _resolve(run.future, result)
            # Each run has threads of its own, each of these a heap, and glibc lets them grow for a long time.
            release_free_memory()
            self._prune()

    def _leave_behind(self, run: Run) -> None:
        hanging = Cancelled(f"the dictation was cancelled, did not end within {CANCEL_S:g} s, and was left behind")
        result = run.so_far("cancelled", hanging)
        if self._is_ended(run, result):
            # On threads of their own: what it hangs in may be the history, and whoever is called back may wait for us.
            finishing = _in_background(lambda: run.finish(result))
            _in_background(lambda: _resolve(run.future, result))
            finishing.join(_LEAVE_S)

    def _is_ended(self, run: Run, result: DictationResult) -> bool:
        """End the run with `result`, unless it was left behind, and let the next one come."""
        with self._lock:
            if run is not self._current:
                return False
            self._machine.to(result.state, _in_words(result))
            self._events.publish(PipelineComplete(result))
            self._current = None
            self._machine.to("idle", "ready")
            run.over.set()
            return True

    def _prune(self) -> None:
        now_s = time.monotonic()
        with self._pruning:
            if self._closed or now_s - self._pruned_s < _PRUNE_EVERY_S:
                return
            self._pruned_s = now_s
            try:
                self._history.prune()
            except HistoryError as error:
                _log.warning("old dictations were not removed: %s", error)
            except Exception:
                _log.exception("old dictations were not removed")


def _in_words(result: DictationResult) -> str:
    if result.state == "completed":
        return "done" if result.text else "nothing was said"
    return str(result.error or result.state)


def _in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, name="thoth-dictation-left", daemon=True)
    thread.start()
    return thread


def _resolve(future: Future[DictationResult], result: DictationResult) -> None:
    """Set the result, and call back whoever waits for it."""
    try:
        future.set_result(result)
    except BaseException:  # Future logs an Exception by itself; a SystemExit shall cost no more than that
        _log.exception("who was called back with the result of a dictation raised")
