"""Words with their times, put together from a segment's tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from thoth import _native
from thoth.model.transcript import Word
from thoth.model.windows import Piece, Window

UNSPACED_LANGUAGES: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Written without spaces between words: there each token of whole characters counts as one, as in openai-whisper."""

_CLOSING: Final = tuple(mark.encode() for mark in ",.!?:;)]}，。！？：；、）」』】”’…")
"""Punctuation that belongs to the word before it."""


def words_of(tokens: Iterable[_native.TokenResult], language: str, text_end: int, piece: Piece) -> tuple[Word, ...]:
    """Group tokens into words.

    `piece` is where in the stream they were said; times are clipped to it and never run backwards. Tokens from
    `text_end` on are special and belong to no word.
    """
    spoken = (token for token in tokens if token.id < text_end)
    words: list[Word] = []
    now_s = piece.stream_s
    for group in _groups(spoken, split_characters=language in UNSPACED_LANGUAGES):
        text = text_of(group, text_end)
        if not text.strip():
            continue
        start_s = max(piece.place(group[0].start_s), now_s)
        now_s = max(piece.place(group[-1].end_s), start_s)
        probability = sum(token.probability for token in group) / len(group)
        words.append(Word(round(start_s, 3), round(now_s, 3), text, probability))
    return tuple(words)


def text_of(tokens: Iterable[_native.TokenResult], text_end: int) -> str:
    """Join the tokens' text, but for special ones'."""
    return b"".join(token.text for token in tokens if token.id < text_end).decode("utf-8", "replace")


def split_at_joints(
    tokens: Iterable[_native.TokenResult], language: str, text_end: int, window: Window, from_piece: int
) -> list[tuple[int, list[_native.TokenResult]]]:
    """Part a segment's tokens between two words where these lie in different pieces of the window.

    Return the parts in order, each with its piece's index, from `from_piece` on. A word lies where its middle does, and
    never before the word in front of it. Special tokens go with what they stand behind.
    """
    parts: list[tuple[int, list[_native.TokenResult]]] = []
    for word in _groups(tokens, split_characters=language in UNSPACED_LANGUAGES):
        spoken = [token for token in word if token.id < text_end]
        piece = parts[-1][0] if parts else from_piece
        if spoken:
            piece = max(piece, window.piece_at((spoken[0].start_s + spoken[-1].end_s) / 2))
        if parts and parts[-1][0] == piece:
            parts[-1][1].extend(word)
        else:
            parts.append((piece, word))
    return parts


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
