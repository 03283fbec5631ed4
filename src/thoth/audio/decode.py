"""Audio files of any length, container and codec as blocks of 16 kHz mono float32.

PyAV (FFmpeg) decodes; channels are averaged and the rate is converted by Thoth's own Resampler, so that audio
takes one path from wherever it comes. Encoder delay (MP3, AAC, Opus) is skipped as the file's own tags say.

PyAV is imported where it is used: it takes 17 MB, which a process that only gets samples can do without.
"""

from __future__ import annotations

import contextlib
import logging
import math
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from thoth._native import Resampler
from thoth.audio.container import (
    RefusedError,
    audio_stream,
    duration_s,
    open_container,
    pipe_hint,
    states_length,
)
from thoth.audio.problems import Problems
from thoth.audio.samples import (
    MAX_CHANNELS,
    MAX_PEAK,
    MAX_RATE_HZ,
    MIN_RATE_HZ,
    SAMPLE_RATE_HZ,
    Samples,
    mean_of_channels,
    to_float32,
)
from thoth.audio.source import AudioSource, open_source
from thoth.audio.stamps import Stamps
from thoth.errors import DecodeError, InvalidOption

__all__ = ["DEFAULT_BLOCK_FRAMES", "AudioFile", "AudioSource", "decode", "decode_blocks"]

DEFAULT_BLOCK_FRAMES: Final = SAMPLE_RATE_HZ
"""One second."""

TRUNCATION_S: Final = 1.0
"""How much less than the expected length may come out before the file is called cut off."""

# FFmpeg's sample formats without the "p" of the planar ones.
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}

# Where a frame has more planes than FFmpeg's built-in pointers, PyAV reads past the end of their list.
_MAX_PLANES = 8

_SILENCE_PIECE_S = 10
_log = logging.getLogger("thoth.audio")


class AudioFile:
    """One recording, opened for reading once from front to back.

    source: a path, a binary file object (seekable or not; read from where it stands, left open), or the
    file's bytes.
    name: what messages call it; by default the path or the file object's name.

    Raises DecodeError for what cannot be opened as audio: missing, a directory, not permitted, empty, not
    media, no audio stream, a URL. Nothing but the source itself is ever opened: playlists and other files
    that point elsewhere are refused. Use it as a context manager or call `close()`. One thread at a time.
    """

    def __init__(self, source: AudioSource, *, name: str | None = None) -> None:
        resources = contextlib.ExitStack()
        self._closing = weakref.finalize(self, resources.close)
        self._reader, self.name = open_source(source, name)
        resources.callback(self._reader.close)
        self._problems = Problems(self.name, _log)
        self._position_s = 0.0
        self._started = False
        try:
            self._container = resources.enter_context(open_container(self._reader, self.name))
            self._stream = audio_stream(self._container, self.name)
        except BaseException:
            self.close()
            raise
        self.duration_s: float | None = duration_s(self._container, self._stream)
        """When the audio ends, as the file states it or FFmpeg estimates it; None when unknown."""

    @property
    def problems(self) -> list[str]:
        """What was found wrong so far, in order, each with its times in seconds; empty for a sound file."""
        return self._problems.lines()

    def blocks(self, block_frames: int = DEFAULT_BLOCK_FRAMES) -> Iterator[Samples]:
        """Yield the audio as 16 kHz mono float32 blocks of `block_frames` samples, the last one shorter.

        The samples do not depend on `block_frames`. What cannot be decoded is skipped and told in `problems`
        and by a warning to the logger `thoth.audio`; where the file's time stamps leave a hole, from that or
        by themselves, silence stands in, so that later times stay right.

        Raises DecodeError when not one sample can be decoded, when the source fails while being read, and for
        floating-point PCM that is not finite or was never scaled. May be called once.
        """
        _check_block_frames(block_frames)
        if not self._closing.alive:
            raise DecodeError(f"{self.name} is closed: open it again")
        if self._started:
            raise DecodeError(f"{self.name} was read already: open it again to read it from the start")
        self._started = True
        return _reblocked(self._resampled(), block_frames)

    def close(self) -> None:
        """Release the decoder and close the file if it was opened here. May be called again."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _resampled(self) -> Iterator[Samples]:
        resampler: Resampler | None = None
        for mono, rate_hz in self._timed():
            if resampler is not None and resampler.in_rate_hz != rate_hz:
                yield resampler.flush()
                resampler = None
            if resampler is None:
                resampler = Resampler(rate_hz, SAMPLE_RATE_HZ)
            yield resampler.process(mono)
        if resampler is None:
            raise self._no_samples()
        yield resampler.flush()

    def _timed(self) -> Iterator[tuple[Samples, int]]:
        """Yield decoded audio and its rate, with silence where the time stamps leave a hole."""
        stamps = Stamps(self._container.start_time, self.duration_s)
        for frame in self._frames():
            mono = self._mono(frame)
            if mono is None:
                continue
            gap_s = stamps.gap_before(frame, self._position_s)
            if gap_s > 0:
                self._problems.add("no audio, silence stands in", self._position_s, self._position_s + gap_s)
                yield from _silence(gap_s, frame.sample_rate)
                self._position_s += gap_s
            yield mono, frame.sample_rate
            self._position_s += len(mono) / frame.sample_rate
        self._check_length()

    def _frames(self) -> Iterator[Any]:
        import av.error

        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.EOFError:
                continue
            except av.error.FFmpegError:
                self._problems.add("a packet cannot be decoded", self._position_s)
                continue
            yield from frames

    def _packets(self) -> Iterator[Any]:
        import av.error

        try:
            for packet in self._container.demux(self._stream):
                yield packet
                if not self._closing.alive:
                    # PyAV would go on with a container that is no more.
                    raise DecodeError(f"{self.name} was closed while it was being read")
        except (av.error.FFmpegError, RefusedError) as error:
            self._raise_read_failure()
            why = getattr(error, "strerror", None) or error
            self._problems.add(f"reading stopped: {why}", self._position_s)
        self._raise_read_failure()

    def _raise_read_failure(self) -> None:
        failure = self._reader.failure
        if failure is None:
            return
        if not isinstance(failure, Exception):
            raise failure
        raise DecodeError(f"{self.name}: reading failed at {self._position_s:.2f} s: {failure}") from failure

    def _mono(self, frame: Any) -> Samples | None:
        """Return the frame's samples, mixed down; None if it holds nothing that can be used."""
        if frame.samples == 0:
            return None
        if not MIN_RATE_HZ <= frame.sample_rate <= MAX_RATE_HZ:
            raise DecodeError(f"{self.name}: a sample rate of {frame.sample_rate} Hz cannot be resampled")
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told just below
            mono = mean_of_channels(to_float32(_frame_array(frame, self.name)))
        peak = max(float(mono.max()), -float(mono.min()))
        if math.isfinite(peak) and (peak <= MAX_PEAK or not self._is_float_pcm()):
            return mono
        if self._is_float_pcm():
            raise DecodeError(f"{self.name}: {_float_fault(mono, peak, frame.sample_rate, self._position_s)}")
        self._problems.add("a packet decodes to values that are not finite", self._position_s)
        return None

    def _is_float_pcm(self) -> bool:
        return bool(self._stream.codec_context.name.startswith("pcm_f"))

    def _check_length(self) -> None:
        expected_s = self.duration_s
        if expected_s is None or not states_length(self._container, self._stream):
            return
        if 0 < self._position_s < expected_s - TRUNCATION_S:
            self._problems.add(f"the audio ends here, {expected_s:.2f} s were expected", self._position_s)

    def _no_samples(self) -> DecodeError:
        found = "; ".join(self.problems)
        why = f" ({found})" if found else ""
        return DecodeError(f"{self.name}: not one sample could be decoded{why}{pipe_hint(self._reader)}")


