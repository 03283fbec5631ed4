"""When somebody begins to speak, pauses and has finished, told from speech probabilities. Pure: no audio, no clock.

The thresholds are those of `thoth.model.speech`, after Silero's reference; what is added is the pause that may turn out
to be the end, upon which the final pass is begun before the end is certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from thoth.model.speech import FRAME_S, VadOptions

PAUSE_S: Final = 0.2
"""Silence after which the final pass of an utterance begins, on the chance that nothing follows. Stops inside of words
(plosives) last up to 0.15 s."""

MarkKind = Literal["speech", "pause", "resumed", "end"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened in the stream of frames.

    kind: "speech" (somebody began to speak), "pause" (silence has begun, and may be the end), "resumed" (it was not),
        "end".
    frame: the frame at which it began: the first of speech, or of silence.
    """

    kind: MarkKind
    frame: int


class Endpointer:
    """Follows one stream, frame by frame. One thread at a time.

    What it promises: marks come as (speech (pause resumed)* pause? end)*; speech lasts `min_speech_duration_ms` before
    it is one; the end comes when there was none for `endpoint_s`.
    """

    def __init__(self, options: VadOptions, endpoint_s: float) -> None:
        self._options = options
        self._min_speech = max(_frames(options.min_speech_duration_ms / 1000), 1)
        self._endpoint = max(_frames(endpoint_s), 1)
        self._pause = min(max(_frames(PAUSE_S), 1), self._endpoint)
        self._now = 0
        self._burst_start: int | None = None  # of what may become speech
        self._silence_start: int | None = None  # within speech
        self._speaking = False
        self._paused = False

    @property
    def speaking(self) -> bool:
        """Whether an utterance is going on, its last pause included."""
        return self._speaking

    @property
    def speech_may_begin(self) -> int | None:
        """The frame at which a burst began that may turn out to be speech; None where there is none."""
        return self._burst_start

    def push(self, probability: float) -> Mark | None:
        """Take the next frame's speech probability; return what it decides."""
        frame, self._now = self._now, self._now + 1
        return self._in_speech(frame, probability) if self._speaking else self._in_silence(frame, probability)

    def finish(self) -> Mark | None:
        """End the utterance here, if one is going on."""
        return self._end() if self._speaking else None

    def _in_silence(self, frame: int, probability: float) -> Mark | None:
        if probability < self._options.threshold:
            self._burst_start = None
            return None
        if self._burst_start is None:
            self._burst_start = frame
        if self._now - self._burst_start < self._min_speech:
            return None
        start, self._burst_start = self._burst_start, None
        self._speaking = True
        return Mark("speech", start)

    def _in_speech(self, frame: int, probability: float) -> Mark | None:
        if probability >= self._options.threshold:
            resumed, self._silence_start, self._paused = self._paused, None, False
            return Mark("resumed", frame) if resumed else None
        if self._silence_start is None:
            if probability >= self._options.end_threshold:
                return None
            self._silence_start = frame
        silence = self._now - self._silence_start
        if silence >= self._endpoint:
            return self._end()
        if silence >= self._pause and not self._paused:
            self._paused = True
            return Mark("pause", self._silence_start)
        return None

    def _end(self) -> Mark:
        start = self._now if self._silence_start is None else self._silence_start
        self._speaking = self._paused = False
        self._silence_start = None
        return Mark("end", start)


def _frames(duration_s: float) -> int:
    return round(duration_s / FRAME_S)
