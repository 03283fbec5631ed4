"""When a recording may end by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from thoth.dictation.silence import CALLED_PATIENCE_S, PATIENCE_S, SilenceWatch

SECONDS = st.floats(0, 1000)


def test_silence_behind_speech_ends_it() -> None:
    watch = SilenceWatch(1.5)
    watch.started()
    watch.ended(3.0)
    assert not watch.is_over(4.4)
    assert watch.is_over(4.5)


def test_it_goes_on_while_somebody_speaks_however_long() -> None:
    watch = SilenceWatch(0.7)
    watch.started()
    watch.ended(1.0)
    watch.started()
    assert not watch.is_over(500)


def test_the_first_word_is_waited_for_longer_than_the_next() -> None:
    watch = SilenceWatch(1.0)
    assert not watch.is_over(PATIENCE_S - 0.1)
    assert watch.is_over(PATIENCE_S)
    assert not SilenceWatch(20.0).is_over(19.9)
    assert SilenceWatch(20.0).is_over(20.0)


def test_a_wake_phrase_alone_is_no_speech_yet() -> None:
    watch = SilenceWatch(1.0, called_until_s=0.8)
    watch.started()
    watch.ended(0.8)
    assert not watch.is_over(3.0)
    assert not watch.is_over(0.8 + CALLED_PATIENCE_S - 0.1)
    assert watch.is_over(0.8 + CALLED_PATIENCE_S)
    watch.started()
    watch.ended(5.0)
    assert watch.is_over(6.0)


@given(limit=st.floats(0.1, 30), called=SECONDS, end=SECONDS, after=SECONDS)
def test_it_never_ends_sooner_than_the_limit_behind_the_last_speech(
    limit: float, called: float, end: float, after: float
) -> None:
    watch = SilenceWatch(limit, called)
    watch.started()
    watch.ended(end)
    if watch.is_over(end + after):
        assert after >= limit * (1 - 1e-9) - 1e-9