def decode_blocks(
    source: AudioSource, *, name: str | None = None, block_frames: int = DEFAULT_BLOCK_FRAMES
) -> Iterator[Samples]:
    """Yield a recording as 16 kHz mono float32 blocks; see `AudioFile` and its `blocks()`.

    The source is opened at once, so that what cannot be read raises here and not at the first block. The file
    is closed when the iterator is used up, closed or dropped.
    """
    audio = AudioFile(source, name=name)
    try:
        return _closing(audio, audio.blocks(block_frames))
    except BaseException:
        audio.close()
        raise


def decode(source: AudioSource, *, name: str | None = None) -> Samples:
    """Return a whole recording as 16 kHz mono float32; see `AudioFile`.

    An hour takes 230 MB, and twice that while it is put together.
    """
    with AudioFile(source, name=name) as audio:
        return np.concatenate(list(audio.blocks()))


def _check_block_frames(block_frames: object) -> None:
    if isinstance(block_frames, bool) or not isinstance(block_frames, int) or block_frames < 1:
        raise InvalidOption(f"block_frames takes a whole number from 1, not {block_frames!r}")


def _closing(audio: AudioFile, blocks: Iterator[Samples]) -> Iterator[Samples]:
    with audio:
        yield from blocks


def _frame_array(frame: Any, name: str) -> npt.NDArray[Any]:
    """View a decoded frame as `(frames, channels)` of its own dtype."""
    channels = frame.layout.nb_channels
    if channels > MAX_CHANNELS:
        raise DecodeError(f"{name}: {channels} channels, at most {MAX_CHANNELS} are taken")
    if frame.format.is_planar and channels > _MAX_PLANES:
        import av

        (frame,) = av.AudioResampler(format=frame.format.packed.name).resample(frame)
    dtype = np.dtype(_DTYPES[frame.format.name.removesuffix("p")])
    if frame.format.is_planar:
        planes = frame.planes[:channels]
        return np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in planes]).T
    return np.frombuffer(frame.planes[0], dtype, frame.samples * channels).reshape(-1, channels)


def _float_fault(mono: Samples, peak: float, rate_hz: int, position_s: float) -> str:
    if math.isfinite(peak):
        return f"floats with a peak of {peak:g} at {position_s:.2f} s were never scaled (full scale is 1)"
    index = int(np.argmin(np.isfinite(mono)))
    return f"the sample at {position_s + index / rate_hz:.4f} s is {float(mono[index])}: the file is damaged"


def _silence(length_s: float, rate_hz: int) -> Iterator[tuple[Samples, int]]:
    left = round(length_s * rate_hz)
    while left > 0:
        piece = min(left, _SILENCE_PIECE_S * rate_hz)
        yield np.zeros(piece, np.float32), rate_hz
        left -= piece


def _reblocked(pieces: Iterator[Samples], block_frames: int) -> Iterator[Samples]:
    """Cut `pieces` into blocks; what was decoded before an error is given before it is raised."""
    block, filled = np.empty(block_frames, np.float32), 0
    try:
        for piece in pieces:
            start = 0
            while start < len(piece):
                taken = min(block_frames - filled, len(piece) - start)
                block[filled : filled + taken] = piece[start : start + taken]
                start, filled = start + taken, filled + taken
                if filled == block_frames:
                    yield block
                    block, filled = np.empty(block_frames, np.float32), 0
    except DecodeError:
        if filled > 0:
            yield block[:filled]
        raise
    if filled > 0:
        yield block[:filled]
