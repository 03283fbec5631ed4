"""One `thoth dictate`, put together from its settings, run, and taken apart again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thoth._native import CancelToken
from thoth.audio.live_input import LiveInput
from thoth.cli import dictation_parts as parts
from thoth.cli.dictate.hotkeys import Hotkeys
from thoth.cli.dictate.keys import TerminalKeys
from thoth.cli.dictate.output import JsonOutput, TextOutput
from thoth.cli.dictate.run import DictateRun
from thoth.cli.dictate.view import DictateView, suitable_view
from thoth.cli.interrupt import ENDINGS, Interrupt
from thoth.cli.model_choice import model_here
from thoth.cli.terminal.console import is_terminal
from thoth.cli.terminal.screen import Screen
from thoth.config.schema import Config
from thoth.dictation.hands_free import HandsFree
from thoth.dictation.pipeline import Dictation
from thoth.model.whisper import WhisperModel

if TYPE_CHECKING:
    from thoth.wake.listener import WakeListener

_ENDED_BY_SILENCE: Final = ("once", "wake")
"""The modes in which no key ends a recording. A --file is heard as fast as it is understood in these."""


class DictateCommand:
    """Made, run once and thrown away, on the main thread.

    file: a recording in place of a microphone.
    """

    def __init__(
        self,
        config: Config,
        screen: Screen,
        *,
        file: Path | None,
        realtime: bool,
        as_json: bool,
        quiet: bool,
    ) -> None:
        self._config = config
        self._screen = screen
        self._mode = config.dictation.mode
        self._file = file
        # At its own pace where somebody presses keys meanwhile.
        is_realtime = realtime or self._mode not in _ENDED_BY_SILENCE
        self._sound = None if file is None else parts.Recording(file, is_realtime)
        self._as_json = as_json
        self._quiet = quiet

    def run(self, *, ends_at_silence: bool) -> int:
        """Run it, and return the exit code. Raises ThothError, and what writing to stdout raises.

        ends_at_silence: whether silence ends a recording that no key ends.
        """
        with ExitStack() as stack:
            interrupt = stack.enter_context(Interrupt(CancelToken(), also=ENDINGS))
            output = (JsonOutput if self._as_json else TextOutput)(self._screen)
            sinks = parts.sinks_of(self._config, None if self._as_json else output.text)
            has_hotkeys = self._mode in ("hotkey", "push-to-talk")
            hotkeys = stack.enter_context(Hotkeys(self._config)) if has_hotkeys else None
            with interrupt.breaking():
                model = self._model(stack)
            listener = self._listener(stack, model)
            silence_s = self._config.dictation.stop_after_silence_s
            dictation = parts.dictation_of(
                self._config,
                model,
                parts.source_of(self._config, self._sound, called=listener is not None),
                sinks,
                stack.enter_context(parts.history_of(self._config)),
                stop_after_silence_s=silence_s if ends_at_silence and self._mode in _ENDED_BY_SILENCE else None,
            )
            view, keys = stack.enter_context(self._viewed()), stack.enter_context(TerminalKeys())
            tellers = tuple(one.events for one in (hotkeys, listener) if one is not None)
            hint = self._hint(has_keys=keys.here)
            run = DictateRun(dictation, output, view, self._screen, interrupt, keys, hint=hint, more_events=tellers)
            try:
                with dictation:
                    with interrupt.breaking():  # nothing is heard yet that could be lost
                        self._open(dictation.source)
                    self._screen.notice(f"{self._listening(dictation.source)}; {hint}")
                    self._serve(run, dictation, hotkeys, listener)
            finally:
                dictation.source.stop()
                run.finish()
            return run.exit_code

    def _model(self, stack: ExitStack) -> WhisperModel | Path:
        """Return the model's file, to be loaded while somebody speaks; the model itself where it hears phrases."""
        settings = self._config.model
        path = model_here(settings.name or None, self._screen, offline=settings.offline, language=settings.language)
        if self._mode != "wake" or self._config.wake.detector != "whisper":
            return path
        return stack.enter_context(WhisperModel(path))

    def _listener(self, stack: ExitStack, model: WhisperModel | Path) -> WakeListener | None:
        return stack.enter_context(parts.listening(self._config, model)) if self._mode == "wake" else None

    def _open(self, source: LiveInput) -> None:
        """Open what is listened to all the time, or at once."""
        stays_open = self._file is None and self._config.microphone.keep_open
        if stays_open or self._mode in _ENDED_BY_SILENCE:
            source.start()

    def _serve(
        self, run: DictateRun, dictation: Dictation, hotkeys: Hotkeys | None, listener: WakeListener | None
    ) -> None:
        if listener is not None:
            run.when_called(HandsFree(dictation, listener))
        elif hotkeys is not None:
            hotkeys.serve(run)
            run.when_asked(lambda: hotkeys.error)
        elif self._mode == "once":
            run.once()
        else:
            run.by_keys()

    def _listening(self, source: LiveInput) -> str:
        return f"listening to {source.name}" if source.running else "ready"

    def _hint(self, *, has_keys: bool) -> str:
        quits = "q or Ctrl-C ends" if has_keys else "Ctrl-C ends"
        match self._mode:
            case "keys":
                return "Enter begins and ends, Esc cancels, q quits"
            case "once":
                return "Enter or Ctrl-C ends" if has_keys else "Ctrl-C ends"
            case "hotkey":
                return f"{self._config.shortcuts.hotkey} begins and ends; {quits}"
            case "push-to-talk":
                return f"hold {self._config.shortcuts.push_to_talk} and speak; {quits}"
            case "wake":
                return f"say {' or '.join(map(repr, self._config.wake.phrases))}; {quits}"

    @contextmanager
    def _viewed(self) -> Iterator[DictateView]:
        watched = is_terminal() and os.environ.get("TERM") != "dumb"
        view = suitable_view(quiet=self._quiet, is_terminal=watched)
        with self._screen.around(view):
            try:
                yield view
            finally:
                view.close()
