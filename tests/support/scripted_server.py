"""A real HTTP server on 127.0.0.1 that answers by a script, rightly or wrongly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class ScriptedServer:
    """Each request is answered by the next behaviour of the script; the last one answers all further requests.

    A subclass makes of a request's handler what behaviours are given, by `exchange()`; that has the `request` that is
    kept. A context manager.
    """

    def __init__(self, *script: Callable[[Any], None]) -> None:
        self._script = list(script)
        self._lock = threading.Lock()
        self.requests: list[Any] = []
        self.arrived = threading.Event()
        self.closing = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner._answer(owner.exchange(self))

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self.http = _QuietServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})

    def exchange(self, handler: BaseHTTPRequestHandler) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.http.shutdown()
        self._thread.join()
        self.http.server_close()

    def _answer(self, exchange: Any) -> None:
        with self._lock:
            behaviour = self._script[min(len(self.requests), len(self._script) - 1)]
            self.requests.append(exchange.request)
        self.arrived.set()
        behaviour(exchange)


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Clients hang up on bad answers; that is what the tests want of them."""
