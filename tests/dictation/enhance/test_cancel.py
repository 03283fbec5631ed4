"""Cancelling takes 0.3 s at most, whatever the endpoint is doing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from chat_server import Behaviour, ChatServer, chunk, says, self_signed, silent, status, streams, trickles

from thoth import CancelToken
from thoth.dictation.enhance.enhancer import Enhancer
from thoth.errors import Cancelled

LONGEST_S = 0.3
TRIES = 4
"""The machine may be busy: one of so many tries must keep the promise."""

SAID = "um lets meet on monday no wait tuesday"


def seconds_to_cancel(enhancer: Enhancer, has_begun: Callable[[], object]) -> float:
    token = CancelToken()
    ended_at: list[float] = []

    def run() -> None:
        with pytest.raises(Cancelled):
            enhancer.enhance(SAID, token)
        ended_at.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    has_begun()
    cancelled_at = time.monotonic()
    token.cancel()
    thread.join(30)
    (ended,) = ended_at
    return ended - cancelled_at


@pytest.mark.parametrize(
    "behaviour",
    [
        silent(),
        streams(chunk("Let's meet"), then_stalls=True),
        trickles(chunk(""), every_s=0.01),
        status(503, Retry_After="15"),
    ],
    ids=["silent", "stalled", "trickle", "waiting to try again"],
)
def test_while_the_endpoint_takes_its_time(behaviour: Behaviour) -> None:
    took = []
    for _ in range(TRIES):
        with ChatServer(behaviour) as server:
            enhancer = Enhancer(server.url, "small", timeout_s=30, stall_s=30)
            took.append(seconds_to_cancel(enhancer, lambda server=server: server.arrived.wait(30)))
            assert len(server.requests) == 1
        if took[-1] < LONGEST_S:
            return
    pytest.fail(f"cancelling took {took}")


def test_while_a_secure_connection_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    took = []
    for _ in range(TRIES):
        with ChatServer(silent(), certificate=certificate) as server:
            took.append(seconds_to_cancel(Enhancer(server.url, "small"), lambda server=server: server.arrived.wait(30)))
    assert min(took) < LONGEST_S


@contextmanager
def deaf_port() -> Iterator[str]:
    """A port whose queue of connections is full: one more is neither taken nor refused."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_while_no_connection_comes_about() -> None:
    with deaf_port() as url:
        took = [seconds_to_cancel(Enhancer(url, "small"), lambda: time.sleep(0.2)) for _ in range(TRIES)]
    assert min(took) < LONGEST_S


def test_while_a_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # No name server here can be made to hang: the system's call is replaced, which the loop makes on a thread.
    asked, answer = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        asked.set()
        answer.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    def has_begun() -> None:
        asked.wait(30)
        asked.clear()

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        took = [seconds_to_cancel(Enhancer("http://endpoint.example", "small"), has_begun) for _ in range(TRIES)]
    finally:
        answer.set()
    assert min(took) < LONGEST_S


def test_before_it_has_begun() -> None:
    token = CancelToken()
    token.cancel()
    with ChatServer(says("Let's meet.")) as server, pytest.raises(Cancelled):
        Enhancer(server.url, "small").enhance(SAID, token)
    assert server.requests == []


def test_in_the_listener() -> None:
    token = CancelToken()
    with ChatServer(streams(chunk("Let's meet"), then_stalls=True)) as server, pytest.raises(Cancelled):
        Enhancer(server.url, "small", timeout_s=30, stall_s=30).enhance(SAID, token, on_text=lambda _: token.cancel())
