"""Text in the clipboard, through pyperclip, which runs in a process that can be ended."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thoth.dictation.output.desktop import DESKTOP_LANE, require_clipboard
from thoth.dictation.output.process import Stopped, run_bounded
from thoth.dictation.output.sink import POLL_S, check_not_cancelled, plain
from thoth.errors import OutputError

if TYPE_CHECKING:
    from thoth._native import CancelToken

CLIPBOARD_LIMIT_S: Final = 3.0
"""The longest for one access; a clipboard that answers does so in a tenth of a second."""

_PATIENCE_S: Final = 1.0
"""For one look at what was just put there."""

# Isolated and without site packages, so that it starts in a few hundredths of a second.
_CHILD: Final = """
import sys
sys.path.append(sys.argv[1])
import pyperclip
if sys.argv[2] == "copy":
    pyperclip.copy(sys.stdin.buffer.read().decode())
else:
    sys.stdout.buffer.write(pyperclip.paste().encode("utf-8", "replace"))
"""


class _NoAnswer(OutputError):
    """The clipboard was asked, and whoever owns it said nothing."""


class ClipboardSink:
    """Puts each text, without control characters, into the clipboard in place of what was there.

    Delivered means that it was read back from the clipboard, except on Wayland. On failure OutputError, within 6 s
    however the clipboard or the display hangs, with no process and no thread left; the clipboard may then hold the
    text, or what it held. Raises OutputError when made if pyperclip, its program (xclip, xsel, wl-clipboard) or the
    display is missing.
    """

    name = "clipboard"
    lane = DESKTOP_LANE

    def __init__(self) -> None:
        require_clipboard("the clipboard")

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Set the clipboard. Raises OutputError, Cancelled."""
        check_not_cancelled(cancel, self.name)
        put_text(plain(text), cancel)


def put_text(text: str, cancel: CancelToken) -> None:
    """Set the clipboard's text, and wait until it is there. Raises OutputError within 6 s, Cancelled."""
    _access("copy", text.encode(), cancel, CLIPBOARD_LIMIT_S)
    # To read from a Wayland clipboard may take the focus away from the program that is worked in.
    if not os.environ.get("WAYLAND_DISPLAY") and not _arrives(text, cancel):
        raise OutputError("the clipboard did not take the text: is the display there, and no other program busy?")


def _arrives(text: str, cancel: CancelToken) -> bool:
    """Read the text back: pyperclip does not look whether the program that it runs succeeded."""
    deadline_s = time.monotonic() + CLIPBOARD_LIMIT_S
    while (left_s := deadline_s - time.monotonic()) > 0:
        # That program takes the clipboard over in the background: until then the owner before it answers, or hangs.
        with suppress(_NoAnswer):
            if paste_text(cancel, min(left_s, _PATIENCE_S)).strip() == text.strip():
                return True
        time.sleep(POLL_S)
    return False


def paste_text(cancel: CancelToken, limit_s: float = CLIPBOARD_LIMIT_S) -> str:
    """Return the clipboard's text, "" if it holds none. Raises OutputError, within `limit_s`, or Cancelled."""
    return _access("paste", b"", cancel, limit_s).decode("utf-8", "replace")


def _access(verb: str, data: bytes, cancel: CancelToken, limit_s: float) -> bytes:
    import pyperclip

    packages = str(Path(pyperclip.__file__).parent.parent)
    command = [sys.executable, "-I", "-S", "-c", _CHILD, packages, verb]
    try:
        finished = run_bounded(command, data, limit_s=limit_s, cancel=cancel, keep_output=verb == "paste")
    except Stopped:
        check_not_cancelled(cancel, "clipboard")
        raise _NoAnswer(
            f"the clipboard does not answer for {limit_s:.0f} s: the program that owns it, or the display, hangs"
        ) from None
    except OSError as error:
        raise OutputError(f"the clipboard cannot be reached: {error.strerror or error}") from error
    if finished.status:
        last_line = finished.complaint.rpartition("\n")[2]
        raise OutputError(f"the clipboard cannot be reached: {last_line}")
    return finished.output
