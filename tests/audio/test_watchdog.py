"""A device that has died is noticed, one that is only late is not, and one that comes back goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fed_input import FedInput, Floats, numbered, read_all

from thoth.errors import AudioError, DeviceError

STALL_S = 0.75
"""As for a microphone."""


def test_a_dead_callback_ends_the_stream_within_a_second() -> None:
    with FedInput(stall_s=STALL_S) as source:
        source.push(numbered(5_000))
        last_callback = time.monotonic()
        assert source.pump.wait_while("running", timeout_s=30)
        took_s = time.monotonic() - last_callback
        assert not source.running
        np.testing.assert_array_equal(source.read(10_000), numbered(5_000))
        with pytest.raises(DeviceError, match=r"no audio came for 0.75 s"):
            source.read()
    # A machine that keeps the watching thread from running may make it later, never earlier.
    assert took_s > STALL_S - 0.05
    if took_s > 1.0:
        assert _took_again() < 1.0


def _took_again() -> float:
    """The best of some more turns: what it takes when the machine lets it."""
    times = []
    for _ in range(10):
        with FedInput(stall_s=STALL_S) as source:
            source.push(numbered(100))
            begin = time.monotonic()
            source.pump.wait_while("running", timeout_s=30)
            times.append(time.monotonic() - begin)
    return min(times)


def test_a_waiting_read_gives_what_came_before_a_stall() -> None:
    with FedInput(stall_s=0.1) as source:
        source.push(numbered(700))
        np.testing.assert_array_equal(source.read(1_600), numbered(700))
        with pytest.raises(DeviceError):
            source.read(1_600)


def test_a_device_may_take_longer_to_begin() -> None:
    with FedInput(stall_s=0.05) as source:
        assert not source.pump.wait_while("running", timeout_s=1.0)
        source.push(numbered(100))
        assert source.pump.wait_while("running", timeout_s=30)


def test_a_device_that_never_begins_is_given_up_after_five_seconds() -> None:
    begin = time.monotonic()
    with FedInput(stall_s=STALL_S) as source, pytest.raises(DeviceError, match="no audio came for 5 s"):
        source.read()
    assert time.monotonic() - begin > 4.9


def test_a_stream_that_is_being_closed_has_not_stalled() -> None:
    with FedInput(stall_s=0.05) as source:
        source.push(numbered(100))
        source.pump.expect_end()
        assert not source.pump.wait_while("running", timeout_s=0.5)
    assert source.error is None


def test_a_stopped_process_is_no_dead_device() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdin
    assert child.stdout
    with child:
        assert child.stdout.readline() == "running\n"
        for _ in range(2):
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(2)
            os.kill(child.pid, signal.SIGCONT)
            child.stdin.write("\n")
            child.stdin.flush()
            assert child.stdout.readline() == "running 0\n"
        child.stdin.close()
    assert child.returncode == 0


def run_until_told() -> None:
    """As a child: a real-time stream with a watchdog; tells its state for every line."""
    two_minutes = np.zeros(120 * 16_000, np.float32)
    with FedInput(stall_s=STALL_S, speed=1.0) as source, source.pushing(two_minutes):
        source.read(160)
        print(source.pump.state, flush=True)
        for _ in sys.stdin:
            source.read(2 * 16_000)  # beyond what it would take to be called stalled
            print(source.pump.state, source.stats.frames_lost, flush=True)
        source.feeder.stop()


def reconnected(away_s: float, rate_hz: int) -> tuple[FedInput, Floats, float]:
    """A stream whose device goes and is back: the source, all it gave, and for how long it was away."""
    source = FedInput(stall_s=0.1, reconnects=True, rate_hz=rate_hz)
    ones = np.ones(rate_hz, np.float32)
    with source:
        (tap,) = source.pump.add_taps(1, 60.0, 0.0)
        source.push(ones)
        source.settle()
        gone = time.monotonic()
        assert source.pump.wait_while("running", timeout_s=30)
        assert source.pump.state == "stalled"
        assert source.running
        time.sleep(max(0.0, away_s - (time.monotonic() - gone)))
        source.reconnect()
        away_s = time.monotonic() - gone
        assert source.pump.state == "running"
        source.push(-ones)
        source.finish()
        stream = read_all(tap)
    return source, stream, away_s


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_an_outage_is_accounted_by_the_clock(rate_hz: int) -> None:
    source, stream, away_s = reconnected(0.5, rate_hz)
    (loss,) = source.stats.losses
    assert (loss.cause, loss.first_frame, loss.at_s) == ("outage", rate_hz, 1.0)
    assert 0.5 - 0.05 <= loss.frames / rate_hz <= away_s + 0.05
    assert loss.silence_s == pytest.approx(loss.frames / rate_hz, abs=1e-3)
    assert source.stats.frames_lost == loss.frames
    assert source.stats.frames_captured == 2 * rate_hz
    assert len(stream) == 32_000 + round(loss.silence_s * 16_000) == round(source.stats.duration_s * 16_000)
    silence = stream[16_000 + 400 : -16_000 - 400]
    assert len(silence) > 4_000
    assert not silence.any()
    np.testing.assert_allclose(stream[400:15_600], 1, atol=1e-3)
    np.testing.assert_allclose(stream[-15_600:-400], -1, atol=1e-3)
    assert source.error is None


def test_a_long_outage_is_ten_seconds_of_silence() -> None:
    source, stream, away_s = reconnected(10.6, 16_000)
    (loss,) = source.stats.losses
    assert loss.silence_s == 10.0
    assert 10.5 < loss.frames / 16_000 <= away_s + 0.05
    assert len(stream) == 12 * 16_000


def test_a_gone_device_that_stays_away_can_be_stopped() -> None:
    with FedInput(stall_s=0.05, reconnects=True) as source:
        source.push(numbered(100))
        assert source.pump.wait_while("running", timeout_s=30)
        begin = time.monotonic()
    assert time.monotonic() - begin < 2
    assert "no audio came" in str(source.error)
    np.testing.assert_array_equal(source.read(100), numbered(100))
    (loss,) = source.stats.losses
    assert (loss.cause, loss.first_frame, loss.silence_s) == ("outage", 100, 0.0)
    assert loss.frames > 0


def test_what_cannot_be_attached_is_refused() -> None:
    with FedInput() as source:
        with pytest.raises(AudioError, match="a stream is attached already"):
            source.pump.attach(source.capture)
        source.stop()
        with pytest.raises(AudioError, match="this stream has ended"):
            source.pump.attach(source.capture)


if __name__ == "__main__":
    run_until_told()
