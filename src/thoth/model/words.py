"""Words with their times, put together from a segment's tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from thoth import _native
from thoth.model.transcript import Word

UNSPACED_LANGUAGES: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Written without spaces between words: there each token of whole characters counts as one, as in openai-whisper."""

_CLOSING: Final = tuple(mark.encode() for mark in ",.!?:;)]}，。！？：；、）」』】”’…")
"""Punctuation that belongs to the word before it."""


def words_of(
    tokens: Iterable[_native.TokenResult], language: str, text_end: int, offset_s: float, end_s: float
) -> tuple[Word, ...]:
    """Group a segment's tokens into words.

    `offset_s` is where the window begins in the stream and `end_s` where the audio ends; times are clipped to that
    and never run backwards. Tokens from `text_end` on are special and belong to no word.
    """
    spoken = (token for token in tokens if token.id < text_end)
    words: list[Word] = []
    now_s = offset_s
    for group in _groups(spoken, split_characters=language in UNSPACED_LANGUAGES):
        text = b"".join(token.text for token in group).decode("utf-8", "replace")
        if not text.strip():
            continue
        start_s = min(max(offset_s + group[0].start_s, now_s), end_s)
        now_s = min(max(offset_s + group[-1].end_s, start_s), end_s)
        probability = sum(token.probability for token in group) / len(group)
        words.append(Word(round(start_s, 3), round(now_s, 3), text, probability))
    return tuple(words)


def _groups(tokens: Iterable[_native.TokenResult], *, split_characters: bool) -> Iterator[list[_native.TokenResult]]:
    group: list[_native.TokenResult] = []
    for token in tokens:
        begins = _begins_character(token.text) if split_characters else token.text.startswith(b" ")
        if group and begins:
            yield group
            group = []
        group.append(token)
    if group:
        yield group


def _begins_character(text: bytes) -> bool:
    """Whether a token begins a character of its own: one character may span several tokens."""
    continues = not text or 0x80 <= text[0] < 0xC0  # UTF-8: bytes 10xxxxxx go on with a character
    return not continues and not text.startswith(_CLOSING)
