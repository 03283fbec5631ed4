"""The recording on disk: right samples, and a file that plays whatever happens."""

from __future__ import annotations

import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import threading
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import wav_recording
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth._native import WavWriter
from thoth.errors import AudioError, InvalidOption

Floats = npt.NDArray[np.float32]
Samples = npt.NDArray[Any]

DTYPE = {"pcm16": np.int16, "float32": np.float32}
AS_ROOT = os.geteuid() == 0


def noise(frames: int, channels: int = 1, level: float = 0.3, seed: int = 0) -> Floats:
    shape = frames if channels == 1 else (frames, channels)
    return (np.random.default_rng(seed).standard_normal(shape) * level).astype(np.float32)


def as_written(block: Floats, encoding: str) -> Samples:
    frames = block.reshape(len(block), -1)
    if encoding == "float32":
        return frames
    return np.clip(np.rint(frames.astype(np.float64) * 32_768), -32_768, 32_767).astype(np.int16)


def read_by_av(path: Path) -> tuple[int, Samples]:
    with av.open(os.fspath(path)) as container:
        stream = container.streams.audio[0]
        channels = stream.codec_context.channels
        blocks = [frame.to_ndarray().reshape(-1, channels) for frame in container.decode(stream)]
        return stream.rate, np.concatenate(blocks) if blocks else np.zeros((0, channels))


def read_by_soundfile(path: Path, encoding: str) -> tuple[int, Samples]:
    samples, rate_hz = soundfile.read(path, dtype=np.dtype(DTYPE[encoding]).name, always_2d=True)
    return rate_hz, samples


def read(path: Path, encoding: str = "pcm16") -> tuple[int, Samples]:
    """What both readers find; they must agree, and the header must claim nothing that is not there."""
    rate_hz, samples = read_by_soundfile(path, encoding)
    av_rate_hz, av_samples = read_by_av(path)
    assert av_rate_hz == rate_hz
    np.testing.assert_array_equal(av_samples, samples)
    return rate_hz, samples


def record(path: Path, block: Floats, rate_hz: int = 16_000, **options: Any) -> None:
    channels = 1 if block.ndim == 1 else block.shape[1]
    with WavWriter(path, rate_hz, channels, **options) as writer:
        writer.write(block)


@pytest.mark.parametrize("encoding", ["pcm16", "float32"])
@pytest.mark.parametrize(
    ("rate_hz", "channels"),
    [(16_000, 1), (44_100, 2), (48_000, 3), (8_000, 8), (192_000, 1), (768_000, 32), (11_025, 2)],
)
def test_opens_everywhere_with_the_right_samples(tmp_path: Path, encoding: str, rate_hz: int, channels: int) -> None:
    block = noise(70_001 if channels < 8 else 5_001, channels)
    path = tmp_path / "recording.wav"
    record(path, block, rate_hz, encoding=encoding)

    found_rate_hz, samples = read(path, encoding)

    assert found_rate_hz == rate_hz
    np.testing.assert_array_equal(samples, as_written(block, encoding))
    assert path.stat().st_size == struct.unpack("<I", path.read_bytes()[4:8])[0] + 8


@settings(max_examples=60, deadline=None)
@given(
    encoding=st.sampled_from(["pcm16", "float32"]),
    channels=st.integers(1, 5),
    frames=st.integers(0, 60_000),
    data=st.data(),
)
def test_bytes_do_not_depend_on_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, encoding: str, channels: int, frames: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("split")
    block = noise(frames, channels, level=0.6)
    cuts = sorted(data.draw(st.lists(st.integers(0, frames), max_size=12)))
    record(folder / "whole.wav", block, encoding=encoding)
    with WavWriter(folder / "split.wav", 16_000, channels, encoding) as writer:
        for start, end in pairwise([0, *cuts, frames]):
            writer.write(block[start:end])
            if data.draw(st.booleans()):
                writer.flush()
        assert writer.frames == frames

    assert (folder / "split.wav").read_bytes() == (folder / "whole.wav").read_bytes()
    shutil.rmtree(folder)


