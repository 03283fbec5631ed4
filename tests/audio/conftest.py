"""The sound system of these tests, one private PulseAudio daemon which PortAudio in this process sees; a small disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from pulse_audio import PulseServer


@pytest.fixture(scope="session")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    """The session's daemon. Tests that pause or kill one start their own, and a process of their own that uses it."""
    assert "sounddevice" not in sys.modules, "PortAudio has read its environment already: import it in tests only"
    with PulseServer(tmp_path_factory.mktemp("pulse")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.variables.items():
            patch.setenv(name, value)
        yield server
