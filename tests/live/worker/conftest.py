"""What the tests of workers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from worker_ear import WorkerEar

import thoth
from thoth.live.worker import Isolation, TranscriptionWorker


@pytest.fixture(params=get_args(Isolation))
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Each of them."""
    name: Isolation = request.param
    return name


@pytest.fixture
def ear() -> WorkerEar:
    """What hears `worker`."""
    return WorkerEar()


@pytest.fixture
def worker(model: thoth.WhisperModel, isolation: Isolation, ear: WorkerEar) -> Iterator[TranscriptionWorker]:
    """A worker in each isolation, started on the built-in model."""
    with TranscriptionWorker(model, isolation=isolation, on_message=ear) as made:
        made.start()
        yield made
