"""One request to a chat endpoint, and the way of its answer: bounded in time between two pieces, and in size."""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import httpx

from thoth.dictation.enhance.answer import Answer, Failure, Fault, Refusal, error_detail
from thoth.dictation.enhance.sse import EventReader

CONNECT_TIMEOUT_S = 5.0
MOST_BYTES = 4 * 2**20
"""Of one answer: a stream spends some 250 bytes on a token, and reasoning takes thousands of them."""
MOST_ERROR_BYTES = 64 * 2**10
LAST_EVENT = "[DONE]"
BUSY = 429
ADVICE = {
    400: "check what the endpoint takes, and extra_body",
    401: "check the API key",
    403: "check the API key",
    404: "check url and model",
    413: "the dictation is too long for it",
}


async def ask(
    client: httpx.AsyncClient,
    url: httpx.URL,
    body: Mapping[str, Any],
    *,
    stall_s: float,
    on_answer: Callable[[str], None],
) -> str:
    """Return the model's answer to one request.

    `on_answer` gets all of the text so far, each time that there is more; what it raises ends the request. Raises Fault
    for what may pass (no connection, a connection lost or stalled, status 429 or 5xx), Refusal for the rest. Neither is
    chained to httpx's exception, which holds the request and with it the key.
    """
    try:
        return await _exchange(client, url, body, stall_s, on_answer)
    except httpx.ConnectTimeout:
        failure: Failure = Fault(f"no connection came about in {CONNECT_TIMEOUT_S:g} s")
    except httpx.ConnectError as error:
        failure = _not_connected(f"{error}")
    except httpx.ProxyError as error:
        failure = Fault(f"no connection through the proxy of the environment ({error})")
    except httpx.TransportError as error:
        failure = Fault(f"the connection failed ({str(error) or type(error).__name__})")
    raise failure


def _not_connected(reason: str) -> Failure:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return Refusal(f"its certificate is not trusted ({reason}): SSL_CERT_FILE can name others to trust")
    return Fault(f"no connection ({reason}): is it running?")


async def _exchange(
    client: httpx.AsyncClient,
    url: httpx.URL,
    body: Mapping[str, Any],
    stall_s: float,
    on_answer: Callable[[str], None],
) -> str:
    # ASCII throughout: a lone surrogate in a text has no UTF-8.
    request = client.build_request("POST", url, content=_json(body), headers={"Content-Type": "application/json"})
    response = await client.send(request, stream=True)
    try:
        await _check_status(response)
        pieces = _pieces(response, stall_s)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind == "text/event-stream":
            return await _streamed(pieces, on_answer)
        if kind != "application/json":
            raise Refusal(f"the endpoint sent {kind or 'no content type'} instead of JSON: is url a chat endpoint?")
        return await _at_once(pieces, on_answer)
    finally:
        await response.aclose()


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode("ascii")


async def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Refusal("the endpoint compressed its answer, which was not asked for")
        return
    if response.has_redirect_location:
        place = response.headers["Location"].partition("?")[0]
        raise Refusal(f"HTTP {status} sends on to {place!r}, which is not followed: give the final address as url")
    answer = f"HTTP {status} {response.reason_phrase}".rstrip()
    detail = error_detail(await _start_of(response))
    if status == BUSY or status >= 500:
        raise Fault(answer, detail, _wanted_wait_s(response.headers.get("Retry-After", "")))
    advice = ADVICE.get(status)
    raise Refusal(f"{answer}: {advice}" if advice else answer, detail)


async def _start_of(response: httpx.Response) -> bytes:
    start = b""
    async for piece in response.aiter_raw():
        start += piece
        if len(start) > MOST_ERROR_BYTES:
            break
    return start


def _wanted_wait_s(retry_after: str) -> float | None:
    """Read Retry-After, which is seconds or a date (RFC 9110, section 10.2.3)."""
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        when = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())


async def _pieces(response: httpx.Response, stall_s: float) -> AsyncIterator[bytes]:
    """Give the body as it comes; Fault where no more comes for `stall_s`, Refusal where it never ends.

    The first piece may take as long as the whole request: the model may have to be loaded, or read a long text.
    """
    source = response.aiter_raw()
    size = 0
    while True:
        try:
            async with asyncio.timeout(stall_s if size else None):
                piece = await anext(source)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Fault(f"the answer stalled: nothing came for {stall_s:g} s") from None
        size += len(piece)
        if size > MOST_BYTES:
            raise Refusal(f"the answer is larger than {MOST_BYTES // 2**20} MB")
        yield piece


async def _streamed(pieces: AsyncIterator[bytes], on_answer: Callable[[str], None]) -> str:
    reader, answer = EventReader(), Answer()
    async for piece in pieces:
        before = answer.text
        is_last = _take_all(reader.feed(piece), answer)
        if answer.text != before:
            on_answer(answer.text)
        if is_last:
            return answer.whole()
    if not answer.ended:
        raise Fault("the answer broke off in the middle")
    return answer.whole()


def _take_all(events: Iterator[str], answer: Answer) -> bool:
    """Put events into `answer`, up to the last one; return whether that was among them."""
    for data in events:
        if data.strip() == LAST_EVENT:
            return True
        answer.take(data)
    return False


async def _at_once(pieces: AsyncIterator[bytes], on_answer: Callable[[str], None]) -> str:
    answer = Answer()
    answer.take(b"".join([piece async for piece in pieces]).decode("utf-8", "replace"))
    if answer.text:
        on_answer(answer.text)
    return answer.whole()
