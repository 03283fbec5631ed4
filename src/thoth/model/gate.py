"""`Gate`: the order in which callers share a model, for engines other than Thoth's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from thoth import _native
from thoth.model.stats import GateStats
from thoth.model.waiting import Priority, WhenBusy, checked_timeout, checked_when_busy, first_timeout


class Gate:
    """Exclusive access to something that only one thread may use at a time, live requests before batch ones.

        gate = thoth.Gate()
        with gate.hold("batch") as permit:
            for piece in work:
                do(piece)
                if permit.should_yield:
                    permit.give_way()

    There is one holder at most. Live goes before batch, and within a class first come is first served. While a live
    request waits, a batch holder's `should_yield` is true; `give_way()` then lets it go first and returns when it is
    the holder's turn again, before others of its class. A batch request that is first in line lets at most
    `MOST_IN_A_ROW` live ones go before it at a time, and at most `MOST_OVERTAKES` until it is done, however often it
    gives way: so batch work comes to its end under any number of live requests.

    Every `WhisperModel` has such a gate inside. Any thread may call anything. In a process made by fork() all of it
    raises ModelError.
    """

    MOST_IN_A_ROW = _native.Gate.MOST_IN_A_ROW
    MOST_OVERTAKES = _native.Gate.MOST_OVERTAKES

    def __init__(self) -> None:
        self._gate = _native.Gate()

    @contextmanager
    def hold(
        self,
        priority: Priority,
        *,
        timeout: float | None = None,
        cancel: _native.CancelToken | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Iterator[_native.GatePermit]:
        """Wait for the gate and hold it in a `with` block; it is released however that ends.

        priority: "live" or "batch".
        timeout: seconds to wait; None waits as long as it takes.
        cancel: a token that ends the wait, also from another thread.
        when_busy: "raise" does not wait at all.

        The GIL is free meanwhile, and Ctrl-C ends the wait. Raises ModelBusy when the time is up, Cancelled,
        InvalidOption. The gate is not re-entrant: a thread that asks again inside waits for itself.
        """
        wait_s = first_timeout(checked_timeout(timeout), checked_when_busy(when_busy))
        permit = self._gate.acquire(priority, wait_s, cancel)
        try:
            yield permit
        finally:
            permit.release()

    @property
    def stats(self) -> GateStats:
        """Who holds it and waits now, and how long those served have waited."""
        return GateStats.of(self._gate.stats)
