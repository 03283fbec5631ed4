"""What every wake listener does: the clock, the cooldown, pauses, and the life of a source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fed_input import FedInput, wait_until
from hypothesis import given
from hypothesis import strategies as st
from wake_clicks import RATE_HZ, ClickListener, clicks, times_of

from thoth.audio.file_source import FileSource
from thoth.errors import AudioError, DecodeError, DeviceError, InvalidOption, InvalidTransition
from thoth.wake.detection import Wake
from thoth.wake.listener import MOST_PHRASES, checked_phrases

LIMIT_S = 30.0


class Listening:
    """`listen()` on a thread of its own, with what it told and how it ended."""

    def __init__(self, listener: ClickListener, source: FedInput) -> None:
        self.wakes: list[Wake] = []
        self.error: Exception | None = None
        self._wakes = listener.listen(source)
        self._listener = listener
        self._thread = threading.Thread(target=self._run)
        self._begun = len(listener.begun_at)
        self._thread.start()
        wait_until(lambda: len(listener.begun_at) > self._begun or not self._thread.is_alive())

    def _run(self) -> None:
        try:
            for wake in self._wakes:
                self.wakes.append(wake)
        except Exception as error:
            self.error = error

    def join(self) -> list[float]:
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        return times_of(self.wakes)

    def stop(self) -> list[float]:
        self._listener.stop()
        return self.join()


@pytest.fixture
def source() -> Iterator[FedInput]:
    with FedInput() as fed:
        yield fed


def heard(listener: ClickListener, seconds: float) -> None:
    wait_until(lambda: listener.stats.heard_s + listener.stats.paused_s >= seconds - 0.1)


@given(st.lists(st.integers(0, 3 * RATE_HZ), max_size=6))
def test_times_count_samples_however_they_are_cut_into_blocks(cuts: list[int]) -> None:
    listener = ClickListener()
    stream = clicks(3.0, [0.5, 1.25, 2.75])
    told = [wake for block in np.split(stream, sorted(cuts)) for wake in listener.feed(block)]
    assert times_of(told) == [0.5, 1.25, 2.75]
    assert listener.stats.heard_s == 3.0
    assert listener.stats.wakes == 3


def test_after_a_wake_nothing_wakes_for_as_long_as_the_cooldown_lasts() -> None:
    listener = ClickListener(cooldown_s=1.0)
    assert times_of(listener.feed(clicks(4.0, [0.5, 0.6, 1.49, 1.5, 2.4, 3.0]))) == [0.5, 1.5, 3.0]


def test_a_reset_begins_a_new_stream_at_time_0_without_a_cooldown() -> None:
    listener = ClickListener(cooldown_s=100.0)
    assert times_of(listener.feed(clicks(1.0, [0.5]))) == [0.5]
    listener.reset()
    assert times_of(listener.feed(clicks(1.0, [0.25]))) == [0.25]


def test_a_paused_listener_lets_audio_go_and_time_goes_on() -> None:
    listener = ClickListener()
    listener.feed(clicks(1.0, []))
    listener.pause()
    assert listener.paused
    assert listener.feed(clicks(1.0, [0.5])) == []
    listener.resume()
    assert times_of(listener.feed(clicks(1.0, [0.5]))) == [2.5]
    assert listener.begun_at[-1] == 2 * RATE_HZ
    assert (listener.stats.heard_s, listener.stats.paused_s) == (2.0, 1.0)


def test_each_wake_is_an_event() -> None:
    listener = ClickListener()
    told: list[Any] = []
    with listener.events.subscribe(told.append, Wake):
        wakes = listener.feed(clicks(1.0, [0.5]))
        wait_until(lambda: len(told) == 1)
    assert told == wakes


def test_a_source_is_followed_on_its_own_clock(source: FedInput) -> None:
    source.push(clicks(3.0, [1.0, 2.5]))
    source.settle()
    listening = Listening(ClickListener(), source)  # with the second that the source keeps
    source.push(clicks(2.0, [1.0]))
    source.finish()
    assert listening.join() == [2.5, 4.0]
    assert listening.error is None


def test_the_end_of_a_source_by_an_error_ends_listening_with_it(source: FedInput) -> None:
    listening = Listening(ClickListener(), source)
    source.push(clicks(1.0, [0.5]))
    source.finish("it was pulled out")
    assert listening.join() == [0.5]
    assert isinstance(listening.error, DeviceError)
    assert "pulled out" in str(listening.error)


def test_a_source_that_cannot_be_started_is_told_by_its_own_error(tmp_path: Path) -> None:
    listener = ClickListener()
    with pytest.raises(DecodeError, match=r"no_such\.wav"):
        next(listener.listen(FileSource(tmp_path / "no_such.wav")))
    assert listener.feed(clicks(1.0, [0.5]))  # free again


def test_a_source_that_does_not_run_is_started_and_stopped_one_that_runs_is_left_running(source: FedInput) -> None:
    idle = FedInput()
    listening = Listening(ClickListener(), idle)
    assert idle.running
    listening.stop()
    assert not idle.running
    Listening(ClickListener(), source).stop()
    assert source.running


def test_stop_ends_listening_soon_though_nothing_comes_and_listening_can_begin_again(source: FedInput) -> None:
    listener = ClickListener()
    listening = Listening(listener, source)
    began_s = time.monotonic()
    listening.stop()
    assert time.monotonic() - began_s < 5.0  # 0.2 s on a machine that does nothing else
    assert listening.error is None
    again = Listening(listener, source)
    source.push(clicks(1.0, [0.5]))
    heard(listener, 1.0)
    assert again.stop() == [0.5]


def test_a_stop_before_the_first_step_is_not_lost(source: FedInput) -> None:
    listener = ClickListener()
    wakes = listener.listen(source)
    listener.stop()
    assert list(wakes) == []


def test_an_iterator_that_is_closed_leaves_the_listener_free(source: FedInput) -> None:
    listener = ClickListener()
    source.push(clicks(0.9, [0.5]))
    source.settle()
    wakes = listener.listen(source)
    assert next(wakes).end_s == 0.5
    wakes.close()  # type: ignore[attr-defined]
    listener.reset()


@pytest.mark.parametrize("ask", [lambda listener: listener.feed(clicks(0.1, [])), ClickListener.reset])
def test_one_stream_at_a_time(source: FedInput, ask: Callable[[ClickListener], object]) -> None:
    listener = ClickListener()
    listening = Listening(listener, source)
    with pytest.raises(InvalidTransition, match="listening already"):
        ask(listener)
    with pytest.raises(InvalidTransition, match="listening already"):
        next(listener.listen(source))
    listening.stop()
    ask(listener)


def test_several_listeners_and_a_reader_share_a_source(source: FedInput) -> None:
    stream = clicks(2.0, [0.5, 1.5])
    listenings = [Listening(ClickListener(), source) for _ in range(2)]
    source.read(1, 0.0)  # a third reader, from the beginning as well
    source.push(stream)
    source.finish()
    assert [listening.join() for listening in listenings] == [[0.5, 1.5]] * 2
    assert np.array_equal(source.read(len(stream)), stream)


def test_what_came_in_a_pause_is_not_heard_later_though_nobody_read_it_then(source: FedInput) -> None:
    listener = ClickListener()
    source.push(clicks(0.9, [0.5]))
    source.settle()
    wakes = listener.listen(source)
    assert next(wakes).end_s == 0.5
    listener.pause()  # as whoever records a command now does, on the same thread
    source.push(clicks(5.1, [1.0, 4.0]))
    source.settle()
    listener.resume()
    source.push(clicks(2.0, [1.0]))
    source.finish()
    assert times_of(list(wakes)) == [7.0]


def test_a_cooldown_lasts_on_when_the_same_stream_is_listened_to_again(source: FedInput) -> None:
    listener = ClickListener(cooldown_s=2.0)
    listening = Listening(listener, source)
    source.push(clicks(1.0, [0.9]))
    heard(listener, 1.0)
    assert listening.stop() == [0.9]
    again = Listening(listener, source)  # what the source keeps has the click in it
    source.push(clicks(3.0, [1.5, 2.5]))
    source.finish()
    assert again.join() == [3.5]


def test_audio_lost_for_want_of_time_shifts_nothing(source: FedInput) -> None:
    listener = ClickListener()
    source.push(clicks(0.9, [0.5]))
    source.settle()
    wakes = listener.listen(source)
    assert next(wakes).end_s == 0.5
    for _ in range(45):  # seconds, while whoever was woken does something else
        source.push(clicks(1.0, [0.1]))
        source.settle()
    told = times_of([next(wakes)])
    source.push(clicks(2.0, [1.1]))
    source.finish()
    told += times_of(list(wakes))
    assert {round(time_s, 3) for time_s in told} < {*range(1, 46), 47}
    assert told[-1] == 47.0
    assert listener.stats.heard_s == pytest.approx(47.9, abs=0.01)


def test_listening_goes_on_behind_an_outage(source: FedInput) -> None:
    listening = Listening(ClickListener(), source)
    source.push(clicks(1.0, [0.5]))
    source.settle()
    source.reconnect()
    source.push(clicks(1.0, [0.5]))
    source.finish()
    (first, second) = listening.join()
    outage_s = sum(loss.silence_s for loss in source.stats.losses)
    assert first == 0.5
    assert second == pytest.approx(1.5 + outage_s, abs=1e-3)


def test_leaving_a_with_statement_ends_listening(source: FedInput) -> None:
    with ClickListener() as listener:
        listening = Listening(listener, source)
    listening.join()


def test_samples_that_are_none_are_refused_and_change_nothing() -> None:
    listener = ClickListener()
    with pytest.raises(AudioError):
        listener.feed(np.full(100, np.nan, np.float32))
    assert times_of(listener.feed(clicks(1.0, [0.5]))) == [0.5]


def test_phrases_are_told_once_each_with_single_spaces() -> None:
    assert checked_phrases(["hey  thoth", "hey thoth ", "Computer"]) == ("hey thoth", "Computer")


@pytest.mark.parametrize("phrases", [[], [""], ["..."], [7], ["a" * 101], ["word"] * (MOST_PHRASES + 1)])
def test_phrases_that_nobody_can_say_are_refused(phrases: list[Any]) -> None:
    with pytest.raises(InvalidOption, match="phrase"):
        checked_phrases(phrases)


@pytest.mark.parametrize("cooldown_s", [-1.0, float("nan"), 1e9, True, "2"])
def test_a_cooldown_is_some_seconds(cooldown_s: Any) -> None:
    with pytest.raises(InvalidOption, match="cooldown_s"):
        ClickListener(cooldown_s)
