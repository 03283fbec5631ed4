"""Files of every kind become the same samples, whatever the blocks; bad ones are told apart."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
import pytest
import soxr
from encoded_audio import (
    Floats,
    encode,
    encode_video,
    lag_and_likeness,
    mean_weight,
    open_files,
    recording,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thoth.audio.decode import AudioFile, decode, decode_blocks
from thoth.errors import DecodeError, InvalidOption

LOSSLESS = [
    ("16k.wav", "pcm_s16le", 16_000, "mono"),
    ("44k_stereo.wav", "pcm_s16le", 44_100, "stereo"),
    ("48k_surround_float.wav", "pcm_f32le", 48_000, "5.1"),
    ("11k_24bit.wav", "pcm_s24le", 11_025, "mono"),
    ("22k_double.wav", "pcm_f64le", 22_050, "mono"),
    ("16k_64bit.wav", "pcm_s64le", 16_000, "mono"),
    ("44k_stereo.flac", "flac", 44_100, "stereo"),
    ("96k.flac", "flac", 96_000, "stereo"),
    ("alac.m4a", "alac", 44_100, "stereo"),
    ("eight_planes.wv", "wavpack", 16_000, "7.1"),
    ("sixteen_planes.wv", "wavpack", 16_000, "9.1.6"),
]
LOSSY = [
    ("44k_stereo.mp3", "libmp3lame", 44_100, "stereo"),
    ("22k.mp3", "libmp3lame", 22_050, "mono"),
    ("48k_stereo.m4a", "aac", 48_000, "stereo"),
    ("48k_surround.m4a", "aac", 48_000, "5.1"),
    ("opus.ogg", "libopus", 48_000, "mono"),
    ("opus_stereo.webm", "libopus", 48_000, "stereo"),
    ("opus_surround.mka", "libopus", 48_000, "5.1"),
    ("8k_8bit.wav", "pcm_u8", 8_000, "mono"),
    ("8k_mulaw.wav", "pcm_mulaw", 8_000, "mono"),
]
LAYOUTS = {name: layout for name, _, _, layout in LOSSLESS + LOSSY}


@pytest.fixture(scope="session")
def spoken() -> Floats:
    return recording("digits_03_2")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, spoken: Floats) -> Path:
    folder = tmp_path_factory.mktemp("encoded")
    for name, codec, rate_hz, layout in LOSSLESS + LOSSY:
        encode(folder / name, spoken, codec=codec, rate_hz=rate_hz, layout=layout)
    encode_video(folder / "video.mp4", spoken)
    return folder


@pytest.fixture
def pipes() -> Iterator[Any]:
    """Turns bytes into a file object that cannot seek."""
    opened: list[tuple[threading.Thread, IO[bytes]]] = []

    def feed(descriptor: int, data: bytes) -> None:
        with os.fdopen(descriptor, "wb") as end, contextlib.suppress(BrokenPipeError):
            end.write(data)

    def pipe(data: bytes) -> IO[bytes]:
        reading, writing = os.pipe()
        thread = threading.Thread(target=feed, args=(writing, data))
        thread.start()
        opened.append((thread, os.fdopen(reading, "rb")))
        return opened[-1][1]

    yield pipe
    for thread, end in opened:
        end.close()
        thread.join()


def wav_bytes(samples: Any, rate_hz: int = 16_000) -> bytes:
    """16-bit mono WAV by the standard library."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(np.round(np.asarray(samples) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def float_wav(path: Path, samples: Any, layout: str = "mono") -> Path:
    return encode(path, np.asarray(samples, np.float32), codec="pcm_f32le", rate_hz=16_000, layout=layout)


@pytest.mark.parametrize("name", [name for name, *_ in LOSSLESS])
def test_lossless_files_give_the_recording(files: Path, spoken: Floats, name: str) -> None:
    out = decode(files / name)
    assert out.dtype == np.float32
    assert out.ndim == 1
    expected = spoken * np.float32(mean_weight(LAYOUTS[name]))
    assert abs(len(out) - len(expected)) <= 1
    frames = min(len(out), len(expected))
    # What lies near 8 kHz is lost where a file went through another rate; 11 kHz keeps half the band.
    lag, likeness = lag_and_likeness(out, expected)
    assert lag == 0
    assert likeness > (0.98 if name.startswith("11k") else 0.999)
    if name.startswith("16k"):
        np.testing.assert_allclose(out[:frames], expected[:frames], rtol=0, atol=1 / 32768)


