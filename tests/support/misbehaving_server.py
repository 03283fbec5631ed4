"""A real HTTP server on 127.0.0.1 that answers each request by the next item of a script.

    with MisbehavingServer(cut_off(body, after=1000), whole(body)) as server:
        ... server.url, server.requests ...

The last behaviour of the script answers all further requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from scripted_server import ScriptedServer

Behaviour = Callable[["Exchange"], None]

LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]


class Exchange:
    """One request and the means to answer it, rightly or wrongly."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: MisbehavingServer) -> None:
        self._handler = handler
        self.server = server
        self.request = Request(handler.path, {name.lower(): value for name, value in handler.headers.items()})

    def head(self, status: int, headers: Mapping[str, str | int]) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, str(value))
        self._handler.end_headers()

    def body(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def hang_up(self) -> None:
        self._handler.close_connection = True

    def range_start(self, etag: str | None) -> int:
        """Where the client asked to begin; 0 if it did not ask, or on a condition that does not hold."""
        wanted = self.request.headers.get("range")
        condition = self.request.headers.get("if-range")
        if wanted is None or (condition is not None and condition != etag):
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))


class MisbehavingServer(ScriptedServer):
    requests: list[Request]

    def exchange(self, handler: BaseHTTPRequestHandler) -> Exchange:
        return Exchange(handler, self)


def whole(body: bytes, *, etag: str | None = None, ranges: bool = True) -> Behaviour:
    """The file as it should be served; without `ranges`, a Range request gets all of it with status 200."""

    def answer(exchange: Exchange) -> None:
        start = exchange.range_start(etag) if ranges else 0
        if start >= len(body):
            exchange.head(416, {"Content-Range": f"bytes */{len(body)}", "Content-Length": 0})
            return
        exchange.head(*_status_and_headers(body, start, etag))
        exchange.body(body[start:])

    return answer


def cut_off(body: bytes, *, after: int, etag: str | None = None) -> Behaviour:
    """Promises the rest of the file, and hangs up after so many bytes of it."""

    def answer(exchange: Exchange) -> None:
        start = exchange.range_start(etag)
        exchange.head(*_status_and_headers(body, start, etag))
        exchange.body(body[start : start + after])
        exchange.hang_up()

    return answer


def stalled(body: bytes, *, after: int, etag: str | None = None, until: threading.Event | None = None) -> Behaviour:
    """Sends so many bytes, then nothing until the event is set (or the server closes), then the rest."""

    def answer(exchange: Exchange) -> None:
        start = exchange.range_start(etag)
        exchange.head(*_status_and_headers(body, start, etag))
        exchange.body(body[start : start + after])
        (until or exchange.server.closing).wait()
        if until is None:
            exchange.hang_up()
        else:
            exchange.body(body[start + after :])

    return answer


def trickle(body: bytes, *, every_s: float) -> Behaviour:
    """One byte at a time, each soon enough for any read timeout."""

    def answer(exchange: Exchange) -> None:
        exchange.head(*_status_and_headers(body, 0, None))
        for position in range(len(body)):
            exchange.body(body[position : position + 1])
            if exchange.server.closing.wait(every_s):
                return

    return answer


def silent() -> Behaviour:
    """Takes the request and never answers."""

    def answer(exchange: Exchange) -> None:
        exchange.server.closing.wait()
        exchange.hang_up()

    return answer


def status(code: int, **headers: str) -> Behaviour:
    def answer(exchange: Exchange) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.head(code, named | {"Content-Length": "0"})

    return answer


def redirect(to: str) -> Behaviour:
    return status(302, Location=to)


def raw(body: bytes, *, code: int = 200, length: int | None = None, **headers: str) -> Behaviour:
    """These bytes with these headers, whatever was asked; without `length`, the end is the hang-up."""

    def answer(exchange: Exchange) -> None:
        named: dict[str, str | int] = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.head(code, named | ({"Connection": "close"} if length is None else {"Content-Length": length}))
        exchange.body(body)
        exchange.hang_up()

    return answer


def _status_and_headers(body: bytes, start: int, etag: str | None) -> tuple[int, dict[str, str | int]]:
    headers: dict[str, str | int] = {
        "Content-Type": "application/octet-stream",
        "Content-Length": len(body) - start,
    }
    if etag is not None:
        headers["ETag"] = etag
    if start == 0:
        return 200, headers
    headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    return 206, headers
