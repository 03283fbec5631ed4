"""What a dictation needs of whatever enhances its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from thoth._native import CancelToken

OnText = Callable[[str], object]
"""Called with all of the text so far, on the thread that enhances."""


@runtime_checkable
class TextEnhancer(Protocol):
    """Anything that turns a dictated text into a better one."""

    def enhance(self, text: str, cancel: CancelToken | None = None, on_text: OnText | None = None) -> str:
        """Return the better text. Raises EnhancementError where there is none, Cancelled soon after `cancel` is set."""
        ...
