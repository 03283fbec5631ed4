"""What keys are called, and which of them together make a shortcut.

A key has one name, whatever is held beside it and however a keyboard's layout changes what it types: "d" is the key of
the letter d under shift too. Modifiers have a side ("left ctrl"); a shortcut that asks for "ctrl" takes either.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Final

from thoth.errors import InvalidOption

_SIDED: Final = {
    "ctrl": ("control",),
    "alt": ("option", "opt"),
    "shift": (),
    "super": ("win", "windows", "cmd", "command", "meta"),
}
_ORDER: Final = ("ctrl", "alt", "altgr", "shift", "super")
"""In which modifiers are written."""

_NAMED: Final = {
    "altgr": ("altgraph",),
    "space": ("spacebar",),
    "enter": ("return",),
    "tab": (),
    "esc": ("escape",),
    "backspace": (),
    "insert": ("ins",),
    "delete": ("del",),
    "home": (),
    "end": (),
    "page up": ("pgup", "prior"),
    "page down": ("pgdn", "pgdown", "next"),
    "up": (),
    "down": (),
    "left": (),
    "right": (),
    "caps lock": ("caps",),
    "num lock": (),
    "scroll lock": (),
    "pause": ("break",),
    "print screen": ("print", "prtsc"),
    "menu": ("apps",),
    "play pause": ("media play pause",),
    "next track": ("media next",),
    "previous track": ("media previous",),
    "mute": ("media volume mute",),
    "volume up": ("media volume up",),
    "volume down": ("media volume down",),
    "plus": ("+",),
    "minus": ("-",),
    "numpad plus": (),
    "numpad minus": (),
    "numpad times": (),
    "numpad divide": (),
    "numpad decimal": (),
    "numpad enter": (),
    **{f"numpad {digit}": () for digit in range(10)},
    **{f"f{number}": () for number in range(1, 25)},
}
_SIDES: Final = ("left", "right")
_KNOWN: Final = (
    f"modifiers are {', '.join(_ORDER)}, with or without left or right; keys are letters, digits, signs, f1 to f24, "
    "numpad 0 to 9, space, enter, tab, esc, pause, insert, delete, home, end, page up, up and so on"
)


def _spellings() -> dict[str, str]:
    """From each way to write a key, without blanks, to its name."""
    index: dict[str, str] = {}
    for name, others in (_NAMED | _SIDED).items():
        index |= {spelling.replace(" ", ""): name for spelling in (name, *others)}
    for name, others in _SIDED.items():
        for spelling in (name, *others):
            for side in _SIDES:
                ways = (side + spelling, spelling + side, side[0] + spelling, spelling + side[0])
                index |= dict.fromkeys(ways, f"{side} {name}")
    return index


_SPELLINGS: Final = _spellings()

MODIFIERS: Final = frozenset({"altgr"} | {f"{side} {name}" for side in _SIDES for name in _SIDED})
"""The modifier keys of a keyboard."""


@dataclass(frozen=True, slots=True)
class Combination:
    """Modifiers, and at most one other key. Immutable; `str()` is its normal form, which parses to the same.

    - `modifiers`: in the order in which they are written; "ctrl" is either key of that name, "left ctrl" that one.
    - `key`: the other key's name, or None for modifiers alone.
    """

    modifiers: tuple[str, ...]
    key: str | None

    def __str__(self) -> str:
        return "+".join(self._parts())

    def begins(self, key: str, held: Set[str]) -> bool:
        """Whether `key`, which just went down and is in `held`, makes it whole.

        The modifiers held are exactly its own, and its other key is the one that came last.
        """
        if not self._is_modified_by(held & MODIFIERS):
            return False
        return key == self.key if self.key is not None else held <= MODIFIERS

    def lasts(self, held: Set[str]) -> bool:
        """Whether all of its keys are in `held`; what else is held does not matter."""
        return all(_keys_of(part) & held for part in self._parts())

    def overlaps(self, other: Combination) -> bool:
        """Whether one press can make both whole."""
        return self.key == other.key and self._is_part_of(other) and other._is_part_of(self)

    def is_nested_with(self, other: Combination) -> bool:
        """Whether the keys of one of them are among those of the other."""
        return self._is_part_of(other) or other._is_part_of(self)

    def lacking(self, keys: Set[str]) -> str | None:
        """Return the first part that none of the keys of a keyboard can be, or None."""
        return next((part for part in self._parts() if not _keys_of(part) & keys), None)

    def _parts(self) -> tuple[str, ...]:
        return self.modifiers if self.key is None else (*self.modifiers, self.key)

    def _is_modified_by(self, held: Set[str]) -> bool:
        wanted = [_keys_of(part) for part in self.modifiers]
        return all(keys & held for keys in wanted) and held <= frozenset().union(*wanted)

    def _is_part_of(self, other: Combination) -> bool:
        return all(any(_keys_of(part) & _keys_of(its) for its in other._parts()) for part in self._parts())


def parse_keys(text: str) -> Combination:
    """Read a shortcut: "ctrl+alt+d", "<ctrl>+<alt>+d", "F9", "right ctrl", "Super + Space".

    Raises InvalidOption that names the part at fault.
    """
    if not isinstance(text, str):
        raise InvalidOption(f'a shortcut is a text as "ctrl+alt+d", not {text!r}')
    names = [_named(part, text) for part in _split(text)]
    for name in names:
        if names.count(name) > 1 or any(name in _keys_of(other) and name != other for other in names):
            raise InvalidOption(f'the shortcut "{text}" has {name} twice')
    modifiers = [name for name in names if _is_modifier(name)]
    others = [name for name in names if not _is_modifier(name)]
    if len(others) > 1:
        raise InvalidOption(
            f'the shortcut "{text}" has {" and ".join(others)}: beside modifiers ({", ".join(_ORDER)}) it takes one key'
        )
    return Combination(tuple(sorted(modifiers, key=_place)), others[0] if others else None)


def key_named(text: str) -> str | None:
    """Return the name of the key that is written so in any of the known ways, or None."""
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > 2 and text[0] == "<" and text[-1] == ">":
        text = text[1:-1]
    folded = text.lower()
    known = _SPELLINGS.get(folded) or _SPELLINGS.get("".join(folded.replace("_", " ").replace("-", " ").split()))
    if known is None and len(folded) == 1 and folded.isprintable() and not folded.isspace():
        return folded
    return known


def _split(text: str) -> Iterator[str]:
    """Give the parts between plus signs; a plus sign where a key should be is that key."""
    rest = text.strip()
    while True:
        end = rest.find("+", 1)
        if end < 0:
            yield rest.strip()
            return
        yield rest[:end].strip()
        rest = rest[end + 1 :].lstrip()


def _named(part: str, text: str) -> str:
    if not part:
        raise InvalidOption(
            f'the shortcut "{text}" lacks a key: write it as "ctrl+alt+d", and the plus key as plus'
            if text.strip()
            else 'the shortcut is empty: write it as "ctrl+alt+d" or "F9"'
        )
    name = key_named(part)
    if name is None:
        near = difflib.get_close_matches(part.lower(), _SPELLINGS, n=1)
        guess = f' Did you mean "{_SPELLINGS[near[0]]}"?' if near else ""
        raise InvalidOption(f'the shortcut "{text}" has "{part}", which is no key.{guess} Known: {_KNOWN}')
    return name


def _is_modifier(name: str) -> bool:
    return name in _SIDED or name in MODIFIERS


def _keys_of(part: str) -> frozenset[str]:
    """Return the keys of a keyboard that are meant by one part of a shortcut."""
    return frozenset(f"{side} {part}" for side in _SIDES) if part in _SIDED else frozenset({part})


def _place(modifier: str) -> tuple[int, str]:
    return _ORDER.index(modifier.split()[-1]), modifier
