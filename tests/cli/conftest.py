"""What tests of the command share: a microphone, and a `thoth` that dictates into a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pulse_audio import PulseServer
from thoth_command import ThothCommand
from thoth_here import ThothHere


@pytest.fixture(scope="module")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    with PulseServer(tmp_path_factory.mktemp("pulse")) as server:
        yield server


@pytest.fixture
def thoth(tmp_path: Path) -> ThothCommand:
    command = ThothHere(tmp_path / "models")
    command.environment |= {"THOTH_HISTORY": str(tmp_path / "history"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return command


@pytest.fixture
def hearing(thoth: ThothCommand, pulse: PulseServer) -> ThothCommand:
    thoth.environment |= pulse.variables
    return thoth
