"""Keyboard shortcuts that work in every program of the desktop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, Self, get_args

from thoth.dictation.events import ShortcutPressed, ShortcutReleased, ShortcutTriggered
from thoth.dictation.shortcuts.key_listener import KeyListener, PynputListener
from thoth.dictation.shortcuts.keys import Combination, parse_keys
from thoth.errors import InvalidOption, ShortcutError
from thoth.observe.events import Events

ShortcutMode = Literal["toggle", "push-to-talk"]

CALLBACKS_S: Final = 1.0
"""How long callbacks that run, or wait for their turn, are waited for at the end."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut as it is registered; `keys` is in normal form, as "ctrl+alt+d"."""

    name: str
    keys: str
    mode: ShortcutMode


class ShortcutManager:
    """Registers shortcuts, and tells when their keys go down and up. Any thread may call anything; a context manager.

    events: where ShortcutPressed, then ShortcutTriggered, and at the end ShortcutReleased are published; None makes a
        bus of its own, `events`. Each press is followed by one release, also where it is unregistered, stopped or cut
        off while its keys are down.
    listener: where the keys come from; None takes pynput.

    A shortcut is pressed when its last key goes down while exactly its modifiers are held, and released when the first
    of its keys goes up; a key that repeats is pressed once. The program that has the focus gets the keys as well.

    Readers (`list()`, `conflicts()`) take what stands at that moment and wait for nobody; changes take turns.
    """

    def __init__(self, events: Events | None = None, listener: KeyListener | None = None) -> None:
        self.events = Events() if events is None else events
        self._listener = PynputListener() if listener is None else listener
        self._lifecycle = threading.RLock()  # one start or stop at a time; taken before the other one
        # Held for moments, never while something is waited for; re-entrant, since a signal handler may come in between.
        self._changing = threading.RLock()
        self._registered: dict[str, _Registered] = {}  # never changed, but replaced
        self._held: set[str] = set()
        self._running = False
        self._error: ShortcutError | None = None

    @property
    def running(self) -> bool:
        """Whether keys are listened to."""
        return self._running and self._error is None

    @property
    def error(self) -> ShortcutError | None:
        """Why keys are no longer heard though nobody called `stop()`, or None. `start()` tries again."""
        return self._error

    def register(
        self,
        name: str,
        keys: str = "ctrl+alt+d",
        *,
        mode: ShortcutMode = "toggle",
        on_press: Callable[[], object] | None = None,
        on_release: Callable[[], object] | None = None,
    ) -> Shortcut:
        """Add a shortcut, before or after the start.

        keys: modifiers and at most one other key, as "ctrl+alt+d", "F9", "right ctrl".
        mode: what it is for; "toggle" acts at each press, "push-to-talk" from a press to its release.
        on_press, on_release: called in turn on a thread of this shortcut; what they raise is logged.

        Raises InvalidOption for what cannot be read, and ShortcutError if the name is taken, if a press of these keys
        would press another shortcut too, or if the keyboard that is listened to has no such key.
        """
        if not name:
            raise InvalidOption(f"name takes a text, not {name!r}")
        if mode not in get_args(ShortcutMode):
            raise InvalidOption(f"mode takes {' or '.join(get_args(ShortcutMode))}, not {mode!r}")
        for option, callback in (("on_press", on_press), ("on_release", on_release)):
            if callback is not None and not callable(callback):
                raise InvalidOption(f"{option} takes a function without arguments, not {callback!r}")
        combination = parse_keys(keys)
        new = _Registered(Shortcut(name, str(combination), mode), combination, on_press, on_release)
        with self._changing:
            self._refuse_taken(new)
            if self._running:
                self._refuse_absent(new)
                new.open()
            self._registered = {**self._registered, name: new}
        return new.shortcut

    def unregister(self, name: str) -> None:
        """Remove a shortcut; if its keys are down, its release is told first.

        Waits for its callbacks, for 1 s at most, unless one of them calls this. Raises ShortcutError for an unknown
        name.
        """
        with self._changing:
            gone = self._registered.get(name)
            if gone is None:
                known = ", ".join(self._registered) or "none"
                raise ShortcutError(f'there is no shortcut "{name}"; registered: {known}')
            self._registered = {other: its for other, its in self._registered.items() if other != name}
            self._release(gone)
        _close([gone.calls])

    def list(self) -> tuple[Shortcut, ...]:
        """Return what is registered, the oldest first."""
        return tuple(each.shortcut for each in self._registered.values())

    def conflicts(self, keys: str) -> tuple[Shortcut, ...]:
        """Return the shortcuts that share their press with these keys, or all keys of the smaller of both.

        `register()` refuses only what one press would press together; "ctrl+d" beside "ctrl+alt+d" it takes. Raises
        InvalidOption for keys that cannot be read.
        """
        wanted = parse_keys(keys)
        return tuple(each.shortcut for each in self._registered.values() if each.combination.is_nested_with(wanted))

    def start(self) -> None:
        """Listen to keys from now on. Does nothing if it does so already; may be called again after `stop()`.

        Raises ShortcutError, saying what to do, where keys cannot be listened to (no display, a Wayland session, no
        permission, pynput not installed), or if the keyboard has no such key as one of the shortcuts.
        """
        with self._lifecycle:
            if self.running:
                return
            self.stop()
            with self._changing:
                self._running = True
                for each in self._registered.values():
                    each.open()
            try:
                self._listener.start(self._key, self._lost)
                for each in self._registered.values():
                    self._refuse_absent(each)
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Listen no more; of shortcuts that are down, the release is told. Called again, it does nothing.

        Waits for the listener, and for callbacks that run unless one of them calls this: each for 1 s at most.
        """
        with self._lifecycle:
            if not self._running:
                return
            self._listener.stop()
            with self._changing:
                self._release_all()
                self._running, self._error = False, None
                ending = [each.calls for each in self._registered.values()]
        _close(ending)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _key(self, key: str, is_down: bool) -> None:
        with self._changing:
            if not self._running or is_down == (key in self._held):
                return  # a key that repeats, or one that was down before
            if is_down:
                self._held.add(key)
                self._press(key)
            else:
                self._held.remove(key)
                self._release_broken()

    def _press(self, key: str) -> None:
        for each in self._registered.values():
            if not each.is_down and each.combination.begins(key, self._held):
                each.is_down = True
                name, keys = each.shortcut.name, each.shortcut.keys
                self._tell(each, ShortcutPressed(name, keys))
                self._tell(each, ShortcutTriggered(name, keys))

    def _release_broken(self) -> None:
        for each in self._registered.values():
            if not each.combination.lasts(self._held):
                self._release(each)

    def _release_all(self) -> None:
        self._held.clear()
        self._release_broken()

    def _release(self, each: _Registered) -> None:
        if each.is_down:
            each.is_down = False
            self._tell(each, ShortcutReleased(each.shortcut.name, each.shortcut.keys))

    def _tell(self, each: _Registered, event: object) -> None:
        self.events.publish(event)
        each.calls.publish(event)

    def _lost(self, error: ShortcutError) -> None:
        with self._changing:
            self._error = error
            self._release_all()
        _logger.warning("%s", error)

    def _refuse_taken(self, new: _Registered) -> None:
        name, keys = new.shortcut.name, new.shortcut.keys
        for other, its in self._registered.items():
            if other == name:
                raise ShortcutError(f'there is a shortcut "{name}" already ({its.shortcut.keys}): unregister it first')
            if its.combination.overlaps(new.combination):
                raise ShortcutError(
                    f'the shortcut "{name}" ({keys}) has the keys of "{other}" ({its.shortcut.keys}): choose others'
                )

    def _refuse_absent(self, new: _Registered) -> None:
        there = self._listener.keys
        part = None if there is None else new.combination.lacking(there)
        if part is not None:
            raise ShortcutError(
                f'the shortcut "{new.shortcut.name}" ({new.shortcut.keys}) needs the key {part}, which the keyboard '
                'does not have as it is laid out; a sign typed with shift is written by its key, as "shift+2" for "@"'
            )


@dataclass(eq=False, slots=True)
class _Registered:
    """A shortcut, what to call, and whether it is down."""

    shortcut: Shortcut
    combination: Combination
    on_press: Callable[[], object] | None
    on_release: Callable[[], object] | None
    calls: Events = field(default_factory=Events)  # has a thread, on which both are called, while keys are listened to
    is_down: bool = False

    def open(self) -> None:
        """Have the callbacks called from now on."""
        self.calls = Events()
        if self.on_press is not None or self.on_release is not None:
            self.calls.subscribe(self._caller(), ShortcutPressed, ShortcutReleased)

    def _caller(self) -> Callable[[object], None]:
        def call(event: object) -> None:
            callback = self.on_press if isinstance(event, ShortcutPressed) else self.on_release
            if callback is not None:
                callback()

        call.__qualname__ = f'shortcut "{self.shortcut.name}"'  # by which a log calls it
        return call


def _close(ending: Iterable[Events]) -> None:
    """Let callbacks end, for CALLBACKS_S all together."""
    deadline_s = time.monotonic() + CALLBACKS_S
    for calls in ending:
        calls.close(max(0.0, deadline_s - time.monotonic()))
