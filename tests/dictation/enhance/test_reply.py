from __future__ import annotations

import time

import pytest

from thoth.dictation.enhance.reply import bare, shown_so_far, without_reasoning

SAID = "lets meet on tuesday"
TEXT = "Let's meet on Tuesday."
FENCE = "dictation-0123456789abcdef"


@pytest.mark.parametrize(
    "reply",
    [
        TEXT,
        f"\n  {TEXT}\n\n",
        f"Here is the corrected text:\n\n{TEXT}",
        f"Sure! Here's the edited version: {TEXT}",
        f"**Corrected text:**\n{TEXT}",
        f"Voici le texte corrigé :\n\n{TEXT}",
        f"以下是修改后的文本：\n{TEXT}",
        f'"{TEXT}"',
        f"“{TEXT}”",
        f"```\n{TEXT}\n```",
        f"Here you go:\n```text\n{TEXT}\n```",
        f"<{FENCE}>\n{TEXT}\n</{FENCE}>",
        f"<{FENCE}>\n{TEXT}",
        f"{TEXT}\n</{FENCE}>",
        f"The edited dictation:\n<{FENCE}>\n{TEXT}\n</{FENCE}>\nNothing else was changed.",
        f"<think>\nI must edit: {SAID}\n</think>\n\n{TEXT}",
        f"I must edit it.\n</think>\n{TEXT}",
        f'<think></think>Here it is:\n"{TEXT}"\n\n(Note: an apostrophe was missing.)',
        f"{TEXT}\n\nLet me know if you need anything else!",
    ],
)
def test_trimmings_are_taken_away(reply: str) -> None:
    assert bare(reply, SAID, FENCE) == TEXT


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("shopping list colon eggs and milk", "Shopping list: eggs and milk"),
        ('"quoted" he said "twice"', '"Quoted," he said, "twice"'),
        ("dear anna new paragraph thank you for the book", "Dear Anna,\n\nThank you for the book."),
        ("three things: one, two, three", "Three things: one, two, three."),
        ("the tag </think> ends a thought", "The tag </think> ends a thought."),
        ("'quoted'", "'quoted'"),
    ],
)
def test_what_was_dictated_so_stays(said: str, reply: str) -> None:
    assert bare(reply, said, FENCE) == reply


def test_a_thought_without_end_leaves_nothing() -> None:
    assert bare("<think>The user wants to meet on Tuesday", SAID, FENCE) == ""
    assert without_reasoning("<think>lets") == ""


def test_while_it_streams_neither_reasoning_nor_markers_are_shown() -> None:
    reply = f"<think>what do they want</think>\n<{FENCE}>\n{TEXT}\n</{FENCE}>"
    shown = [shown_so_far(reply[:end], FENCE) for end in range(len(reply) + 1)]
    assert all(TEXT.startswith(text.rstrip()) for text in shown), shown
    assert shown[-1] == TEXT
    assert len(set(shown)) > len(TEXT) / 2


def test_a_smaller_sign_in_a_text_is_shown() -> None:
    assert shown_so_far("a < b and <dict>", FENCE) == "a < b and <dict>"


def test_trimmings_without_end_are_given_up_in_time() -> None:
    said = " ".join(f"word{at:04}" for at in range(1000))
    begin_s = time.process_time()
    assert bare(f"{said}" + "\n\nNo." * 2000, said, FENCE) == ""
    assert time.process_time() - begin_s < 5.0
    assert bare(f"{said}" + "\n\nNo." * 10, said, FENCE) == said
