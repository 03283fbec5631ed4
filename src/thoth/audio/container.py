"""Opening a media file for its audio, with FFmpeg shut off from every other file and address."""

from __future__ import annotations

from typing import Any

from thoth.audio.source import SourceReader
from thoth.errors import DecodeError

# The formats whose header mostly states the length. For others FFmpeg takes the last time stamp, which a
# cut file has too, or guesses from the bit rate of the first packets.
_STATES_LENGTH = frozenset(
    ("aiff", "au", "caf", "flac", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mp3", "w64", "wav")
)


class RefusedError(Exception):
    """FFmpeg asked for something other than the source."""


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> Any:
    raise RefusedError(f"it refers to another file or address, {url!r}, which Thoth does not open")


def open_container(reader: SourceReader, name: str) -> Any:
    """Open what `reader` gives as a media file; the caller closes it. Raises DecodeError."""
    import av
    import av.error

    try:
        # FFmpeg gets this one reader. What else a demuxer asks for goes through `_refuse`, and the empty list
        # of protocols stops those that would open a connection by themselves.
        return av.open(
            reader,
            "r",
            container_options={"protocol_whitelist": ""},
            metadata_errors="replace",
            io_open=_refuse,
        )
    except (av.error.FFmpegError, RefusedError) as error:
        raise DecodeError(f"{name}: {_open_fault(reader, error)}") from error


def _open_fault(reader: SourceReader, error: Exception) -> str:
    if reader.failure is not None:
        if not isinstance(reader.failure, Exception):
            raise reader.failure
        return f"reading failed: {reader.failure}"
    if reader.bytes_read == 0:
        return "the file is empty"
    if isinstance(error, RefusedError):
        return f"{error}: give the audio file itself"
    why = getattr(error, "strerror", None) or error
    return f"not an audio file that can be read, or one cut off or damaged ({why}){pipe_hint(reader)}"


def pipe_hint(reader: SourceReader) -> str:
    """Say, where the source cannot seek, that this may be the reason."""
    if reader.seekable():
        return ""
    return "; MP4 and M4A mostly cannot come through a pipe: save such a file first"


def audio_stream(container: Any, name: str) -> Any:
    """Return the audio stream that FFmpeg holds for the main one. Raises DecodeError if there is none."""
    stream = container.streams.best("audio")
    if stream is None and container.streams.audio:
        raise DecodeError(f"{name}: its audio stream is cut off or damaged beyond reading")
    if stream is None:
        held = ", ".join(sorted({other.type for other in container.streams})) or "nothing"
        raise DecodeError(f"{name}: no audio stream in this file (it holds: {held})")
    if stream.codec_context is None:
        raise DecodeError(f"{name}: no decoder for its audio codec: convert the file, for example to FLAC")
    return stream


def duration_s(container: Any, stream: Any) -> float | None:
    """Return when the audio ends, in seconds from the file's start, as far as is known before decoding."""
    if stream.duration is not None and stream.duration > 0:
        return float(stream.duration * stream.time_base) + _start_s(container, stream)
    if container.duration is not None and container.duration > 0:
        return float(container.duration / 1e6)
    return None


def states_length(container: Any, stream: Any) -> bool:
    """Whether `duration_s` is what the file's writer meant to write, not what was found or guessed.

    A duration of the whole file says nothing of the audio beside a video.
    """
    of_the_audio = stream.duration is not None or len(container.streams) == 1
    return of_the_audio and container.format.name in _STATES_LENGTH


def _start_s(container: Any, stream: Any) -> float:
    if stream.start_time is None or container.start_time is None:
        return 0.0
    return max(0.0, float(stream.start_time * stream.time_base) - float(container.start_time) / 1e6)
