"""A real PortAudio stream on a private PulseAudio daemon: what is played into its sink is what the microphone hears."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded_audio import recording
from pulse_audio import PulseServer
from python_process import PythonProcess
from similarity import correlation

import thoth

FILES = Path(__file__).parent.parent / "audio_files"
SPOKEN = "digits_07_4"
ALIKE = 0.98

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def own_pulse(tmp_path: Path) -> PulseServer:
    """A daemon that the test may freeze and kill."""
    folder = tmp_path / "pulse"
    folder.mkdir()
    with PulseServer(folder) as server:
        yield server


def heard_of(microphone: thoth.Microphone, pulse: PulseServer, name: str) -> np.ndarray:
    """What the microphone hears while the recording is played, and half a second more."""
    microphone.read(1600)
    with pulse.play(FILES / f"{name}.flac", block=False) as player:
        blocks = []
        while player.poll() is None:
            blocks.append(microphone.read(1600))
    return np.concatenate([*blocks, microphone.read(8000)])


@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_played_is_what_is_heard(pulse: PulseServer, rate_hz: int, channels: int) -> None:
    with thoth.Microphone(rate_hz=rate_hz, channels=channels) as microphone:
        heard = heard_of(microphone, pulse, SPOKEN)
        stats = microphone.stats
    assert (stats.rate_hz, stats.channels) == (rate_hz, channels)
    assert correlation(heard, recording(SPOKEN)) > ALIKE
    assert (stats.frames_lost, stats.xruns, stats.losses) == (0, 0, ())
    assert stats.duration_s == pytest.approx(stats.frames_captured / rate_hz, abs=0.02)  # less what the filter holds
    assert 0 < stats.callback_mean_s <= stats.callback_worst_s
    assert stats.latency_s > 0


def test_a_rate_that_the_device_refuses_gives_way_to_its_own(pulse: PulseServer) -> None:
    with thoth.Microphone(rate_hz=700_000) as microphone:
        assert len(microphone.read(3200)) == 3200
        assert microphone.stats.rate_hz == 44_100


def test_a_device_by_name_and_one_that_is_not_there(pulse: PulseServer) -> None:
    with thoth.Microphone("desk_micro") as microphone:
        assert microphone.name == "desk_microphone"
        microphone.read(160)
    with pytest.raises(thoth.DeviceError, match=r"no_such_device.*default"):
        thoth.Microphone("no_such_device").start()


def test_a_device_that_does_not_open_says_so_and_leaves_nothing_open(pulse: PulseServer) -> None:
    microphone = thoth.Microphone("absent_source")
    with pytest.raises(thoth.DeviceError, match="absent_source"):
        microphone.start()
    assert not microphone.running
    assert pulse.recording_streams() == 0


def test_nothing_is_lost_while_python_is_stopped_for_three_seconds(pulse: PulseServer) -> None:
    sleep_with_the_gil_held = ctypes.PyDLL(None).usleep
    with thoth.Microphone() as microphone:
        microphone.read(1600)
        with pulse.play(FILES / f"{SPOKEN}.flac", block=False):
            before = microphone.stats
            sleep_with_the_gil_held(3_000_000)
            stats = microphone.stats
        heard = np.concatenate([microphone.read(48_000), microphone.read(16_000)])
    assert stats.frames_captured - before.frames_captured > 2.9 * stats.rate_hz
    assert (stats.frames_lost, stats.xruns) == (0, 0)
    assert correlation(heard, recording(SPOKEN)) > ALIKE


BUSY = """
    import sys, threading, numpy as np, thoth

    def burn():
        while True:
            sum(range(1000))

    for _ in range(2):
        threading.Thread(target=burn, daemon=True).start()
    with thoth.Microphone() as microphone, thoth.Recorder(sys.argv[1], microphone, encoding="float32", overwrite=True):
        microphone.read(1600)
        print("running", flush=True)
        for _ in range(600):
            microphone.read(1600)
        stats = microphone.stats
    print(stats.frames_captured / stats.rate_hz, stats.frames_lost, stats.xruns, stats.loss_count)
