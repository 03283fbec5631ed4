from __future__ import annotations

import httpx
import pytest

from thoth.dictation.enhance.address import chat_url, is_loopback
from thoth.errors import InvalidOption


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:11434/", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"),
        ("https://api.example.com/v1/chat/completions", "https://api.example.com/v1/chat/completions"),
        ("https://api.example.com/v1/chat/completions/", "https://api.example.com/v1/chat/completions"),
        ("http://box:3000/api", "http://box:3000/api/chat/completions"),
        ("https://api.example.com/v1beta/openai#x", "https://api.example.com/v1beta/openai/chat/completions"),
        ("https://x.example.com/openai?api-version=1", "https://x.example.com/openai/chat/completions?api-version=1"),
    ],
)
def test_what_people_paste_leads_to_the_chat_completions(given: str, used: str) -> None:
    assert str(chat_url(given)) == used


@pytest.mark.parametrize("given", ["localhost:11434", "ftp://a/b", "http://", "", 7, None, "http://[::1", "/v1"])
def test_what_is_no_address_is_refused(given: object) -> None:
    with pytest.raises(InvalidOption, match="the enhancement url takes an address"):
        chat_url(given)


@pytest.mark.parametrize(
    "given",
    [
        "http://me:s3cr3t@host/v1",
        "https://host/v1?api_key=s3cr3t",
        "https://host?token=s3cr3t",
        "https://host?code=s3cr3t",
        "ftp://me:s3cr3t@host",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        chat_url(given)
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost", True),
        ("http://localhost.", True),
        ("http://ollama.localhost:1", True),
        ("http://127.0.0.5", True),
        ("http://[::1]:80", True),
        ("http://0.0.0.0:11434", True),
        ("http://192.168.1.5", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
    ],
)
def test_this_machine_is_told_from_others(url: str, expected: bool) -> None:
    assert is_loopback(httpx.URL(url)) is expected
