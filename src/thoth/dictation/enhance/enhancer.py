"""`Enhancer`: dictated text, corrected by a language model behind an OpenAI-compatible chat endpoint."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from thoth._native import CancelToken
from thoth.dictation.enhance.address import chat_url, is_loopback
from thoth.dictation.enhance.keys import find_key
from thoth.dictation.enhance.own_loop import in_loop_of_its_own
from thoth.dictation.enhance.patience import Patience
from thoth.dictation.enhance.prompt import Prompt
from thoth.dictation.enhance.run import Run, Settings
from thoth.dictation.enhance.text_enhancer import OnText
from thoth.errors import InvalidOption

OWN_FIELDS = frozenset({"model", "messages", "stream"})
_log = logging.getLogger("thoth.enhance")


class Enhancer:
    """Corrects dictated text by a language model: Ollama, llama.cpp's server, vLLM, or a hosted one.

        enhancer = thoth.Enhancer("http://localhost:11434", "llama3.2")
        better = enhancer.enhance("um lets meet on monday no wait tuesday")

    The text is data to the model: it goes between markers that cannot be foreseen, and what comes back is used only if
    it is an edit of it. A reply that answers, obeys, refuses, translates, continues or summarises the dictation raises
    EnhancementError; introductions, reasoning and code fences are taken away.

    - `url`: "http://localhost:11434", ".../v1" and ".../v1/chat/completions" all do. Redirects are not followed.
      Proxies are the environment's (HTTPS_PROXY, NO_PROXY, …); what is on this machine is reached directly.
    - `prompt`: a template of the user's own, with {text} and, if wanted, {language} and {dictionary}, which are filled
      from the options of the same names.
    - `api_key`: else THOTH_ENHANCE_API_KEY, else what the keyring (extra "keyring") has under the service "thoth" and
      the endpoint's host name; looked up once, here. It is in no log, message or repr. Over plain http it is sent to
      this machine only, unless `allow_plain_http`.
    - `timeout_s`: for all of `enhance()`, tries and waits included. `stall_s`: between two pieces of an answer.
    - `attempts`: tries in all, with growing waits (Retry-After counts if it fits in); for lost or refused connections,
      stalls, status 429 and 5xx. No other status is tried again, nor an unusable reply.
    - `stream`: let the text come word by word. `keep_words`: off for a prompt that asks for a translation or a
      summary; replies are then only checked for refusals, recited instructions and size.
    - `extra_body`: more fields of the request, or other values, such as {"temperature": 0.3}; None leaves a field out.

    Raises InvalidOption for an option that makes no sense. Any thread may call any member, several at once.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        prompt: str | None = None,
        language: str | None = None,
        dictionary: Sequence[str] = (),
        api_key: str | None = None,
        timeout_s: float = 20.0,
        stall_s: float = 5.0,
        attempts: int = 3,
        stream: bool = True,
        keep_words: bool = True,
        extra_body: Mapping[str, Any] | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        address = chat_url(url)
        self._settings = Settings(
            url=address,
            model=_checked_model(model),
            prompt=Prompt(prompt, language=language, dictionary=dictionary, keep_words=keep_words),
            patience=Patience(timeout_s=timeout_s, stall_s=stall_s, attempts=attempts),
            stream=stream,
            keep_words=keep_words,
            extra=_checked_extra(extra_body),
            key=find_key(api_key, address.host),
            certificates=_certificates(address),
        )
        if self._settings.key is not None and not allow_plain_http:
            _require_private_way(address)

    def __repr__(self) -> str:
        return f"Enhancer(url={self.url!r}, model={self.model!r})"

    @property
    def url(self) -> str:
        """The address of the chat completions."""
        return str(self._settings.url)

    @property
    def model(self) -> str:
        """The name that the endpoint knows the model by."""
        return self._settings.model

    def enhance(self, text: str, cancel: CancelToken | None = None, on_text: OnText | None = None) -> str:
        """Return `text` as the model corrected it, with the space around it as it was; blank text at once.

        `on_text` gets all of the corrected text so far while it streams, unchecked yet; it starts over when a broken
        stream is tried again. What it raises ends the run. Raises EnhancementError, which says what the endpoint or
        the model did, within `timeout_s`; Cancelled within 0.3 s of `cancel`.
        """
        said = text.strip()
        if not said:
            return text
        run = Run(self._settings, said, cancel or CancelToken(), on_text)
        edited = in_loop_of_its_own(run.watched)
        _log.debug("%d characters enhanced to %d by %s", len(said), len(edited), self.model)
        before, _, after = text.partition(said)
        return f"{before}{edited}{after}"


def _require_private_way(url: httpx.URL) -> None:
    if url.scheme == "http" and not is_loopback(url):
        raise InvalidOption(
            f"the API key would go to {url.host} over plain http, for all on the way to read: "
            "use https, or allow_plain_http=True in a network you trust"
        )


def _certificates(url: httpx.URL) -> ssl.SSLContext:
    """Load what an https endpoint is checked by, here since it takes longer than all else about a request."""
    # For http it is never used: an empty one trusts nobody and costs nothing.
    return httpx.create_ssl_context() if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _checked_model(model: object) -> str:
    if not isinstance(model, str) or not model.strip():
        raise InvalidOption(f"model takes the name of a model that the endpoint has, not {model!r}")
    return model


def _checked_extra(extra: object) -> dict[str, Any]:
    if extra is None:
        return {}
    if not isinstance(extra, Mapping) or not all(isinstance(name, str) for name in extra):
        raise InvalidOption(f"extra_body takes a dict of the request's fields, not {extra!r}")
    if taken := OWN_FIELDS.intersection(extra):
        raise InvalidOption(
            f"extra_body cannot have {', '.join(sorted(taken))}: there are options of Enhancer for that"
        )
    return dict(extra)