def test_pcm16_rounds_to_nearest_even_and_clips(tmp_path: Path) -> None:
    steps = [0.5, 1.5, 2.5, -0.5, -1.5, 0.49, 0.51, 32_766.5, 32_767, 32_768, 40_000, -32_768, -32_769, np.inf, -np.inf]
    block = (np.array(steps) / 32_768).astype(np.float32)
    record(tmp_path / "steps.wav", block)
    expected = [0, 2, 2, 0, -2, 0, 1, 32_766, 32_767, 32_767, 32_767, -32_768, -32_768, 32_767, -32_768]
    assert read(tmp_path / "steps.wav")[1][:, 0].tolist() == expected


def test_16_bit_audio_comes_back_exactly(tmp_path: Path) -> None:
    every = np.arange(-32_768, 32_768, dtype=np.int16)
    record(tmp_path / "every.wav", every.astype(np.float32) / 32_768)
    np.testing.assert_array_equal(read(tmp_path / "every.wav")[1][:, 0], every)


@pytest.mark.parametrize("encoding", ["pcm16", "float32"])
def test_nan_becomes_silence_and_is_counted(tmp_path: Path, encoding: str) -> None:
    block = np.array([0.5, np.nan, -0.5, np.nan, np.inf, -np.inf, 1.5], np.float32)
    with WavWriter(tmp_path / "nan.wav", 16_000, encoding=encoding) as writer:
        writer.write(block)
        assert writer.nan_samples == 2
    finite = np.array([0.5, 0, -0.5, 0, 1, -1, 1.5], np.float32)
    np.testing.assert_array_equal(read(tmp_path / "nan.wav", encoding)[1], as_written(finite, encoding))


@pytest.mark.parametrize("encoding", ["pcm16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("riff_limit_bytes", [0xFFFFFFFE, 0, 60_000])
def test_the_file_plays_at_every_moment(tmp_path: Path, encoding: str, channels: int, riff_limit_bytes: int) -> None:
    path, copy = tmp_path / "open.wav", tmp_path / "copy.wav"
    block = noise(40_000, channels)
    flushed = 0
    with WavWriter(path, 16_000, channels, encoding, riff_limit_bytes=riff_limit_bytes) as writer:
        edges = [0, 1, 7_000, 7_001, 30_000, 40_000]
        for turn, (start, end) in enumerate(pairwise(edges)):
            shutil.copy(path, copy)
            assert flushed <= len(read(copy, encoding)[1]) <= start
            writer.write(block[start:end])
            shutil.copy(path, copy)
            samples = read(copy, encoding)[1]
            assert flushed <= len(samples) <= end
            np.testing.assert_array_equal(samples, as_written(block, encoding)[: len(samples)])
            if turn % 2 == 0:
                writer.flush()
                flushed = end
                shutil.copy(path, copy)
                np.testing.assert_array_equal(read(copy, encoding)[1], as_written(block, encoding)[:end])


@pytest.mark.parametrize("encoding", ["pcm16", "float32"])
def test_past_the_limit_the_header_becomes_rf64(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "long.wav"
    block = noise(1_000, 2)
    frame_bytes = 2 * np.dtype(DTYPE[encoding]).itemsize
    header_bytes = 80 if encoding == "pcm16" else 94
    limit = header_bytes - 8 + 1_000 * frame_bytes
    with WavWriter(path, 48_000, 2, encoding, riff_limit_bytes=limit) as writer:
        writer.write(block)
        writer.flush()
        assert path.read_bytes()[:4] == b"RIFF"
        assert path.read_bytes()[12:16] == b"JUNK"
        writer.write(block[:1])

    content = path.read_bytes()
    assert content[:12] == b"RF64\xff\xff\xff\xffWAVE"
    assert content[12:16] == b"ds64"
    sizes = struct.unpack("<IQQQI", content[16:48])
    assert sizes == (28, len(content) - 8, 1_001 * frame_bytes, 1_001, 0)
    assert content[header_bytes - 8 : header_bytes] == b"data\xff\xff\xff\xff"
    assert soundfile.info(path).format == "RF64"
    np.testing.assert_array_equal(read(path, encoding)[1], as_written(np.concatenate([block, block[:1]]), encoding))


def recording_process(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, wav_recording.__file__, os.fspath(path)], stdout=subprocess.PIPE, text=True, encoding="ascii"
    )


def kill_after(process: subprocess.Popen[str], frames: int) -> int:
    """Kill when `frames` have been written; returns how many had been by the time of death."""
    assert process.stdout is not None
    with process, process.stdout:
        done = next(done for line in process.stdout if (done := int(line)) >= frames)
        process.kill()
        rest = process.stdout.read().split("\n")
    whole_lines = [int(line) for line in rest[:-1]]
    return max([done, *whole_lines])


def test_a_killed_recording_lacks_at_most_the_last_second(tmp_path: Path) -> None:
    # All at once, each past its first second, so that a header that is never renewed cannot pass.
    chance = random.Random(7)
    moments = sorted(chance.uniform(1.1, 3.5) for _ in range(10))
    processes = [(recording_process(tmp_path / f"{moment}.wav"), moment) for moment in moments]
    for process, moment in processes:
        written = kill_after(process, round(moment * wav_recording.RATE_HZ))
        _, samples = read(tmp_path / f"{moment}.wav")
        assert written - wav_recording.RATE_HZ <= len(samples) <= written + wav_recording.BLOCK_FRAMES
        np.testing.assert_array_equal(samples, as_written(wav_recording.ramp(0, len(samples)), "pcm16"))


def fill(writer: WavWriter) -> Floats:
    """Write until that fails; returns what was written, the failing block included."""
    blocks: list[Floats] = []
    with pytest.raises(AudioError, match=r"the disk is full|as large as this disk"):  # noqa: PT012
        for seed in count():
            blocks.append(noise(1_001, seed=seed))
            writer.write(blocks[-1])
            assert seed < 1_000
    return np.concatenate(blocks)


def test_a_full_disk_ends_the_recording_with_a_file_that_plays(small_disk: Path) -> None:
    path = small_disk / "recording.wav"
    writer = WavWriter(path, 16_000)
    written = as_written(fill(writer), "pcm16")
    _, samples = read(path)
    assert len(samples) == writer.frames > 120_000
    np.testing.assert_array_equal(samples, written[: len(samples)])
    assert path.stat().st_size == 80 + 2 * len(samples)
    with pytest.raises(AudioError, match=r"recording\.wav: the disk is full.*recording ends after"):
        writer.write(noise(1))
    writer.close()
    with pytest.raises(AudioError, match="the disk is full: free some space"):
        WavWriter(small_disk / "another.wav", 16_000)
    assert not (small_disk / "another.wav").exists()


def test_a_file_as_large_as_allowed_is_kept_and_plays(tmp_path: Path) -> None:
    path = tmp_path / "recording.wav"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_001, before[1]))
    try:
        writer = WavWriter(path, 16_000)
        written = as_written(fill(writer), "pcm16")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    _, samples = read(path)
    assert len(samples) == writer.frames == (200_001 - 80) // 2
    np.testing.assert_array_equal(samples, written[: len(samples)])
    assert path.stat().st_size == 200_000  # half a frame was cut off again


