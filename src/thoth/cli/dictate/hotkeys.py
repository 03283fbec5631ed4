"""Keys that begin and end dictations from within any window."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from thoth.cli.terminal.console import EXIT_USAGE, fail
from thoth.config.schema import Config
from thoth.errors import ShortcutError
from thoth.observe.events import Events

if TYPE_CHECKING:
    from thoth.cli.dictate.run import DictateRun

_NAME: Final = "dictate"


class Hotkeys:
    """The key that the settings name, listened to while entered; it does nothing before `serve`.

    Entering ends the command with exit code 2 where keys cannot be listened to.
    """

    def __init__(self, config: Config) -> None:
        from thoth.dictation.shortcuts.manager import ShortcutManager

        self.events = Events()
        self._run: DictateRun | None = None
        self._manager = ShortcutManager(self.events)
        if config.dictation.mode == "hotkey":
            self.keys = config.shortcuts.hotkey
            self._manager.register(_NAME, self.keys, mode="toggle", on_press=self._toggle)
        else:
            self.keys = config.shortcuts.push_to_talk
            self._manager.register(
                _NAME, self.keys, mode="push-to-talk", on_press=self._press, on_release=self._release
            )

    @property
    def error(self) -> ShortcutError | None:
        """Why the keys are not heard any more, or None."""
        return self._manager.error

    def serve(self, run: DictateRun) -> None:
        """From now on the keys are for `run`."""
        self._run = run

    def __enter__(self) -> Self:
        try:
            self._manager.start()
        except ShortcutError as error:
            fail(error, EXIT_USAGE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._manager.stop()
        self.events.close()

    def _toggle(self) -> None:
        if self._run is not None:
            self._run.toggle()

    def _press(self) -> None:
        if self._run is not None:
            self._run.start()

    def _release(self) -> None:
        if self._run is not None:
            self._run.release()
