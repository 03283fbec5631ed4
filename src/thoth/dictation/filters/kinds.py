"""What a filter is."""

from __future__ import annotations

from collections.abc import Callable

Filter = Callable[[str], str]
"""A function from text to text that never raises, whatever the text."""