@pytest.mark.parametrize("name", [name for name, *_ in LOSSY])
def test_lossy_files_are_in_time_and_alike(files: Path, spoken: Floats, name: str) -> None:
    out = decode(files / name)
    lag, likeness = lag_and_likeness(out, spoken)
    assert lag == 0, "the encoder's delay must be skipped"
    assert likeness > 0.95
    assert 0 <= len(out) - len(spoken) < 0.025 * 16_000  # AAC pads its last packet
    gain = float(out[: len(spoken)] @ spoken / (spoken @ spoken))
    assert gain == pytest.approx(mean_weight(LAYOUTS[name]), rel=0.1)


def test_a_file_is_resampled_as_one_array_is(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, 50_000)
    data = wav_bytes(noise, 44_100)
    exact = np.round(noise * 32767).astype(np.float32) / 32768
    np.testing.assert_allclose(decode(data), soxr.resample(exact, 44_100, 16_000, quality="VHQ"), rtol=0, atol=2e-6)


def test_the_sound_of_a_video_is_taken(files: Path, spoken: Floats) -> None:
    with AudioFile(files / "video.mp4") as audio:
        lag, likeness = lag_and_likeness(np.concatenate(list(audio.blocks())), spoken)
    assert lag == 0
    assert likeness > 0.95


@given(
    name=st.sampled_from(sorted({*LAYOUTS, "video.mp4"})),
    block_frames=st.one_of(st.integers(1, 50), st.integers(1, 60_000), st.just(16_000)),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_of_any_size_give_the_same_bits(files: Path, name: str, block_frames: int) -> None:
    blocks = list(decode_blocks(files / name, block_frames=block_frames))
    assert all(len(block) == block_frames for block in blocks[:-1])
    assert 1 <= len(blocks[-1]) <= block_frames
    assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
    assert np.concatenate(blocks).tobytes() == decode(files / name).tobytes()


def test_blocks_do_not_share_memory(files: Path) -> None:
    blocks = list(decode_blocks(files / "16k.wav", block_frames=1_000))
    assert not any(np.shares_memory(a, b) for a, b in pairwise(blocks))


@pytest.mark.parametrize("name", ["16k.wav", "44k_stereo.mp3", "48k_stereo.m4a", "opus_stereo.webm"])
def test_every_kind_of_source_gives_the_same(files: Path, name: str) -> None:
    path = files / name
    expected = decode(path)
    data = path.read_bytes()
    with path.open("rb") as file:
        np.testing.assert_array_equal(decode(file), expected)
        assert not file.closed, "the caller's file stays open"
    late = io.BytesIO(b"not audio" + data)
    late.seek(9)
    for source in (str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), late):
        np.testing.assert_array_equal(decode(source), expected)


@pytest.mark.parametrize("name", ["16k.wav", "44k_stereo.flac", "opus.ogg", "opus_stereo.webm", "44k_stereo.mp3"])
def test_a_pipe_is_read(files: Path, spoken: Floats, pipes: Any, name: str) -> None:
    lag, likeness = lag_and_likeness(decode(pipes((files / name).read_bytes())), spoken)
    assert lag == 0
    assert likeness > 0.95


def test_an_mp4_in_a_pipe_says_what_to_do(tmp_path: Path, pipes: Any) -> None:
    path = encode(tmp_path / "long.m4a", recording("long_0_20s"), codec="alac", rate_hz=44_100)
    with pytest.raises(DecodeError, match="pipe: save such a file first"):
        decode(pipes(path.read_bytes()))


@pytest.mark.parametrize("name", ["16k.wav", "44k_stereo.mp3", "opus.ogg", "48k_stereo.m4a", "video.mp4"])
def test_the_duration_is_known_before_decoding(files: Path, spoken: Floats, name: str) -> None:
    with AudioFile(files / name) as audio:
        assert audio.duration_s == pytest.approx(len(spoken) / 16_000, abs=0.05)
        assert audio.problems == []