def test_a_failing_close_throws_once(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "recording.wav", 16_000)
    writer.write(noise(100))
    (tmp_path / "recording.wav").unlink()
    with pytest.raises(AudioError, match="removed while it was written"):
        writer.close()
    assert writer.closed
    writer.close()
    with pytest.raises(AudioError, match="removed while"):
        writer.flush()


def test_a_folder_that_vanishes_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    writer = WavWriter(tmp_path / "stick" / "recording.wav", 16_000)
    shutil.rmtree(tmp_path / "stick")
    writer.write(noise(100))
    with pytest.raises(AudioError, match=r"recording\.wav: the file was removed"):
        writer.flush()


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(AudioError, match=r"recording\.wav: not allowed to write here .* choose a folder"):
            WavWriter(tmp_path / "recording.wav", 16_000)
    finally:
        tmp_path.chmod(0o700)


def test_a_read_only_disk_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", os.fspath(small_disk)], check=True)
    with pytest.raises(AudioError, match=r"not allowed to write here \(Read-only file system\): choose a folder"):
        WavWriter(small_disk / "recording.wav", 16_000)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"recording\.wav: the folder for this file does not exist: create it"):
        WavWriter(tmp_path / "missing" / "recording.wav", 16_000)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_file_is_refused(tmp_path: Path, overwrite: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in [tmp_path, tmp_path / "pipe", Path("/dev/null")]:
        with pytest.raises(AudioError):
            WavWriter(path, 16_000, overwrite=overwrite)
        assert path.exists()


def test_overwrites_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "recording.wav"
    record(path, noise(5_000))
    before = path.read_bytes()
    with pytest.raises(AudioError, match=r"recording\.wav: the file exists and was left as it is"):
        WavWriter(path, 16_000)
    assert path.read_bytes() == before
    record(path, noise(3), overwrite=True)
    assert path.stat().st_size == 80 + 6


def test_a_closed_writer_refuses_and_closes_again(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "recording.wav", 16_000)
    writer.write(noise(10))
    writer.close()
    writer.close()
    assert writer.closed
    for call in (lambda: writer.write(noise(1)), writer.flush):
        with pytest.raises(AudioError, match="was closed: start a new one"):
            call()
    assert len(read(writer.path)[1]) == writer.frames == 10


def test_a_dropped_writer_leaves_all_that_was_written(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "recording.wav", 16_000)
    writer.write(noise(1_234))
    del writer
    assert len(read(tmp_path / "recording.wav")[1]) == 1_234


def test_an_error_inside_with_still_closes(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), WavWriter(tmp_path / "recording.wav", 16_000) as writer:  # noqa: PT012
        writer.write(noise(77))
        raise ZeroDivisionError
    assert writer.closed
    assert len(read(tmp_path / "recording.wav")[1]) == 77


@pytest.mark.parametrize(
    ("block", "channels"),
    [
        (np.zeros(4, np.float64), 1),
        (np.zeros(4, np.int16), 1),
        (np.zeros((4, 2), np.float32), 1),
        (np.zeros(4, np.float32), 2),
        (np.zeros((4, 3), np.float32), 2),
        (np.zeros((2, 4), np.float32).T, 2),
        (np.zeros(8, np.float32)[::2], 1),
        (np.float32(1).reshape(()), 1),
        ([0.0, 1.0], 1),
        (None, 1),
    ],
)
def test_other_blocks_are_refused_and_change_nothing(tmp_path: Path, block: Any, channels: int) -> None:
    with WavWriter(tmp_path / "recording.wav", 16_000, channels) as writer:
        with pytest.raises(AudioError, match=f"{channels} channel.*C-contiguous float32.*convert with"):
            writer.write(block)
        assert writer.frames == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rate_hz": 0}, "rate_hz"),
        ({"rate_hz": 768_001}, "rate_hz"),
        ({"rate_hz": -1}, "rate_hz"),
        ({"channels": 0}, "channels"),
        ({"channels": 33}, "channels"),
        ({"encoding": "mp3"}, "encoding takes pcm16 or float32, not 'mp3'"),
    ],
)
def test_options_out_of_range_create_no_file(tmp_path: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidOption, match=named):
        WavWriter(tmp_path / "recording.wav", **({"rate_hz": 16_000} | options))
    assert list(tmp_path.iterdir()) == []


