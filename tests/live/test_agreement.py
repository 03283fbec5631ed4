"""What two hypotheses agree on is committed, once and for ever; what is final comes out word for word."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.live.agreement import UNSTABLE_S, Agreement, key
from thoth.model.transcript import Word

WORD_S = 0.4
VOCABULARY = [" one", " two", " three", " stop"]


def words(text: str, start_s: float = 0.0) -> list[Word]:
    """Words of 0.4 s each, one right behind the other."""
    return [
        Word(start_s + i * WORD_S, start_s + (i + 1) * WORD_S, f" {word}", 0.9) for i, word in enumerate(text.split())
    ]


def text(found: list[Word] | tuple[Word, ...]) -> str:
    return "".join(word.word for word in found).strip()


spoken = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=20).map(
    lambda said: [Word(i * WORD_S, (i + 1) * WORD_S, word, 0.9) for i, word in enumerate(said)]
)
jitter = st.floats(-0.15, 0.15)


@st.composite
def growing(draw: st.DrawFn) -> tuple[list[Word], list[tuple[list[Word], float]]]:
    """What is said, and the hypotheses of a window that grows: right but for times and what lies at its very end."""
    said = draw(spoken)
    hypotheses = []
    heard_to = 0
    while heard_to < len(said):
        heard_to = min(heard_to + draw(st.integers(1, 5)), len(said))
        audio_end_s = said[heard_to - 1].end + draw(st.floats(0, 0.3))
        right = [
            replace(word, start=word.start + shift, end=word.end + shift)
            for word in said[:heard_to]
            for shift in [draw(jitter)]
        ]
        cut_off = draw(st.sampled_from(["right", "lost", "wrong"]))
        if cut_off != "right":
            last = right.pop()
            # No two hypotheses are wrong in the same way.
            if cut_off == "wrong":
                right.append(replace(last, word=f" wrong{len(hypotheses)}"))
        hypotheses.append((right, audio_end_s))
    return said, hypotheses


@settings(deadline=None)
@given(growing())
def test_what_is_committed_is_what_was_said_and_the_end_completes_it(
    case: tuple[list[Word], list[tuple[list[Word], float]]],
) -> None:
    said, hypotheses = case
    agreement = Agreement()
    committed: list[Word] = []
    for heard, audio_end_s in hypotheses:
        committed += agreement.hear(heard, audio_end_s)
        assert agreement.committed == tuple(committed)
        assert [word.word for word in committed] == [word.word for word in said[: len(committed)]]
        assert text((*committed, *agreement.tentative)) == text(heard)
    committed += agreement.close(said)
    assert [word.word for word in committed] == [word.word for word in said]


@st.composite
def anything(draw: st.DrawFn) -> list[tuple[list[Word], float]]:
    """Hypotheses that have as little to do with each other as they like."""
    hypotheses = []
    end_s = 0.0
    for _ in range(draw(st.integers(1, 8))):
        end_s += draw(st.floats(0, 3))
        said = draw(st.lists(st.sampled_from(VOCABULARY), max_size=12))
        times = sorted(draw(st.lists(st.floats(0, max(end_s, 0.1)), min_size=len(said) + 1, max_size=len(said) + 1)))
        hypotheses.append(([Word(*times[i : i + 2], word, 0.5) for i, word in enumerate(said)], end_s))
    return hypotheses


@settings(deadline=None)
@given(anything())
def test_whatever_is_heard_nothing_committed_is_taken_back(hypotheses: list[tuple[list[Word], float]]) -> None:
    agreement = Agreement()
    committed: list[Word] = []
    before: list[str] = []
    for heard, audio_end_s in hypotheses:
        new = agreement.hear(heard, audio_end_s)
        committed += new
        assert agreement.committed == tuple(committed)
        assert all(word in heard for word in new)
        assert all(word.end <= audio_end_s - UNSTABLE_S for word in new)
        assert [key(word.word) for word in new] == [key(word) for word in before[: len(new)]], "nobody agreed on that"
        before = [word.word for word in agreement.tentative]
    last = agreement.close(hypotheses[-1][0])
    assert all(word in hypotheses[-1][0] for word in last)
    assert agreement.committed == agreement.tentative == ()


def test_one_hypothesis_commits_nothing_and_two_that_agree_commit_what_they_agree_on() -> None:
    agreement = Agreement()
    assert agreement.hear(words("one two tree"), 5.0) == []
    assert text(agreement.tentative) == "one two tree"
    assert text(agreement.hear(words("one two three four"), 6.0)) == "one two"
    assert text(agreement.tentative) == "three four"
    assert text(agreement.hear(words("one two three four five"), 7.0)) == "three four"


def test_a_word_at_the_end_of_the_audio_waits_however_often_it_comes() -> None:
    agreement = Agreement()
    for _ in range(3):
        assert agreement.hear(words("vol"), WORD_S + UNSTABLE_S - 0.01) == []
    assert text(agreement.hear(words("vol"), WORD_S + UNSTABLE_S + 0.01)) == "vol"


def test_case_and_punctuation_do_not_make_another_word_and_the_later_spelling_stands() -> None:
    agreement = Agreement()
    agreement.hear(words("well, Then"), 5.0)
    assert text(agreement.hear(words("Well then. Go"), 6.0)) == "Well then."
    assert text(agreement.close(words("well then go on"))) == "go on"


def test_words_of_nothing_but_marks_are_told_apart() -> None:
    assert key(" ?!") == "?!"
    assert key(" Ｆｕｌｌ-width ") == "fullwidth"
    assert key(" Straße") == key("STRASSE")


def test_repeated_words_are_committed_as_often_as_they_were_said() -> None:
    agreement = Agreement()
    committed: list[Word] = []
    for n in range(1, 9):
        committed += agreement.hear(words("zero " * n), n * WORD_S)
    committed += agreement.close(words("zero " * 8))
    assert text(committed) == " ".join(["zero"] * 8)


def test_a_new_window_begins_with_nothing_known() -> None:
    agreement = Agreement()
    agreement.hear(words("one two"), 5.0)
    agreement.hear(words("one two"), 5.0)
    assert text(agreement.close(words("one two three"))) == "three"
    assert agreement.hear(words("one two"), 5.0) == []
    assert text(agreement.close(words("one two"))) == "one two"


def test_a_window_that_is_cut_leaves_what_is_known_behind_the_cut_to_the_next() -> None:
    said = words("one two three four five six seven eight")
    agreement = Agreement()
    agreement.hear(said[:7], 3.3)
    assert text(agreement.hear(said, 3.4)) == "one two three four five six seven"
    cut_s = said[4].start
    assert agreement.close(said[:4], cut_s) == []
    assert text(agreement.committed) == "five six seven"
    assert text(agreement.tentative) == "eight"
    assert text(agreement.hear(said[4:], 4.0)) == "eight"
    assert agreement.close(said[4:]) == []


def test_a_window_that_is_cut_behind_all_that_is_committed_commits_up_to_the_cut() -> None:
    said = words("one two three four five six")
    agreement = Agreement()
    agreement.hear(said[:2], 2.0)
    agreement.hear(said, 2.5)
    assert text(agreement.close(said[:4], said[4].start)) == "three four"
    assert agreement.committed == ()
    assert text(agreement.tentative) == "five six"
    assert text(agreement.close(said[4:])) == "five six"


def test_an_empty_hypothesis_commits_nothing_and_takes_nothing_back() -> None:
    agreement = Agreement()
    agreement.hear(words("one two"), 5.0)
    agreement.hear(words("one two"), 5.0)
    assert agreement.hear([], 6.0) == []
    assert text(agreement.committed) == "one two"
    assert agreement.close([]) == []
