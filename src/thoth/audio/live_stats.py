"""What a live stream tells of itself: what came, what was lost and where, and how late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from thoth._native import LossRecord, Tap
from thoth.audio.samples import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Loss:
    """Audio that is missing from a stream; silence stands in its place, so that all later times stay right.

    cause: "overrun" (Thoth's own buffer was full, since its thread did not get to run), "device" (the system says that
        it lost input just before this place, not how much), "outage" (the device was gone and is back), or "reader"
        (whoever reads did not keep up, or the disk did not).
    frames: how many were lost, one sample of every channel each. At the device's rate; for "reader" at 16 kHz.
        Exact, but for an outage, which is taken from the clock, and "device", where it is 0 for "not known".
    first_frame: the first of them, counted from the opening of the device; for "reader" in samples, from where `at_s`
        counts.
    at_s, silence_s: where in the stream, in seconds from its beginning, silence stands, and how long. As long as what
        was lost, but for an outage at most 10 s.
    """

    cause: Literal["overrun", "device", "outage", "reader"]
    frames: int
    first_frame: int
    at_s: float
    silence_s: float


@dataclass(frozen=True, slots=True)
class InputStats:
    """The account of a live stream up to now.

    device, rate_hz, channels: what is open.
    duration_s: how much was delivered, silence in place of losses included.
    frames_captured, frames_lost: of the device; together all that it gave, and what it would have given in an outage.
    xruns: how often the system lost input by itself, as PortAudio reports it; how much, it does not say.
    losses, loss_count: the latest 1000 losses, and how many there were; what `read()` lost, when it did not keep up, is
        among them. A Recorder has its own.
    bad_samples: those that were no number (now 0) or beyond ±8 (now ±8).
    conversion_s: processing time spent on mixing channels and resampling, all in all.
    callbacks, callback_mean_s, callback_worst_s: how often the audio callback ran, and how long; since the device was
        opened the last time.
    latency_s: from the air to read(), mostly less: what PortAudio says that the device may buffer, the time in Thoth's
        buffer (handover_mean_s, with handover_worst_s), and what the resampler holds back.
    """

    device: str
    rate_hz: float
    channels: int
    duration_s: float
    frames_captured: int
    frames_lost: int
    xruns: int
    losses: tuple[Loss, ...]
    loss_count: int
    bad_samples: int
    callbacks: int
    callback_mean_s: float
    callback_worst_s: float
    latency_s: float
    handover_mean_s: float
    handover_worst_s: float
    conversion_s: float


def losses_of(records: Iterable[LossRecord]) -> tuple[Loss, ...]:
    """Turn the core's records, whose times are in samples, into losses."""
    return tuple(sorted(map(_loss, records), key=lambda loss: loss.at_s))


def reader_losses_of(tap: Tap) -> tuple[Loss, ...]:
    """Return what a tap's own reader lost, placed on the clock of the stream."""
    return tuple(_loss(record, tap.first_sample) for record in tap.losses if record.cause == "reader")


def _loss(record: LossRecord, first_sample: int = 0) -> Loss:
    return Loss(
        cause=record.cause,
        frames=record.frames,
        first_frame=record.first_frame + first_sample,
        at_s=(record.sample + first_sample) / SAMPLE_RATE_HZ,
        silence_s=record.silence / SAMPLE_RATE_HZ,
    )
