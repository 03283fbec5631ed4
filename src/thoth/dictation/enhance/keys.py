"""The key of an endpoint: where it is found, and how it is kept out of everything that is shown."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Generator

import httpx

from thoth.errors import InvalidOption

KEY_VARIABLE = "THOTH_ENHANCE_API_KEY"
KEYRING_SERVICE = "thoth"
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_log = logging.getLogger("thoth.enhance")


class Secret:
    """A text that its `repr` does not tell. Immutable: any thread."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def reveal(self) -> str:
        """Return the text itself: for the request alone."""
        return self._value

    def hidden_in(self, text: str) -> str:
        """Return `text` with the secret masked, as where a server repeats it."""
        return text.replace(self._value, "…")


class BearerAuth(httpx.Auth):
    """Puts the key into a request at the last moment, so that no frame of Thoth's has it in a local variable."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key to `request`."""
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def find_key(argument: object, host: str) -> Secret | None:
    """Return the key to use at `host`: the argument, else THOTH_ENHANCE_API_KEY, else the keyring's, else None.

    In the keyring it stands under the service "thoth" and the host's name, so that it goes to no other. Raises
    InvalidOption for a key that no header can carry, without repeating it.
    """
    if argument is not None:
        return _checked(argument, "api_key")
    if from_environment := os.environ.get(KEY_VARIABLE, "").strip():
        return _checked(from_environment, KEY_VARIABLE)
    if from_keyring := _in_keyring(host):
        return _checked(from_keyring, f"the key of {host} in the keyring")
    return None


def _checked(value: object, name: str) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not _VISIBLE_ASCII.fullmatch(value.strip()):
        raise InvalidOption(f"{name} takes visible ASCII characters without spaces; what was given is not shown here")
    return Secret(value.strip())


def _in_keyring(host: str) -> str | None:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        _log.debug("no key from the keyring: the package keyring is not installed")
        return None
    try:
        return keyring.get_password(KEYRING_SERVICE, host)
    except (keyring.errors.KeyringError, RuntimeError, OSError) as error:
        _log.debug("no key from the keyring: %s", type(error).__name__)
        return None
