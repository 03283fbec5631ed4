"""The transcript that is made of updates."""

from __future__ import annotations

import threading
import tracemalloc
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.live.update import MOST_ENTRIES, MOST_UTTERANCES, Gap, LiveTranscript, LiveUpdate, Utterance
from thoth.model.transcript import Word


def word(text: str) -> Word:
    return Word(0.0, 1.0, text, 0.9)


def update(text: str = "", *, utterance: int = 1, is_final: bool = False, gaps: tuple[Gap, ...] = ()) -> LiveUpdate:
    found = tuple(word(f" {one}") for one in text.split())
    committed = "".join(one.word for one in found)
    return LiveUpdate(committed, "", found, gaps, is_final, utterance, 0.0, 1.0, 0.0)


LOST = Gap(1.04, 2.5, "overload")


def test_values_cannot_be_changed() -> None:
    for value in (update("a"), LOST, Utterance(1, "", (), ())):
        for field in fields(value):
            with pytest.raises(FrozenInstanceError):
                setattr(value, field.name, None)


def test_an_utterance_is_a_line_with_its_gaps_at_the_end() -> None:
    transcript = LiveTranscript()
    transcript.add(update("one two"))
    assert transcript.text == "one two"
    transcript.add(update("three", gaps=(LOST,), is_final=True))
    transcript.add(update("four", utterance=2))
    assert transcript.text == "one two three [1.0-2.5 s lost: overload]\nfour"
    assert [one.number for one in transcript.utterances] == [1, 2]
    assert transcript.gaps == (LOST,)
    assert [one.word for one in transcript.words] == [" one", " two", " three", " four"]


def test_an_utterance_of_nothing_is_none_and_one_of_a_gap_alone_is_one() -> None:
    transcript = LiveTranscript()
    transcript.add(update(is_final=True))
    assert transcript.utterances == ()
    assert transcript.text == ""
    transcript.add(update(utterance=2, gaps=(LOST,), is_final=True))
    assert transcript.text == "[1.0-2.5 s lost: overload]"


def test_the_latest_utterances_are_kept() -> None:
    transcript = LiveTranscript()
    for n in range(MOST_UTTERANCES + 10):
        transcript.add(update(f"u{n}", utterance=n + 1, is_final=True))
    kept = transcript.utterances
    assert len(kept) == MOST_UTTERANCES
    assert (kept[0].text, kept[-1].text) == ("u10", f"u{MOST_UTTERANCES + 9}")


def test_an_utterance_without_an_end_is_cut_in_bounded_pieces_of_the_same_number() -> None:
    """A radio that is on all day never pauses long enough."""
    transcript = LiveTranscript()
    words = MOST_ENTRIES * 5 // 2
    for n in range(words // 2):
        transcript.add(update(f"a{n} b{n}"))
    pieces = transcript.utterances
    assert [one.number for one in pieces] == [1, 1, 1]
    assert [len(one.words) for one in pieces] == [MOST_ENTRIES, MOST_ENTRIES, MOST_ENTRIES // 2]
    assert transcript.text.split() == [f"{letter}{n}" for n in range(words // 2) for letter in "ab"]
    transcript.add(update("end", is_final=True))
    transcript.add(update("next", utterance=2))
    assert [one.number for one in transcript.utterances] == [1, 1, 1, 2]


def test_a_source_that_loses_again_and_again_without_a_word_costs_bounded_memory() -> None:
    transcript = LiveTranscript()
    for _ in range(MOST_ENTRIES + 1):
        transcript.add(update(gaps=(LOST,)))
    assert [len(one.gaps) for one in transcript.utterances] == [MOST_ENTRIES, 1]


def test_adding_costs_the_same_however_much_is_there() -> None:
    """Counted in memory, since time is anybody's: a copy of what is there would take much more."""
    transcript = LiveTranscript()
    for _ in range(MOST_ENTRIES - 100):
        transcript.add(update("word"))
    one = update("word")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        peaks = []
        for _ in range(50):
            tracemalloc.reset_peak()
            transcript.add(one)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert sorted(peaks)[len(peaks) // 2] < 2000


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "a", "b c"]), st.booleans(), st.booleans()), max_size=30))
def test_the_text_is_the_committed_text_of_all_updates(script: list[tuple[str, bool, bool]]) -> None:
    transcript = LiveTranscript()
    number, committed, gaps = 1, "", 0
    for text, is_final, lost in script:
        one = update(text, utterance=number, is_final=is_final, gaps=(LOST,) if lost else ())
        transcript.add(one)
        committed += one.committed
        gaps += lost
        number += is_final
    said = " ".join(one.text for one in transcript.utterances).split()
    assert said == committed.split()
    assert "".join(one.word for one in transcript.words) == committed
    assert len(transcript.gaps) == gaps


def test_a_reader_always_sees_a_whole_utterance() -> None:
    """While another thread adds: never half of an update."""
    transcript = LiveTranscript()
    going = threading.Event()

    def add() -> None:
        for n in range(2000):
            transcript.add(update("a b", utterance=n + 1, is_final=n % 2 == 0))
            going.set()

    thread = threading.Thread(target=add)
    thread.start()
    going.wait(10)
    while thread.is_alive():
        for one in transcript.utterances:
            assert len(one.words) == len(one.text.split())
    thread.join()
