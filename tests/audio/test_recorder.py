"""What a recorder puts into its file: the stream's very samples, from the pre-roll to the end, and never more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fed_input import FedInput, Held, call_back, numbered, read_all, wait_until
from read_back import recorded

from thoth.audio.file_source import FileSource
from thoth.audio.recorder import Recorder
from thoth.errors import AudioError, DecodeError, DeviceError

SECOND = 16_000


def test_the_file_is_the_stream_sample_for_sample(tmp_path: Path) -> None:
    with FedInput() as source, Recorder(tmp_path / "a.wav", source, encoding="float32") as recorder:
        assert recorder.state == "recording"
        source.push(numbered(50_000))
        recording = recorder.stop()
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), numbered(50_000))
    assert recording.path == recorder.path == tmp_path / "a.wav"
    assert recording.duration_s == recorder.duration_s == 50_000 / SECOND
    assert (recording.losses, recording.loss_count, recording.error) == ((), 0, None)
    assert recorder.state == "stopped"
    assert recorder.stop() is recording
    assert not source.running


def test_16_bits_are_rounded_to_nearest(tmp_path: Path) -> None:
    fed = np.random.default_rng(1).uniform(-1.2, 1.2, 20_000).astype(np.float32)
    with FedInput() as source, Recorder(tmp_path / "a.wav", source):
        source.push(fed)
    expected = np.clip(np.rint(fed.astype(np.float64) * 32_768), -32_768, 32_767) / 32_768
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), expected.astype(np.float32))


@pytest.mark.parametrize(
    ("kept_s", "wanted_s", "heard", "expected"),
    [(1.0, 1.0, 40_000, 16_000), (1.0, 0.25, 40_000, 4_000), (0.5, 2.0, 40_000, 8_000), (1.0, 1.0, 700, 700)],
)
def test_the_file_begins_with_the_pre_roll(
    tmp_path: Path, kept_s: float, wanted_s: float, heard: int, expected: int
) -> None:
    with FedInput(preroll_s=kept_s) as source:
        source.push(numbered(heard))
        with Recorder(tmp_path / "a.wav", source, preroll_s=wanted_s, encoding="float32"):
            source.push(numbered(1_000, first=heard))
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), numbered(expected + 1_000, first=heard - expected))


def test_several_recorders_and_readers_each_get_all(tmp_path: Path) -> None:
    with FedInput(preroll_s=0.0) as source:
        source.read(1, timeout_s=0.0)
        with Recorder(tmp_path / "a.wav", source, encoding="float32"):
            source.push(numbered(10_000))
            with Recorder(tmp_path / "b.wav", source, encoding="float32"):
                source.push(numbered(10_000, first=10_000))
            source.push(numbered(10_000, first=20_000))
        source.push(numbered(10_000, first=30_000))
        source.finish()
        np.testing.assert_array_equal(read_all(source), numbered(40_000))
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), numbered(30_000))
    np.testing.assert_array_equal(recorded(tmp_path / "b.wav"), numbered(10_000, first=10_000))


def test_a_pause_leaves_out_exactly_what_came_meanwhile(tmp_path: Path) -> None:
    expected, position = [], 0
    with FedInput(preroll_s=0.0) as source, Recorder(tmp_path / "a.wav", source, encoding="float32", tap=True) as made:
        for turn, frames in enumerate([5_000, 1, 777, 16_000, 3, 4_000, 2_000]):
            source.push(numbered(frames, first=position))
            if turn % 2 == 0:
                expected.append(numbered(frames, first=position))
                made.pause()
                made.pause()
                assert made.state == "paused"
            else:
                made.resume()
                made.resume()
                assert made.state == "recording"
            position += frames
        recording = made.stop()
        made.pause()
        made.resume()
        assert made.state == "stopped"
        tapped = read_all(made)
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), np.concatenate(expected))
    np.testing.assert_array_equal(tapped, np.concatenate(expected))
    assert recording.duration_s == len(tapped) / SECOND


def test_a_tap_gives_what_goes_into_the_file(tmp_path: Path) -> None:
    with FedInput() as source:
        source.push(numbered(20_000))
        with Recorder(tmp_path / "a.wav", source, encoding="float32", tap=True) as recorder:
            source.push(numbered(20_000, first=20_000))
            source.settle()
            first = recorder.read(5_000)
            assert len(recorder.read(10**6, timeout_s=0.0)) == 31_000
        rest = list(recorder)
    assert rest == []
    assert len(recorder.read(10)) == 0
    np.testing.assert_array_equal(first, recorded(tmp_path / "a.wav")[:5_000])


def test_a_tap_ends_where_the_file_does(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.wav", source := FedInput(), encoding="float32", tap=True, max_s=1.0)
    with source, recorder:
        source.push(numbered(30_000))
        assert recorder.wait(timeout_s=60)
        tapped = recorder.read(30_000, timeout_s=0.5)
    np.testing.assert_array_equal(tapped, recorded(tmp_path / "a.wav"))


@pytest.mark.parametrize("max_s", [0.1, 1.0, 1.23456, 2.5])
def test_max_s_is_exact_to_the_sample(tmp_path: Path, max_s: float) -> None:
    with FedInput() as source:
        source.push(numbered(1_000))
        with Recorder(tmp_path / "a.wav", source, encoding="float32", max_s=max_s) as recorder:
            assert not recorder.wait(timeout_s=0.0)
            source.push(numbered(60_000, first=1_000))
            assert recorder.wait(timeout_s=60)
            assert recorder.state == "stopped"
            assert source.running
        assert source.running
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), numbered(round(max_s * SECOND)))
    assert recorder.stop().duration_s == round(max_s * SECOND) / SECOND


def test_a_finished_recording_holds_up_nobody(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.full(100 * SECOND, 0.5, np.float32), SECOND, subtype="FLOAT")
    with FileSource(tmp_path / "long.wav", realtime=False) as source:
        (other,) = source.pump.add_taps(1, 1.0, 0.0)
        recorder = Recorder(tmp_path / "a.wav", source, max_s=1.0).start()
        heard = 0
        while count := len(other.read(SECOND, timeout_s=20.0)):
            heard += count
        assert recorder.stop().duration_s == 1.0
    assert heard == 100 * SECOND


def test_a_complete_recording_has_no_error_from_later(tmp_path: Path) -> None:
    with FedInput() as source:
        recorder = Recorder(tmp_path / "a.wav", source, max_s=1.0).start()
        source.push(numbered(20_000))
        assert recorder.wait(timeout_s=60)
        source.finish("the cable broke")
        assert source.pump.wait_while("running", timeout_s=60)
        assert recorder.stop().error is None


def test_a_source_that_ends_ends_the_file(tmp_path: Path) -> None:
    with FedInput() as source, Recorder(tmp_path / "a.wav", source, encoding="float32") as recorder:
        source.push(numbered(12_345))
        source.finish()
        assert recorder.wait()
        assert recorder.state == "stopped"
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), numbered(12_345))


def test_a_device_that_dies_ends_the_file_and_with_raises_its_error(tmp_path: Path) -> None:
    source = FedInput(stall_s=0.1)
    with source, pytest.raises(DeviceError, match="no audio came"):  # noqa: PT012, SIM117
        with Recorder(tmp_path / "a.wav", source, encoding="float32") as recorder:
            source.push(numbered(12_345))
            assert recorder.wait(timeout_s=60)
            assert isinstance(recorder.error, DeviceError)
    np.testing.assert_array_equal(recorded(tmp_path / "a.wav"), numbered(12_345))
    assert isinstance(recorder.stop().error, DeviceError)


def test_an_error_of_the_body_goes_before_that_of_the_recording(tmp_path: Path) -> None:
    with FedInput() as source, pytest.raises(ZeroDivisionError):  # noqa: PT012, SIM117
        with Recorder(tmp_path / "a.wav", source) as recorder:
            source.push(numbered(1_000))
            source.finish("gone")
            assert recorder.wait(timeout_s=60)
            raise ZeroDivisionError
    assert len(recorded(tmp_path / "a.wav")) == 1_000


def test_losses_are_those_of_the_file(tmp_path: Path) -> None:
    source = FedInput(waits=False, buffer_s=0.05, speed=100.0)
    with source:
        source.push(numbered(40_000))
        with Recorder(tmp_path / "a.wav", source, preroll_s=0.0, encoding="float32") as recorder:
            source.push(numbered(100_000, first=40_000))
            lost_so_far = recorder.losses
            recording = recorder.stop()
    stream = recorded(tmp_path / "a.wav")
    silence = np.zeros(len(stream), np.bool_)
    assert lost_so_far
    assert recording.loss_count == len(recording.losses) >= len(lost_so_far)
    for loss in recording.losses:
        begin = round(loss.at_s * SECOND)
        silence[begin : begin + round(loss.silence_s * SECOND)] = True
    np.testing.assert_array_equal(stream == 0, silence)


def test_silence_in_the_pre_roll_is_told_too(tmp_path: Path) -> None:
    with FedInput(preroll_s=1.0) as source:
        source.push(numbered(16_000))
        call_back(source.capture, None, 16_000)
        source.push(numbered(8_000, first=32_000))
        recording = Recorder(tmp_path / "a.wav", source).start().stop()
    assert int(np.sum(recorded(tmp_path / "a.wav") == 0)) == 8_000
    assert [(loss.at_s, loss.silence_s) for loss in recording.losses] == [(0.0, 0.5)]


def test_a_file_source_is_recorded_as_it_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", numbered(80_000), SECOND, subtype="FLOAT")
    with FileSource(tmp_path / "in.wav", realtime=False) as source:
        recorder = Recorder(tmp_path / "out.wav", source, encoding="float32", tap=True).start()
        tapped = read_all(recorder)
        assert recorder.wait(timeout_s=60)
        recorder.stop()
    np.testing.assert_array_equal(recorded(tmp_path / "out.wav"), numbered(80_000))
    np.testing.assert_array_equal(tapped, numbered(80_000))


def test_a_file_source_that_breaks_raises_decode_error(tmp_path: Path) -> None:
    samples = numbered(50_000)
    samples[30_000] = np.nan
    soundfile.write(tmp_path / "in.wav", samples, SECOND, subtype="FLOAT")
    with FileSource(tmp_path / "in.wav", realtime=False) as source, pytest.raises(DecodeError, match="damaged"):  # noqa: SIM117
        with Recorder(tmp_path / "out.wav", source, encoding="float32") as recorder:
            assert recorder.wait(timeout_s=60)
    stream = recorded(tmp_path / "out.wav")
    assert len(stream) > 20_000
    np.testing.assert_array_equal(stream, numbered(len(stream)))


def test_recording_many_times_leaves_nothing_behind(tmp_path: Path) -> None:
    def use(number: int) -> None:
        with Recorder(tmp_path / f"{number}.wav", source, tap=True) as recorder:
            source.push(numbered(1_600))
            recorder.read(1_600)

    with FedInput() as source:
        use(0)
        before = Held.now()
        for number in range(1, 40):
            use(number)
        before.wait_for_no_more()


def test_a_recorder_dropped_without_a_stop_leaves_a_file_that_plays(tmp_path: Path) -> None:
    with FedInput(preroll_s=0.0) as source:
        recorder = Recorder(tmp_path / "a.wav", source).start()
        source.push(numbered(10_000))
        source.settle()
        del recorder
    wait_until(lambda: soundfile.info(tmp_path / "a.wav").frames == 10_000)
    assert len(recorded(tmp_path / "a.wav")) == 10_000


def test_while_it_is_paused_all_that_was_recorded_comes_into_the_file(tmp_path: Path) -> None:
    with FedInput(preroll_s=0.0) as source, Recorder(tmp_path / "a.wav", source) as recorder:
        source.push(numbered(10_000))
        recorder.pause()
        wait_until(lambda: soundfile.info(tmp_path / "a.wav").frames == 10_000)
        np.testing.assert_allclose(recorded(tmp_path / "a.wav"), numbered(10_000), atol=2**-16)
        assert recorder.state == "paused"


def test_any_thread_may_stop_while_others_watch(tmp_path: Path) -> None:
    with FedInput(speed=1.0) as source, source.pushing(numbered(5 * SECOND)):
        recorder = Recorder(tmp_path / "a.wav", source, tap=True, preroll_s=0.0).start()
        seen: list[float] = []

        def watch() -> None:
            while not recorder.wait(timeout_s=0.0):
                seen.append(recorder.duration_s)
                assert recorder.state in ("recording", "stopped")
                assert recorder.losses == ()

        watching = threading.Thread(target=watch)
        watching.start()
        reading = threading.Thread(target=read_all, args=(recorder,))
        reading.start()
        wait_until(lambda: recorder.duration_s > 0.2)
        stopped = [recorder.stop() for _ in range(2)]
        watching.join()
        reading.join()
        source.feeder.stop()
    assert stopped[0] is stopped[1]
    assert seen == sorted(seen)


def test_ctrl_c_during_a_recording_leaves_it_whole(tmp_path: Path) -> None:
    script = """
