"""The text of a take: whole, and with spaces where they belong."""

from __future__ import annotations

import pytest

import thoth
from thoth.dictation.take import Heard


def update(committed: str, *, is_final: bool = False, gaps: tuple[thoth.Gap, ...] = ()) -> thoth.LiveUpdate:
    return thoth.LiveUpdate(committed, "", (), gaps, is_final, 1, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("utterances", "text"),
    [
        ([["One", " two."], [" Three"]], "One two. Three"),
        ([["One", " two"], ["three"]], "One two three"),  # some windows begin without a space
        ([["one ", ""], ["two"], [""], ["three"]], "one two three"),
        ([["one"], ["\n two"]], "one two"),
        ([["iPh", "one"], [" is here"]], "iPhone is here"),  # pieces of one utterance are put together as they are
        ([["你好", "。"], ["再见", "。"]], "你好。再见。"),
        ([["こんにちは"], ["さようなら"]], "こんにちはさようなら"),
        ([["안녕", " 하세요"], ["네"]], "안녕 하세요 네"),
        ([["你好"], [" OK"]], "你好 OK"),
        ([["привет"], ["мир"]], "привет мир"),
        ([[""]], ""),
    ],
)
def test_utterances_are_put_together_with_spaces_where_they_belong(utterances: list[list[str]], text: str) -> None:
    told: list[thoth.LiveUpdate] = []
    heard = Heard(told.append)
    for pieces in utterances:
        for piece in pieces[:-1]:
            heard.note(update(piece))
        heard.note(update(pieces[-1], is_final=True))
    assert heard.text == text
    assert heard.is_whole
    assert len(told) == sum(map(len, utterances))


def test_what_has_a_gap_is_not_whole() -> None:
    heard = Heard(lambda _: None)
    heard.note(update("one"))
    assert heard.is_whole
    heard.note(update("", gaps=(thoth.Gap(1.0, 2.0, "failed"),)))
    heard.note(update(" two", is_final=True))
    assert not heard.is_whole
