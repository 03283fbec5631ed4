"""The source of dictations, running while it is needed."""

from __future__ import annotations

import logging
import threading

from thoth.audio.live_input import LiveInput

_log = logging.getLogger(__name__)


class SourceUse:
    """Starts a source for those who use it, and stops it behind the last of them. Any thread.

    One that was running before is its owner's, and is left so. The next run may begin while the one before it is still
    letting go of the source: it finds it running.
    """

    def __init__(self, source: LiveInput) -> None:
        self.source = source
        self._lock = threading.Lock()
        self._users = 0
        self._started_here = False
        self._taken_until_s = 0.0

    def acquire(self) -> None:
        """Have the source run. Raises what starting it raises."""
        with self._lock:
            if not self.source.running:
                self.source.start()
                self._started_here = True
                self._taken_until_s = 0.0
            self._users += 1

    @property
    def position_s(self) -> float:
        """Where its stream is, on its clock; 0 while it is not running."""
        return self.source.stats.duration_s if self.source.running else 0.0

    @property
    def taken_until_s(self) -> float:
        """Up to where its stream belongs to recordings that are over; the next one's pre-roll ends there."""
        # Its owner may have started it anew.
        return self._taken_until_s if self._taken_until_s <= self.position_s else 0.0

    def note_taken(self, until_s: float) -> None:
        """Note that a recording ends at `until_s` of the stream."""
        self._taken_until_s = max(until_s, self.taken_until_s)

    def release(self) -> None:
        """Say that this user needs it no longer."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._started_here:
                self._started_here = False
                try:
                    self.source.stop()
                except Exception:  # what was recorded is worked on all the same
                    _log.exception("%s could not be stopped", self.source.name)
