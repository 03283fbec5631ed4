"""One run of `thoth dictate`, from when it is ready to the end of its last dictation."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from thoth.cli.background import in_background
from thoth.cli.dictate.keys import TerminalKeys
from thoth.cli.dictate.output import TextOutput
from thoth.cli.dictate.view import DictateView
from thoth.cli.interrupt import Interrupt
from thoth.cli.terminal.console import EXIT_FAILED, EXIT_INTERRUPTED
from thoth.cli.terminal.progress_line import clock
from thoth.cli.terminal.screen import Screen
from thoth.errors import InvalidTransition, PipelineBusy, ThothError

if TYPE_CHECKING:
    from thoth.dictation.hands_free import HandsFree
    from thoth.dictation.pipeline import Dictation
    from thoth.dictation.result import DictationResult
    from thoth.observe.events import Events

_LOOK_S: Final = 0.05
_NOTHING_IS_BEING_SAID: Final = ("idle", "recording", "outputting")
"""The states at whose beginning what was shown of the words before is out of date."""

_BUSY: Final = "the dictation before is still being worked on"


class DictateRun:
    """Made, run once and thrown away, on the main thread; `start`, `release` and `toggle` are for any.

    interrupt: its first signal ends the recording, and what was said is delivered; the second cancels.
    hint: how to begin, for the status bar.
    """

    def __init__(
        self,
        dictation: Dictation,
        output: TextOutput,
        view: DictateView,
        screen: Screen,
        interrupt: Interrupt,
        keys: TerminalKeys,
        *,
        hint: str,
        more_events: tuple[Events, ...] = (),
    ) -> None:
        self._dictation = dictation
        self._output = output
        self._view = view
        self._screen = screen
        self._interrupt = interrupt
        self._keys = keys
        self._hint = hint
        self._told = ""
        self._happenings: deque[object] = deque()
        self._ending = False
        self._keys_begin = False
        self._is_once = False
        self.exit_code = 0
        for events in (dictation.events, *more_events):
            events.subscribe(self._happenings.append)

    def once(self) -> None:
        """Record at once, and put out what was said."""
        self._is_once = True
        if self.start():
            self._follow(lambda: self._dictation.state == "idle")

    def by_keys(self) -> None:
        """Record from Enter to Enter, until q or Ctrl-C."""
        self._keys_begin = True
        self._follow(self._is_over)

    def when_asked(self, failure: Callable[[], ThothError | None]) -> None:
        """Serve what calls `start` and its kin, until q or Ctrl-C, or until `failure` tells why nothing will call more.

        Raises that failure.
        """
        self._follow(lambda: self._is_over() or (failure() is not None and self._dictation.state == "idle"))
        if (error := failure()) is not None:
            raise error

    def when_called(self, hands_free: HandsFree) -> None:
        """Serve a wake phrase until q or Ctrl-C, or the end of the source; raises the error of one that has gone."""
        listening = in_background(hands_free.run)
        try:
            self._follow(lambda: (self._ending or listening.done()) and self._dictation.state == "idle")
        finally:
            hands_free.stop()
        listening.result()

    def finish(self) -> None:
        """Tell, when the dictation was closed, what has not been told yet."""
        self._look()

    def start(self) -> bool:
        """Record from now on; return whether that is so. Why not is told."""
        try:
            self._dictation.start()
        except PipelineBusy:
            self._screen.notice(_BUSY)
            return False
        except ThothError:
            return False  # PipelineComplete tells
        return True

    def release(self) -> None:
        """Record no more."""
        self._dictation.release()

    def toggle(self) -> None:
        """Begin, or end what is being recorded."""
        if self._dictation.state != "recording":
            self.start()
        else:
            self._stop()

    def _follow(self, is_over: Callable[[], bool]) -> None:
        try:
            while not is_over() and self._output.failure is None:
                self._take_key()
                self._look()
                if self._interrupt.seen and not self._ending:
                    self._end()
        except KeyboardInterrupt:
            self.exit_code = EXIT_INTERRUPTED
            self._dictation.cancel()
        if self._output.failure is not None:
            raise self._output.failure

    def _is_over(self) -> bool:
        return self._ending and self._dictation.state == "idle"

    def _take_key(self) -> None:
        key = self._keys.wait(_LOOK_S)
        if key == "toggle":
            if self._keys_begin and not self._ending:
                self.toggle()
            else:
                self._stop()
        elif key == "cancel":
            self._dictation.cancel()
        elif key == "quit":
            self._end()

    def _end(self) -> None:
        """Begin nothing more; what has been said up to now is still delivered."""
        self._ending = True
        self._stop()

    def _stop(self) -> None:
        with contextlib.suppress(InvalidTransition):  # it has ended by itself, or is being worked on
            self._dictation.stop()

    def _look(self) -> None:
        while self._happenings:
            self._take(self._happenings.popleft())
        state, source = self._dictation.state, self._dictation.source
        told = self._hint if state == "idle" else "finishing" if state == "recording" and self._ending else self._told
        self._view.show(told, self._dictation.position_s, source if source.running else None)

    def _take(self, happening: object) -> None:
        from thoth.dictation.events import PipelineComplete, PipelineProgress
        from thoth.live.update import LiveUpdate

        self._output.event(happening)
        match happening:
            case LiveUpdate():
                self._view.update(happening)
            case PipelineProgress():
                self._told = happening.message
                if happening.state in _NOTHING_IS_BEING_SAID:
                    self._view.begin()
            case PipelineComplete():
                self._complete(happening.result)

    def _complete(self, result: DictationResult) -> None:
        for problem in result.problems:
            if result.error is None or str(result.error) not in problem:
                self._screen.notice(problem)
        if result.state == "cancelled":
            self.exit_code = self.exit_code or (EXIT_INTERRUPTED if self._is_once else 0)
            self._screen.notice(f"cancelled{_kept(result)}")
        elif result.error is not None:
            self.exit_code = self.exit_code or EXIT_FAILED
            self._screen.error(f"{result.error}{_kept(result) if result.state == 'failed' else ''}")
        if result.state == "completed":
            said = "" if result.text else "no speech was heard; "
            self._screen.notice(f"{said}dictation {result.id}, {clock(result.audio_s)}, is in the history")


def _kept(result: DictationResult) -> str:
    """Tell where the recording is, if there is any."""
    if result.id is None or (result.audio_path is not None and not result.audio_s):
        return ""
    where = "" if result.audio_path is None else f" in {result.audio_path}"
    return f"; the recording is kept{where}: 'thoth history retry {result.id}' makes text of it"
