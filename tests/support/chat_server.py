"""A real HTTP server on 127.0.0.1 that speaks the OpenAI chat completions protocol, rightly or wrongly.

    with ChatServer(status(503), says("Let's meet on Tuesday.")) as server:
        ... Enhancer(server.url, "a-model") ... server.requests ...

Each request is answered by the next behaviour of the script; the last one answers all further requests. `dictated()`
gives what stood between the markers of a request.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from scripted_server import ScriptedServer

Behaviour = Callable[["Exchange"], None]

LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    arrived_at: float

    @property
    def system(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def user(self) -> str:
        return str(self.body["messages"][1]["content"])

    @property
    def fence(self) -> str:
        found = re.search(r"<(dictation-[0-9a-f]{16})>", self.user)
        assert found is not None
        return found.group(1)

    def dictated(self) -> str:
        return self.user.partition(f"<{self.fence}>\n")[2].partition(f"\n</{self.fence}>")[0]


class Exchange:
    """One request and the means to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: ChatServer) -> None:
        self._handler = handler
        self.server = server
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.request = Request(handler.path, headers, json.loads(body), time.monotonic())

    def head(self, status: int, headers: Mapping[str, str | int]) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, str(value))
        self._handler.end_headers()

    def body(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def event(self, data: object) -> None:
        """Send one server-sent event."""
        self.body(f"data: {data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)}\r\n\r\n".encode())

    def start_stream(self) -> None:
        self.head(200, {"Content-Type": "text/event-stream; charset=utf-8", "Connection": "close"})

    def hang_up(self) -> None:
        self._handler.close_connection = True

    def until_closing(self) -> None:
        """Say nothing more until the test is over."""
        self.server.closing.wait()
        self.hang_up()


class ChatServer(ScriptedServer):
    requests: list[Request]

    def __init__(self, *script: Behaviour, certificate: Path | None = None) -> None:
        super().__init__(*script)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is made on the request's thread, at its first read.
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
            self.url = f"https://127.0.0.1:{self.port}"

    def exchange(self, handler: BaseHTTPRequestHandler) -> Exchange:
        return Exchange(handler, self)


def self_signed(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1, with its key in the same file, that nobody trusts yet."""
    path = folder / "certificate.pem"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path)]
    certificate = subprocess.run(
        ["openssl", "req", "-x509", *key, *name, "-days", "2"], check=True, capture_output=True
    ).stdout
    path.write_bytes(path.read_bytes() + certificate)
    return path


def completion(text: str | None, finish_reason: str = "stop") -> dict[str, Any]:
    """A whole answer as one object."""
    message = {"role": "assistant", "content": text}
    return {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]}


def chunk(text: str | None, finish_reason: str | None = None) -> dict[str, Any]:
    """A piece of a streamed answer."""
    delta = {} if text is None else {"content": text}
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def pieces_of(text: str) -> list[str]:
    """Cut as a tokenizer might: a space goes with the word behind it."""
    return re.findall(r"\s*\S{1,5}|\s+", text)


def says(text: str, *, finish_reason: str = "stop") -> Behaviour:
    """The protocol as it should be, streamed if that was asked for."""
    return edits(lambda _: text, finish_reason=finish_reason)


def edits(edit: Callable[[str], str], *, finish_reason: str = "stop") -> Behaviour:
    """Answer with what `edit` makes of the dictated text."""

    def answer(exchange: Exchange) -> None:
        text = edit(exchange.request.dictated())
        if not exchange.request.body["stream"]:
            whole(json.dumps(completion(text, finish_reason)).encode())(exchange)
            return
        exchange.start_stream()
        exchange.body(b": a comment, which keeps connections open\n\n")
        for piece in pieces_of(text):
            exchange.event(chunk(piece))
        exchange.event(chunk(None, finish_reason))
        exchange.event({"choices": [], "usage": {"total_tokens": 1}})
        exchange.event("[DONE]")
        exchange.hang_up()

    return answer


def whole(body: bytes, *, content_type: str = "application/json", code: int = 200, **headers: str) -> Behaviour:
    """These bytes, whatever was asked."""

    def answer(exchange: Exchange) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.head(code, {"Content-Type": content_type, "Content-Length": len(body)} | named)
        exchange.body(body)

    return answer


def status(code: int, message: str = "", **headers: str) -> Behaviour:
    """An error as the protocol tells it."""
    return whole(json.dumps({"error": {"message": message}}).encode() if message else b"", code=code, **headers)


def redirect(to: str) -> Behaviour:
    return whole(b"", code=307, Location=to)


def streams(*events: object, then_stalls: bool = False) -> Behaviour:
    """These events, and the connection ends there, or stays open without a word."""

    def answer(exchange: Exchange) -> None:
        exchange.start_stream()
        for event in events:
            exchange.event(event)
        if then_stalls:
            exchange.until_closing()
        exchange.hang_up()

    return answer


def streams_bytes(*parts: bytes) -> Behaviour:
    """A stream cut exactly so; each part is sent by itself."""

    def answer(exchange: Exchange) -> None:
        exchange.start_stream()
        for part in parts:
            exchange.body(part)
        exchange.hang_up()

    return answer


def streams_without_end(event: object) -> Behaviour:
    """One event again and again, as long as somebody listens."""

    def answer(exchange: Exchange) -> None:
        exchange.start_stream()
        while not exchange.server.closing.is_set():
            exchange.event(event)

    return answer


def trickles(event: object, *, every_s: float) -> Behaviour:
    """One event after another, each soon enough for any limit on a pause."""

    def answer(exchange: Exchange) -> None:
        exchange.start_stream()
        while not exchange.server.closing.wait(every_s):
            exchange.event(event)

    return answer


def silent() -> Behaviour:
    """Takes the request and never answers."""
    return Exchange.until_closing


def hangs_up() -> Behaviour:
    """Takes the request and closes the connection."""
    return Exchange.hang_up
