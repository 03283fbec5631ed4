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
        self._fixed = _last(fixed, limit)
        self._room = limit - len(self._fixed)
        self._recent: list[int] = []

    def tokens(self) -> list[int]:
        """Return what to put before the next window."""
        return self._fixed + self._recent

    def extend(self, tokens: Sequence[int]) -> None:
        """Add the text of the window just transcribed."""
        self._recent = _last([*self._recent, *tokens], self._room)

    def forget(self) -> None:
        """Drop the text so far: it cannot be trusted."""
        self._recent = []


def _last(tokens: Sequence[int], n: int) -> list[int]:
    # [-n:] would keep all of them where n is 0.
    return list(tokens[max(len(tokens) - n, 0) :])
