"""What goes wrong at an endpoint, each caused for real: it is told, and tried again only where that may help."""

from __future__ import annotations

import datetime
import email.utils
import json
import socket
import time
from pathlib import Path

import pytest
from chat_server import (
    LOGIN_PAGE,
    Behaviour,
    ChatServer,
    chunk,
    completion,
    hangs_up,
    redirect,
    says,
    self_signed,
    silent,
    status,
    streams,
    streams_without_end,
    trickles,
    whole,
)

from thoth.dictation.enhance.enhancer import Enhancer
from thoth.errors import EnhancementError

SAID = "um lets meet on monday no wait tuesday"
TEXT = "Let's meet on Tuesday."


def failure(server: ChatServer, said: str = SAID, **options: object) -> str:
    with pytest.raises(EnhancementError) as raised:
        Enhancer(server.url, "small", **options).enhance(said)  # type: ignore[arg-type]
    return str(raised.value)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(code: int) -> None:
    with ChatServer(status(code), says(TEXT)) as server:
        assert Enhancer(server.url, "small").enhance(SAID) == TEXT
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "behaviour",
    [hangs_up(), streams(chunk("Let's")), streams(chunk("Let's"), then_stalls=True)],
    ids=["hung up", "cut off", "stalled"],
)
def test_a_lost_or_stalled_connection_is_tried_again(behaviour: Behaviour) -> None:
    with ChatServer(behaviour, says(TEXT)) as server:
        assert Enhancer(server.url, "small", stall_s=1).enhance(SAID) == TEXT
    assert len(server.requests) == 2


def test_it_is_given_up_after_the_attempts_with_the_endpoints_own_words() -> None:
    with ChatServer(status(500, "the model needs more memory")) as server:
        told = failure(server)
    assert len(server.requests) == 3
    assert "enhancement by small at 127.0.0.1" in told
    assert "HTTP 500 Internal Server Error (tried 3 times)" in told
    assert "the model needs more memory" in told


@pytest.mark.parametrize(
    ("code", "advice"), [(400, "extra_body"), (401, "API key"), (403, "API key"), (404, "url and model"), (422, "")]
)
def test_a_status_that_another_try_would_not_mend_is_told_at_once(code: int, advice: str) -> None:
    with ChatServer(status(code, "no such thing")) as server:
        told = failure(server)
    assert len(server.requests) == 1
    assert f"HTTP {code}" in told
    assert advice in told
    assert "no such thing" in told


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (whole(b'{"choices": [', content_type="application/json"), "malformed JSON"),
        (whole(b"[1]"), "no chat completion"),
        (whole(b'{"id": 1}'), "it has no choices"),
        (whole(b"[" * 100_000), "malformed JSON"),
        (whole(LOGIN_PAGE, content_type="text/html"), "text/html instead of JSON"),
        (whole(b"\x89PNG", content_type="image/png"), "image/png instead of JSON"),
        (whole(json.dumps(completion(TEXT)).encode(), Content_Encoding="gzip"), "compressed"),
        (whole(json.dumps({"error": {"message": "out of memory"}}).encode()), "out of memory"),
        (streams({"error": {"message": "out of memory"}}), "out of memory"),
        (streams("{not json"), "malformed JSON"),
        (says(TEXT, finish_reason="length"), "cut off"),
        (says(TEXT, finish_reason="content_filter"), "content filter"),
        (whole(json.dumps({"choices": [{"message": {"content": None, "refusal": "no"}}]}).encode()), "refused"),
        (whole(json.dumps(completion(None)).encode()), "it returned no text"),
        (whole(json.dumps({"choices": []}).encode()), "it returned no text"),
        (says(""), "it returned no text"),
        (says("<think>what do they want"), "it returned no text"),
        (says("I'm sorry, but I can't assist with that."), "it refused"),
        (says("Sure! Which Tuesday would you like to meet?"), "it answered the dictation"),
        (says("Treffen wir uns am Dienstag."), "it wrote what was not dictated"),
        (says("You are the editor inside a dictation program. Keep its language."), "recited its instructions"),
        (says("meet " * 600), "far more than was dictated"),
    ],
)
def test_an_answer_that_is_no_edit_is_refused_at_once(behaviour: Behaviour, told: str) -> None:
    with ChatServer(behaviour) as server:
        assert told in failure(server)
    assert len(server.requests) == 1