def test_takes_paths_of_every_kind(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\xc3\xb6.wav"
    for path in (odd, os.fspath(tmp_path / "text.wav"), tmp_path / "path.wav"):
        with WavWriter(path, 16_000) as writer:
            assert os.fsencode(writer.path) == os.fsencode(path)
    assert len(list(tmp_path.iterdir())) == 3


def test_two_threads_at_once_lose_nothing_that_was_taken(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "recording.wav", 16_000, 2)
    taken, refusals = [0, 0], list[str]()
    together = threading.Barrier(2)

    def run(index: int) -> None:
        block = np.full((50_000, 2), 0.25 * (index + 1), np.float32)
        together.wait()
        for _ in range(200):
            try:
                writer.write(block)
                taken[index] += len(block)
            except AudioError as error:
                refusals.append(str(error))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()

    samples, _ = soundfile.read(tmp_path / "recording.wav")
    assert set(refusals) == {"a WavWriter was called by two threads at once: give each thread its own"}
    assert [int(np.sum(samples[:, 0] == level)) for level in (0.25, 0.5)] == taken


@pytest.mark.skipif(sys.platform == "win32", reason="about POSIX descriptors")
def test_a_file_never_gets_the_number_of_a_standard_stream(tmp_path: Path) -> None:
    code = f"""
import os
from thoth._native import WavWriter
os.close(0)
writer = WavWriter({os.fspath(tmp_path / "a.wav")!r}, 16000)
print([int(number) for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{{number}}")
       and os.readlink(f"/proc/self/fd/{{number}}").endswith("a.wav")])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (number,) = eval(run.stdout)
    assert number > 2
