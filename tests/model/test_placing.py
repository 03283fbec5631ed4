"""Segments of a window without its pauses: in their pieces, in order, no text lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth import _native
from thoth.model.placing import Part, has_timestamps, parts_of
from thoth.model.windows import Piece, Window
from thoth.model.words import words_of

TEXT_END = 50_257


@dataclass
class Token:
    """What `_native.TokenResult` tells; that one is made by the engine only."""

    text: bytes
    start_s: float
    end_s: float
    probability: float = 1.0
    id: int = 5


@dataclass
class Segment:
    """What `_native.SegmentResult` tells."""

    start_s: float
    end_s: float
    tokens: list[Token] = field(default_factory=list)
    average_log_probability: float = -0.5

    @property
    def text(self) -> bytes:
        return b"".join(token.text for token in self.tokens if token.id < TEXT_END)


def window(*pieces: tuple[float, float]) -> Window:
    """A window of stretches of the stream: where each begins and how long it is."""
    found: list[Piece] = []
    length = 0.0
    for stream_s, duration_s in pieces:
        found.append(Piece(length, stream_s, duration_s))
        length += duration_s
    return Window(tuple(found), np.zeros(round(length * 16_000), np.float32), length)


def parts(place: Window, *segments: Segment, language: str = "en") -> list[Part]:
    return list(parts_of(cast("list[_native.SegmentResult]", list(segments)), place, language, TEXT_END))


def plain(found: list[Part]) -> list[tuple[float, float, str]]:
    return [(part.start_s, part.end_s, part.text) for part in found]


PACKED = window((10.0, 2.0), (60.0, 2.0), (90.0, 2.0))


def test_a_segment_of_one_piece_is_moved_as_a_whole() -> None:
    one = Segment(0.5, 1.5, [Token(b" one", 0.5, 1.0), Token(b" two", 1.0, 1.5)])
    assert plain(parts(window((10.0, 2.0)), one)) == [(10.5, 11.5, " one two")]
    later = Segment(2.5, 3.5, [Token(b" one", 2.5, 3.0), Token(b" two", 3.0, 3.5)])
    assert plain(parts(PACKED, later)) == [(60.5, 61.5, " one two")]


def test_a_segment_across_a_joint_is_parted_there() -> None:
    tokens = [Token(b" one", 0.5, 1.0), Token(b" two", 1.0, 1.5), Token(b" three", 2.5, 3.0), Token(b" four", 4.5, 5.0)]
    found = parts(PACKED, Segment(0.25, 5.25, tokens))
    assert plain(found) == [(10.25, 11.5, " one two"), (60.5, 61.0, " three"), (90.5, 91.25, " four")]
    assert [len(part.tokens) for part in found] == [2, 1, 1]


def test_a_word_is_not_parted_and_lies_where_its_middle_is() -> None:
    tokens = [Token(b" un", 1.0, 1.75), Token(b"do", 1.75, 2.5), Token(b" it", 2.5, 3.0)]
    assert plain(parts(PACKED, Segment(1.0, 3.0, tokens))) == [(11.0, 12.0, " undo"), (60.5, 61.0, " it")]


def test_special_tokens_go_with_the_words_and_tell_no_place() -> None:
    tokens = [
        Token(b"[_BEG_]", 0.0, 0.0, id=TEXT_END + 106),
        Token(b" one", 0.5, 1.0),
        Token(b"[_TT_250]", 5.0, 5.0, id=TEXT_END + 356),
    ]
    for language in ("en", "zh"):
        (part,) = parts(PACKED, Segment(0.5, 1.0, tokens), language=language)
        assert (part.text, len(part.tokens)) == (" one", 3)


def test_a_segment_that_ends_in_the_joint_ends_with_its_piece() -> None:
    late = Segment(0.5, 2.75, [Token(b" one", 0.5, 1.0)])
    assert plain(parts(PACKED, late)) == [(10.5, 12.0, " one")]


def test_without_times_of_words_a_segment_keeps_together() -> None:
    whole = Segment(0.0, 6.0, [Token(b" one two", -1.0, -1.0)])
    assert plain(parts(PACKED, whole)) == [(10.0, 92.0, " one two")]


@pytest.mark.parametrize(
    ("layers", "vocabulary", "expected"), [(4, 51_864, True), (2, 51_864, False), (2, 51_865, False), (2, 51_866, True)]
)
def test_distilled_models_of_the_first_generation_have_no_times(layers: int, vocabulary: int, expected: bool) -> None:
    assert has_timestamps({"n_text_layer": layers, "n_vocab": vocabulary}) is expected


TIMES = st.floats(0, 8)


@st.composite
def packed_windows(draw: st.DrawFn) -> Window:
    lengths = draw(st.lists(st.tuples(st.floats(0.1, 50), st.floats(0.1, 3)), min_size=1, max_size=4))
    pieces: list[tuple[float, float]] = []
    now_s = 0.0
    for gap_s, duration_s in lengths:
        pieces.append((now_s + gap_s, duration_s))
        now_s += gap_s + duration_s
    return window(*pieces)


@given(packed_windows(), st.lists(st.tuples(TIMES, TIMES, st.lists(st.tuples(TIMES, TIMES), max_size=8)), max_size=5))
def test_whatever_the_engine_says_no_text_is_lost_or_placed_in_a_pause_or_out_of_order(
    place: Window, said: list[tuple[float, float, list[tuple[float, float]]]]
) -> None:
    segments = [
        Segment(start, end, [Token(f" {number}.{i}".encode(), *times) for i, times in enumerate(words)])
        for number, (start, end, words) in enumerate(said)
    ]
    found = parts(place, *segments)
    assert "".join(part.text for part in found) == b"".join(segment.text for segment in segments).decode()
    for part in found:
        piece_end_s = part.piece.stream_s + part.piece.duration_s
        if part.text and len(place.pieces) > 1:
            assert part.piece in place.pieces
            assert part.piece.stream_s <= part.start_s <= part.end_s <= piece_end_s
            for word in words_of(part.tokens, "en", TEXT_END, part.piece):
                assert round(part.piece.stream_s, 3) <= word.start <= word.end <= round(piece_end_s, 3)
    spoken = [place.pieces.index(part.piece) for part in found if part.text]
    assert all(earlier <= later for earlier, later in pairwise(spoken))
