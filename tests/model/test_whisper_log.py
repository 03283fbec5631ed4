"""What the native core says reaches Python's logging, and no louder than it deserves."""

from __future__ import annotations

import logging
import os

import pytest

from thoth import _native
from thoth.model.store import ASSETS
from thoth.model.whisper_log import forward_log

VAD_MODEL = os.fsencode(ASSETS / "ggml-silero-v6.2.0.bin")


@pytest.fixture(autouse=True)
def _empty() -> None:
    _native.drain_log()


def test_what_the_core_says_is_logged_once_for_developers(caplog: pytest.LogCaptureFixture) -> None:
    _native.Vad(VAD_MODEL)
    with caplog.at_level(logging.DEBUG, "thoth.whisper"):
        forward_log()
        said = [record for record in caplog.records if "silero" in record.getMessage()]
        caplog.clear()
        forward_log()
    assert said
    assert {(record.name, record.levelno) for record in said} == {("thoth.whisper", logging.DEBUG)}
    assert caplog.records == []


def test_nothing_is_shown_by_default(caplog: pytest.LogCaptureFixture) -> None:
    _native.Vad(VAD_MODEL)
    with caplog.at_level(logging.WARNING, "thoth.whisper"):
        forward_log()
    assert caplog.records == []


def test_the_core_prints_nothing_itself(capfd: pytest.CaptureFixture[str]) -> None:
    _native.Vad(VAD_MODEL)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("level", "expected"), list(enumerate(["DEBUG", "DEBUG", "WARNING", "INFO"])))
def test_levels_and_broken_bytes(
    level: int, expected: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_native, "drain_log", lambda: [(level, b"100 % \xff %s")])
    with caplog.at_level(logging.DEBUG, "thoth.whisper"):
        forward_log()
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (expected, "100 % \ufffd %s")
