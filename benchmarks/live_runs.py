"""What the benchmarks of live sessions share: a session that notes when, audio for it, and how figures are put."""

from __future__ import annotations

import contextlib
import io
import json
import random
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from reciting_model import write_reciting_model

import thoth
from thoth.audio.decode import decode
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.live.events import SpeechEnded, SpeechStarted
from thoth.live.session import LiveSession
from thoth.live.update import LiveUpdate

RECORDINGS = Path(__file__).resolve().parent.parent / "tests" / "audio_files"
BLOCK_SAMPLES = 512


@dataclass(frozen=True)
class Recording:
    """Somebody's speech, and what was said."""

    name: str
    said: str
    samples: Samples

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def is_long(self) -> bool:
        return self.name.startswith("long")

    def as_wav(self) -> bytes:
        """The bytes of a file of 16 bits."""
        return wav_of(self.samples)


@dataclass(frozen=True)
class Heard:
    """An update, when it was made, and when whoever iterates had it, on time.monotonic()'s clock."""

    update: LiveUpdate
    made_s: float
    received_s: float


@dataclass
class Run:
    """A recording that was played to a session in real time."""

    recording: Recording
    heard: list[Heard]
    zero_s: float
    """When its first sample came, on time.monotonic()'s clock."""
    starts_s: list[float] = field(default_factory=list)
    """When in the recording speech began, by the session's events; `ends_s` in the same way."""
    ends_s: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(heard.update.committed for heard in self.heard)


class TimedSession(LiveSession):
    """Notes when each update is made: they carry no such stamp."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._made: list[tuple[LiveUpdate, float]] = []

    def _publish(self, update: LiveUpdate) -> None:
        self._made.append((update, time.monotonic()))
        super()._publish(update)

    def made_s(self, update: LiveUpdate) -> float:
        """When it was made; those before it are forgotten."""
        while self._made[0][0] is not update:
            del self._made[0]
        return self._made[0][1]


class TimedSource(thoth.FileSource):
    """Notes when its samples were due."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording.as_wav(), realtime=True, name=recording.name)
        self._read = 0
        self.zero_s = float("inf")

    def read(self, samples: int = BLOCK_SAMPLES, timeout_s: float | None = None) -> Samples:
        block = super().read(samples, timeout_s)
        self._read += len(block)
        # The one that came least late tells when the first sample was due.
        self.zero_s = min(self.zero_s, time.monotonic() - self._read / SAMPLE_RATE_HZ)
        return block


class SizedModel(thoth.WhisperModel):
    """Asks for the audio context that Thoth would take by itself.

    A model that recites tells no times, and would be given each window again at full width.
    """

    def transcribe_samples(self, samples: Any, rate: float | None = None, **options: Any) -> Any:
        options["audio_context"] = "reduced"
        return super().transcribe_samples(samples, rate, **options)


@contextlib.contextmanager
def reciting(size: str = "tiny.en", dtype: str = "q8_0") -> Iterator[SizedModel]:
    """A model of an official size that says ``reciting_model.WORDS`` words in every pass."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{size}-{dtype}.bin"
        write_reciting_model(path, size, dtype)
        with SizedModel(path) as model:
            yield model


def recordings(*, silence_after_s: float = 0.0) -> list[Recording]:
    """The development recordings; short ones with so much digital silence behind, for an utterance to end by itself."""
    found = []
    for line in (RECORDINGS / "manifest.jsonl").read_text().splitlines():
        entry = json.loads(line)
        samples = decode(RECORDINGS / entry["file"])
        if not entry["file"].startswith("long"):
            samples = np.concatenate((samples, np.zeros(round(silence_after_s * SAMPLE_RATE_HZ), np.float32)))
        found.append(Recording(Path(entry["file"]).stem, entry["text"], samples))
    return found


def talk(duration_s: float, seed: int = 0) -> Samples:
    """Recordings in an order drawn by chance, with pauses of 0.3 to 2 s between, as long as asked for."""
    chance = random.Random(seed)
    spoken = [recording.samples for recording in recordings() if recording.said]
    pieces: list[Samples] = []
    missing = round(duration_s * SAMPLE_RATE_HZ)
    while missing > 0:
        for piece in (chance.choice(spoken), np.zeros(round(chance.uniform(0.3, 2.0) * SAMPLE_RATE_HZ), np.float32)):
            pieces.append(piece[:missing])
            missing -= len(pieces[-1])
    return np.concatenate(pieces)


def play(session: TimedSession, recording: Recording) -> Run:
    """Play a recording to a started session in real time, and take what comes."""
    run = Run(recording, [], 0.0)
    source = TimedSource(recording)
    with (
        session.events.subscribe(lambda event: run.starts_s.append(event.at_s), SpeechStarted),
        session.events.subscribe(lambda event: run.ends_s.append(event.at_s), SpeechEnded),
    ):
        for update in session.run(source):
            received_s = time.monotonic()
            run.heard.append(Heard(update, session.made_s(update), received_s))
        time.sleep(0.05)  # the events are on their own way
    run.zero_s = source.zero_s
    if session.metrics.errors:
        raise SystemExit(f"{recording.name}: {session.metrics.errors} passes failed, and the figures mean nothing")
    return run


def feed(session: LiveSession, samples: Samples, speed: float, each: Callable[[float], object] | None = None) -> float:
    """Feed samples in blocks at so many times real time; `each` is called with the seconds of audio done.

    Returns the speed that was reached: the feeding itself may be slower than asked for.
    """
    begin_s = time.monotonic()
    for first in range(0, len(samples), BLOCK_SAMPLES):
        wait_s = begin_s + first / SAMPLE_RATE_HZ / speed - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        session.feed(samples[first : first + BLOCK_SAMPLES])
        if each is not None:
            each(first / SAMPLE_RATE_HZ)
    return len(samples) / SAMPLE_RATE_HZ / (time.monotonic() - begin_s)


def wav_of(samples: Samples) -> bytes:
    """16 kHz mono, 16 bits."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return data.getvalue()


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """In milliseconds; not a number where there are none."""
    return 1000 * float(np.percentile(seconds, percent)) if len(seconds) else float("nan")


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"