"""


def test_nothing_is_lost_in_a_minute_on_a_machine_without_a_core_to_spare(pulse: PulseServer, tmp_path: Path) -> None:
    file = tmp_path / "busy.wav"
    code = BUSY.replace("sys.argv[1]", repr(os.fspath(file)))
    with PythonProcess("while True: pass"), PythonProcess(code, pulse.env) as child:
        assert child.line() == "running"
        pulse.play(FILES / "long_3_58s.flac")
        status, said, errors = child.outcome()
    assert (status, errors) == (0, "")
    seconds, lost, xruns, losses = map(float, said.split())
    assert seconds >= 60
    assert (lost, xruns, losses) == (0, 0, 0)
    heard, _ = soundfile.read(file, dtype="float32")
    assert correlation(heard, recording("long_3_58s")) > ALIKE


RECORDING = """
    import time, thoth
    microphone = thoth.Microphone().start()
    recorder = thoth.Recorder({file!r}, microphone).start()
    microphone.read(16000)
    print("running", flush=True)
    samples = 16000
    try:
        while True:
            samples += len(microphone.read(160))
            last = time.monotonic()
    except thoth.DeviceError as error:
        print(time.monotonic() - last, flush=True)
        print(error)
    assert recorder.wait(1.0)
    begin = time.monotonic()
    done = recorder.stop()
    microphone.stop()
    print(time.monotonic() - begin)
    print(samples, round(done.duration_s * 16000), type(done.error).__name__)
"""


@pytest.mark.parametrize("fault", ["pause", "kill", "remove_sink"])
def test_a_device_that_dies_is_noticed_and_the_file_is_finished(
    own_pulse: PulseServer, tmp_path: Path, fault: str
) -> None:
    file = tmp_path / "talk.wav"
    with PythonProcess(RECORDING.format(file=os.fspath(file)), own_pulse.env) as child:
        assert child.line() == "running"
        getattr(own_pulse, fault)()
        noticed_s, message, stop_s = float(child.line()), child.line(), float(child.line())
        samples, in_file, error = child.line().split()
        status, _, errors = child.outcome(limit_s=10)  # also of a sound system that does not answer any more
    assert noticed_s < 1.5  # 0.75 s; the rest is for a busy machine
    assert "default" in message
    assert "no audio came" in message
    assert stop_s < 2
    assert status == 0
    assert "Traceback" not in errors
    assert error == "DeviceError"
    written, _ = soundfile.read(file, dtype="float32")
    assert len(written) == int(in_file)
    assert int(in_file) >= int(samples) - 16000  # less the pre-roll


RECONNECTING = """
    import thoth
    with thoth.Microphone(reconnect=True) as microphone, thoth.Recorder({file!r}, microphone) as recorder:
        microphone.read(16000)
        print("running", flush=True)
        while not microphone.interrupted:
            microphone.read(160, timeout_s=0.1)
        (loss,) = microphone.stats.losses  # it counts while it lasts
        assert loss.frames > 0
        while microphone.interrupted:
            microphone.read(160, timeout_s=0.1)
        (loss,) = microphone.stats.losses
        microphone.read(round(loss.silence_s * 16000) + 16000)
        print(loss.cause, loss.frames / microphone.stats.rate_hz, loss.at_s, loss.silence_s, flush=True)
        print(len(recorder.losses), microphone.stats.frames_lost == loss.frames)
"""


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_a_device_that_comes_back_is_taken_up_again(own_pulse: PulseServer, tmp_path: Path, fault: str) -> None:
    file = tmp_path / "talk.wav"
    with PythonProcess(RECONNECTING.format(file=os.fspath(file)), own_pulse.env) as child:
        assert child.line() == "running"
        begin_s = time.monotonic()
        getattr(own_pulse, fault)()
        time.sleep(3)
        own_pulse.restart() if fault == "kill" else own_pulse.resume()
        cause, outage_s, at_s, silence_s = child.line().split()
        longest_s = time.monotonic() - begin_s
        assert child.line() == "1 True"
        status, _, _ = child.outcome()
    assert status == 0
    assert cause == "outage"
    assert 2 < float(outage_s) < longest_s
    assert float(silence_s) == pytest.approx(min(float(outage_s), 10), abs=0.01)
    written, _ = soundfile.read(file, dtype="float32")
    silence = written[round(float(at_s) * 16_000) :][: round(float(silence_s) * 16_000)]
    assert not silence.any()
    assert len(written) / 16_000 > float(at_s) + float(silence_s) + 0.5


GONE_AT_THE_END = """
    import thoth
    with thoth.Microphone(reconnect=True) as microphone:
        recorder = thoth.Recorder({file!r}, microphone).start()
        microphone.read(16000)
        print("running", flush=True)
        while not microphone.interrupted:
            microphone.read(160, timeout_s=0.1)
        done = recorder.stop()
    print(type(done.error).__name__, [loss.cause for loss in done.losses], microphone.stats.frames_lost > 0)
