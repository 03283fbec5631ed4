"""When somebody who dictates has come to an end."""

from __future__ import annotations

from typing import Final

PATIENCE_S: Final = 8.0
"""How long the first word is waited for: who has pressed a key may think for a moment."""

CALLED_PATIENCE_S: Final = 4.0
"""The same behind a wake phrase. Said again meanwhile, the phrase is no call of its own, which shall not last."""


class SilenceWatch:
    """Tells when a recording may end by itself: after so much silence, or when nobody begins to speak.

    limit_s: seconds of silence after speech that end it.
    called_until_s: where in the recording the wake phrase ends that it began with; speech before that is none yet.

    Times are seconds of the recording. Pure; one thread at a time.
    """

    def __init__(self, limit_s: float, called_until_s: float = 0.0) -> None:
        self._limit_s = limit_s
        self._called_until_s = called_until_s
        self._speaking = False
        self._last_end_s: float | None = None

    def started(self) -> None:
        """Note that somebody began to speak."""
        self._speaking = True

    def ended(self, at_s: float) -> None:
        """Note that the last speech so far lies at `at_s`."""
        self._speaking = False
        if at_s > self._called_until_s:
            self._last_end_s = at_s

    def is_over(self, position_s: float) -> bool:
        """Whether the recording, being `position_s` long, may end."""
        if self._speaking:
            return False
        if self._last_end_s is None:
            patience_s = CALLED_PATIENCE_S if self._called_until_s else PATIENCE_S
            return position_s - self._called_until_s >= max(patience_s, self._limit_s)
        return position_s - self._last_end_s >= self._limit_s
