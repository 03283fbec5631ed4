"""A display with a text field, as this process sees them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clipboard_owner import empty_clipboard, require_program
from x_display import TextField, XDisplay

import thoth


@pytest.fixture(scope="module")
def own_display() -> Iterator[XDisplay]:
    require_program("xclip")
    with XDisplay() as display:
        yield display


@pytest.fixture
def display(own_display: XDisplay, monkeypatch: pytest.MonkeyPatch) -> XDisplay:
    """The display, empty, and the one that this process uses."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for name, value in own_display.variables.items():
        monkeypatch.setenv(name, value)
    empty_clipboard(own_display)
    return own_display


@pytest.fixture
def field(display: XDisplay) -> Iterator[TextField]:
    with TextField(display) as text_field:
        yield text_field


@pytest.fixture
def cancel() -> thoth.CancelToken:
    return thoth.CancelToken()
