from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from thoth.dictation.output.sink import encodable, plain

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT)
def test_every_text_can_be_encoded_and_whole_ones_stay_as_they_are(text: str) -> None:
    result = encodable(text)
    data = result.encode("utf-8")
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert data.decode() == text


@given(ANY_TEXT)
def test_nothing_that_a_terminal_obeys_is_left_and_the_rest_is(text: str) -> None:
    result = plain(text)
    assert not any((ord(letter) < 32 and letter not in "\n\t") or 0x7F <= ord(letter) < 0xA0 for letter in result)
    assert plain(result) == result
    assert [letter for letter in text if letter.isalnum()] == [letter for letter in result if letter.isalnum()]


def test_line_ends_become_newlines_and_half_pairs_are_shown() -> None:
    assert plain("a\r\nb\rc\nd\te") == "a\nb\nc\nd\te"
    assert plain("\ud83d \ude00") == "\ufffd \ufffd"
    assert encodable("\x00\x1b") == "\x00\x1b"