import sys
from fed_input import FedInput, numbered
from thoth.audio.recorder import Recorder
with FedInput() as source:
    try:
        with Recorder(sys.argv[1], source) as recorder:
            source.push(numbered(20_000))
            print("recording", flush=True)
            recorder.wait()
    except KeyboardInterrupt:
        print(recorder.stop().duration_s)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, os.fspath(tmp_path / "a.wav")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "recording\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "1.25\n"
    assert child.returncode == 0
    assert len(recorded(tmp_path / "a.wav")) == 20_000


def test_a_source_that_does_not_run_is_not_recorded(tmp_path: Path) -> None:
    source = FedInput()
    with source:
        source.push(numbered(1_000))
    with pytest.raises(AudioError, match="a fed input is not running: start it first"):
        Recorder(tmp_path / "a.wav", source).start()
    assert not (tmp_path / "a.wav").exists()


def test_what_broke_a_recording_off_is_told_after_the_source_was_started_again(tmp_path: Path) -> None:
    source = FedInput()
    with source:
        recorder = Recorder(tmp_path / "a.wav", source).start()
        source.push(numbered(1_000))
        source.finish("the cable broke")
        assert recorder.wait(timeout_s=60)
    with source:
        assert "the cable broke" in str(recorder.stop().error)


def test_a_source_that_waits_does_so_for_a_paused_recording(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.full(60 * SECOND, 0.5, np.float32), SECOND, subtype="FLOAT")
    with FileSource(tmp_path / "long.wav", realtime=False) as source:
        recorder = Recorder(tmp_path / "a.wav", source).start()
        recorder.pause()
        paused_at_s = source.stats.duration_s
        time.sleep(0.3)  # for what must not happen
        assert source.stats.duration_s == paused_at_s
        recorder.resume()
        assert recorder.wait(timeout_s=60)
        assert recorder.stop().duration_s == 60


def test_what_its_reader_lost_is_told_apart_from_the_file(tmp_path: Path) -> None:
    with FedInput() as source:
        recorder = Recorder(tmp_path / "a.wav", source, tap=True).start()
        for _ in range(4):
            source.push(numbered(10 * SECOND))
            source.settle()
        recording = recorder.stop()
        heard = sum(len(block) for block in recorder)
        (loss,) = recorder.read_losses
    assert heard == 40 * SECOND
    assert loss.cause == "reader"
    assert loss.frames == 9 * SECOND  # 30 s of backlog, and room for a pre-roll
    assert recording.losses == ()
