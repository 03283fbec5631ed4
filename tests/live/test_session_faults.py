"""What goes wrong around a recording: nothing hangs, nothing is lost untold, and the next recording is whole."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest
from encoded_audio import Floats, recording
from fed_input import FedInput, wait_until
from live_feeding import feed
from live_updates import said

import thoth
from thoth.errors import InvalidTransition, ModelError, PipelineError
from thoth.live.session import LiveSession
from thoth.live.update import Gap, LiveUpdate

DIGITS, DIGITS_TEXT = recording("digits_07_4"), "three two seven four"
TEN_MINUTES = np.zeros(600 * 16_000, np.float32)  # listening to it takes a second or more
LONG_WAIT_S = 60.0


def fail(*_: Any, **__: Any) -> None:
    raise ModelError("a failure under the session")


def break_recording(session: LiveSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next chunk end the recording by an error."""
    recording = session._recording
    assert recording is not None
    monkeypatch.setattr(recording._recognition, "take", fail)


def feed_and_read(session: LiveSession, samples: Floats) -> None:
    for start in range(0, len(samples), 1600):
        session.feed(samples[start : start + 1600])
    list(session.updates())


def test_the_reader_of_a_recording_that_broke_off_leaves_the_next_one_alone(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()

    class SlowToStop(FedInput):
        def stop(self) -> None:
            if self.running:  # start() stops what was before, too
                let_go.wait(LONG_WAIT_S)
            super().stop()

    source = SlowToStop(lossless=True)
    updates = session.run(source)
    break_recording(session, monkeypatch)
    wait_until(lambda: source.running)
    with source.pushing(np.concatenate((DIGITS, np.zeros(16_000, np.float32)))), pytest.raises(ModelError):
        list(updates)
    reader = next(thread for thread in threading.enumerate() if thread.name == "thoth-live-source")
    session.start()
    feed(session, DIGITS[:20_000])
    let_go.set()
    reader.join(LONG_WAIT_S)
    feed(session, DIGITS[20_000:])
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT


def test_what_a_recording_that_breaks_off_has_not_transcribed_is_a_gap(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.feed(DIGITS[:1600])
    break_recording(session, monkeypatch)
    with pytest.raises(ModelError):
        feed_and_read(session, DIGITS[1600:])
    wait_until(lambda: session.state == "error")  # feed() may raise before all is told
    gaps = session.transcript.gaps
    assert {gap.reason for gap in gaps} == {"failed"}
    assert [gap.start_s for gap in gaps] == sorted(gap.start_s for gap in gaps)


def test_a_recording_that_cannot_begin_leaves_the_session_ready(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def no_more_threads(thread: threading.Thread) -> None:
        if thread.name == "thoth-live":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more_threads)
        with pytest.raises(RuntimeError):
            session.feed(DIGITS[:1600])
    assert session.state == "ready"
    feed(session, DIGITS)
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT


def test_closing_ends_the_updates_of_a_recording_that_never_began(model: thoth.WhisperModel) -> None:
    session = LiveSession(model).start()
    got: list[list[LiveUpdate]] = []
    reader = threading.Thread(target=lambda: got.append(list(session.updates())))
    reader.start()
    session.close()
    reader.join(LONG_WAIT_S)
    assert got == [[]]


def test_a_signal_handler_that_stops_inside_of_feed_gets_an_error_instead_of_waiting_for_itself(
    session: LiveSession,
) -> None:
    def handler(*_: object) -> None:
        session.stop()

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with pytest.raises(PipelineError, match=r"inside of feed\(\)"):
            session.feed(TEN_MINUTES)
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    session.stop()
    assert session.state == "ready"


def test_a_session_that_mends_itself_cannot_be_started_beside_that(model: thoth.WhisperModel) -> None:
    session = LiveSession(model).start()
    session.feed(DIGITS[:1600])
    with pytest.raises(InvalidTransition, match="started already"):
        session.start()
    session.close()


def test_what_is_fed_while_a_recording_is_stopped_is_refused(session: LiveSession) -> None:
    session.feed(DIGITS[:1600])
    recording = session._recording
    assert recording is not None
    recording.close()
    with pytest.raises(InvalidTransition, match="is over"):
        recording.hear(DIGITS)


def test_losses_in_silence_are_told_without_waiting_for_speech(session: LiveSession) -> None:
    updates = session.updates()
    session.feed(np.zeros(16_000, np.float32))
    recording = session._recording
    assert recording is not None
    recording.lost(Gap(0.7, 0.9, "source"))
    recording.lost(Gap(0.2, 0.4, "source"))
    told: list[Gap] = []
    while len(told) < 2:
        update = updates.get(LONG_WAIT_S)
        assert update is not None
        assert update.start_s <= update.gaps[0].start_s
        told += update.gaps
    assert sorted(gap.start_s for gap in told) == [0.2, 0.7]


def test_a_slow_callback_hears_all_that_is_committed_before_stop_returns(model: thoth.WhisperModel) -> None:
    got: list[LiveUpdate] = []
    slow = threading.Event()

    def on_update(update: LiveUpdate) -> None:
        slow.wait(0.3)
        got.append(update)

    with LiveSession(model, on_update=on_update) as session:
        feed(session, DIGITS)
        session.stop()
        assert said(got) == DIGITS_TEXT


def test_a_callback_that_raises_is_called_again(model: thoth.WhisperModel, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[LiveUpdate] = []

    def on_update(update: LiveUpdate) -> None:
        calls.append(update)
        raise ValueError("a fault of the user's")

    with LiveSession(model, on_update=on_update) as session:
        feed(session, DIGITS)
        session.stop()
    assert said(calls) == DIGITS_TEXT
    assert "on_update raised" in caplog.text


def test_padding_longer_than_a_chunk_drops_nothing(model: thoth.WhisperModel, audio: Any) -> None:
    with LiveSession(model, chunk_s=0.5, vad_parameters={"speech_pad_ms": 5000}) as session:
        list(session.run(thoth.FileSource(audio / "long_1_28s.flac", realtime=False)))
        assert session.metrics.chunks_dropped == 0
        assert session.transcript.gaps == ()