def test_the_duration_of_a_piped_wav_is_unknown(files: Path, pipes: Any) -> None:
    with AudioFile(pipes((files / "16k.wav").read_bytes())) as audio:
        assert audio.duration_s is None


def test_the_name_is_the_path_unless_given(files: Path) -> None:
    with AudioFile(files / "16k.wav") as audio:
        assert audio.name == str(files / "16k.wav")
    with pytest.raises(DecodeError, match=r"^the upload: "):
        AudioFile(b"", name="the upload")


def test_tags_in_an_old_encoding_are_no_hindrance() -> None:
    tag = b"INAM" + (8).to_bytes(4, "little") + b"Caf\xe9 \xff\0\0"
    chunk = b"LIST" + (4 + len(tag)).to_bytes(4, "little") + b"INFO" + tag
    data = wav_bytes(np.full(100, 0.5))
    tagged = data[:4] + (len(data) - 8 + len(chunk)).to_bytes(4, "little") + data[8:36] + chunk + data[36:]
    np.testing.assert_array_equal(decode(tagged), decode(data))


def test_a_closed_file_object_is_told() -> None:
    file = io.BytesIO(wav_bytes([0.5]))
    file.close()
    with pytest.raises(DecodeError, match="cannot be read: I/O operation on closed file"):
        decode(file)


class FailingFile(io.BytesIO):
    """Fails past its first 50 kB."""

    failure: BaseException = OSError("the disk is on fire")

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 50_000:
            raise self.failure
        return super().read(size)


class InterruptedFile(FailingFile):
    failure = KeyboardInterrupt()


