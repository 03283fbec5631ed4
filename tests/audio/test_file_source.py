"""A file as a live stream: its very samples, at its own pace or the reader's, and a clear end."""

from __future__ import annotations

import gc
import io
import os
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded_audio import Floats, encode, open_files, recording
from fed_input import Held, numbered, read_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thoth.audio.decode import decode
from thoth.audio.file_source import FileSource
from thoth.errors import AudioError, DecodeError, InvalidOption

SHORT = "digits_03_2"
KINDS = [("flac", "flac", 16_000), ("mp3", "libmp3lame", 44_100), ("m4a", "aac", 48_000), ("ogg", "libopus", 48_000)]


def wav(path: Path, samples: Floats) -> Path:
    """A float file, whose samples come back exactly."""
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    return path


@pytest.mark.parametrize(("suffix", "codec", "rate_hz"), KINDS)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_gives_exactly_what_decoding_gives(tmp_path: Path, suffix: str, codec: str, rate_hz: int, layout: str) -> None:
    path = encode(tmp_path / f"a.{suffix}", recording(SHORT), codec=codec, rate_hz=rate_hz, layout=layout)
    with FileSource(path, realtime=False) as source:
        got = read_all(source)
        assert source.ended
        assert not source.running
    np.testing.assert_array_equal(got, decode(path))
    assert source.stats.frames_captured == len(got)
    assert source.stats.losses == ()
    assert source.name == os.fspath(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 60_000), max_size=12), count=st.integers(1, 200_000))
def test_however_it_is_cut(tmp_path: Path, cuts: list[int], count: int) -> None:
    path = wav(tmp_path / "numbered.wav", numbered(count))
    with FileSource(path, realtime=False) as source:
        blocks = [source.read(samples) for samples in cuts]
        for samples, block in zip(cuts, blocks, strict=True):
            assert len(block) == samples or source.ended
        blocks.append(read_all(source))
    np.testing.assert_array_equal(np.concatenate(blocks), numbered(count))


@pytest.mark.parametrize("make", [Path.read_bytes, lambda path: io.BytesIO(path.read_bytes()), os.fspath])
def test_takes_what_transcription_takes(tmp_path: Path, make: object) -> None:
    path = wav(tmp_path / "a.wav", numbered(5_000))
    with FileSource(make(path), realtime=False) as source:  # type: ignore[operator]
        np.testing.assert_array_equal(read_all(source), numbered(5_000))


def test_without_a_pace_it_waits_for_a_slow_reader(tmp_path: Path) -> None:
    # Far more than all buffers on the way hold, and a reader that lets them run full.
    count = 100 * 16_000
    path = wav(tmp_path / "long.wav", numbered(count))
    with FileSource(path, realtime=False, preroll_s=0.0) as source:
        first = source.read(1)
        held = -1
        while (come := source.stats.frames_captured) != held:  # until nothing moves any more
            held = come
            time.sleep(0.2)
        assert held < count
        rest = read_all(source, block=4_321)
    np.testing.assert_array_equal(np.concatenate([first, rest]), numbered(count))
    assert source.stats.frames_lost == source.stats.loss_count == 0


def test_without_a_pace_the_slowest_of_two_readers_gets_all_too(tmp_path: Path) -> None:
    count = 70 * 16_000
    path = wav(tmp_path / "long.wav", numbered(count))
    with FileSource(path, realtime=False) as source:
        fast, slow = source.pump.add_taps(2, 1.0, 0.0)
        got: list[Floats] = []
        reading = threading.Thread(target=lambda: got.append(read_all(fast)))
        reading.start()
        np.testing.assert_array_equal(read_all(slow, block=50_000), numbered(count))
        reading.join()
    np.testing.assert_array_equal(got[0], numbered(count))


