"""What the tests of live sessions share: all recordings, gone through once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import thoth
from thoth.live.session import LiveSession
from thoth.live.update import LiveUpdate
from thoth.observe.metrics import Metrics


@dataclass(frozen=True)
class LiveRun:
    """A recording that went through a session without loss: its updates, and the session's figures before and after."""

    updates: list[LiveUpdate]
    before: Metrics
    after: Metrics


@pytest.fixture(scope="session")
def live_runs(model: thoth.WhisperModel, audio: Path, manifest: dict[str, dict[str, Any]]) -> dict[str, LiveRun]:
    """Every recording, one after the other through one session, as fast as the model follows."""
    runs = {}
    with LiveSession(model) as session:
        for name in manifest:
            before = session.metrics
            updates = list(session.run(thoth.FileSource(audio / name, realtime=False)))
            runs[name] = LiveRun(updates, before, session.metrics)
    return runs


@pytest.fixture
def session(model: thoth.WhisperModel) -> Iterator[LiveSession]:
    """A session that is started."""
    with LiveSession(model) as started:
        yield started
