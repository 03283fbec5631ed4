from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from thoth.dictation.enhance.sse import EventReader

STREAM = (
    ': hello\r\n\r\ndata: {"a": "ü😀"}\n\nid: 7\ndata:one\r\ndata: two\r\n\r\nevent: x\n\ndata: [DONE]\n\ndata: cut off'
).encode()
EVENTS = ['{"a": "ü😀"}', "one\ntwo", "[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20).map(sorted))
def test_events_do_not_depend_on_where_the_stream_is_cut(cuts: list[int]) -> None:
    reader = EventReader()
    bounds = [0, *cuts, len(STREAM)]
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(bounds)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    assert all(isinstance(event, str) for event in EventReader().feed(data))
