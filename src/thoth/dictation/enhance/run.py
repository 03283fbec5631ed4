"""One enhancement: asked for within a deadline, tried again where that may help, and its reply checked."""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from thoth._native import CancelToken
from thoth.dictation.enhance.address import is_loopback
from thoth.dictation.enhance.answer import Failure, Fault, Refusal
from thoth.dictation.enhance.check import leaks, objection, repeats
from thoth.dictation.enhance.exchange import CONNECT_TIMEOUT_S, ask
from thoth.dictation.enhance.keys import BearerAuth, Secret
from thoth.dictation.enhance.own_loop import CLOSING_S
from thoth.dictation.enhance.patience import Patience, backoff_s
from thoth.dictation.enhance.prompt import Prompt
from thoth.dictation.enhance.reply import bare, shown_so_far, without_reasoning
from thoth.dictation.enhance.text_enhancer import OnText
from thoth.errors import Cancelled, EnhancementError

CANCEL_CHECK_S = 0.05
SPARE_CHARACTERS = 500
"""A reply with its trimmings has at most twice the dictation's characters, and these."""
SPARE_TOKENS = 256
BYTES_PER_TOKEN = 2
"""Text has 3 to 4 bytes a token; but with more tokens than a model has room for, some servers refuse the request."""
OTHER_WORDS_RATIO = 2
"""So much longer still where the words need not be kept: an e-mail made of notes, a translation."""
_log = logging.getLogger("thoth.enhance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all enhancements of one `Enhancer` have in common; its options, checked."""

    url: httpx.URL
    model: str
    prompt: Prompt
    patience: Patience
    stream: bool
    keep_words: bool
    extra: Mapping[str, Any]
    key: Secret | None
    certificates: ssl.SSLContext


class Run:
    """One text's way to the endpoint and back, tries and check included. For one thread."""

    def __init__(self, settings: Settings, said: str, cancel: CancelToken, on_text: OnText | None) -> None:
        self._settings = settings
        self._said = said
        self._cancel = cancel
        self._on_text = on_text
        self._messages = settings.prompt.messages(said)
        ratio = 1 if settings.keep_words else OTHER_WORDS_RATIO
        self._most_characters = ratio * 2 * len(said) + SPARE_CHARACTERS
        size_bytes = len(said.encode("utf-8", "surrogatepass"))
        self._most_tokens = ratio * size_bytes // BYTES_PER_TOKEN + SPARE_TOKENS
        self._shown = ""
        self._trouble: Failure | None = None

    async def watched(self) -> str:
        """Return the edited text, or raise as `Enhancer.enhance` says."""
        task = asyncio.create_task(self._within_deadline())
        try:
            while not task.done():
                self._check_cancel()
                await asyncio.wait({task}, timeout=CANCEL_CHECK_S)
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSING_S)

    def _check_cancel(self) -> None:
        if self._cancel.cancelled:
            raise Cancelled("the enhancement was cancelled")

    async def _within_deadline(self) -> str:
        timeout_s = self._settings.patience.timeout_s
        try:
            async with asyncio.timeout(timeout_s) as deadline:
                return self._checked(await self._with_retries(asyncio.get_running_loop().time() + timeout_s))
        except Failure as failure:
            self._trouble = failure
        except TimeoutError:
            if not deadline.expired():
                raise  # it is what on_text raised
            last = self._trouble.reason if self._trouble else "it is too slow, or loading its model"
            self._trouble = Fault(f"no answer within {timeout_s:g} s ({last}): raise timeout_s, or try a smaller model")
        raise self._error(self._trouble)

    async def _with_retries(self, ends_at: float) -> str:
        attempts = self._settings.patience.attempts
        async with self._client() as client:
            for attempt in itertools.count(1):
                try:
                    return await self._ask(client)
                except Fault as fault:
                    self._trouble = trouble = fault
                if attempt == attempts:
                    break
                wait_s = backoff_s(attempt, trouble.wait_s)
                if asyncio.get_running_loop().time() + wait_s >= ends_at:
                    raise Refusal(
                        f"{trouble.reason}, and no time is left to try again in {wait_s:.1f} s", trouble.detail
                    )
                _log.debug("%s; trying again in %.2f s", trouble, wait_s)
                await asyncio.sleep(wait_s)
        raise Refusal(f"{trouble.reason} (tried {attempts} times)", trouble.detail)

    def _client(self) -> httpx.AsyncClient:
        key = self._settings.key
        try:
            return httpx.AsyncClient(
                auth=BearerAuth(key) if key else None,
                headers={"Accept-Encoding": "identity"},
                timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
                trust_env=not is_loopback(self._settings.url),
                verify=self._settings.certificates,
            )
        except (ValueError, ImportError, httpx.InvalidURL):
            pass
        raise Refusal("the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: check it")

    async def _ask(self, client: httpx.AsyncClient) -> str:
        settings = self._settings
        body: dict[str, Any] = {
            "model": settings.model,
            "messages": [
                {"role": "system", "content": self._messages.system},
                {"role": "user", "content": self._messages.user},
            ],
            "stream": settings.stream,
            "temperature": 0,
            "max_tokens": self._most_tokens,
        }
        body = {name: value for name, value in (body | dict(settings.extra)).items() if value is not None}
        return await ask(client, settings.url, body, stall_s=settings.patience.stall_s, on_answer=self._on_answer)

    def _on_answer(self, reply: str) -> None:
        self._check_cancel()
        if len(without_reasoning(reply)) > self._most_characters:
            raise Refusal("the model wrote far more than was dictated")
        shown = shown_so_far(reply, self._messages.fence)
        if self._on_text is not None and shown and shown != self._shown:
            self._shown = shown
            self._on_text(shown)

    def _checked(self, reply: str) -> str:
        edited = bare(reply, self._said, self._messages.fence)
        instructions = f"{self._messages.system}\n{self._settings.prompt.template}"
        if self._messages.fence in edited or leaks(edited, self._said, instructions):
            raise Refusal("the model recited its instructions")
        objected = objection(self._said, edited, keep_words=self._settings.keep_words)
        if objected is not None:
            raise Refusal(f"the model did not edit the text: {objected}")
        return edited

    def _error(self, failure: Failure) -> EnhancementError:
        detail = "" if repeats(failure.detail, self._said) else failure.detail
        reason = f"{failure.reason} ({detail})" if detail else failure.reason
        key = self._settings.key
        host = self._settings.url.netloc.decode("ascii")
        message = f"enhancement by {self._settings.model} at {host} failed: {reason}"
        return EnhancementError(key.hidden_in(message) if key else message)
