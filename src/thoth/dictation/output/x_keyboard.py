"""The keyboard of an X display, pressed through its XTEST extension, so that programs cannot tell it from a real one.

pynput is not used for this: it sends characters as synthetic events, which terminals ignore, and it puts accented
letters on levels of a key that cannot be reached, so that "é ß" arrives as "é é".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from thoth.dictation.output.sink import POLL_S, check_not_cancelled
from thoth.errors import OutputError

if TYPE_CHECKING:
    from thoth._native import CancelToken

RELEASE_WAIT_S: Final = 1.0
"""How long modifiers that the user holds are waited for, before they are released for them."""
_KEY_PAUSE_S: Final = 0.001
"""Between two characters: programs that take longer queue them, and a thousand a second is fast enough."""
_REMAP_WAIT_S: Final = 0.3
"""Before a key gets another character: what was typed with it must have been read, since programs look it up late."""

_SHIFT, _LOCK, _CONTROL, _ALT, _SUPER, _LEVEL3 = 1, 2, 4, 8, 64, 128
_HELD: Final = _SHIFT | _CONTROL | _ALT | _SUPER | _LEVEL3
_UNICODE_KEYSYM: Final = 0x0100_0000
"""A keysym for any character is this plus its code point (X11 protocol, appendix A)."""
_NAMED: Final = {
    "\n": 0xFF0D,
    "\t": 0xFF09,
    "ctrl": 0xFFE3,
    "shift": 0xFFE1,
    "alt": 0xFFE9,
    "super": 0xFFEB,
    "cmd": 0xFFEB,
    "insert": 0xFF63,
}
_CAPS_LOCK: Final = 0xFFE5
"""Keysyms of X11/keysymdef.h."""


def keysyms(letter: str) -> tuple[int, ...]:
    """Return the keysyms that stand for a character, the one to put on a free key last."""
    if letter in _NAMED:
        return (_NAMED[letter],)
    code = ord(letter)
    wide = _UNICODE_KEYSYM + code
    return (code, wide) if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else (wide,)


class XKeyboard:
    """A connection to the keyboard of the display named by DISPLAY. A context manager; one thread.

    Everything raises OutputError when the display goes.
    """

    def __init__(self) -> None:
        import Xlib.display
        import Xlib.error

        try:
            self._display: Any = Xlib.display.Display()
        except (Xlib.error.DisplayError, OSError) as error:
            raise OutputError(f"the keyboard cannot be reached: {error}") from error
        if not self._display.has_extension("XTEST"):
            self._display.close()
            raise OutputError("the display lets no program press keys (it has no XTEST extension)")
        self._root: Any = self._display.screen().root
        self._first = self._display.display.info.min_keycode
        self._read_map()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import Xlib.error

        with suppress(Xlib.error.ConnectionClosedError, OSError):
            self._display.close()

    def type(self, text: str, cancel: CancelToken) -> None:
        """Type a text, newline as Return. Raises OutputError, Cancelled; its beginning may have been typed."""
        with self._errors_told(), self._without_caps_lock():
            rest = text
            while rest:
                count = self._make_room(rest)
                for letter in rest[:count]:
                    check_not_cancelled(cancel, "typing")
                    self.wait_for_modifiers(cancel)
                    self._tap(self._place(letter))
                    time.sleep(_KEY_PAUSE_S)
                rest = rest[count:]

    def press(self, keys: Sequence[str], cancel: CancelToken) -> None:
        """Press keys together, the last one being the one that does something. Raises OutputError, Cancelled."""
        with self._errors_told():
            self.wait_for_modifiers(cancel)
            codes = [self._code(key) for key in keys]
            pressed: list[int] = []
            try:
                for code in codes:
                    self._send(code, down=True)
                    pressed.append(code)
            finally:
                for code in reversed(pressed):
                    self._send(code, down=False)
                self._display.sync()

    def wait_for_modifiers(self, cancel: CancelToken) -> None:
        """Return when no modifier is held, so that text does not become shortcuts.

        One that the user holds for longer than RELEASE_WAIT_S is released for them, as far as programs can see.
        Raises OutputError if that does not help, Cancelled.
        """
        deadline_s = time.monotonic() + RELEASE_WAIT_S
        while self._mask() & _HELD:
            check_not_cancelled(cancel, "typing")
            if time.monotonic() > deadline_s:
                self._release_modifiers()
                return
            time.sleep(POLL_S)

    def _mask(self) -> int:
        return int(self._root.query_pointer().mask)

    def _release_modifiers(self) -> None:
        down = self._display.query_keymap()
        for row in self._display.get_modifier_mapping():
            for code in row:
                if code and down[code // 8] & 1 << code % 8:
                    self._send(code, down=False)
        self._display.sync()
        if self._mask() & _HELD:
            raise OutputError("a modifier key (ctrl, alt, shift, super) is held down: let go of it")

    def _read_map(self) -> None:
        count = self._display.display.info.max_keycode - self._first + 1
        rows = self._display.get_keyboard_mapping(self._first, count)
        group = self._mask() >> 13 & 3
        self._places: dict[int, tuple[int, bool]] = {}
        """Where each keysym is: key code, and whether shift is needed."""
        self._empty: list[int] = []
        self._borrowed: list[int] = []
        """Key codes that no key has, and those of them that characters were put on, by any run of this class."""
        for code, row in enumerate(rows, self._first):
            symbols = set(row) - {0}
            if not symbols:
                self._empty.append(code)
            elif len(symbols) == 1 and max(symbols) >= _UNICODE_KEYSYM:
                self._borrowed.append(code)
            self._add_places(code, row[2 * group : 2 * group + 2] if any(row[2 * group :]) else row[:2])

    def _add_places(self, code: int, levels: Sequence[int]) -> None:
        for shift, symbol in enumerate(levels):
            known = self._places.get(symbol)
            if symbol and (known is None or (known[1] and not shift)):
                self._places[symbol] = code, bool(shift)

    def _known(self, letter: str) -> int | None:
        return next((symbol for symbol in keysyms(letter) if symbol in self._places), None)

    def _place(self, letter: str) -> tuple[int, bool]:
        symbol = self._known(letter)
        assert symbol is not None, "room was made for it"
        return self._places[symbol]

    def _make_room(self, text: str) -> int:
        """Return how many characters from the beginning can be typed now, after putting missing ones on free keys.

        They stay there: taken off at once, a program that reads its keys late would find others, or none.
        """
        if not (count := self._typable(text)):
            self._borrow([letter for letter in dict.fromkeys(text) if self._known(letter) is None], text)
            count = self._typable(text)
        return count

    def _typable(self, text: str) -> int:
        return next((count for count, letter in enumerate(text) if self._known(letter) is None), len(text))

    def _borrow(self, letters: Sequence[str], text: str) -> None:
        needed = {self._place(letter)[0] for letter in dict.fromkeys(text) if self._known(letter) is not None}
        free = self._empty + [code for code in self._borrowed if code not in needed] or self._borrowed
        if not free:
            raise OutputError(f"the keyboard has no free key for {letters[0]!r}: paste the text instead")
        if len(letters) > len(self._empty):
            time.sleep(_REMAP_WAIT_S)
        for letter, code in zip(letters, free, strict=False):
            symbol = keysyms(letter)[-1]
            # On both levels, since a capital alone would be taken for the upper one.
            self._display.change_keyboard_mapping(code, [(symbol, symbol)])
        self._display.sync()
        self._read_map()

    def _tap(self, place: tuple[int, bool]) -> None:
        code, shift = place
        keys = [self._code("shift"), code] if shift else [code]
        for key in keys:
            self._send(key, down=True)
        for key in reversed(keys):
            self._send(key, down=False)

    def _code(self, key: str) -> int:
        symbol = self._known(key)
        if symbol is None:
            raise OutputError(f"the keyboard has no key {key!r}")
        return self._places[symbol][0]

    def _send(self, code: int, *, down: bool) -> None:
        import Xlib.ext.xtest
        import Xlib.X

        Xlib.ext.xtest.fake_input(self._display, Xlib.X.KeyPress if down else Xlib.X.KeyRelease, code)

    @contextmanager
    def _without_caps_lock(self) -> Iterator[None]:
        """Turn caps lock off meanwhile, which would turn the letters over."""
        code = self._display.keysym_to_keycode(_CAPS_LOCK) if self._mask() & _LOCK else 0
        if code:
            self._tap((code, False))
        try:
            yield
        finally:
            if code:
                self._tap((code, False))
            self._display.sync()

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        import Xlib.error

        try:
            yield
        except (Xlib.error.ConnectionClosedError, Xlib.error.XError, OSError) as error:
            raise OutputError(f"the display went away while keys were pressed: {error}") from error
