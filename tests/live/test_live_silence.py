"""Silence and noise: no text is made of them, no pass is spent on them, and the machine rests."""

from __future__ import annotations

import time

import numpy as np
import pytest
from encoded_audio import recording
from live_feeding import EventLog, feed

import thoth
from thoth.live.events import SpeechStarted
from thoth.live.session import LiveSession

MINUTES = 10
MOST_CPU = 0.05
"""Of one core, of the time that the audio lasts."""


@pytest.mark.parametrize("name", ["silence_0", "noise_0"])
def test_ten_minutes_without_speech_make_no_text_and_little_work(model: thoth.WhisperModel, name: str) -> None:
    piece = recording(name)
    stream = np.tile(piece, -(-MINUTES * 60 * 16_000 // len(piece)))[: MINUTES * 60 * 16_000]
    with LiveSession(model) as session, EventLog(session) as log:
        began_s = time.process_time()
        feed(session, stream)
        session.stop()
        cpu_s = time.process_time() - began_s
        assert list(session.updates()) == []
        assert log.of(SpeechStarted) == []
        assert session.transcript.text == ""
        assert session.metrics.total_chunks == 0
        assert session.status.sent == 0
    share = cpu_s / (MINUTES * 60)
    print(f"{MINUTES} minutes of {name}: {cpu_s:.1f} s of CPU time, {100 * share:.2f} % of one core")
    assert share < MOST_CPU
