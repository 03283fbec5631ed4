"""Where new text begins: no word twice, none lost."""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.errors import InvalidOption
from thoth.live import seam

MOST_WORDS = 1024


@dataclass(frozen=True)
class Heard:
    text: str
    at_s: float


def said(text: str, at_s: float = 1.0, every_s: float = 0.5) -> list[Heard]:
    """Speak evenly, beginning at `at_s`."""
    return [Heard(word, at_s + place * every_s) for place, word in enumerate(text.split())]


def shifted(words: list[Heard], *shifts_s: float) -> list[Heard]:
    """Move words by these times, over and over."""
    return [replace(word, at_s=word.at_s + shift) for word, shift in zip(words, itertools.cycle(shifts_s))]


def ids(words: Iterable[Heard]) -> np.ndarray:
    return np.array([hash(word.text) for word in words], np.int64)


def times(words: Iterable[Heard]) -> np.ndarray:
    return np.array([word.at_s for word in words], np.float64)


def covered(known: list[Heard], heard: list[Heard]) -> int:
    return seam.covered(ids(known), times(known), ids(heard), times(heard))


def new_text(known: list[Heard], heard: list[Heard]) -> str:
    return " ".join(word.text for word in heard[covered(known, heard) :])


KNOWN = said("open the door and")  # 1.0, 1.5, 2.0, 2.5
NEW = said("walk in", at_s=3.0)


@pytest.mark.parametrize(
    "again",
    [
        "open the door and",
        "open a door and",  # one heard differently
        "hope the door and",
        "open the door end",
        "open the the door and",  # one more heard
        "um open the door and",
    ],
)
def test_what_is_known_is_not_new_however_it_is_heard_again(again: str) -> None:
    words = again.split()
    heard = said(again, at_s=1.0, every_s=1.5 / (len(words) - 1))
    assert new_text(KNOWN, heard + NEW) == "walk in"
    assert new_text(KNOWN, heard) == ""


@pytest.mark.parametrize("lost", range(4))
def test_a_known_word_that_is_not_heard_again_takes_no_new_one_with_it(lost: int) -> None:
    heard = KNOWN[:lost] + KNOWN[lost + 1 :]
    assert new_text(KNOWN, heard + NEW) == "walk in"


@pytest.mark.parametrize("shifts", [(0.3,), (-0.3,), (0.3, -0.3), (-0.3, 0.0, 0.3)])
def test_times_may_be_off_by_what_whisper_is_off(shifts: tuple[float, ...]) -> None:
    assert new_text(KNOWN, shifted(KNOWN, *shifts) + shifted(NEW, shifts[-1])) == "walk in"


def test_nothing_known_or_nothing_heard() -> None:
    assert covered([], NEW) == 0
    assert covered(KNOWN, []) == 0
    assert covered([], []) == 0


def test_with_nothing_in_common_times_decide() -> None:
    assert new_text(KNOWN, said("shut that window please walk in")) == "walk in"
    assert new_text(KNOWN, said("walk in", at_s=3.2)) == "walk in"
    assert new_text(KNOWN, said("and so on", at_s=60.0)) == "and so on"


@pytest.mark.parametrize("spacing_s", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("shift_s", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("known", [1, 2, 3, 20])
def test_repeated_words_count_where_all_of_them_are_heard_again(known: int, shift_s: float, spacing_s: float) -> None:
    heard = said("five " * (known + 2), at_s=1.0 + shift_s, every_s=spacing_s)
    assert covered(said("five " * known, every_s=spacing_s), heard) == known


def test_the_last_word_heard_differently_and_a_new_one_are_told_apart_by_time() -> None:
    assert new_text(KNOWN, [*KNOWN[:3], Heard("end", 2.69)]) == ""
    assert new_text(KNOWN, [*KNOWN[:3], Heard("walk", 2.71)]) == "walk"


def test_equal_words_far_apart_in_time_are_not_the_same() -> None:
    known = said("yes")
    assert new_text(known, said("yes", at_s=1.9)) == ""
    assert new_text(known, said("yes", at_s=2.1)) == "yes"


words = st.builds(Heard, st.sampled_from("abc"), st.integers(0, 40).map(lambda place: place / 20))
in_order = st.lists(words, max_size=5).map(lambda found: sorted(found, key=lambda word: word.at_s))


@settings(max_examples=400, deadline=None)
@given(st.one_of(in_order, st.lists(words, max_size=4)), st.one_of(in_order, st.lists(words, max_size=4)))
def test_no_alignment_is_better(known: list[Heard], heard: list[Heard]) -> None:
    assert covered(known, heard) == best_of_all(known, heard)


def best_of_all(known: list[Heard], heard: list[Heard]) -> int:
    """Try every way to pair words with each other, in order, for every number of covered words."""
    if not known or not heard:
        return 0

    def rank(covered: int) -> tuple[int, int, int]:
        again, new = heard[:covered], heard[covered:]
        later = known[-1].at_s + 0.2
        misplaced = sum(word.at_s > later for word in again) + sum(word.at_s <= later for word in new)
        cost = min(cost_of(pairs, known, again) for pairs in pairings(len(known), covered))
        return cost, misplaced, covered

    return min(rank(covered) for covered in range(len(heard) + 1))[2]


def pairings(known: int, heard: int) -> Iterator[list[tuple[int, int]]]:
    for n in range(min(known, heard) + 1):
        for left in itertools.combinations(range(known), n):
            for right in itertools.combinations(range(heard), n):
                yield list(zip(left, right, strict=True))


def cost_of(pairs: list[tuple[int, int]], known: list[Heard], again: list[Heard]) -> int:
    """Sum up the edits: words in pairs, and words alone."""
    alone = len(known) + len(again) - 2 * len(pairs)
    return alone + sum(cost_of_pair(known[i], again[j]) for i, j in pairs)


def cost_of_pair(one: Heard, other: Heard) -> int:
    apart_s = abs(one.at_s - other.at_s)
    same = one.text == other.text
    return 2 if apart_s > 1.0 else 0 if same else 1


jitter = st.floats(-0.3, 0.3)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.integers(0, 60), st.floats(0.3, 1.0), st.data())
def test_a_window_that_grows_over_what_is_known_gives_what_comes_behind_it(
    text: list[str], settled: int, every_s: float, data: st.DataObject
) -> None:
    spoken = said(" ".join(text), every_s=every_s)
    known = shifted(spoken[:settled], *data.draw(st.lists(jitter, min_size=1, max_size=60)))
    assert covered(known, spoken) == len(known)


@settings(deadline=None)
@given(st.lists(st.integers(-3, 3)), st.lists(st.integers(-3, 3)))
def test_agreement_is_the_longest_common_prefix(previous: list[int], latest: list[int]) -> None:
    same = list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(previous, latest, strict=False)))
    assert seam.agreed(np.array(previous, np.int64), np.array(latest, np.int64)) == len(same)


