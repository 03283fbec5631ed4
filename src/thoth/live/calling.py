"""The thread that calls a user's `on_update`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from thoth.live.update import LiveUpdate
from thoth.live.updates import LiveUpdates

_log = logging.getLogger(__name__)


class UpdateCaller:
    """Calls `on_update` with each update of one recording, in their order, on a thread of its own.

    A callback that is slow gets of tentative text only the latest; one that raises is logged, and called again.
    """

    def __init__(self, on_update: Callable[[LiveUpdate], object]) -> None:
        self._on_update = on_update
        self._updates = LiveUpdates()
        self._thread = threading.Thread(target=self._run, name="thoth-live-on-update", daemon=True)
        self._thread.start()

    def put(self, update: LiveUpdate) -> None:
        """Have it called with `update`; never waits."""
        self._updates.put(update)

    def end(self) -> None:
        """Say that no more will come."""
        self._updates.end()

    def wait(self, timeout_s: float) -> bool:
        """Wait, after `end`, until it was called with everything; return whether it was."""
        if threading.current_thread() is self._thread:
            return True  # it is being called, and asks this itself
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        for update in self._updates:
            self._call(update)

    def _call(self, update: LiveUpdate) -> None:
        try:
            self._on_update(update)
        except Exception:
            _log.exception("on_update raised")
