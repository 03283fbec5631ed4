"""`thoth.Gate`: who goes first, who gives way, what ends a wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from thoth import Cancelled, CancelToken, InvalidOption, ModelBusy
from thoth.model.gate import Gate


class Callers:
    """Threads that ask for the gate one after the other and note when each had it. Join them before looking."""

    def __init__(self, gate: Gate) -> None:
        self.order: list[str] = []
        self._gate = gate
        self._threads: list[threading.Thread] = []

    def ask(self, priority: Any, name: str) -> None:
        """Return once the request stands in line behind those made before."""
        before = waiting(self._gate)
        thread = threading.Thread(target=self._hold, args=(priority, name))
        self._threads.append(thread)
        thread.start()
        until(lambda: waiting(self._gate) == before + 1)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "deadlock"

    def _hold(self, priority: Any, name: str) -> None:
        with self._gate.hold(priority):
            self.order.append(name)


def waiting(gate: Gate) -> int:
    return gate.stats.live.waiting + gate.stats.batch.waiting


def until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


@contextmanager
def callers(gate: Gate) -> Iterator[Callers]:
    made = Callers(gate)
    yield made
    made.join()


def test_live_goes_before_batch_and_within_a_class_the_first_comes_first() -> None:
    gate = Gate()
    with callers(gate) as others, gate.hold("batch"):
        for name in ("b0", "b1", "l0", "l1", "b2", "l2"):
            others.ask("live" if name[0] == "l" else "batch", name)
    assert others.order == ["l0", "l1", "l2", "b0", "b1", "b2"]


def test_a_batch_holder_gives_way_and_goes_on_before_its_own_class() -> None:
    gate = Gate()
    with callers(gate) as others, gate.hold("batch") as permit:
        assert not permit.should_yield
        assert not permit.give_way()
        others.ask("batch", "batch")
        assert not permit.should_yield
        others.ask("live", "live")
        assert permit.should_yield
        assert permit.give_way()
        others.order.append("on")
        assert permit.held
    assert others.order == ["live", "on", "batch"]
    assert gate.stats.batch.preempted == 1


def test_a_holder_that_gave_way_to_so_many_is_asked_no_more() -> None:
    gate = Gate()
    with callers(gate) as others, gate.hold("batch") as permit:
        for _ in range(Gate.MOST_OVERTAKES):
            others.ask("live", "live")
            assert permit.give_way()
        others.ask("live", "late")
        assert not permit.should_yield
        assert not permit.give_way()
        others.order.append("end")
    assert others.order == ["live"] * Gate.MOST_OVERTAKES + ["end", "late"]


def test_batch_comes_to_its_end_under_any_number_of_live_requests() -> None:
    gate = Gate()
    order: list[str] = []

    def work() -> None:
        with gate.hold("batch") as permit:
            while permit.should_yield:
                permit.give_way()
            order.append("batch")

    with callers(gate) as others:
        others.order = order
        with gate.hold("live"):
            batch = threading.Thread(target=work)
            batch.start()
            until(lambda: waiting(gate) == 1)
            for _ in range(40):
                others.ask("live", "live")
        batch.join(60)
    assert order.index("batch") == Gate.MOST_OVERTAKES == 3 * Gate.MOST_IN_A_ROW


def _ask(gate: Gate, priority: Any = "live", **how: Any) -> None:
    with gate.hold(priority, **how):
        pass


def test_a_caller_in_a_hurry_hears_who_holds_it() -> None:
    gate = Gate()
    with gate.hold("batch"):
        with pytest.raises(ModelBusy, match="in use by a batch request, with 0 live and 0 batch waiting"):
            _ask(gate, when_busy="raise")
        with pytest.raises(ModelBusy, match="batch"):
            _ask(gate, timeout=0)
        begun_s = time.monotonic()
        with pytest.raises(ModelBusy):
            _ask(gate, "batch", timeout=0.05)
        assert time.monotonic() - begun_s >= 0.05
    assert (gate.stats.live.timed_out, gate.stats.batch.timed_out) == (2, 1)
    _ask(gate, when_busy="raise")
    assert gate.stats.live.granted == 1


def test_a_wait_can_be_cancelled_and_leaves_no_trace() -> None:
    gate, token = Gate(), CancelToken()
    with gate.hold("batch") as permit:
        canceller = threading.Thread(target=lambda: (until(lambda: waiting(gate) == 1), token.cancel()))
        canceller.start()
        with pytest.raises(Cancelled):
            _ask(gate, cancel=token)
        canceller.join()
        assert not permit.should_yield
        with pytest.raises(Cancelled):
            _ask(gate, cancel=token)
    assert gate.stats.live.cancelled == 2
    assert (gate.stats.holder, waiting(gate)) == (None, 0)


def test_who_is_cancelled_while_others_go_first_has_lost_it() -> None:
    gate, token, leave = Gate(), CancelToken(), threading.Event()

    def talk() -> None:
        with gate.hold("live"):
            until(lambda: waiting(gate) == 1)
            token.cancel()
            assert leave.wait(60)

    talker = threading.Thread(target=talk)
    with gate.hold("batch") as permit:
        talker.start()
        until(lambda: permit.should_yield)
        with pytest.raises(Cancelled):
            permit.give_way(token)
        assert not permit.held
        assert gate.stats.holder == "live"
    leave.set()
    talker.join(60)
    assert gate.stats.holder is None


def test_it_is_released_on_every_way_out() -> None:
    gate = Gate()
    with pytest.raises(ZeroDivisionError), gate.hold("live"):
        raise ZeroDivisionError
    with gate.hold("batch") as permit:
        permit.release()
        assert gate.stats.holder is None
    del permit
    _ask(gate, when_busy="raise")


def test_stats_tell_the_waits_of_each_class() -> None:
    gate = Gate()
    with callers(gate) as others, gate.hold("batch"):
        others.ask("live", "l")
        assert gate.stats.holder == "batch"
        time.sleep(0.03)  # the wait to be measured
    live, batch = gate.stats.live, gate.stats.batch
    assert 0.03 <= live.longest_wait_s < 60
    assert live.p50_wait_s == pytest.approx(live.longest_wait_s, rel=0.01)
    assert live.p99_wait_s == pytest.approx(live.longest_wait_s, rel=0.01)
    assert batch.longest_wait_s < 0.03
    assert (live.granted, batch.granted) == (1, 1)


@pytest.mark.parametrize(
    "how",
    [{"priority": "urgent"}, {"timeout": -1}, {"timeout": "soon"}, {"timeout": float("nan")}, {"when_busy": "queue"}],
)
def test_what_makes_no_sense_is_refused(how: dict[str, Any]) -> None:
    gate = Gate()
    with pytest.raises(InvalidOption, match=next(iter(how))):
        _ask(gate, **how)
    assert gate.stats.live.granted == 0


def test_waiting_leaves_the_interpreter_to_others() -> None:
    """A wait with the GIL held would keep the holder from ever releasing it."""
    gate = Gate()
    done = threading.Event()

    def hold() -> None:
        with gate.hold("batch"):
            until(lambda: waiting(gate) == 1)
        done.set()

    holder = threading.Thread(target=hold)
    holder.start()
    until(lambda: gate.stats.holder == "batch")
    _ask(gate)
    assert done.wait(60)
    holder.join()
