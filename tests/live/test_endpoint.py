"""Beginnings, pauses and ends of utterances: the grammar of the marks, and when each of them comes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.live.endpoint import PAUSE_S, Endpointer, Mark
from thoth.model.speech import FRAME_S, VadOptions

LETTERS = {"speech": "s", "pause": "p", "resumed": "r", "end": "e"}
GRAMMAR = re.compile(r"(s(pr)*p?e)*(s(pr)*p?)?")
"""What has come by any moment: whole utterances, and maybe one that goes on."""

OPTIONS = VadOptions()
LOUD, BETWEEN, QUIET = 0.9, (OPTIONS.threshold + OPTIONS.end_threshold) / 2, 0.02

probabilities = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([LOUD, BETWEEN, QUIET]), st.integers(1, 30)),
        st.tuples(st.floats(0, 1), st.integers(1, 3)),
    ),
    max_size=40,
).map(lambda runs: [probability for probability, length in runs for _ in range(length)])

endpoints = st.floats(0.2, 2.0)
vad_options = st.builds(
    VadOptions,
    threshold=st.floats(0.2, 0.8),
    min_speech_duration_ms=st.integers(0, 300),
)


def frames(duration_s: float) -> int:
    return max(round(duration_s / FRAME_S), 1)


def marks_of(pushed: list[float], options: VadOptions = OPTIONS, endpoint_s: float = 0.6) -> list[tuple[int, Mark]]:
    """All marks, each with the frame that brought it."""
    endpointer = Endpointer(options, endpoint_s)
    return [(n, mark) for n, one in enumerate(pushed) if (mark := endpointer.push(one)) is not None]


def run(*parts: tuple[float, int]) -> list[float]:
    return [probability for probability, length in parts for _ in range(length)]


@settings(deadline=None)
@given(probabilities, vad_options, endpoints)
def test_marks_follow_their_grammar_and_the_end_of_the_stream_completes_it(
    pushed: list[float], options: VadOptions, endpoint_s: float
) -> None:
    endpointer = Endpointer(options, endpoint_s)
    said = ""
    for probability in pushed:
        mark = endpointer.push(probability)
        said += LETTERS[mark.kind] if mark else ""
        assert GRAMMAR.fullmatch(said), said
        open_now = said.count("s") > said.count("e")
        assert endpointer.speaking == open_now
    last = endpointer.finish()
    assert (last is not None) == (said.count("s") > said.count("e"))
    assert not endpointer.speaking
    assert endpointer.finish() is None
    assert said.count("s") == said.count("e") + (last is not None)


@settings(deadline=None)
@given(probabilities, vad_options, endpoints)
def test_each_mark_comes_when_it_is_certain_and_tells_where_it_began(
    pushed: list[float], options: VadOptions, endpoint_s: float
) -> None:
    loud = [probability >= options.threshold for probability in pushed]
    quiet = [probability < options.end_threshold for probability in pushed]
    least, pause = frames(options.min_speech_duration_ms / 1000), min(frames(PAUSE_S), frames(endpoint_s))
    for came, mark in marks_of(pushed, options, endpoint_s):
        if mark.kind == "speech":
            assert came - mark.frame + 1 == least
            assert all(loud[mark.frame : came + 1])
        elif mark.kind == "resumed":
            assert mark.frame == came
            assert loud[came]
        else:
            assert came - mark.frame + 1 == (pause if mark.kind == "pause" else frames(endpoint_s))
            assert quiet[mark.frame]
            assert not any(loud[mark.frame : came + 1])


@settings(deadline=None)
@given(probabilities, vad_options, endpoints)
def test_no_speech_is_missed_and_no_silence_is_waited_for_longer(
    pushed: list[float], options: VadOptions, endpoint_s: float
) -> None:
    """Told by a second, plain account of what must have been marked."""
    marked = {came: mark.kind for came, mark in marks_of(pushed, options, endpoint_s)}
    least, endpoint = frames(options.min_speech_duration_ms / 1000), frames(endpoint_s)
    speaking, loud_run, silence = False, 0, 0
    for n, probability in enumerate(pushed):
        loud_run = loud_run + 1 if probability >= options.threshold else 0
        if not speaking:
            speaking, silence = loud_run >= least, 0
            assert (marked.get(n) == "speech") == speaking
            continue
        if loud_run:
            silence = 0
        elif silence or probability < options.end_threshold:
            silence += 1
        if silence >= endpoint:
            speaking, loud_run = False, 0
        assert (marked.get(n) == "end") == (not speaking)


@settings(deadline=None)
@given(probabilities)
def test_marks_go_forward(pushed: list[float]) -> None:
    places = [mark.frame for _, mark in marks_of(pushed)]
    assert places == sorted(places)


def test_what_may_become_speech_is_known_from_its_first_frame_and_forgotten_with_its_last() -> None:
    endpointer = Endpointer(VadOptions(min_speech_duration_ms=320), 0.6)
    seen = []
    for probability in run((QUIET, 3), (LOUD, 4), (QUIET, 2), (LOUD, 12)):
        endpointer.push(probability)
        seen.append(endpointer.speech_may_begin)
    assert seen == [None] * 3 + [3] * 4 + [None] * 2 + [9] * 9 + [None] * 3


def test_a_stop_within_a_word_is_no_pause() -> None:
    assert [mark.kind for _, mark in marks_of(run((LOUD, 10), (QUIET, 5), (LOUD, 10)))] == ["speech"]


def test_a_pause_is_told_after_a_fifth_of_a_second_and_the_end_after_its_own_time() -> None:
    marks = marks_of(run((LOUD, 10), (QUIET, 40)), endpoint_s=0.6)
    assert marks == [(1, Mark("speech", 0)), (15, Mark("pause", 10)), (28, Mark("end", 10))]
    assert pytest.approx(PAUSE_S, abs=FRAME_S) == 6 * FRAME_S


def test_speech_that_goes_on_after_a_pause_is_told_at_once_and_pauses_anew() -> None:
    marks = marks_of(run((LOUD, 10), (QUIET, 10), (LOUD, 1), (QUIET, 19)))
    assert marks[2:] == [(20, Mark("resumed", 20)), (26, Mark("pause", 21)), (39, Mark("end", 21))]


def test_a_probability_between_the_thresholds_neither_begins_nor_breaks_silence() -> None:
    assert marks_of(run((BETWEEN, 50))) == []
    assert [mark.kind for _, mark in marks_of(run((LOUD, 5), (BETWEEN, 50)))] == ["speech"]
    assert marks_of(run((LOUD, 5), (QUIET, 1), (BETWEEN, 50)))[-1] == (23, Mark("end", 5))


def test_where_the_endpoint_is_as_short_as_a_pause_there_is_none() -> None:
    assert [mark.kind for _, mark in marks_of(run((LOUD, 5), (QUIET, 10)), endpoint_s=0.2)] == ["speech", "end"]


def test_the_end_of_the_stream_ends_an_utterance_where_its_silence_began() -> None:
    for tail, end in ((0, 10), (3, 10), (10, 10)):
        endpointer = Endpointer(OPTIONS, 0.6)
        for probability in run((LOUD, 10), (QUIET, tail)):
            endpointer.push(probability)
        assert endpointer.finish() == Mark("end", end)