def test_ids_use_all_their_bits() -> None:
    one, other = np.array([2**40, 2**62 + 1]), np.array([2**40, 2**62])
    assert seam.agreed(one, other) == 1
    assert seam.agreed(np.array([2**40]), np.array([0])) == 0


def test_arrays_may_be_read_only_and_slices_of_others() -> None:
    spaced_ids, spaced_times = np.repeat(ids(KNOWN), 2)[::2], np.repeat(times(KNOWN), 3)[::3]
    spaced_ids.setflags(write=False)
    spaced_times.setflags(write=False)
    assert seam.covered(spaced_ids, spaced_times, spaced_ids, spaced_times) == 4
    assert seam.agreed(spaced_ids, spaced_ids) == 4


def test_the_longest_lengths_pass_and_longer_ones_are_refused() -> None:
    n = np.arange(MOST_WORDS + 1)
    t = n * 0.3
    assert seam.covered(n[:-1], t[:-1], n[:-1], t[:-1]) == MOST_WORDS
    with pytest.raises(InvalidOption, match="known takes up to 1024 words, not 1025"):
        seam.covered(n, t, n[:5], t[:5])
    with pytest.raises(InvalidOption, match="heard takes up to 1024 words, not 1025"):
        seam.covered(n[:5], t[:5], n, t)


def test_every_word_needs_a_time() -> None:
    with pytest.raises(InvalidOption, match="heard_times takes a time for each of 4 words, not 3"):
        seam.covered(ids(KNOWN), times(KNOWN), ids(KNOWN), times(KNOWN)[:3])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_times_that_are_none_are_refused(value: float) -> None:
    bad = times(KNOWN)
    bad[2] = value
    with pytest.raises(InvalidOption, match=rf"known_times takes seconds, and \[2\] is {value}"):
        seam.covered(ids(KNOWN), bad, ids(KNOWN), times(KNOWN))
    with pytest.raises(InvalidOption, match="heard_times takes seconds"):
        seam.covered(ids(KNOWN), times(KNOWN), ids(KNOWN), bad)


def test_arrays_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="dtype"):
        seam.covered(ids(KNOWN).astype(np.int32), times(KNOWN), ids(KNOWN), times(KNOWN))
    with pytest.raises(ValueError, match="dimensions"):
        seam.agreed(np.zeros((2, 2), np.int64), ids(KNOWN))
    with pytest.raises(TypeError):
        seam.agreed(None, ids(KNOWN))  # type: ignore[arg-type]


def test_other_threads_run_while_words_are_aligned() -> None:
    n = np.arange(MOST_WORDS)
    t = n * 0.3
    wake, ran = threading.Lock(), []
    wake.acquire()

    def run_once() -> None:
        with wake:
            ran.append(True)

    interval_s = sys.getswitchinterval()
    other = threading.Thread(target=run_once)
    other.start()
    # From here on this thread keeps the GIL unless what it calls lets go of it.
    sys.setswitchinterval(1000)
    try:
        wake.release()
        sum(range(100_000))
        assert not ran
        for _ in range(10_000):
            seam.covered(n, t, n, t)
            if ran:
                break
        assert ran
    finally:
        sys.setswitchinterval(interval_s)
        other.join()
