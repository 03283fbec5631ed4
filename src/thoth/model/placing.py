"""Where in the stream a window's segments were said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from thoth import _native
from thoth.model.windows import Piece, Window
from thoth.model.words import split_at_joints, text_of

_NEWEST_VOCABULARY: Final = 51_866  # large-v3's and its relatives'


def has_timestamps(info: Mapping[str, object]) -> bool:
    """Whether a model, by its `Engine.info`, tells times: distilled ones of the first generation do not."""
    return info["n_text_layer"] != 2 or info["n_vocab"] == _NEWEST_VOCABULARY


@dataclass(frozen=True, slots=True)
class Part:
    """A segment, or what of it was said on one side of a pause that was left out; times in seconds of the stream.

    `piece`: where in the stream it was said; its words' times are read against it.
    """

    segment: _native.SegmentResult
    tokens: list[_native.TokenResult]
    text: str
    start_s: float
    end_s: float
    piece: Piece


def parts_of(segments: Iterable[_native.SegmentResult], window: Window, language: str, text_end: int) -> Iterator[Part]:
    """Place the segments of a window, each parted where it goes on behind a pause that was left out.

    No part reaches into such a pause, and none is placed before the one in front of it. Where the window has several
    pieces its tokens need times; without these a segment keeps together, from the piece where it begins to the one
    where it ends. Tokens from `text_end` on are special.
    """
    index = 0
    for segment in segments:
        if len(window.pieces) == 1 or not _timed(segment):
            yield _whole(segment, window)
            continue
        parts = split_at_joints(segment.tokens, language, text_end, window, index)
        for number, (index, tokens) in enumerate(parts):
            spoken = [token for token in tokens if token.id < text_end] or tokens
            begins = segment.start_s if number == 0 else spoken[0].start_s
            ends = segment.end_s if number == len(parts) - 1 else spoken[-1].end_s
            piece = window.pieces[index]
            start_s = piece.place(begins)
            yield Part(segment, tokens, text_of(tokens, text_end), start_s, max(start_s, piece.place(ends)), piece)


def _timed(segment: _native.SegmentResult) -> bool:
    return bool(segment.tokens) and segment.tokens[0].start_s >= 0


def _whole(segment: _native.SegmentResult, window: Window) -> Part:
    start_s = window.stream_time(segment.start_s)
    end_s = max(start_s, window.stream_time(segment.end_s))
    return Part(segment, segment.tokens, segment.text.decode("utf-8", "replace"), start_s, end_s, window.pieces[0])
