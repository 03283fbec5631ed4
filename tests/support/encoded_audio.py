"""Recordings for tests: read without Thoth's own code, and encoded into any container."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

RECORDINGS = Path(__file__).parent.parent / "audio_files"
Floats = npt.NDArray[np.float32]

# One weight per channel, so that the mean differs from each of them; a 5.1 encoder drops most of the LFE
# (fourth).
WEIGHTS: dict[str, tuple[float, ...]] = {
    "mono": (1.0,),
    "stereo": (1.0, 0.5),
    "5.1": (0.9, 0.7, 1.0, 0.0, 0.5, 0.2),
    "7.1": (0.9, 0.7, 1.0, 0.0, 0.5, 0.2, 0.1, 0.3),
    "9.1.6": tuple(1 / channel for channel in range(1, 17)),
}


def recording(name: str) -> Floats:
    """A 16 kHz mono test recording as float32, by libsndfile."""
    samples, rate_hz = soundfile.read(RECORDINGS / f"{name}.flac", dtype="float32")
    assert rate_hz == 16_000
    return np.asarray(samples, dtype=np.float32)


def at_rate(samples: Floats, rate_hz: int) -> Floats:
    """16 kHz samples at another rate, by the soxr package."""
    return samples if rate_hz == 16_000 else soxr.resample(samples, 16_000, rate_hz, quality="VHQ")


def mean_weight(layout: str) -> float:
    return sum(WEIGHTS[layout]) / len(WEIGHTS[layout])


def encode(path: Path, samples: Floats, *, codec: str, rate_hz: int, layout: str = "mono") -> Path:
    """Write 16 kHz mono `samples` as a file of that codec, rate and layout."""
    with av.open(str(path), "w") as container:
        _encode_into(container, samples, codec, rate_hz, layout)
    return path


def encode_video(path: Path, samples: Floats | None, *, audio_start_s: float = 0, length_s: int = 3) -> Path:
    """Write a video of `length_s`, with `samples` as AAC beginning at `audio_start_s`, or without sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        if samples is not None:
            _encode_into(container, samples, "aac", 44_100, "mono", audio_start_s)
        for index in range(10 * length_s):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def _encode_into(container: Any, samples: Floats, codec: str, rate_hz: int, layout: str, start_s: float = 0) -> None:
    stream = container.add_stream(codec, rate=rate_hz, layout=layout)
    context = stream.codec_context
    channels = np.outer(at_rate(samples, rate_hz), np.array(WEIGHTS[layout], np.float32)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(channels.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), round(start_s * rate_hz)
    convert = av.AudioResampler(
        format=context.format, layout=layout, rate=rate_hz, frame_size=context.frame_size or None
    )
    for piece in convert.resample(frame) + convert.resample(None):
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def lag_and_likeness(decoded: Floats, original: Floats) -> tuple[int, float]:
    """By how many samples `decoded` is late, and the correlation (1 = alike) at that lag."""
    frames = min(len(decoded), len(original))
    decoded, original = decoded[:frames], original[:frames]
    spectra = np.fft.rfft(original, 2 * frames).conj() * np.fft.rfft(decoded, 2 * frames)
    correlation = np.fft.irfft(spectra)
    lag = int(np.argmax(correlation))
    norm = float(np.linalg.norm(original) * np.linalg.norm(decoded))
    return lag - 2 * frames if lag > frames else lag, float(correlation[lag]) / norm


def open_files() -> set[str]:
    """What this process's file descriptors point at (Linux)."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own is gone by now
            found.add(f"{descriptor.name} {descriptor.readlink()}")
    return found
