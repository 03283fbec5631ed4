"""Where a chat endpoint is, from what people paste as its address."""

from __future__ import annotations

import ipaddress
import re

import httpx

from thoth.errors import InvalidOption

COMPLETIONS = "/chat/completions"
_SECRET_NAME = re.compile(r"key|token|secret|password|auth|sig|^code$", re.IGNORECASE)


def chat_url(url: object) -> httpx.URL:
    """Return the address of the chat completions of a server.

    A bare server gets `/v1/chat/completions`, a path such as `/v1` gets `/chat/completions`, and a full address stays.
    Raises InvalidOption for anything but http and https, and for an address with a password or key in it, since
    addresses are logged; what is secret in it is not repeated.
    """
    parsed = _parsed(url)
    if parsed.userinfo:
        raise InvalidOption("the enhancement url has a user or password in it: give the key as api_key instead")
    for name in parsed.params:
        if _SECRET_NAME.search(name):
            raise InvalidOption(f"the enhancement url has {name!r} in it: give the key as api_key instead")
    path = parsed.path.rstrip("/")
    if not path.endswith(COMPLETIONS):
        path = (path or "/v1") + COMPLETIONS
    return parsed.copy_with(path=path, fragment=None)


def _parsed(url: object) -> httpx.URL:
    try:
        parsed = httpx.URL(url) if isinstance(url, str) else None
    except httpx.InvalidURL:
        parsed = None
    if parsed is None or parsed.scheme not in ("http", "https") or not parsed.host:
        shown = f", not {url!r}" if isinstance(url, str) and "@" not in url and "?" not in url else ""
        raise InvalidOption(f"the enhancement url takes an address such as 'http://localhost:11434'{shown}")
    return parsed


def is_loopback(url: httpx.URL) -> bool:
    """Whether what is sent to `url` stays on this machine."""
    host = url.host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # 0.0.0.0 is what servers that listen everywhere print as their address.
    return address.is_loopback or address.is_unspecified
