"""Messages between two processes, through a socket that nobody else can open; every wait can have an end."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import time
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")


class Channel:
    """One end of a connected stream socket. One thread at a time sends, one at a time receives.

    Both ends belong to Thoth, so what comes is unpickled without distrust.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def send(self, message: object, limit_s: float | None = None) -> None:
        """Send a message. Raises EOFError when the other end is gone, TimeoutError when it takes nothing in."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._socket.settimeout(limit_s)
        try:
            self._socket.sendall(_LENGTH.pack(len(data)) + data)
        except (BrokenPipeError, ConnectionResetError):
            raise EOFError from None

    def receive(self, limit_s: float | None = None) -> Any:
        """Return the next message. Raises EOFError when the other end is gone, TimeoutError when nothing comes."""
        deadline_s = None if limit_s is None else time.monotonic() + limit_s
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline_s))
        return pickle.loads(self._exactly(length, deadline_s))

    def close(self) -> None:
        """Give the socket back; the other end reads the end of the stream."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _exactly(self, size: int, deadline_s: float | None) -> bytearray:
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            # 0 would mean not to wait at all for what may be there in a moment.
            self._socket.settimeout(None if deadline_s is None else max(deadline_s - time.monotonic(), 0.001))
            try:
                got = self._socket.recv_into(rest)
            except ConnectionResetError:
                got = 0
            if not got:
                raise EOFError
            rest = rest[got:]
        return data
