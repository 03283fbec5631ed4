"""One run of `thoth live`, from the first sample to the last word."""

from __future__ import annotations

import concurrent.futures
import math
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from thoth.cli.background import in_background
from thoth.cli.interrupt import Interrupt
from thoth.cli.live.view import LiveView, Summary
from thoth.cli.terminal.screen import Screen
from thoth.errors import ThothError

if TYPE_CHECKING:
    from thoth.cli.live.sound import LiveSound
    from thoth.live.session import LiveSession
    from thoth.live.updates import LiveUpdates

_LOOK_S: Final = 0.1
_BLOCK_S: Final = 0.05
"""A session hears in blocks of 32 ms: when it is short of a place by no more than this, it has come there."""


class LiveRun:
    """Made, run once and thrown away, on the main thread; session and source work on threads of their own.

    interrupt: its first signal ends the listening, and all that was heard becomes text.
    duration_s: it is over after so much audio; None for no end.
    """

    def __init__(
        self,
        session: LiveSession,
        view: LiveView,
        screen: Screen,
        interrupt: Interrupt,
        duration_s: float | None,
    ) -> None:
        self._session = session
        self._view = view
        self._screen = screen
        self._interrupt = interrupt
        self._until_s = math.inf if duration_s is None else duration_s
        self._sound: LiveSound | None = None
        self._happenings: deque[object] = deque()
        self._doing = "loading the model"
        self._loaded = False
        self._catching_up = False
        self._ending = False
        self._recorder_failed = False
        self._looked_s = 0.0
        self._heard_s = 0.0

    def run(self, sound: LiveSound) -> None:
        """Show text until the sound ends, or until somebody stops it; then tell what it came to.

        A microphone is heard while the model is still being loaded; a recording can wait. Raises what ended the run
        before its time, after telling what it came to, if anything was heard.
        """
        self._observe()
        failure: ThothError | None = None
        try:
            if sound.can_wait:
                self._load()
            with self._interrupt.breaking():  # nothing is heard yet that could be lost
                sound.source.start()
            with sound:
                self._sound = sound
                self._view.listening(sound.source.name, sound.path)
                if not sound.can_wait:
                    self._load()
                if sound.source.error is not None:  # run() would open the device anew
                    raise sound.source.error
                self._follow(self._session.run(sound.source))
        except ThothError as error:
            failure = error
        self._session.close()  # delivers what it has still to report
        self._look(last=True)
        if failure is not None:
            self._view.failed(failure)
        if self._sound is not None:
            self._view.summary(Summary(self._heard_s, self._session.metrics, sound.path))
        if failure is not None:
            raise failure

    def _observe(self) -> None:
        from thoth.live import events

        kinds = [kind for kind in vars(events).values() if isinstance(kind, type)]
        self._session.events.subscribe(self._happenings.append, *kinds)

    def _load(self) -> None:
        loaded = in_background(self._session.start)
        while not loaded.done():
            concurrent.futures.wait([loaded], _LOOK_S)
            self._look()
        loaded.result()
        self._loaded = True
        self._doing = ""

    def _follow(self, updates: LiveUpdates) -> None:
        stopped: Future[object] | None = None
        while not updates.ended:
            update = updates.get(_LOOK_S)
            if update is not None:
                self._view.update(update)
            self._look()
            if stopped is None and self._session.position_s >= self._until_s - _BLOCK_S:
                self._doing = "finishing"
                stopped = in_background(self._session.stop)
            if stopped is not None and stopped.done():
                stopped.result()
        for _ in updates:  # nothing but the error, if there is one, is left in them
            pass

    def _look(self, *, last: bool = False) -> None:
        """See what else has happened, and show how it goes: now and then, and at last."""
        while self._happenings:
            self._take(self._happenings.popleft())
        if not last and time.monotonic() - self._looked_s < _LOOK_S / 2:
            return
        self._looked_s = time.monotonic()
        sound = self._sound
        if sound is not None:
            self._heard_s = max(self._heard_s, sound.duration_s or self._session.position_s)
            self._look_at_recorder(sound)
        if self._interrupt.seen and not self._ending:
            self._end(sound)
        self._view.show(self._heard_s, None if sound is None else sound.source, self._told())

    def _end(self, sound: LiveSound | None) -> None:
        """Listen no more; what has come up to now is still to become text."""
        if sound is None:
            raise KeyboardInterrupt
        self._ending = True
        self._until_s = min(self._until_s, sound.duration_s)
        sound.stop_recording()

    def _look_at_recorder(self, sound: LiveSound) -> None:
        error = sound.recording_error
        if error is not None and not self._recorder_failed:
            self._recorder_failed = True
            self._screen.error(f"{error}; the text goes on")

    def _take(self, happening: object) -> None:
        from thoth.live.events import CatchingUp, CaughtUp, LoadingProgress

        if isinstance(happening, LoadingProgress) and not self._loaded:
            self._doing = f"loading the model {happening.done_bytes / max(happening.total_bytes, 1):.0%}"
        elif isinstance(happening, CatchingUp | CaughtUp):
            # A source that waits is always ahead.
            waits = self._sound is not None and self._sound.source.lossless
            self._catching_up = isinstance(happening, CatchingUp) and not waits
        self._view.happened(happening)

    def _told(self) -> str:
        doing = self._doing or ("catching up" if self._catching_up else "")
        if not self._loaded:
            return doing
        session, so_far = self._session, self._session.metrics
        figures = f"RTF {so_far.average_rtf:.2f} queue {session.queue_depth} drops {so_far.chunks_dropped}"
        return f"{doing}, {figures}" if doing else figures
