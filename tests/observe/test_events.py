"""The event bus: subscribers get theirs in order, and none of them can harm a publisher or another subscriber."""

from __future__ import annotations

import gc
import threading
import time
import timeit
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.errors import InvalidOption, InvalidTransition
from thoth.observe.events import QUEUE_SIZE, Events

PATIENCE_S = 30.0
"""For what happens at once unless the machine is busy."""


@dataclass(frozen=True)
class Started:
    number: int


@dataclass(frozen=True)
class Ended:
    number: int


@dataclass(frozen=True)
class EndedBadly(Ended):
    pass


class Stuck:
    """A callback that does not return until it is let go."""

    def __init__(self) -> None:
        self.inside, self.leave = threading.Event(), threading.Event()
        self.seen: list[object] = []

    def __call__(self, event: object) -> None:
        self.seen.append(event)
        self.inside.set()
        self.leave.wait(PATIENCE_S)


class Collector:
    """Keeps what it gets, and can be waited for."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._more = threading.Condition()

    def __call__(self, event: object) -> None:
        with self._more:
            self.seen.append(event)
            self._more.notify_all()

    def wait_for(self, count: int) -> list[Any]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.seen) >= count, PATIENCE_S), f"only {self.seen}"
            return list(self.seen)


@pytest.fixture
def events() -> Iterator[Events]:
    events = Events()
    yield events
    events.close()


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.leave.set()


def threads_of_events() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("thoth-events")]


def wait_until(condition: Callable[[], object]) -> None:
    limit_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit_s
        time.sleep(0.001)


def test_events_come_in_the_order_in_which_they_were_published(events: Events) -> None:
    first, second = Collector(), Collector()
    events.subscribe(first)
    events.subscribe(second)
    sent = [Started(number) for number in range(500)]
    for event in sent:
        events.publish(event)
    assert first.wait_for(500) == second.wait_for(500) == sent


def test_each_publishing_thread_is_heard_in_its_own_order(events: Events) -> None:
    collector = Collector()
    subscription = events.subscribe(collector)

    def publish(thread: int) -> None:
        for number in range(100):
            events.publish((thread, number))

    threads = [threading.Thread(target=publish, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = collector.wait_for(800)
    assert subscription.dropped == 0
    for own in range(8):
        assert [number for sender, number in seen if sender == own] == list(range(100))


kinds = st.lists(st.sampled_from([Started, Ended, EndedBadly, str]), max_size=3)
published = st.lists(st.sampled_from([Started(1), Ended(2), EndedBadly(3), "text", None]), max_size=30)


@settings(deadline=None)
@given(st.lists(kinds, min_size=1, max_size=4), published)
def test_a_subscriber_gets_the_kinds_it_asked_for(asked: list[list[type]], sent: list[object]) -> None:
    events = Events()
    collectors = [Collector() for _ in asked]
    for collector, wanted in zip(collectors, asked, strict=True):
        events.subscribe(collector, *wanted)
    for event in sent:
        events.publish(event)
    events.close(PATIENCE_S)
    for collector, wanted in zip(collectors, asked, strict=True):
        assert collector.seen == [event for event in sent if not wanted or isinstance(event, tuple(wanted))]


def test_one_that_is_stuck_holds_up_nobody(events: Events, stuck: Stuck) -> None:
    collector = Collector()
    events.subscribe(stuck)
    events.subscribe(collector)
    for number in range(50):
        events.publish(number)
    assert collector.wait_for(50) == list(range(50))
    assert stuck.seen in ([], [0])
    stuck.leave.set()


def test_one_that_is_too_slow_misses_the_oldest_and_they_are_counted(
    events: Events, stuck: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = events.subscribe(stuck)
    events.publish("first")
    assert stuck.inside.wait(PATIENCE_S)
    for number in range(QUEUE_SIZE + 7):
        events.publish(number)
    assert subscription.dropped == 7
    stuck.leave.set()
    events.close(PATIENCE_S)
    assert stuck.seen == ["first", *range(7, QUEUE_SIZE + 7)]
    assert caplog.messages == ["7 events dropped: too slow a subscriber: Stuck"]


def test_one_that_raises_goes_on_and_harms_no_other(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector()

    class Failing:
        def __call__(self, event: object) -> None:
            collector(event)
            raise SystemExit if event == 1 else ValueError("it broke")

        def __repr__(self) -> str:
            raise RuntimeError

    subscription = events.subscribe(Failing())
    other = Collector()
    events.subscribe(other)
    for number in range(20):
        events.publish(number)
    assert collector.wait_for(20) == other.wait_for(20) == list(range(20))
    wait_until(lambda: subscription.errors == 20)
    (message,) = caplog.messages
    assert "Failing" in message
    assert "it broke" in caplog.text


def test_unsubscribing_ends_it_and_discards_what_waits(events: Events, stuck: Stuck) -> None:
    subscription = events.subscribe(stuck)
    events.publish(1)
    assert stuck.inside.wait(PATIENCE_S)
    events.publish(2)
    leaver = threading.Timer(0.05, stuck.leave.set)
    leaver.start()
    subscription.unsubscribe(PATIENCE_S)
    events.publish(3)
    assert threads_of_events() == []
    assert (stuck.seen, subscription.dropped) == ([1], 0)
    subscription.unsubscribe()
    leaver.join()


def test_unsubscribing_waits_for_the_callback_that_runs(events: Events) -> None:
    inside, done = threading.Event(), threading.Event()

    def callback(event: object) -> None:
        inside.set()
        time.sleep(0.05)
        done.set()

    subscription = events.subscribe(callback)
    events.publish(1)
    assert inside.wait(PATIENCE_S)
    subscription.unsubscribe(PATIENCE_S)
    assert done.is_set()


def test_a_callback_may_unsubscribe_itself(events: Events) -> None:
    collector = Collector()

    def once(event: object) -> None:
        collector(event)
        begin_s = time.monotonic()
        subscription.unsubscribe(PATIENCE_S)
        assert time.monotonic() - begin_s < PATIENCE_S / 2

    subscription = events.subscribe(once)
    for number in range(10):
        events.publish(number)
    wait_until(lambda: not threads_of_events())
    assert collector.seen == [0]
    assert subscription.errors == 0


def test_a_callback_may_unsubscribe_another_subscribe_and_publish(events: Events) -> None:
    other, late = Collector(), Collector()
    doomed = events.subscribe(other, Ended)

    def rearrange(event: object) -> None:
        doomed.unsubscribe(PATIENCE_S)
        events.subscribe(late, Ended)
        events.publish(Ended(1))

    subscription = events.subscribe(rearrange, Started)
    events.publish(Started(1))
    assert late.wait_for(1) == [Ended(1)]
    assert other.seen == []
    assert subscription.errors == 0


def test_one_that_never_returns_is_left_behind_and_logged(
    events: Events, stuck: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = events.subscribe(stuck)
    events.publish(1)
    assert stuck.inside.wait(PATIENCE_S)
    events.publish(2)
    begin_s = time.monotonic()
    subscription.unsubscribe(0.05)
    assert time.monotonic() - begin_s < PATIENCE_S / 2
    assert "left behind" in caplog.text
    assert "Stuck" in caplog.text
    (thread,) = threads_of_events()
    assert thread.daemon
    stuck.leave.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert stuck.seen == [1]


def test_closing_delivers_what_waits_and_ends_the_threads(stuck: Stuck) -> None:
    events, collector = Events(), Collector()
    events.subscribe(stuck)
    subscription = events.subscribe(collector)
    for number in range(100):
        events.publish(number)
    stuck.leave.set()
    events.close(PATIENCE_S)
    assert collector.seen == stuck.seen == list(range(100))
    assert threads_of_events() == []
    events.publish(100)
    events.close()
    subscription.unsubscribe()
    assert len(collector.seen) == 100
    with pytest.raises(InvalidTransition, match="closed"):
        events.subscribe(collector)


def test_closing_takes_no_longer_than_allowed_and_counts_what_was_not_delivered(
    stuck: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    events, collector, others = Events(), Collector(), [Stuck() for _ in range(5)]
    subscription = events.subscribe(stuck)
    for other in others:
        events.subscribe(other)
    events.subscribe(collector)
    events.publish(0)
    for each in (stuck, *others):
        assert each.inside.wait(PATIENCE_S)
    events.publish(1)
    events.publish(2)
    collector.wait_for(3)
    begin_s = time.monotonic()
    events.close(0.2)
    assert time.monotonic() - begin_s < PATIENCE_S / 2
    assert subscription.dropped == 2
    assert caplog.text.count("left behind") == 6
    for each in (stuck, *others):
        each.leave.set()
    wait_until(lambda: not threads_of_events())
    assert all(each.seen == [0] for each in (stuck, *others))


def test_a_callback_may_close_the_bus() -> None:
    events, seen = Events(), Collector()

    def close(event: object) -> None:
        events.close(PATIENCE_S)
        seen(event)

    events.subscribe(close)
    events.publish(1)
    assert seen.wait_for(1) == [1]
    wait_until(lambda: not threads_of_events())


def test_a_subscription_is_a_context_manager(events: Events) -> None:
    collector = Collector()
    with events.subscribe(collector):
        events.publish(1)
        collector.wait_for(1)
    events.publish(2)
    assert collector.seen == [1]
    assert threads_of_events() == []


def test_there_is_no_thread_while_nobody_subscribes(events: Events) -> None:
    before = set(threading.enumerate())
    for number in range(10):
        events.publish(number)
    assert set(threading.enumerate()) <= before
    with events.subscribe(print):
        assert len(set(threading.enumerate()) - before) == 1
    assert set(threading.enumerate()) <= before


def test_a_bus_that_nobody_holds_any_more_takes_its_threads_along() -> None:
    events, collector = Events(), Collector()
    subscription = events.subscribe(collector)
    events.publish(1)
    bus = weakref.ref(events)
    del events
    gc.collect()
    assert bus() is None
    wait_until(lambda: not threads_of_events())
    assert collector.seen == [1]
    subscription.unsubscribe()


def test_an_event_is_let_go_when_it_is_delivered(events: Events) -> None:
    class Big:
        pass

    delivered = threading.Event()
    events.subscribe(lambda event: delivered.set())
    big = Big()
    gone = weakref.ref(big)
    events.publish(big)
    del big
    assert delivered.wait(PATIENCE_S)
    wait_until(lambda: gone() is None)


def test_publishing_to_nobody_costs_less_than_a_microsecond(events: Events) -> None:
    best_s = min(timeit.repeat(lambda: events.publish(1), number=1000, repeat=200)) / 1000
    assert best_s < 1e-6


def test_subscribers_come_and_go_while_others_publish(events: Events) -> None:
    stop = threading.Event()
    steady = Collector()
    held = events.subscribe(steady, int)
    sent: list[int] = []

    def publish() -> None:
        while not stop.is_set():
            sent.append(len(sent))
            events.publish(sent[-1])
            time.sleep(0)

    publisher = threading.Thread(target=publish)
    publisher.start()
    for _ in range(100):
        with events.subscribe(lambda event: None), events.subscribe(steady, str):
            pass
    stop.set()
    publisher.join()
    events.close(PATIENCE_S)
    assert held.dropped + len(steady.seen) == len(sent)
    assert steady.seen == sorted(steady.seen)
    assert threads_of_events() == []


@pytest.mark.parametrize("callback", [None, 3, "print"])
def test_what_is_no_callback_is_refused(events: Events, callback: Any) -> None:
    with pytest.raises(InvalidOption, match="callback"):
        events.subscribe(callback)


@pytest.mark.parametrize("kind", [None, "Started", Started(1)])
def test_what_is_no_kind_is_refused(events: Events, kind: Any) -> None:
    with pytest.raises(InvalidOption, match="kinds"):
        events.subscribe(print, Started, kind)
    assert threads_of_events() == []