"""


def test_a_recording_that_ends_while_the_device_is_gone_says_so(own_pulse: PulseServer, tmp_path: Path) -> None:
    code = GONE_AT_THE_END.format(file=os.fspath(tmp_path / "talk.wav"))
    with PythonProcess(code, own_pulse.env) as child:
        assert child.line() == "running"
        own_pulse.kill()
        assert child.line() == "DeviceError [] True"
        assert child.outcome()[0] == 0


def test_a_device_is_not_taken_for_another_when_the_list_changes(
    pulse: PulseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from thoth.audio import device_stream
    from thoth.audio.devices import find_device

    found = []

    def find_before_the_list_changes(wanted: int | str | None) -> thoth.Device:
        device = find_device(wanted)
        other = find_device("room_microphone")
        found.append(device)
        return replace(device, index=other.index) if len(found) == 1 else device

    monkeypatch.setattr(device_stream, "find_device", find_before_the_list_changes)
    with thoth.Microphone("desk_microphone") as microphone:
        assert microphone.name == "desk_microphone"
    assert len(found) == 2


def test_a_forgotten_reconnecting_microphone_frees_the_device(pulse: PulseServer) -> None:
    microphone = thoth.Microphone(reconnect=True).start()
    microphone.read(160)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "thoth-reconnect"]
    del microphone
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
    assert pulse.recording_streams() == 0


STOPPED_WHILE_OPENING = """
    import sounddevice, threading, time, thoth
    print("running", flush=True)
    input()
    microphone = thoth.Microphone()
    outcome = []
    def start():
        try:
            microphone.start()
        except thoth.AudioError as error:
            outcome.append(str(error))
    thread = threading.Thread(target=start)
    thread.start()
    time.sleep(0.5)
    begin = time.monotonic()
    microphone.stop()
    print(time.monotonic() - begin, flush=True)
    input()
    thread.join()
    print(microphone.running, outcome)
"""


def test_stopping_does_not_wait_for_a_device_that_hangs_while_opening(own_pulse: PulseServer) -> None:
    with PythonProcess(STOPPED_WHILE_OPENING, own_pulse.env) as child:
        assert child.line() == "running"
        own_pulse.pause()
        child.go_on()
        assert float(child.line()) < 2
        own_pulse.resume()
        child.go_on()
        assert child.line() == "False ['default was stopped while it was being opened']"
        assert child.outcome()[0] == 0
    assert own_pulse.recording_streams() == 0


def test_a_closed_microphone_leaves_no_thread_and_no_stream(pulse: PulseServer) -> None:
    def tasks() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    with thoth.Microphone(reconnect=True) as microphone:
        microphone.read(1600)
    before, python_threads = tasks(), threading.active_count()
    for _ in range(10):
        with thoth.Microphone(reconnect=True) as microphone:
            microphone.read(160)
        assert pulse.recording_streams() == 0
    assert threading.active_count() == python_threads
    assert tasks() <= before


def test_a_forgotten_microphone_frees_the_device(pulse: PulseServer) -> None:
    microphone = thoth.Microphone().start()
    microphone.read(160)
    assert pulse.recording_streams() == 1
    del microphone
    gc.collect()
    deadline_s = time.monotonic() + 30
    while pulse.recording_streams() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert pulse.recording_streams() == 0


def test_a_recorder_with_a_microphone_of_its_own(pulse: PulseServer, tmp_path: Path) -> None:
    with thoth.Recorder(tmp_path / "note.wav", device="desk_microphone", max_s=0.5) as recorder:
        assert recorder.wait(10)
    assert recorder.stop().duration_s == 0.5
    assert pulse.recording_streams() == 0
