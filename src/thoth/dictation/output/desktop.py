"""What the sinks of the desktop need: optional packages, and a display."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from typing import Final

from thoth.errors import OutputError

DESKTOP_LANE: Final = "desktop"
"""There is one keyboard and one clipboard: the sinks that use them take turns."""

ON_X: Final = sys.platform not in ("darwin", "win32")
"""Where the keyboard is reached through an X server."""

_NO_DISPLAY: Final = "over ssh or without a desktop, choose stdout, a file or a command"


def require_packages(what: str, *modules: str) -> None:
    """Raise OutputError, saying what to install, if one of the modules of the `desktop` extra is missing."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            raise OutputError(
                f'{what} needs {module.partition(".")[0]}, which is not installed: pip install "thoth-speech[desktop]"'
            ) from None


def require_keyboard(what: str) -> None:
    """Raise OutputError if keys cannot be pressed here."""
    if not ON_X:
        require_packages(what, "pynput")
        return
    # pynput brings it, and cannot be imported itself where there is no display.
    require_packages(what, "Xlib")
    if not os.environ.get("DISPLAY"):
        if os.environ.get("WAYLAND_DISPLAY"):
            raise OutputError(f"{what} presses keys through X, which this Wayland desktop lacks: choose the clipboard")
        raise OutputError(f"{what} needs a display, and DISPLAY is not set: {_NO_DISPLAY}")


def require_clipboard(what: str) -> None:
    """Raise OutputError if pyperclip, or what it stands on, is not there."""
    require_packages(what, "pyperclip")
    if not ON_X:
        return
    if os.environ.get("WAYLAND_DISPLAY") and shutil.which("wl-copy") and shutil.which("wl-paste"):
        return
    if os.environ.get("DISPLAY"):
        if not (shutil.which("xclip") or shutil.which("xsel")):
            raise OutputError(f"{what} needs a program for the clipboard: install xclip (or xsel)")
    elif os.environ.get("WAYLAND_DISPLAY"):
        raise OutputError(f"{what} needs a program for the clipboard: install wl-clipboard")
    else:
        raise OutputError(f"{what} needs a display, and DISPLAY is not set: {_NO_DISPLAY}")
