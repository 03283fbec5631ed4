"""What a sink is, and the two forms of a text that sinks hand on."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from thoth.errors import Cancelled, InvalidOption

if TYPE_CHECKING:
    from thoth._native import CancelToken

POLL_S: Final = 0.02
"""How often what waits looks whether it was cancelled: soon enough for a cancel to be felt as immediate."""

_REPLACEMENT: Final = "\ufffd"


@runtime_checkable
class Sink(Protocol):
    """Takes a text somewhere.

    `name` says in messages where that is. Two optional attributes are read by `deliver_all`: `limit_s`, the seconds
    after which a delivery that is not done counts as hanging (30 where there is none), and `lane`, a name that sinks
    share when they must not work at the same time (those of one lane take turns, in the order given).
    """

    name: str

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Put `text` where it belongs.

        Raises OutputError, whose message says what was wrong and whether the text arrived, or Cancelled soon after
        `cancel` was set. May be called from any thread, one call at a time.
        """


def encodable(text: str) -> str:
    """Return the text as it is, but for half surrogate pairs, which no encoding takes: those become U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def plain(text: str) -> str:
    """Return the text without what a program would obey instead of showing it.

    Control characters other than newline and tab are left out (escape would start a command in a terminal, NUL ends
    the text in many programs); the line ends of other systems become newlines; half surrogate pairs become U+FFFD.
    """
    lines = encodable(text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter in "\n\t" or unicodedata.category(letter) != "Cc")


def described(error: BaseException) -> str:
    """Return the kind of an exception and what it says, whatever its own code makes of that."""
    kind = type(error).__name__
    try:
        return f"{kind}: {error}" if str(error) else kind
    except Exception:
        return kind


def checked_timeout(timeout_s: object) -> float:
    """Return `timeout_s`. Raises InvalidOption unless it is a number above 0."""
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)) or not timeout_s > 0:
        raise InvalidOption(f"timeout_s must be above 0, not {timeout_s!r}")
    return float(timeout_s)


def check_not_cancelled(cancel: CancelToken, name: str) -> None:
    """Raise Cancelled if that was asked."""
    if cancel.cancelled:
        raise Cancelled(f"{name}: the output was cancelled")
