"""What the model is told before each window: hotwords, the user's prompt, and the text so far."""

from __future__ import annotations

from collections.abc import Sequence


class Prompt:
    """The tokens put before a window, within the model's limit.

    Hotwords and the user's prompt stand in every window and come first; what room is left goes to the latest text.
    One thread at a time.
    """

    def __init__(self, fixed: Sequence[int], limit: int) -> None:
        """Keep the last `limit` of the `fixed` tokens; `limit` is what the model takes altogether."""
        self._limit = limit
        self._fixed = list(fixed[-limit:])
        self._recent: list[int] = []

    def tokens(self) -> list[int]:
        """Return what to put before the next window."""
        room = self._limit - len(self._fixed)
        return self._fixed + (self._recent[-room:] if room > 0 else [])

    def extend(self, tokens: Sequence[int]) -> None:
        """Add the text of the window just transcribed."""
        self._recent = (self._recent + list(tokens))[-self._limit :]

    def forget(self) -> None:
        """Drop the text so far: it cannot be trusted."""
        self._recent.clear()
