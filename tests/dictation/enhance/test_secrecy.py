"""Where the key comes from, and that it goes to its endpoint and nowhere else; nor does the dictated text."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator

import keyring
import keyring.backend
import keyring.errors
import pytest
from chat_server import Behaviour, ChatServer, chunk, hangs_up, redirect, says, silent, status, streams, whole

from thoth.dictation.enhance.enhancer import Enhancer
from thoth.errors import EnhancementError, InvalidOption

KEY = "sk-t0p-s3cr3t-0123456789"
SAID = "my secret garden is green today"
TEXT = "My secret garden is green today."


class MemoryKeyring(keyring.backend.KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self, **keys: str) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self._keys = keys

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append((service, username))
        return self._keys.get(service)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keys[service] = password


class LockedKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked(KEY)


def key_sent(server: ChatServer, **options: str) -> str | None:
    assert Enhancer(server.url, "small", **options).enhance(SAID) == TEXT  # type: ignore[arg-type]
    return server.requests[-1].headers.get("authorization")


def test_the_argument_goes_before_the_environment_and_that_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(says(TEXT)) as server:
        assert key_sent(server) is None
        backend = MemoryKeyring(thoth="from-keyring")
        keyring.set_keyring(backend)
        assert key_sent(server) == "Bearer from-keyring"
        assert backend.asked == [("thoth", "127.0.0.1")]
        monkeypatch.setenv("THOTH_ENHANCE_API_KEY", "from-environment\n")
        assert key_sent(server) == "Bearer from-environment"
        assert key_sent(server, api_key="from-argument") == "Bearer from-argument"


def test_without_a_usable_keyring_there_is_no_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with ChatServer(says(TEXT)) as server:
        assert key_sent(server) is None
        assert "NoKeyringError" in caplog.text
        keyring.set_keyring(LockedKeyring())
        assert key_sent(server) is None
        assert KEY not in caplog.text
        monkeypatch.setitem(sys.modules, "keyring", None)
        assert key_sent(server) is None
        assert "the package keyring is not installed" in caplog.text
    assert not [
        record for record in caplog.records if record.levelno > logging.DEBUG and record.name == "thoth.enhance"
    ]


def everything_about(error: BaseException | None) -> Iterator[str]:
    """What anybody could print of an error: its chain, its arguments, and what Thoth's frames hold."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), "".join(traceback.format_exception(error)))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_globals["__name__"].startswith("thoth."):
                yield repr(frame.f_locals)
        error = error.__cause__ or error.__context__


def outcome(enhancer: Enhancer) -> list[str]:
    try:
        assert enhancer.enhance(SAID) == TEXT
    except EnhancementError as error:
        return list(everything_about(error))
    return [""]


@pytest.mark.parametrize("echo", [redirect(f"http://127.0.0.1:1/{KEY}"), whole(b"{}", content_type=f"text/{KEY}")])
def test_a_key_that_the_endpoint_sends_back_in_a_header_is_masked(echo: Behaviour) -> None:
    with ChatServer(echo) as server:
        seen = outcome(Enhancer(server.url, "small", api_key=KEY))
    assert seen[0]
    assert not [text for text in seen if KEY in text]


@pytest.mark.parametrize(
    "behaviour",
    [
        says(TEXT),
        says("I'm sorry, but I can't help with that."),
        status(401, f"Incorrect API key provided: {KEY}"),
        status(400, f"the header was Bearer {KEY}"),
        status(500, f"crashed with {KEY}"),
        status(429),
        redirect("http://127.0.0.1:1/"),
        whole(KEY.encode()),
        streams(chunk("My secret"), {"error": {"message": KEY}}),
        hangs_up(),
        silent(),
    ],
)
def test_the_key_and_the_text_are_in_no_log_message_or_frame(
    behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with ChatServer(behaviour) as server:
        enhancer = Enhancer(server.url, "small", api_key=KEY, timeout_s=1.5)
        seen = outcome(enhancer)
        assert "garden" not in seen[0]
        seen += [repr(enhancer), str(enhancer), repr(vars(enhancer))]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert not [text for text in (*seen, caplog.text) if KEY in text]
    assert "garden" not in "\n".join(record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG)


@pytest.mark.parametrize("key", ["two words", "línea", "a\nb: c", " ", "", 7])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: object) -> None:
    with pytest.raises(InvalidOption, match="api_key takes visible ASCII") as raised:
        Enhancer("http://localhost:1", "small", api_key=key)  # type: ignore[arg-type]
    assert "línea" not in str(raised.value)


def test_a_key_does_not_go_over_plain_http_to_another_machine_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidOption, match=r"nas\.example over plain http") as raised:
        Enhancer("http://nas.example:4000", "small", api_key=KEY)
    assert KEY not in str(raised.value)
    monkeypatch.setenv("THOTH_ENHANCE_API_KEY", KEY)
    with pytest.raises(InvalidOption, match="plain http"):
        Enhancer("http://192.168.1.5:4000", "small")
    Enhancer("https://nas.example:4000", "small")
    Enhancer("http://localhost:4000", "small")
    with ChatServer(says(TEXT)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert Enhancer("http://nas.example:4000", "small", allow_plain_http=True).enhance(SAID) == TEXT
    assert proxy.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_without_a_key_plain_http_is_for_any_machine() -> None:
    assert Enhancer("http://nas.example:11434", "small").url == "http://nas.example:11434/v1/chat/completions"
