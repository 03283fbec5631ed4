"""Text pasted into whatever has the keyboard, by way of the clipboard, which is then restored."""

from __future__ import annotations

import sys
import time
from typing import Final

from thoth._native import CancelToken
from thoth.dictation.output import x_clipboard
from thoth.dictation.output.clipboard import paste_text, put_text
from thoth.dictation.output.desktop import DESKTOP_LANE, ON_X, require_clipboard, require_keyboard
from thoth.dictation.output.press import parse_keys, press
from thoth.dictation.output.sink import POLL_S, check_not_cancelled, plain
from thoth.dictation.output.typing_keys import TypingSink
from thoth.errors import InvalidOption, OutputError

LONGEST_PASTED_BYTES: Final = 1 << 18
"""More than this xclip hands over in one piece that some toolkits (Tk) refuse, and nobody would hear of it."""
TAKING_LIMIT_S: Final = 3.0
"""How long a program gets to ask for the pasted text."""
QUIET_S: Final = 0.2
"""After the last request for the text: toolkits ask for its forms first, and for one of them milliseconds later."""
SETTLE_S: Final = 0.5
"""How long the text stays in the clipboard where nobody can tell when it was taken (no X display with xclip)."""


class PasteSink:
    """Pastes each text into the program that has the keyboard: clipboard set, `delay_s` waited, `keys` pressed.

    Terminals want `keys="ctrl+shift+v"`. Control characters are left out. The clipboard is restored afterwards, also
    on failure and when cancelled (which comes too late once the keys were pressed), unless something else has been put
    into it meanwhile; text that was in it with formatting comes back without. Where it holds something else (an image,
    files) or its owner does not answer within 2 s, the text is typed as TypingSink does it, and the clipboard stays as
    it is.

    With xclip on an X display, delivered means that a program asked for the text after the keys were pressed, which it
    gets 3 s for; elsewhere the text stays in the clipboard for 0.5 s, taken or not. On failure OutputError says whether
    the text arrived; one of more than 256 KiB is refused. Raises OutputError when made if the `desktop` extra, its
    programs or the display are missing.
    """

    name = "paste"
    lane = DESKTOP_LANE
    limit_s = 75.0
    """A text that is typed instead may take TypingSink's limit."""

    def __init__(self, delay_s: float = 0.05, *, keys: str | None = None) -> None:
        if not delay_s >= 0:
            raise InvalidOption(f"delay_s must be 0 or more, not {delay_s!r}")
        self._keys = parse_keys(keys or ("cmd+v" if sys.platform == "darwin" else "ctrl+v"))
        self._delay_s = delay_s
        require_keyboard("paste")
        require_clipboard("paste")
        self._typing = TypingSink()

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Paste the text. Raises OutputError, Cancelled."""
        check_not_cancelled(cancel, self.name)
        pasted = plain(text)
        if not pasted:
            return
        if (size := len(pasted.encode())) > LONGEST_PASTED_BYTES:
            raise OutputError(
                f"a text of {size} bytes is too long to be pasted (at most {LONGEST_PASTED_BYTES}): choose a file"
            )
        if ON_X and x_clipboard.is_usable():
            self._paste_on_x(pasted, cancel)
        else:
            self._paste_anywhere(pasted, cancel)

    def _paste_on_x(self, text: str, cancel: CancelToken) -> None:
        try:
            saved = x_clipboard.save(cancel)
        except x_clipboard.Unsaved as reason:
            self._type_instead(text, str(reason), cancel)
            return
        with x_clipboard.Offer(text) as offer:
            try:
                offer.wait_until_there(cancel)
                _wait(self._delay_s, cancel)
                offer.mark()
                press(self._keys, cancel)
                taken = self._is_taken(offer, cancel)
            finally:
                # An empty clipboard is so again when the offer ends.
                if saved is not None and offer.holds_text():
                    offer.replace_by(saved)
        if not taken:
            check_not_cancelled(cancel, self.name)
            raise OutputError(
                f"nothing took the text within {TAKING_LIMIT_S:.0f} s of {'+'.join(self._keys)}: "
                "is a text field selected, and are these its keys for pasting?"
            )

    def _is_taken(self, offer: x_clipboard.Offer, cancel: CancelToken) -> bool:
        if offer.wait_taken(TAKING_LIMIT_S, QUIET_S, cancel):
            return True
        if offer.is_lost and offer.holds_text():  # a clipboard manager answers now, and does not tell
            _wait(SETTLE_S, CancelToken())
            return True
        return False

    def _paste_anywhere(self, text: str, cancel: CancelToken) -> None:
        try:
            saved = paste_text(cancel)
        except OutputError as reason:
            self._type_instead(text, str(reason), cancel)
            return
        if not saved:  # empty, or an image, which could not be put back: pyperclip cannot tell
            self._type_instead(text, "the clipboard holds no text that could be restored", cancel)
            return
        try:
            put_text(text, cancel)
            _wait(self._delay_s, cancel)
            press(self._keys, cancel)
            _wait(SETTLE_S, CancelToken())  # who asks a moment after a cancel must find this text
        finally:
            after = CancelToken()
            if paste_text(after) in (text, ""):  # else somebody copied something meanwhile
                put_text(saved, after)

    def _type_instead(self, text: str, why: str, cancel: CancelToken) -> None:
        try:
            self._typing.deliver(text, cancel)
        except OutputError as error:
            raise OutputError(f"{why}, so the text was to be typed instead of pasted, but {error}") from error


def _wait(wait_s: float, cancel: CancelToken) -> None:
    deadline_s = time.monotonic() + wait_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        check_not_cancelled(cancel, "paste")
        time.sleep(min(left_s, POLL_S))
