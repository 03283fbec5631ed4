"""Keys pressed together, named as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from thoth.dictation.output.desktop import ON_X
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth._native import CancelToken

_MODIFIERS: Final = ("ctrl", "shift", "alt", "super", "cmd")
_LAST: Final = ("insert",)


def parse_keys(keys: str) -> tuple[str, ...]:
    """Return the names in "ctrl+shift+v": modifiers, then a letter, a digit or insert. Raises InvalidOption."""
    names = tuple(name.strip() for name in keys.lower().split("+"))
    last = names[-1]
    if not set(names[:-1]) <= set(_MODIFIERS) or not (last in _LAST or (len(last) == 1 and last.isalnum())):
        raise InvalidOption(
            f"keys must be like 'ctrl+v' or 'shift+insert' ({', '.join(_MODIFIERS)}, then a letter, a digit "
            f"or insert), not {keys!r}"
        )
    return names


def press(keys: tuple[str, ...], cancel: CancelToken) -> None:
    """Press the keys of `parse_keys` together and let go of them. Raises OutputError, Cancelled."""
    if ON_X:
        from thoth.dictation.output.x_keyboard import XKeyboard

        with XKeyboard() as keyboard:
            keyboard.press(keys, cancel)
    else:
        _press_by_pynput(keys)


def _press_by_pynput(keys: tuple[str, ...]) -> None:
    from pynput.keyboard import Controller, Key

    *modifiers, last = keys
    controller = Controller()
    with controller.pressed(*(Key["cmd" if name == "super" else name] for name in modifiers)):
        controller.tap(Key[last] if last in _LAST else last)
