"""Has an X server hand out at once what its RECORD extension has recorded."""

from __future__ import annotations

import importlib
import select
import socket
import threading
from contextlib import suppress
from typing import Any, Final

_ENDING_S: Final = 1.0
_EXTENSION: Final = "XInputExtension"


class Nudge:
    """Asks the X server for something whenever a key goes down or up. Starts when made; any thread.

    The server keeps what it records in a buffer of 32 events, and sends it on while it has answers for clients to send.
    Most programs that get a key ask for something. Where none does, as on an empty desktop, a key was told of after
    1.9 s, when its repeats had filled the buffer, or never; with this after 0.6 ms (p50, Xvfb 21.1, two busy cores).

    display: a connection of its own, which it closes.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._wake, self._awake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="thoth-keys-nudge", daemon=True)
        if display.has_extension(_EXTENSION):
            xinput = importlib.import_module("Xlib.ext.xinput")
            mask = xinput.RawKeyPressMask | xinput.RawKeyReleaseMask
            display.xinput_query_version()
            display.screen().root.xinput_select_events([(xinput.AllMasterDevices, mask)])
            display.sync()
        self._thread.start()

    def end(self) -> None:
        """Close the connection; bounded in time. Called once."""
        self._wake.close()
        self._thread.join(_ENDING_S)

    def _run(self) -> None:
        with self._awake, suppress(Exception):  # the server may go at any time, which the listener tells
            while self._awake not in select.select([self._awake, self._display], [], [])[0]:
                self._answer_all()
        with suppress(Exception):
            self._display.close()

    def _answer_all(self) -> None:
        while waiting := self._display.pending_events():  # a sync() may take in more
            for _ in range(waiting):
                self._display.next_event()
            self._display.sync()  # with its reply, the server takes the record out of its buffer,
            self._display.sync()  # and with this one it sends it
