"""What stands before a window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from thoth.model.prompt import Prompt

TOKENS = st.lists(st.integers(0, 50_000), max_size=12)


def test_fixed_tokens_come_first_and_the_text_follows() -> None:
    prompt = Prompt([1, 2], 10)
    prompt.extend([3])
    prompt.extend((4, 5))
    assert prompt.tokens() == [1, 2, 3, 4, 5]


def test_the_latest_text_gets_the_room_that_is_left() -> None:
    prompt = Prompt([1, 2], 4)
    prompt.extend([3, 4, 5])
    assert prompt.tokens() == [1, 2, 4, 5]
    prompt.extend([6])
    assert prompt.tokens() == [1, 2, 5, 6]


def test_the_end_of_too_long_a_prompt_counts_and_leaves_no_room() -> None:
    prompt = Prompt([1, 2, 3, 4], 3)
    prompt.extend([5])
    assert prompt.tokens() == [2, 3, 4]


def test_forgetting_keeps_what_is_fixed() -> None:
    prompt = Prompt([1, 2], 10)
    prompt.extend([3])
    prompt.forget()
    assert prompt.tokens() == [1, 2]
    prompt.extend([4])
    assert prompt.tokens() == [1, 2, 4]


def test_a_model_without_room_for_a_prompt_gets_none() -> None:
    prompt = Prompt([1, 2], 0)
    prompt.extend([3])
    assert prompt.tokens() == []


def test_what_was_given_and_taken_may_change_without_harm() -> None:
    fixed, text = [1], [2]
    prompt = Prompt(fixed, 10)
    prompt.extend(text)
    fixed.append(8)
    text.append(9)
    prompt.tokens().append(7)
    assert prompt.tokens() == [1, 2]


@given(TOKENS, st.integers(0, 15), st.lists(TOKENS, max_size=6))
def test_the_limit_holds_and_no_token_is_left_out_in_between(
    fixed: list[int], limit: int, texts: list[list[int]]
) -> None:
    prompt = Prompt(fixed, limit)
    for text in texts:
        prompt.extend(text)
    whole = [token for text in texts for token in text]
    given_on = len(prompt.tokens()) - min(len(fixed), limit)
    assert given_on == min(len(whole), max(limit - len(fixed), 0))
    assert prompt.tokens() == fixed[max(len(fixed) - limit, 0) :] + whole[len(whole) - given_on :]
