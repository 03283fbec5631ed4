"""One run of `thoth listen`."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from thoth.cli.background import in_background
from thoth.cli.interrupt import Interrupt
from thoth.cli.live.view import plain
from thoth.cli.terminal.console import EXIT_INTERRUPTED
from thoth.cli.terminal.level_line import LevelLine
from thoth.cli.terminal.screen import Screen
from thoth.dictation.events import PipelineComplete
from thoth.errors import InvalidTransition, ThothError
from thoth.observe.event_json import as_json
from thoth.wake.detection import Wake, WakePassFailed

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.cli.listen.wake_commands import WakeCommands
    from thoth.dictation.pipeline import Dictation
    from thoth.wake.listener import WakeListener

_LOOK_S: Final = 0.05


class ListenRun:
    """Made, run once and thrown away, on the main thread; the listener works on another.

    source: open. interrupt: its first signal ends the listening, the second all else.
    """

    def __init__(
        self,
        listener: WakeListener,
        source: LiveInput,
        screen: Screen,
        line: LevelLine,
        interrupt: Interrupt,
        *,
        in_json: bool,
    ) -> None:
        self._listener = listener
        self._source = source
        self._screen = screen
        self._line = line
        self._interrupt = interrupt
        self._in_json = in_json
        self._commands: WakeCommands | None = None
        self._dictation: Dictation | None = None
        self._happenings: deque[object] = deque()
        self._hears_rest = threading.Event()  # from a wake until what followed it stands among the happenings

    def answer(self, commands: WakeCommands, dictation: Dictation) -> None:
        """Have `commands` answer each wake, and be given what `dictation` hears after it."""
        self._commands, self._dictation = commands, dictation

    def run(self) -> int:
        """Tell of each wake until the source ends or somebody stops it; return the exit code.

        Raises the error with which the source ended.
        """
        phrases = " and ".join(map(repr, self._listener.phrases))
        self._listener.events.subscribe(self._happenings.append, WakePassFailed)
        self._screen.notice(f"listening to {self._source.name} for {phrases}; Ctrl-C stops")
        listening = in_background(self._listen)
        try:
            while not listening.done() and not self._interrupt.seen:
                self._look()
                time.sleep(_LOOK_S)
            self._listener.stop()
            self._finish()
            listening.result()
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        finally:
            self._listener.stop()
        return 0

    def _listen(self) -> None:
        for wake in self._listener.listen(self._source):
            self._happenings.append(wake)
            if self._dictation is not None:
                self._hear_rest(self._dictation, wake)

    def _hear_rest(self, dictation: Dictation, wake: Wake) -> None:
        self._listener.pause()
        self._hears_rest.set()
        try:
            future = dictation.start(wake=wake)
        except ThothError as error:
            self._go_on(error)
        except BaseException:
            self._hears_rest.clear()
            raise
        else:
            future.add_done_callback(lambda done: self._go_on(PipelineComplete(done.result())))

    def _go_on(self, happening: object) -> None:
        self._happenings.append(happening)
        self._listener.resume()
        self._hears_rest.clear()

    def _finish(self) -> None:
        """Hand on what is being said, and wait for the commands."""
        if self._dictation is not None:
            if self._interrupt.seen:
                with contextlib.suppress(InvalidTransition):  # nothing is being recorded
                    self._dictation.stop()
            while self._hears_rest.is_set():
                self._look()
                time.sleep(_LOOK_S)
        self._look()
        self._end_stdin()
        if self._commands is not None:
            self._wait(self._commands)

    def _wait(self, commands: WakeCommands) -> None:
        asked_to_end = self._interrupt.seen
        if commands.running:
            self._screen.notice(f"waiting for {commands.running} of the commands; Ctrl-C ends them")
        # A Ctrl-C that has ended the listening is not meant for the commands.
        with contextlib.nullcontext() if asked_to_end else self._interrupt.breaking():
            commands.wait()

    def _look(self) -> None:
        while self._happenings:
            self._take(self._happenings.popleft())
        self._line.update(self._source.stats.duration_s, self._source)

    def _take(self, happening: object) -> None:
        match happening:
            case Wake():
                self._put(happening, f"{happening.phrase} ({happening.score:.2f})")
                if self._commands is not None:
                    self._commands.start(happening)
            case PipelineComplete():
                self._hand_on(happening)
            case WakePassFailed():
                self._screen.notice(f"a piece could not be listened to, going on: {happening.message}")
            case ThothError():
                self._screen.error(f"what followed could not be recorded: {happening}")
                self._end_stdin()

    def _hand_on(self, complete: PipelineComplete) -> None:
        result = complete.result
        self._put(complete, result.text)
        if result.error is not None:
            self._screen.error(f"what followed is not all there: {result.error}")
        self._end_stdin(result.text)

    def _end_stdin(self, text: str = "") -> None:
        """Give the command that waits for it what followed, if there was something."""
        if self._commands is not None:
            self._commands.hand_on(text)

    def _put(self, event: Any, line: str) -> None:
        if self._in_json:
            line = json.dumps(as_json(event), ensure_ascii=False, allow_nan=False)
        if line:
            self._screen.result(f"{plain(line)}\n")
