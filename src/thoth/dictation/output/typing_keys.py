"""Text typed into whatever has the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from thoth.dictation.output.desktop import DESKTOP_LANE, ON_X, require_keyboard
from thoth.dictation.output.sink import check_not_cancelled, plain
from thoth.errors import OutputError

if TYPE_CHECKING:
    from thoth._native import CancelToken

LONGEST_TYPED: Final = 10_000
"""Characters: more would take too long in programs that are slow to show what is typed."""


class TypingSink:
    """Types each text, newline as Return, into the program that has the keyboard; the clipboard is not touched.

    Control characters are left out. Modifiers that are still held (of the shortcut that ended the dictation) are waited
    for, a second at most, and then released. Characters that no key has are put on free key codes of the X display,
    where they stay. On failure OutputError: nothing was typed if the text is longer than 10 000 characters or the
    display is not there; else, and when cancelled, the beginning of the text may stand in the program. Whether the
    program took the keys cannot be known. Raises OutputError when made if the `desktop` extra or the display is
    missing. A display that hangs makes `deliver` wait; `deliver_all` bounds that.
    """

    name = "typing"
    lane = DESKTOP_LANE
    limit_s = 60.0

    def __init__(self) -> None:
        require_keyboard("typing")

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Type the text. Raises OutputError, Cancelled (looked at before each character)."""
        check_not_cancelled(cancel, self.name)
        typed = plain(text)
        if len(typed) > LONGEST_TYPED:
            raise OutputError(
                f"a text of {len(typed)} characters is too long to be typed (at most {LONGEST_TYPED}): paste it"
            )
        if not typed:
            return
        if ON_X:
            from thoth.dictation.output.x_keyboard import XKeyboard

            with XKeyboard() as keyboard:
                keyboard.type(typed, cancel)
        else:
            _type_by_pynput(typed, cancel)


def _type_by_pynput(text: str, cancel: CancelToken) -> None:
    from pynput.keyboard import Controller

    controller = Controller()
    try:
        for letter in text:
            check_not_cancelled(cancel, "typing")
            controller.type(letter)
    except controller.InvalidCharacterException as error:
        raise OutputError(f"the keyboard cannot type {error.args!r}: paste the text") from error
