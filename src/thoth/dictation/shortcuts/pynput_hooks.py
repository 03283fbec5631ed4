"""pynput's listeners, and our names of the keys that they tell.

On X, three things of pynput 1.8 are set right here, each seen with a real server: what it calls a key depends on the
modifiers held at that moment, so that "@" goes down and "2" comes up; it says that it listens before it does; and once
asked to stop, it does so at the next key only. `x_nudge` sees to it that keys are told of at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from thoth.dictation.shortcuts.keys import MODIFIERS, key_named
from thoth.errors import ShortcutError

_UNTRUSTED: Final = (
    "macOS asks for a permission: System Settings, Privacy & Security, Accessibility, allow the terminal"
)

_NUMPAD: Final = {
    **dict.fromkeys((0xFF9E, 0xFFB0), "numpad 0"),
    **dict.fromkeys((0xFF9C, 0xFFB1), "numpad 1"),
    **dict.fromkeys((0xFF99, 0xFFB2), "numpad 2"),
    **dict.fromkeys((0xFF9B, 0xFFB3), "numpad 3"),
    **dict.fromkeys((0xFF96, 0xFFB4), "numpad 4"),
    **dict.fromkeys((0xFF9D, 0xFFB5), "numpad 5"),
    **dict.fromkeys((0xFF98, 0xFFB6), "numpad 6"),
    **dict.fromkeys((0xFF95, 0xFFB7), "numpad 7"),
    **dict.fromkeys((0xFF97, 0xFFB8), "numpad 8"),
    **dict.fromkeys((0xFF9A, 0xFFB9), "numpad 9"),
    **dict.fromkeys((0xFF9F, 0xFFAC, 0xFFAE), "numpad decimal"),
    0xFF8D: "numpad enter",
    0xFFAA: "numpad times",
    0xFFAB: "numpad plus",
    0xFFAD: "numpad minus",
    0xFFAF: "numpad divide",
}
"""X keysyms of the numeric keypad (X11/keysymdef.h), with and without Num Lock; pynput takes them for other keys."""

_ISO_LEVEL3_SHIFT: Final = 0xFE03  # the AltGr key of today's layouts, which pynput does not know
_F20, _F24 = 0xFFD1, 0xFFD5


def x_hook(
    keyboard: Any, on_key: Callable[[object, bool], None], begin: Callable[[], None], end: Callable[[int], None]
) -> Any:
    """Make a pynput listener, not started; its run() listens on the thread that calls it.

    begin: called when it listens. end: called to end the record of which it is given the number.
    """
    start_of_data = importlib.import_module("Xlib.ext.record").StartOfData

    class Hook(keyboard.Listener):  # type: ignore[misc]  # pynput comes without types
        def _event_to_key(self, display: Any, event: Any) -> Any:
            keysym = display.keycode_to_keysym(event.detail, 0)
            return _NUMPAD.get(keysym) or super()._event_to_key(display, _KeyAlone(event.detail))

        def _handler(self, events: Any) -> None:
            if events.category == start_of_data:
                begin()
            super()._handler(events)

        def _stop_platform(self) -> None:
            context = getattr(self, "_context", None)
            if context is not None:  # else it finds that it was stopped when its record starts
                end(context)

    return Hook(on_press=lambda key: on_key(key, True), on_release=lambda key: on_key(key, False))


class _KeyAlone(NamedTuple):
    """An X event as pynput reads it, of a key without modifiers."""

    detail: int
    state: int = 0


def keys_of_x(hook: Any, display: Any) -> frozenset[str]:
    """Return all keys of the keyboard, each as the hook calls it."""
    info = display.display.info
    codes = range(info.min_keycode, info.max_keycode + 1)
    return frozenset(name_of(hook._event_to_key(display, _KeyAlone(code))) for code in codes)


def other_hook(keyboard: Any, on_key: Callable[[object, bool], None], begin: Callable[[], None]) -> Any:
    """Make a pynput listener as `x_hook` does, for a system without X."""

    class Hook(keyboard.Listener):  # type: ignore[misc]  # pynput comes without types
        def _mark_ready(self) -> None:
            super()._mark_ready()
            if not getattr(self, "IS_TRUSTED", True):
                raise ShortcutError(f"shortcuts cannot be had: {_UNTRUSTED}")
            begin()

    return Hook(on_press=lambda key: on_key(key, True), on_release=lambda key: on_key(key, False))


def name_of(key: Any) -> str:
    """Return our name of what pynput tells; of a key without one, something that no shortcut can ask for."""
    if isinstance(key, str):
        return key
    special = getattr(key, "name", None)
    if special is not None:
        name = key_named(special) or f"#{special}"
        return f"left {name}" if f"left {name}" in MODIFIERS else name
    if key is None or key.char is None:
        return _name_of_code(key.vk if key is not None else 0)
    return key_named(key.char) or f"#{key.char!r}"


def _name_of_code(code: int) -> str:
    if code == _ISO_LEVEL3_SHIFT:
        return "altgr"
    if _F20 < code <= _F24:
        return f"f{20 + code - _F20}"
    return f"#{code}"
