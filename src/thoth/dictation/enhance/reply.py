"""What chat models put around a text, taken away again: reasoning, markers, code fences, introductions, quotes."""

from __future__ import annotations

import re

from thoth.dictation.enhance.likeness import likeness
from thoth.dictation.enhance.words import words_of

_REASONING_OPENS = ("<think>", "<thinking>", "<reasoning>")
_REASONING = re.compile(r"\s*<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL)
_REASONING_END = re.compile(r"</(?:think|thinking|reasoning)>")
_CODE_FENCE = re.compile(r"```[\w-]*\n(.*?)\n?```", re.DOTALL)
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "»": "«", "「": "」", "'": "'", "`": "`"}
_INTRODUCTION = re.compile(r"[^\n:：]{1,120}[:：][*_ ]*(?:\n+| )\s*(?=\S)")
_LAST_PARAGRAPH = re.compile(r"\n\s*\n(?=\S)(?!.*\n\s*\n\S)", re.DOTALL)
FOREIGN = 0.4
"""An introduction or closing note shares at most so much with what was said."""
LONGEST_INTRODUCTION = 14
MOST_TRIMMINGS = 30
"""Around one text. Each costs a comparison with all that was said, which nothing interrupts."""


def without_reasoning(reply: str) -> str:
    """Take away what a reasoning model thought aloud; of a thought that has not ended, all."""
    rest = _REASONING.sub("", reply, count=1) if _REASONING.match(reply) else reply
    # Some chat templates open the thought themselves: only its end is in the reply.
    return _REASONING_END.split(rest)[-1]


def shown_so_far(reply: str, fence: str) -> str:
    """Return what of an unfinished reply can be shown: neither reasoning nor a marker, nor what may become one."""
    rest = without_reasoning(reply).lstrip()
    if rest.startswith("<") and any(mark.startswith(rest) for mark in (*_REASONING_OPENS, f"<{fence}>")):
        return ""
    rest = rest.removeprefix(f"<{fence}>").lstrip()
    tail = rest.rfind("<")
    return rest[:tail].rstrip() if tail >= 0 and f"</{fence}>".startswith(rest[tail : tail + len(fence) + 3]) else rest


def bare(reply: str, said: str, fence: str) -> str:
    """Return the text in a finished reply; what was said so itself, quotes for instance, stays.

    Empty where there is no end of trimmings, as from a model that says "No." until it is stopped.
    """
    text = without_reasoning(reply) if not _REASONING_END.search(said) else reply
    for _ in range(MOST_TRIMMINGS):
        barer = _once_barer(text.strip(), said.strip(), fence)
        if barer == text:
            return text
        text = barer
    return ""


def _once_barer(text: str, said: str, fence: str) -> str:
    text = _inside_markers(text, fence)
    if (block := _CODE_FENCE.fullmatch(text)) and "```" not in said:
        text = block.group(1).strip()
    text = _without_introduction(text, said)
    text = _without_note(text, said)
    if len(text) > 1 and not said.startswith(text[0]) and _QUOTES.get(text[0]) == text[-1]:
        inside = text[1:-1]
        text = text if text[0] in inside or text[-1] in inside else inside
    return text.strip()


def _inside_markers(text: str, fence: str) -> str:
    opening, closing = f"<{fence}>", f"</{fence}>"
    if opening in text and closing in text[text.index(opening) :]:
        return text[text.index(opening) + len(opening) :].partition(closing)[0].strip()
    return text.removeprefix(opening).removesuffix(closing).strip()


def _without_introduction(text: str, said: str) -> str:
    found = _INTRODUCTION.match(text)
    if found is None:
        return text
    words = words_of(found.group())
    is_foreign = len(words) <= LONGEST_INTRODUCTION and likeness(words_of(said), words).said <= FOREIGN
    return text[found.end() :] if is_foreign else text


def _without_note(text: str, said: str) -> str:
    found = _LAST_PARAGRAPH.search(text)
    if found is None:
        return text
    is_foreign = likeness(words_of(said), words_of(text[found.end() :])).said <= FOREIGN
    return text[: found.start()].rstrip() if is_foreign else text
