"""The keys of the whole desktop, as they go down and up: one small interface, and pynput behind it."""

from __future__ import annotations

import importlib
import logging
import os
import platform
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from thoth.dictation.shortcuts.pynput_hooks import keys_of_x, name_of, other_hook, x_hook
from thoth.dictation.shortcuts.x_nudge import Nudge
from thoth.errors import ShortcutError

KeyCallback = Callable[[str, bool], None]
"""Called with a key's name (as in `shortcut_keys`), and whether it went down."""

EndCallback = Callable[[ShortcutError], None]
"""Called when a listener ended though nobody asked it to."""

LONGEST_START_S: Final = 5.0
"""Connecting takes some milliseconds; a server that takes longer hangs."""

LONGEST_STOP_S: Final = 1.0

_NOT_HAD: Final = "shortcuts cannot be had"
_LOST: Final = "the keys are lost"
_NO_DISPLAY: Final = (
    "there is no display (DISPLAY is not set), as over ssh: run it on the desktop, or dictate without a shortcut "
    "(`thoth dictate --once`)"
)
_WAYLAND: Final = (
    "this is a Wayland session, which shows no program the keys of others: in the desktop's keyboard settings, bind a "
    "shortcut to the command `thoth dictate --once`, or log in to a session on X"
)

_logger = logging.getLogger(__name__)


class KeyListener(ABC):
    """Tells each key of the desktop that goes down or up. One thread starts and stops it, as often as it likes."""

    @abstractmethod
    def start(self, on_key: KeyCallback, on_end: EndCallback) -> None:
        """Listen from now on, and return when that is so.

        Both callbacks are called on threads of the listener, and return at once. A key that is held repeats its going
        down. Raises ShortcutError with what to do where keys cannot be listened to.
        """

    @abstractmethod
    def stop(self) -> None:
        """Listen no more; bounded in time. No callback is called once this has returned."""

    @property
    def keys(self) -> frozenset[str] | None:
        """The keys that there are, while it listens; None where that is not known."""
        return None


class PynputListener(KeyListener):
    """Listens by pynput, which the extra `desktop` installs."""

    def __init__(self) -> None:
        self._run: _Run | None = None

    def start(self, on_key: KeyCallback, on_end: EndCallback) -> None:
        """See `KeyListener.start()`."""
        run = _Run(on_key, on_end)
        run.start()
        self._run = run

    def stop(self) -> None:
        """See `KeyListener.stop()`."""
        run, self._run = self._run, None
        if run is not None:
            run.stop()

    @property
    def keys(self) -> frozenset[str] | None:
        """See `KeyListener.keys`."""
        return self._run.keys if self._run is not None else None


class _Run:
    """One time of listening, on a thread of its own, which may hang as long as the display server does."""

    def __init__(self, on_key: KeyCallback, on_end: EndCallback) -> None:
        self._on_key = on_key
        self._on_end = on_end
        self._lock = threading.RLock()  # of the hook's beginning and end; re-entrant, since a hook calls back
        self._settled = threading.Event()  # it listens, or it has ended
        self._listening = False
        self._stopping = False
        self._hook: Any = None
        self._control: Any = None  # on X, a connection to stop by: the hook's own are no two threads' at once
        self._nudge: Nudge | None = None
        self._error: ShortcutError | None = None
        self.keys: frozenset[str] | None = None
        self._thread = threading.Thread(target=self._listen, name="thoth-keys", daemon=True)

    def start(self) -> None:
        """Begin, or raise ShortcutError."""
        _check_session()
        self._thread.start()
        if not self._settled.wait(LONGEST_START_S):
            self.stop()
            raise ShortcutError(f"{_NOT_HAD}: {_server()} does not answer; restart the desktop session")
        if not self._listening:
            self._thread.join(LONGEST_STOP_S)
            raise self._error or ShortcutError(f"{_NOT_HAD}: pynput ended at once; start again")

    def stop(self) -> None:
        """End, within LONGEST_STOP_S."""
        with self._lock:
            self._stopping = True
            if self._hook is not None:
                self._hook.stop()
        if self._thread is not threading.current_thread():
            self._thread.join(LONGEST_STOP_S)
        if self._thread.is_alive():
            _logger.warning("the thread that listens to keys is left behind: %s does not answer", _server())

    def _listen(self) -> None:
        try:
            self._hook_up()
        except ShortcutError as error:
            self._error = error
        except Exception as error:  # pynput and Xlib raise whatever comes, of their own tree and others
            what = _LOST if self._listening else _NOT_HAD
            self._error = ShortcutError(f"{what}: {_server()}: {_reason(error)}; start again when it is back")
            self._error.__cause__ = error
        with self._lock:
            ended = self._listening and not self._stopping
            self._hook = None
        if ended:
            self._on_end(self._error or ShortcutError(f"{_LOST}: {_server()} ended the connection; start again"))
        self._disconnect()
        self._settled.set()

    def _hook_up(self) -> None:
        if _uses_x():
            self._control = _x_display()  # before pynput, which connects while it is imported, and hangs if that does
        keyboard = _pynput_keyboard()
        if self._control is not None:
            hook = x_hook(keyboard, self._key, self._begin, self._end_record)
            self.keys = keys_of_x(hook, self._control)
            self._nudge = Nudge(_x_display())
        else:
            hook = other_hook(keyboard, self._key, self._begin)
        with self._lock:
            if self._stopping:
                return
            self._hook = hook
        hook.run()

    def _begin(self) -> None:
        with self._lock:
            if self._stopping:
                self._hook.stop()  # asked before the hook could be
                return
            self._listening = True
        self._settled.set()

    def _end_record(self, context: int) -> None:
        with self._lock:
            self._control.record_disable_context(context)
            self._control.flush()

    def _disconnect(self) -> None:
        control, self._control = self._control, None
        nudge, self._nudge = self._nudge, None
        if nudge is not None:
            nudge.end()
        if control is not None:
            with suppress(Exception):  # the server may be gone
                control.close()

    def _key(self, key: object, is_down: bool) -> None:
        if not self._stopping:
            self._on_key(name_of(key), is_down)


def _x_display() -> Any:
    """Connect to the X server, which must have the RECORD extension."""
    try:
        display = importlib.import_module("Xlib.display").Display()
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    except Exception as error:  # Xlib's own, and those of the socket
        remedy = "check DISPLAY and XAUTHORITY"
        raise ShortcutError(f"{_NOT_HAD}: {_server()} cannot be opened: {_reason(error)}; {remedy}") from error
    if not display.has_extension("RECORD"):
        display.close()
        raise ShortcutError(f"{_NOT_HAD}: {_server()} has no RECORD extension: enable it in the server's settings")
    return display


def _pynput_keyboard() -> Any:
    try:
        return importlib.import_module("pynput.keyboard")
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    except ImportError as error:  # what pynput makes of a system that it cannot work on
        raise ShortcutError(f"{_NOT_HAD}: {_reason(error)}") from error


def _not_installed(error: ModuleNotFoundError) -> ShortcutError:
    return ShortcutError(f'shortcuts need {error.name}, which is not installed: pip install "thoth-speech[desktop]"')


def _check_session() -> None:
    if not _uses_x():
        return
    if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland":
        raise ShortcutError(f"{_NOT_HAD}: {_WAYLAND}")
    if not os.environ.get("DISPLAY"):
        raise ShortcutError(f"{_NOT_HAD}: {_NO_DISPLAY}")


def _uses_x() -> bool:
    return platform.system() not in ("Darwin", "Windows")


def _server() -> str:
    return f'the X display "{os.environ.get("DISPLAY", "")}"'


def _reason(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