class GreedyFile(io.BytesIO):
    """Gives more than it was asked for, which must not reach FFmpeg's buffer."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(-1)


def test_a_source_that_fails_midway_gives_what_came_before_and_raises_with_the_time() -> None:
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, 200_000)
    data = wav_bytes(samples)
    blocks: list[Floats] = []
    with pytest.raises(DecodeError, match=r"mic\.wav: reading failed at \d\.\d\d s: the disk is on fire"):
        blocks.extend(decode_blocks(FailingFile(data), name="mic.wav", block_frames=7_000))
    out = np.concatenate(blocks)
    assert len(out) > 20_000
    np.testing.assert_array_equal(out, decode(data)[: len(out)])
    assert len(blocks[-1]) < 7_000


def test_an_interrupt_while_reading_comes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        decode(InterruptedFile(wav_bytes(np.zeros(200_000))))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere/talk.mp3", r"nowhere/talk\.mp3: no such file"),
        (".", "is a directory"),
        ("a\0b", "cannot be opened: embedded null byte"),
        ("https://example.com/talk.mp3", "is a URL, .* download it first"),
        ("file:///tmp/talk.mp3", "is a URL"),
        ("concat:a.mp3|b.mp3", "no such file"),
        (b"", "is empty"),
        (b"What is said here is not said aloud.\n" * 40, "not an audio file that can be read"),
        (b"<!DOCTYPE html><html><body>404</body></html>" * 40, "not an audio file that can be read"),
        (io.BytesIO(), "is empty"),
        (io.StringIO("text"), "not bytes: open the file in binary mode"),
        (GreedyFile(wav_bytes(np.zeros(99_999))), r"read\(\d+\) gave 200042 bytes"),
        (np.zeros(3), "cannot read audio from a ndarray"),
        (7, "cannot read audio from a int"),
        (wav_bytes([]), "not one sample"),
    ],
)
def test_what_is_no_audio_is_told_apart(source: Any, told: str) -> None:
    with pytest.raises(DecodeError, match=told):
        decode(source)


def test_a_missing_file_raises_at_the_call_not_at_the_first_block() -> None:
    with pytest.raises(DecodeError, match="no such file"):
        decode_blocks("nowhere.wav")


def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    path = tmp_path / "private.wav"
    path.write_bytes(wav_bytes(np.zeros(10)))
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # root may read anything
    try:
        with pytest.raises(DecodeError, match=r"private\.wav: no permission"):
            decode(path)
    finally:
        os.seteuid(user)


def test_a_socket_cannot_be_opened(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(DecodeError, match="cannot be opened"):
            decode(tmp_path / "s")


def test_a_video_without_sound_is_told(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"no audio stream in this file .*video"):
        decode(encode_video(tmp_path / "silent.mp4", None))


def test_one_sample_is_audio() -> None:
    assert len(decode(wav_bytes([0.5]))) == 1


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\ntalk.mp3\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile talk.mp3\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_files_that_point_at_other_files_are_refused(tmp_path: Path, spoken: Floats, name: str) -> None:
    encode(tmp_path / "talk.mp3", spoken, codec="libmp3lame", rate_hz=44_100)
    playlist = tmp_path / name
    playlist.write_text(PLAYLISTS[name])
    options = {"allowed_extensions": "ALL", "extension_picky": "0"} if name.endswith("m3u8") else {}
    with av.open(str(playlist), container_options=options) as followed:
        assert followed.streams.audio, "FFmpeg left to itself follows it"
    with pytest.raises(DecodeError):
        decode(playlist)


def test_a_remote_playlist_reaches_no_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/talk.ts"
        playlist = tmp_path / "remote.m3u8"
        playlist.write_text(PLAYLISTS["list.m3u8"].replace("talk.mp3", address))
        with pytest.raises(DecodeError, match="refers to another file or address, 'http://127"):
            decode(playlist)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_session_description_opens_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "call.sdp"
    path.write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 0 RTP/AVP 0\n")
    with pytest.raises(DecodeError, match="not an audio file"):
        decode(path)


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz"),
    [("a.mp3", "libmp3lame", 44_100), ("a.flac", "flac", 44_100), ("a.webm", "libopus", 48_000)],
)
def test_a_cut_file_gives_what_is_there_and_says_so(tmp_path: Path, name: str, codec: str, rate_hz: int) -> None:
    whole = encode(tmp_path / name, recording("long_0_20s"), codec=codec, rate_hz=rate_hz)
    data = whole.read_bytes()
    with AudioFile(data[: len(data) // 2]) as audio:
        out = np.concatenate(list(audio.blocks()))
        assert any("20.0" in line and "were expected" in line for line in audio.problems), audio.problems
    assert 5 * 16_000 < len(out) < 15 * 16_000
    np.testing.assert_allclose(out[:-2_000], decode(whole)[: len(out) - 2_000], rtol=0, atol=1e-6)


def test_an_mp4_cut_before_its_index_is_refused(files: Path) -> None:
    data = (files / "48k_stereo.m4a").read_bytes()
    with pytest.raises(DecodeError, match="cut off or damaged"):
        decode(data[: len(data) // 2])


def test_bad_packets_are_skipped_told_and_leave_later_times_right(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoken = recording("long_0_20s")
    data = bytearray(encode(tmp_path / "a.m4a", spoken, codec="aac", rate_hz=44_100).read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    with (
        caplog.at_level(logging.WARNING, logger="thoth.audio"),
        AudioFile(bytes(data), name="a.m4a") as audio,
    ):
        out = np.concatenate(list(audio.blocks()))
        problems = audio.problems
    assert any("a packet cannot be decoded" in line for line in problems)
    assert any("silence stands in" in line for line in problems)
    assert any(record.getMessage().startswith("a.m4a: at ") for record in caplog.records)
    last = slice(-5 * 16_000, None)
    lag, likeness = lag_and_likeness(out[last], decode(tmp_path / "a.m4a")[last])
    assert (lag, round(likeness, 2)) == (0, 1)


def test_sound_that_starts_late_in_a_video_keeps_its_time(tmp_path: Path, spoken: Floats) -> None:
    path = encode_video(tmp_path / "late.mp4", spoken[:8_000], audio_start_s=2.0)
    expected = np.concatenate((np.zeros(32_000, np.float32), spoken[:8_000]))
    with AudioFile(path) as audio:
        lag, likeness = lag_and_likeness(np.concatenate(list(audio.blocks())), expected)
        assert audio.duration_s == pytest.approx(2.5, abs=0.05)
        assert [line.split(": ")[1] for line in audio.problems] == ["no audio, silence stands in"]
    assert abs(lag) <= 16
    assert likeness > 0.95


def test_rate_and_channels_may_change_in_midstream(tmp_path: Path, spoken: Floats) -> None:
    first = encode(tmp_path / "1.mp3", spoken, codec="libmp3lame", rate_hz=44_100, layout="stereo")
    second = encode(tmp_path / "2.mp3", spoken, codec="libmp3lame", rate_hz=22_050)
    out = decode(first.read_bytes() + second.read_bytes())
    half = len(spoken)
    assert abs(len(out) - 2 * half) < 0.1 * 16_000
    assert lag_and_likeness(out[:half], spoken)[1] > 0.95
    lag, likeness = lag_and_likeness(out[half:], spoken)
    assert abs(lag) < 0.1 * 16_000
    assert likeness > 0.9


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_a_float_file_that_is_not_finite_is_refused_with_the_time(tmp_path: Path, bad: float, layout: str) -> None:
    samples = np.zeros(50_000, np.float32)
    samples[40_000] = bad
    with pytest.raises(DecodeError, match=r"bad\.wav: the sample at 2\.5000 s is "):
        decode(float_wav(tmp_path / "bad.wav", samples, layout))


def test_a_float_file_that_was_never_scaled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"peak of 20000 .* never scaled"):
        decode(float_wav(tmp_path / "loud.wav", np.full(100, 20_000)))
    loud = decode(float_wav(tmp_path / "over.wav", np.full(100, 1.5)))
    np.testing.assert_array_equal(loud, np.full(100, 1.5, np.float32))


@pytest.mark.parametrize("block_frames", [0, -1, 1.5, True, "9"])
def test_block_sizes_that_make_no_sense_are_refused(files: Path, block_frames: Any) -> None:
    before = open_files()
    with pytest.raises(InvalidOption, match="block_frames takes"):
        decode_blocks(files / "16k.wav", block_frames=block_frames)
    assert open_files() == before


def test_an_audio_file_is_read_once(files: Path) -> None:
    with AudioFile(files / "16k.wav") as audio:
        list(audio.blocks())
        with pytest.raises(DecodeError, match="was read already"):
            audio.blocks()


def test_closing_in_midstream_ends_the_blocks(files: Path) -> None:
    audio = AudioFile(files / "44k_stereo.mp3")
    blocks = audio.blocks(100)
    next(blocks)
    audio.close()
    audio.close()
    with pytest.raises(DecodeError, match="was closed"):
        list(blocks)
    with pytest.raises(DecodeError, match="is closed"):
        audio.blocks()


def test_no_file_stays_open_when_the_iterator_is_dropped(files: Path) -> None:
    before = open_files()
    unused = decode_blocks(files / "44k_stereo.mp3")
    begun = decode_blocks(files / "44k_stereo.mp3", block_frames=100)
    next(begun)
    assert len(open_files() - before) == 2
    del unused, begun
    assert open_files() == before
    for path in ("44k_stereo.mp3", "opus.ogg"):
        decode(files / path)
    for bad in (files, files / "none.wav", Path(__file__)):
        with pytest.raises(DecodeError):
            decode(bad)
    assert open_files() == before


def test_ffmpeg_writes_nothing_to_stderr(tmp_path: Path, spoken: Floats, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encode(tmp_path / "a.mp3", spoken, codec="libmp3lame", rate_hz=44_100).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2_000] = os.urandom(2_000)
    with AudioFile(bytes(data)) as audio:
        list(audio.blocks())
    with pytest.raises(DecodeError):
        decode(b"garbage" * 100)
    assert capfd.readouterr() == ("", "")


MEASURE = """
import resource, sys
from thoth.audio.decode import decode_blocks
frames = first_kb = 0
for block in decode_blocks(sys.argv[1]):
    frames += len(block)
    if frames == 16_000 * 30:
        first_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - first_kb)
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    hours = 1
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(b"\0\0")
    with path.open("r+b") as raw:  # sparse: nothing but the header lies on disk
        length = 2 * 8_000 * 3_600 * hours
        raw.truncate(44 + length)
        for place, value in ((4, length + 36), (40, length)):
            raw.seek(place)
            raw.write(value.to_bytes(4, "little"))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    frames, grown_kb = map(int, run.stdout.split())
    assert frames == 16_000 * 3_600 * hours
    assert grown_kb < 8 * 1024, "an hour of float32 would be 230 MB"
    assert run.stderr == ""