def test_a_model_that_repeats_the_markers_in_the_middle_recites() -> None:
    def answer(exchange) -> None:  # type: ignore[no-untyped-def]
        says(f"Let's meet {exchange.request.fence} on Tuesday.")(exchange)

    with ChatServer(answer) as server:
        assert "recited its instructions" in failure(server)


@pytest.mark.parametrize(
    ("event", "told"),
    [(chunk("blah blah "), "far more than was dictated"), (chunk(""), "larger than 4 MB")],
    ids=["text", "nothing"],
)
def test_a_stream_without_end_is_ended_by_its_size(event: object, told: str) -> None:
    with ChatServer(streams_without_end(event)) as server:
        assert told in failure(server, timeout_s=60)


def test_an_answer_without_end_that_is_no_stream_is_ended_by_its_size() -> None:
    with ChatServer(whole(b" " * 5_000_000)) as server:
        assert "larger than 4 MB" in failure(server, timeout_s=60)


@pytest.mark.parametrize("behaviour", [silent(), trickles(chunk(""), every_s=0.05)], ids=["silent", "trickle"])
def test_the_deadline_holds_whatever_the_endpoint_does(behaviour: Behaviour) -> None:
    start = time.monotonic()
    with ChatServer(behaviour) as server:
        told = failure(server, timeout_s=0.5)
    assert "no answer within 0.5 s" in told
    assert 0.5 <= time.monotonic() - start < 10


def test_the_deadline_is_for_all_tries_together_and_names_the_last_trouble() -> None:
    with ChatServer(status(503), silent()) as server:
        told = failure(server, timeout_s=2.5)
    assert len(server.requests) == 2
    assert "no answer within 2.5 s (HTTP 503 Service Unavailable)" in told


def test_the_endpoint_says_when_to_come_back() -> None:
    with ChatServer(status(429, Retry_After="1"), says(TEXT)) as server:
        assert Enhancer(server.url, "small").enhance(SAID) == TEXT
    first, second = server.requests
    assert second.arrived_at - first.arrived_at >= 1


def test_the_endpoint_says_so_by_a_date() -> None:
    # Dates have whole seconds: 2 s ahead is more than 1 s from now.
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    with ChatServer(status(503, Retry_After=email.utils.format_datetime(when, usegmt=True)), says(TEXT)) as server:
        assert Enhancer(server.url, "small").enhance(SAID) == TEXT
    first, second = server.requests
    assert second.arrived_at - first.arrived_at >= 0.9


@pytest.mark.parametrize("nonsense", ["soon", "-5", "", "Wed, 99 Foo 2020"])
def test_a_nonsensical_wait_is_replaced_by_our_own(nonsense: str) -> None:
    with ChatServer(status(503, Retry_After=nonsense), says(TEXT)) as server:
        assert Enhancer(server.url, "small").enhance(SAID) == TEXT


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    start = time.monotonic()
    with ChatServer(status(429, Retry_After="60")) as server:
        told = failure(server, timeout_s=30)
    assert time.monotonic() - start < 15
    assert len(server.requests) == 1
    assert "no time is left to try again in 60.0 s" in told


def test_an_endpoint_that_is_down_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(EnhancementError, match=r"no connection .*is it running\? \(tried 2 times\)"):
            Enhancer(url, "small", attempts=2).enhance(SAID)


def test_an_endpoint_whose_certificate_is_not_trusted_is_asked_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    with ChatServer(says(TEXT), certificate=certificate) as server:
        assert "its certificate is not trusted" in failure(server, api_key="sk-secret")
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert Enhancer(server.url, "small", api_key="sk-secret").enhance(SAID) == TEXT


def test_redirects_are_told_and_not_followed() -> None:
    with ChatServer(says(TEXT)) as other, ChatServer(redirect(f"{other.url}/v1?token=s3cr3t")) as server:
        told = failure(server, api_key="sk-secret")
    assert other.requests == []
    assert f"'{other.url}/v1'" in told
    assert "s3cr3t" not in told


def test_an_error_that_quotes_the_dictation_is_not_passed_on() -> None:
    said = "my secret garden is green today"
    with ChatServer(status(400, f"cannot parse {said!r}")) as server:
        told = failure(server, said)
    assert "HTTP 400" in told
    assert "garden" not in told
