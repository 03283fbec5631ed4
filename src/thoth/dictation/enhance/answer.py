"""What a chat endpoint's answer says: the text in it, or why there is none."""

from __future__ import annotations

import json
from typing import Any

LONGEST_DETAIL = 200
CUT_OFF = "length"
WITHHELD = "content_filter"


class Failure(Exception):
    """Why there is no answer: `reason` in our words, `detail` in the endpoint's own, which may repeat anything."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Fault(Failure):
    """Something that may pass by itself: worth another try, after `wait_s` seconds if the endpoint said so."""

    def __init__(self, reason: str, detail: str = "", wait_s: float | None = None) -> None:
        super().__init__(reason, detail)
        self.wait_s = wait_s


class Refusal(Failure):
    """Something that another try would not mend."""


class Answer:
    """The text of one answer, whole or in pieces. One request's, on one thread."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._reason: str | None = None
        self.ended = False

    @property
    def text(self) -> str:
        """All of the text so far."""
        return "".join(self._pieces)

    def take(self, body: str) -> None:
        """Take one JSON object of the protocol: a completion, a chunk of one, or an error. Raises Refusal."""
        choice = _choice(_object(body))
        if choice is None:
            return  # the chunk that tells the usage has none
        message = choice.get("delta", choice.get("message"))
        if isinstance(message, dict):
            if isinstance(message.get("content"), str):
                self._pieces.append(message["content"])
            if isinstance(message.get("refusal"), str) and message["refusal"]:
                raise Refusal("the model refused to edit the text")
        if isinstance(choice.get("finish_reason"), str):
            self._reason = choice["finish_reason"]
            self.ended = True

    def whole(self) -> str:
        """Return the text of an answer that is over. Raises Refusal if the model did not come to its end."""
        if self._reason == CUT_OFF:
            raise Refusal(
                "the model was cut off before its end; a reasoning model may need a larger max_tokens in extra_body"
            )
        if self._reason == WITHHELD:
            raise Refusal("the endpoint's content filter withheld the answer")
        return self.text


def error_detail(body: bytes) -> str:
    """Return the endpoint's own words on an error, as one short line; "" if it has none in the usual form.

    Only the message is taken: other fields may repeat the whole request.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return _error_message(answer)


def _object(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("the endpoint sent malformed JSON") from None
    if not isinstance(answer, dict):
        raise Refusal("the endpoint's JSON is no chat completion")
    if answer.get("error"):
        raise Refusal("the endpoint reports an error", _error_message(answer))
    return answer


def _choice(answer: dict[str, Any]) -> dict[str, Any] | None:
    choices = answer.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise Refusal("the endpoint's JSON is no chat completion: it has no choices")
    return choices[0] if choices else None


def _error_message(answer: object) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    if not isinstance(message, str):
        return ""
    line = " ".join(message.split())
    return line if len(line) <= LONGEST_DETAIL else line[: LONGEST_DETAIL - 1] + "…"
