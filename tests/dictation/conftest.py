"""What the tests of dictations share: a history of their own, and dictations that are closed behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import thoth
from thoth.dictation.history.store import History
from thoth.dictation.pipeline import Dictation

Dictate = Callable[..., Dictation]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty one."""
    with History(tmp_path / "history") as opened:
        yield opened


@pytest.fixture
def dictate(model: thoth.WhisperModel, audio: Path, history: History) -> Iterator[Dictate]:
    """Makes dictations of recordings, with the built-in model and a history of their own."""
    with ExitStack() as open_ones:

        def make(recording: str = "digits_07_4.flac", *, realtime: bool = False, **options: Any) -> Dictation:
            options.setdefault("source", thoth.FileSource(audio / recording, realtime=realtime))
            options.setdefault("model", model)
            options.setdefault("history", history)
            return open_ones.enter_context(Dictation(**options))

        yield make
