"""The planner of windows, against a plain account of what an utterance is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from thoth.errors import InvalidOption
from thoth.model.speech import FRAME_S, Span, VadOptions, WindowPlanner

FRAME_MS = 32
LOUD, QUIET, UNSURE = 0.9, 0.01, 0.3


@dataclass(frozen=True)
class Stream:
    """A stream to plan: probabilities and energies per frame, the longest window in frames, and the options."""

    probabilities: list[float]
    energies: list[float]
    longest: int
    options: VadOptions

    @property
    def padding(self) -> int:
        return min(round(self.options.speech_pad_ms / FRAME_MS), self.longest // 8)

    @property
    def joint_half(self) -> int:
        return max(self.padding, min(16, self.longest // 8))

    @property
    def greatest_gap(self) -> int:
        """The longest pause that a window may bridge, in frames."""
        gap_ms = self.options.max_gap_ms
        return max(31 if gap_ms is None else round(gap_ms / FRAME_MS), 2 * self.joint_half)

    @property
    def min_speech(self) -> float:
        """Shortest utterance that may not be lost, in frames."""
        return self.options.min_speech_duration_ms / FRAME_MS


@dataclass(frozen=True)
class Plan:
    """What the planner made of it: the windows, when each was decided, `needed_from` and `kept` after each frame."""

    spans: list[Span]
    decided: list[int]
    needed_from: list[int]
    kept: list[tuple[tuple[int, int], ...]]


def plan(stream: Stream) -> Plan:
    planner = WindowPlanner((stream.longest + 0.5) * FRAME_S, stream.options)
    spans: list[Span] = []
    decided: list[int] = []
    needed: list[int] = []
    kept: list[tuple[tuple[int, int], ...]] = []
    for frame, (probability, energy) in enumerate(zip(stream.probabilities, stream.energies, strict=True)):
        new = planner.push(probability, energy)
        spans += new
        decided += [frame + 1] * len(new)
        needed.append(planner.needed_from)
        kept.append(planner.kept)
    last = planner.finish()
    return Plan(spans + last, decided + [len(stream.probabilities)] * len(last), needed, kept)


def utterances(stream: Stream) -> list[tuple[int, int]]:
    """Find the utterances with the whole stream in view.

    Between two frames of speech lies the end of an utterance if their pause, from its first to its last frame below
    the lower threshold, is long enough; what is unsure on either side of it does not count.
    """
    probabilities = np.array(stream.probabilities)
    options = stream.options
    shortest = min(max(round(options.min_silence_duration_ms / FRAME_MS), 1), stream.longest // 4)
    speech = np.flatnonzero(probabilities >= options.threshold).tolist()
    silence = probabilities < min(options.end_threshold, options.threshold)
    found: list[tuple[int, int]] = []
    start = speech[0] if speech else 0
    for before, after in pairwise([*speech, len(probabilities)] if speech else []):
        pause = np.flatnonzero(silence[before + 1 : after]) + before + 1
        at_end = after == len(probabilities)
        if len(pause) and (at_end or pause[-1] - pause[0] + 1 >= shortest):
            found.append((start, int(pause[0])))
            start = after
        elif at_end:
            found.append((start, after))
    return found


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    runs = draw(
        st.lists(st.tuples(st.sampled_from([LOUD, QUIET, UNSURE]), st.integers(1, 4) | st.integers(1, 60)), max_size=25)
    )
    probabilities = [value for value, length in runs for _ in range(length)]
    seed = draw(st.integers(0, 2**32 - 1))
    energies = np.random.default_rng(seed).integers(0, 50, len(probabilities)).astype(float).tolist()
    milliseconds = st.sampled_from([0, 32, 64, 100, 300, 1000]) | st.integers(0, 60_000)
    options = VadOptions(
        min_speech_duration_ms=draw(st.sampled_from([0, 32, 64, 96, 250, 1000])),
        min_silence_duration_ms=draw(milliseconds),
        speech_pad_ms=draw(milliseconds),
        max_gap_ms=draw(st.none() | milliseconds),
    )
    return Stream(probabilities, energies, draw(st.sampled_from([8, 9, 15, 40, 187])), options)


def stream_of(
    *runs: tuple[float, int], longest: int = 100, energies: list[float] | None = None, **options: Any
) -> Stream:
    probabilities = [value for value, length in runs for _ in range(length)]
    return Stream(probabilities, energies or [1.0] * len(probabilities), longest, VadOptions(**options))


@given(streams())
def test_windows_come_in_order_without_overlap_and_within_the_stream(stream: Stream) -> None:
    edges = [edge for span in plan(stream).spans for piece in span.pieces for edge in piece]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(stream.probabilities) for edge in edges)


@given(streams())
def test_no_window_is_empty_or_too_long_and_speech_ends_inside_of_it(stream: Stream) -> None:
    for span in plan(stream).spans:
        assert 0 < sum(end - start for start, end in span.pieces) <= stream.longest
        last, _ = span.pieces[-1]
        assert last < span.speech_end <= span.end


@given(streams())
def test_every_frame_of_every_utterance_lies_in_exactly_one_window(stream: Stream) -> None:
    covered = np.zeros(len(stream.probabilities), int)
    for span in plan(stream).spans:
        for piece in span.pieces:
            covered[slice(*piece)] += 1
    for start, end in utterances(stream):
        if end - start >= stream.min_speech:
            assert covered[start:end].tolist() == [1] * (end - start)


@given(streams())
def test_no_window_and_no_piece_of_one_holds_silence_alone(stream: Stream) -> None:
    for span in plan(stream).spans:
        for piece in span.pieces:
            assert max(stream.probabilities[slice(*piece)]) >= stream.options.end_threshold


@given(streams())
def test_what_is_left_out_is_a_pause_without_its_edges(stream: Stream) -> None:
    said = [(start, end) for start, end in utterances(stream) if end - start >= stream.min_speech]
    for span in plan(stream).spans:
        for start, end in span.left_out:
            assert start < end
            around = [*range(start - stream.joint_half, start), *range(end, end + stream.joint_half)]
            assert not any(first <= frame < last for first, last in said for frame in [*range(start, end), *around])
            assert any(last == start - stream.joint_half for _, last in said)
            assert end - start + 2 * stream.joint_half <= stream.greatest_gap


@given(streams())
def test_an_utterance_is_cut_only_if_it_fills_a_window_with_its_padding(stream: Stream) -> None:
    edges = {span.end for span in plan(stream).spans}
    for start, end in utterances(stream):
        if end - start >= stream.min_speech and any(start < edge < end for edge in edges):
            # The pause that ends it cannot be told from speech until it has lasted.
            pause = stream.longest // 4
            assert end - start + pause + 2 * stream.padding >= stream.longest


@given(streams())
def test_a_cut_is_at_the_quietest_place_of_the_second_half(stream: Stream) -> None:
    made = plan(stream)
    level = np.convolve([*stream.energies, 0.0], np.ones(3), "same")
    for span, now in zip(made.spans, made.decided, strict=True):
        cut = span.speech_end == span.end and any(start < span.end < end for start, end in utterances(stream))
        if cut and now < len(stream.probabilities):
            first = span.start + stream.longest // 2
            assert span.end >= first
            assert level[span.end] == level[first : now - 1].min()


@given(streams())
def test_windows_are_decided_in_time_for_what_they_need(stream: Stream) -> None:
    made = plan(stream)
    assert all(earlier <= later for earlier, later in pairwise(made.needed_from))
    for span, decided in zip(made.spans, made.decided, strict=True):
        assert span.end <= decided
        # Forgetting comes between any two frames.
        needed_before = made.needed_from[decided - 2] if decided > 1 else 0
        kept_before = dict(made.kept[decided - 2]) if decided > 1 else {}
        for start, end in span.pieces:
            assert start >= needed_before or end <= kept_before[start]


@given(streams())
def test_what_is_kept_stays_as_it_is_until_its_window_is_decided(stream: Stream) -> None:
    made = plan(stream)
    for now, (before, after) in enumerate(pairwise(made.kept)):
        assert after[: len(before)] == before or after == ()
        assert all(end <= now + 2 for _, end in after)
        assert sum(end - start for start, end in after) <= stream.longest


@given(streams())
def test_what_must_be_kept_is_bounded_by_a_window(stream: Stream) -> None:
    assert all(now + 1 - needed <= stream.longest for now, needed in enumerate(plan(stream).needed_from))


@given(st.integers(0, 2000), st.sampled_from([8, 9, 40, 187]), st.sampled_from([0, 250, 60_000]), st.integers(0, 99))
@example(n=1, longest=8, pad_ms=0, seed=0)
def test_speech_throughout_is_tiled_without_gap_or_overlap(n: int, longest: int, pad_ms: int, seed: int) -> None:
    energies = np.random.default_rng(seed).random(n).tolist()
    options = VadOptions(min_speech_duration_ms=0, speech_pad_ms=pad_ms)
    spans = plan(Stream([1.0] * n, energies, longest, options)).spans
    edges = [0, *(span.end for span in spans)]
    assert [(span.start, span.end) for span in spans] == list(pairwise(edges))
    assert edges[-1] == n


@given(st.integers(0, 2000), st.floats(0, 0.39))
def test_silence_gives_no_window(n: int, probability: float) -> None:
    assert plan(stream_of((probability, n))).spans == []


def test_a_burst_shorter_than_speech_gives_no_window() -> None:
    noise = stream_of((QUIET, 20), (LOUD, 2), (QUIET, 50), min_speech_duration_ms=96)
    assert plan(noise).spans == []
    speech = stream_of((QUIET, 20), (LOUD, 3), (QUIET, 50), min_speech_duration_ms=96, speech_pad_ms=64)
    assert plan(speech).spans == [Span(18, 25, 23)]


def test_padding_stops_at_the_edges_of_the_stream_and_half_way_to_the_next_window() -> None:
    stream = stream_of((LOUD, 5), (QUIET, 12), (LOUD, 5), (QUIET, 2), speech_pad_ms=320, max_gap_ms=32)
    assert plan(stream).spans == [Span(0, 11, 5), Span(11, 24, 22)]


def test_utterances_share_a_window_up_to_the_greatest_gap() -> None:
    def windows(gap: int) -> list[Span]:
        return plan(stream_of((LOUD, 5), (QUIET, gap), (LOUD, 5), speech_pad_ms=0, max_gap_ms=20 * FRAME_MS)).spans

    assert windows(20) == [Span(0, 30, 30)]
    assert windows(21) == [Span(0, 5, 5), Span(26, 31, 31)]


def test_of_a_long_pause_within_a_window_a_joint_is_left() -> None:
    stream = stream_of((LOUD, 5), (QUIET, 200), (LOUD, 5), (QUIET, 300), (LOUD, 5), max_gap_ms=30_000)
    made = plan(Stream(stream.probabilities, stream.energies, 200, stream.options))
    assert made.spans == [Span(0, 515, 515, ((5 + 16, 205 - 16), (210 + 16, 510 - 16)))]
    assert made.spans[0].pieces == ((0, 21), (189, 226), (494, 515))


def test_the_last_piece_ends_with_the_padding_of_a_window() -> None:
    runs = ((LOUD, 5), (QUIET, 200), (LOUD, 5), (QUIET, 1000))
    assert plan(stream_of(*runs, longest=200, max_gap_ms=30_000)).spans == [Span(0, 218, 210, ((21, 189),))]


def test_a_burst_of_noise_in_a_long_pause_is_left_out_too() -> None:
    runs = ((LOUD, 5), (QUIET, 200), (LOUD, 1), (QUIET, 200), (LOUD, 5))
    noisy = stream_of(*runs, longest=200, max_gap_ms=30_000, min_speech_duration_ms=64)
    assert plan(noisy).spans == [Span(0, 411, 411, ((21, 390),))]


def test_what_does_not_fit_behind_a_long_pause_begins_a_window() -> None:
    stream = stream_of((LOUD, 40), (QUIET, 200), (LOUD, 60), longest=100, speech_pad_ms=64, max_gap_ms=30_000)
    assert plan(stream).spans == [Span(0, 42, 40), Span(238, 300, 300)]


def test_an_utterance_that_does_not_fit_gets_a_window_of_its_own() -> None:
    stream = stream_of((LOUD, 50), (QUIET, 12), (LOUD, 70), speech_pad_ms=64)
    assert plan(stream).spans == [Span(0, 52, 50), Span(60, 132, 132)]


def test_the_rest_of_a_cut_utterance_is_speech_however_short() -> None:
    energies = [1.0] * 100
    energies[95:98] = [0.0, 0.0, 0.0]
    stream = stream_of(
        (LOUD, 100), (QUIET, 60), energies=energies + [0.5] * 60, speech_pad_ms=0, min_speech_duration_ms=1000
    )
    assert plan(stream).spans == [Span(0, 96, 96), Span(96, 100, 100)]


def test_a_pause_within_an_utterance_does_not_fill_windows_with_silence() -> None:
    stream = stream_of((LOUD, 10), (QUIET, 1000), (LOUD, 10), speech_pad_ms=0, min_silence_duration_ms=60_000)
    assert plan(stream).spans == [Span(0, 10, 10), Span(1010, 1020, 1020)]


def test_a_long_gap_that_may_be_bridged_does_not_hold_audio_back() -> None:
    made = plan(stream_of((LOUD, 10), (QUIET, 500), speech_pad_ms=64, max_gap_ms=9600))
    assert (made.spans, made.decided) == ([Span(0, 12, 10)], [311])
    assert made.needed_from[34:] == [now + 1 - 12 for now in range(34, 310)] + [now + 1 - 2 for now in range(310, 510)]
    assert set(made.kept[34:310]) == {((0, 22),)}


def test_a_window_is_decided_as_soon_as_nothing_can_join_it() -> None:
    made = plan(stream_of((LOUD, 10), (QUIET, 90), speech_pad_ms=64, max_gap_ms=640))
    assert (made.spans, made.decided) == ([Span(0, 12, 10)], [31])


def test_speech_goes_on_above_the_lower_threshold() -> None:
    runs = ((LOUD, 5), (UNSURE, 30), (LOUD, 5))
    assert plan(stream_of(*runs, speech_pad_ms=0)).spans == [Span(0, 40, 40)]
    parted = plan(stream_of(*runs, speech_pad_ms=0, neg_threshold=0.35, max_gap_ms=0)).spans
    assert parted == [Span(0, 5, 5), Span(35, 40, 40)]


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, 0.35), (0.4, 0.25), (0.1, 0.01)])
def test_the_lower_threshold_follows_the_upper_one(threshold: float, expected: float) -> None:
    assert VadOptions(threshold=threshold).end_threshold == pytest.approx(expected)
    assert VadOptions(threshold=threshold, neg_threshold=0.2).end_threshold == 0.2


BAD_PROBABILITIES = (0, 1, 1.5, -0.1, float("nan"), "0.5", True, [0.5])
BAD_TIMES = (-1, 60_001, float("nan"), "100", None, True, [1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("threshold", value) for value in (*BAD_PROBABILITIES, None)),
        *(("neg_threshold", value) for value in BAD_PROBABILITIES),
        *(
            (option.name, value)
            for option in fields(VadOptions)
            if option.name.endswith("_ms")
            for value in BAD_TIMES
            if value is not None or option.default is not None
        ),
    ],
)
def test_a_bad_option_is_named_with_what_it_takes(name: str, value: object) -> None:
    takes = "0 to 60000 milliseconds" if name.endswith("_ms") else "a probability between 0 and 1"
    with pytest.raises(InvalidOption) as error:
        VadOptions.of({name: value})
    assert f"VAD option {name} takes {takes}" in str(error.value)
    assert repr(value) in str(error.value)


def test_options_come_as_an_instance_a_dict_or_none() -> None:
    options = VadOptions(threshold=0.7)
    assert VadOptions.of(options) is options
    assert VadOptions.of({"threshold": 0.7}) == options
    assert VadOptions.of(None) == VadOptions.of({}) == VadOptions()
    assert VadOptions(threshold=np.float32(0.5), speech_pad_ms=np.int64(100)).speech_pad_ms == 100  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, False, 0, 0.5, "threshold", ["threshold"], [("threshold", 0.5)]])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(InvalidOption, match="vad_parameters takes VadOptions, a dict of them or None"):
        VadOptions.of(value)


def test_an_unknown_option_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidOption) as error:
        VadOptions.of({"treshold": 0.5})
    assert "'treshold'" in str(error.value)
    assert all(option.name in str(error.value) for option in fields(VadOptions))