def test_without_a_pace_it_begins_with_the_first_reader(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", numbered(16_000))
    with FileSource(path, realtime=False, preroll_s=0.0) as source:
        assert not source.pump.wait_while("running", timeout_s=0.3)
        np.testing.assert_array_equal(read_all(source), numbered(16_000))


def test_a_look_at_the_end_makes_nobody_a_reader(tmp_path: Path) -> None:
    path = wav(tmp_path / "long.wav", numbered(60 * 16_000))
    with FileSource(path, realtime=False) as source:
        assert not source.ended
        (tap,) = source.pump.add_taps(1, 1.0, 1.0)
        heard = 0
        while count := len(tap.read(16_000, timeout_s=5.0)):
            heard += count
    assert heard == 60 * 16_000


def test_in_real_time_it_takes_as_long_as_the_audio(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", numbered(2 * 16_000))
    begin = time.monotonic()
    with FileSource(path) as source:
        first = source.read(160)
        assert time.monotonic() - begin < 1.5
        got = np.concatenate([first, read_all(source)])
        took_s = time.monotonic() - begin
    np.testing.assert_array_equal(got, numbered(2 * 16_000))
    assert 1.9 < took_s < 20


def test_in_real_time_a_reader_that_pauses_loses_nothing_within_the_backlog(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", numbered(2 * 16_000))
    with FileSource(path) as source:
        first = source.read(1)
        short, long = (source.pump.add_taps(1, backlog_s, 0.0)[0] for backlog_s in (0.5, 30.0))
        assert source.pump.wait_while("running", timeout_s=60)  # all has been played by now
        np.testing.assert_array_equal(np.concatenate([first, read_all(source)]), numbered(2 * 16_000))
        assert long.losses == []
        assert len(read_all(long)) == len(read_all(short))
        assert short.loss_count == 1
        assert short.losses[0].sample == 8_000


@pytest.mark.parametrize("realtime", [True, False])
def test_what_cannot_be_opened_fails_at_the_start(tmp_path: Path, realtime: bool) -> None:
    (tmp_path / "text.wav").write_text("no audio at all, but words")
    for name in ("missing.wav", "text.wav", "."):
        source = FileSource(tmp_path / name, realtime=realtime)
        with pytest.raises(DecodeError, match=re.escape(os.fspath(tmp_path / name))):
            source.start()
        assert not source.running
        before = open_files()
        with pytest.raises(DecodeError), source:
            pass
        assert open_files() == before


def test_what_did_not_start_cannot_be_read(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "missing.wav")
    with pytest.raises(DecodeError):
        source.start()
    with pytest.raises(AudioError):
        source.read()


def broken(path: Path) -> Path:
    """A float file whose sample 30,000 is an infinity: decoding must end there."""
    samples = numbered(50_000)
    samples[30_000] = np.inf
    return wav(path, samples)


@pytest.mark.parametrize("realtime", [True, False])
def test_a_broken_file_gives_what_comes_before_and_then_its_error(tmp_path: Path, realtime: bool) -> None:
    path = broken(tmp_path / "broken.wav")
    got = []
    with FileSource(path, realtime=realtime) as source:
        with pytest.raises(DecodeError, match=r"broken\.wav.* is inf: the file is damaged"):
            got.extend(source)
        with pytest.raises(DecodeError, match="the file is damaged"):
            source.read()
    assert isinstance(source.error, DecodeError)
    stream = np.concatenate(got)
    assert 20_000 < len(stream) <= 30_000
    np.testing.assert_array_equal(stream, numbered(len(stream)))


def test_a_file_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.flac", recording("long_0_20s"), codec="flac", rate_hz=16_000)
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with FileSource(cut, realtime=False) as source:
        got = read_all(source)
    np.testing.assert_array_equal(got, decode(cut))
    assert len(got) > 16_000


class FailingFile(io.BytesIO):
    """A file on a share that goes away in the middle."""

    name = "share/talk.wav"

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 150_000:
            raise OSError("the share is gone")
        return super().read(size)


def test_a_file_object_that_fails_gives_its_error_behind_the_audio(tmp_path: Path) -> None:
    file = FailingFile(wav(tmp_path / "a.wav", numbered(100_000)).read_bytes())
    got = []
    with FileSource(file, realtime=False) as source, pytest.raises(DecodeError, match=r"share/talk.*the share is gone"):
        got.extend(source)
    stream = np.concatenate(got)
    assert len(stream) > 16_000
    np.testing.assert_array_equal(stream, numbered(len(stream)))


def test_it_may_be_stopped_in_the_middle_and_started_again(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", numbered(60 * 16_000))
    before = Held.now()
    for realtime in (True, False):
        source = FileSource(path, realtime=realtime)
        for _ in range(10):
            with source:
                np.testing.assert_array_equal(source.read(1_000), numbered(1_000))
                begin = time.monotonic()
            assert time.monotonic() - begin < 2
            assert not source.running
            assert source.error is None
        rest = read_all(source)
        np.testing.assert_array_equal(rest, numbered(len(rest), first=1_000))
    before.wait_for_no_more()


def test_it_starts_anew_after_its_end(tmp_path: Path) -> None:
    source = FileSource(wav(tmp_path / "a.wav", numbered(3_000)), realtime=False)
    for _ in range(3):
        source.start()
        np.testing.assert_array_equal(read_all(source), numbered(3_000))
        assert len(source.read()) == 0
        assert not source.running
    source.stop()


def test_a_stop_does_not_wait_for_a_pipe_that_gives_nothing(tmp_path: Path) -> None:
    content = wav(tmp_path / "a.wav", numbered(60 * 16_000)).read_bytes()
    reading_end, writing_end = os.pipe()
    with open(reading_end, "rb") as pipe, open(writing_end, "wb") as sender:  # noqa: PTH123
        feeding = threading.Thread(target=sender.write, args=(content[: len(content) // 2],))
        feeding.start()
        with FileSource(pipe, realtime=False) as source:
            assert len(source.read(16_000)) == 16_000
            feeding.join()
            begin = time.monotonic()
        took_s = time.monotonic() - begin
        sender.close()
        for thread in threading.enumerate():
            if thread.name == "thoth-file-source":
                thread.join()
    assert took_s < 5
    assert source.error is None


def test_the_name_given_is_the_one_shown(tmp_path: Path) -> None:
    path = broken(tmp_path / "a.wav")
    with FileSource(path.read_bytes(), realtime=False, name="the interview") as source:
        with pytest.raises(DecodeError, match="the interview"):
            read_all(source)
        assert source.name == source.stats.device == "the interview"


def test_before_the_start_and_with_a_wrong_pre_roll(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="not open"):
        source.read()
    with pytest.raises(InvalidOption, match="preroll_s"):
        FileSource(tmp_path / "a.wav", preroll_s=-1).start()


def test_a_forgotten_source_ends_its_thread(tmp_path: Path) -> None:
    path = wav(tmp_path / "long.wav", numbered(60 * 16_000))
    source = FileSource(path).start()
    source.read(160)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "thoth-file-source"]
    del source
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
