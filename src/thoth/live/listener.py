"""From samples to chunks of speech: voice activity detection, the ends of utterances, and what silence is left out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from thoth._native import Vad
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.live.arrival import Arrival
from thoth.live.chunker import AdaptiveChunker, Chunk
from thoth.live.endpoint import Endpointer, Mark
from thoth.live.events import SpeechEnded, SpeechStarted
from thoth.model.speech import FRAME_SAMPLES, VadOptions
from thoth.model.whisper import VAD_MODEL

_NEVER: Final = -1
_PIECE_SAMPLES: Final = 32 * FRAME_SAMPLES  # a second: what is held back and forgotten stays as short as that
_NS_PER_SAMPLE: Final = 1_000_000_000 // SAMPLE_RATE_HZ


class Listener:
    """Takes a session's samples and queues chunks of speech; silence goes no further.

    `hear`, `skip` and `finish` are for one thread at a time (a lock sees to it), `arrival` and `note_rtf` for the one
    that takes the chunks; neither waits for the other. The rest may be read from any.

    chunker: cuts the speech; anybody else leaves it alone.
    put: queues a chunk.
    report: called with SpeechStarted and SpeechEnded.
    """

    def __init__(
        self,
        chunker: AdaptiveChunker,
        put: Callable[[Chunk], None],
        options: VadOptions,
        endpoint_s: float,
        report: Callable[[object], None],
    ) -> None:
        self._chunker = chunker
        self._whole_chunk = chunker.target_samples
        self._put_on = put
        self._options = options
        self._endpoint_s = endpoint_s
        self._report = report
        self._vad: Vad | None = Vad(os.fsencode(VAD_MODEL))
        self._lock = threading.Lock()
        # No more than a chunk: at once it would be more than the queue takes.
        self._pad = min(round(options.speech_pad_ms / 1000 * SAMPLE_RATE_HZ), chunker.target_samples)
        self._position = 0  # samples heard or skipped
        self._paused_at = _NEVER
        self._arrivals: dict[int, Arrival] = {}  # by chunk id, of what waits in the queue
        self._begun_ns = 0  # when the first samples came that are in no chunk yet
        self._vad_ns = self._resampling_ns = 0  # spent since
        self._unheard: Samples = np.empty(0, np.float32)  # less than a frame
        self._held = self._unheard  # heard, and not handed over: what may yet turn out to be speech
        self._begin(0)

    @property
    def position(self) -> int:
        """How many samples of the stream have come."""
        return self._position

    @property
    def paused_at(self) -> int:
        """Where speech that may be over has been handed over up to; -1 while somebody speaks or nobody does."""
        return self._paused_at

    @property
    def chunk_share(self) -> float:
        """How long chunks are, of what they are where the machine keeps up: below 1 it does not."""
        return self._chunker.target_samples / self._whole_chunk

    def note_rtf(self, audio_s: float, processing_s: float) -> float:
        """Note how long the model took over a chunk, so that the next ones suit the machine; return what that means."""
        chunk_s = self._chunker.target_samples / SAMPLE_RATE_HZ
        # Of the little before a pause it tells nothing: a pass has its fixed cost.
        rtf = processing_s / max(audio_s, chunk_s)
        self._chunker.note_rtf(rtf)
        return rtf

    def hear(self, samples: Samples, resampling_ns: int = 0) -> None:
        """Take the next samples, 16 kHz mono, which took so long to resample."""
        with self._lock:
            self._resampling_ns += resampling_ns
            self._position += len(samples)
            self._unheard = np.concatenate((self._unheard, samples)) if len(self._unheard) else samples
            whole = len(self._unheard) // FRAME_SAMPLES * FRAME_SAMPLES
            if whole:
                frames, self._unheard = self._unheard[:whole], self._unheard[whole:].copy()
                for start in range(0, whole, _PIECE_SAMPLES):
                    self._listen(frames[start : start + _PIECE_SAMPLES])

    def skip(self, samples: int) -> None:
        """Let so many samples of the stream go by unheard, after a `finish`."""
        with self._lock:
            self._position += samples
            self._begin(self._position)

    def finish(self) -> None:
        """End the utterance, if one is going on, with what has come."""
        with self._lock:
            self._finish()

    def close(self) -> None:
        """Finish, hear no more, and give the detector's megabytes back: the garbage collector may take its time."""
        with self._lock:
            self._finish()
            self._vad = None

    def _finish(self) -> None:
        if self._vad is None:
            return
        if len(self._unheard):
            self._listen(self._unheard)
        mark = self._endpointer.finish()
        if mark is not None:
            self._end(mark)
        self._begin(self._position)

    def arrival(self, chunk: Chunk) -> Arrival:
        """Tell how a chunk came that was taken from the queue; once for each."""
        arrival = self._arrivals.pop(chunk.chunk_id)
        # Those before it were dropped, or told nothing but the end of an utterance.
        for number in list(self._arrivals):
            if number < chunk.chunk_id:
                self._arrivals.pop(number)
        return arrival

    def _begin(self, position: int) -> None:
        """Listen anew from `position`: nothing of what was heard before lasts on."""
        assert self._vad is not None  # nothing is heard after close()
        self._vad.reset()
        self._endpointer = Endpointer(self._options, self._endpoint_s)
        self._first = position  # where frame 0 begins
        self._frames = 0
        self._unheard = self._held = np.empty(0, np.float32)
        self._paused_at = _NEVER

    def _listen(self, samples: Samples) -> None:
        begin_ns = time.perf_counter_ns()
        assert self._vad is not None
        probabilities = self._vad.process(samples)
        self._vad_ns += time.perf_counter_ns() - begin_ns
        for index, probability in enumerate(probabilities.tolist()):
            self._held = np.concatenate((self._held, samples[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES]))
            self._frames += 1
            mark = self._endpointer.push(probability)
            if mark is not None:
                self._on(mark)
            if self._paused_at != _NEVER:
                self._hand_over_silence()
        if self._endpointer.speaking and self._paused_at == _NEVER:
            self._hand_over()
        elif not self._endpointer.speaking:
            self._forget()

    def _on(self, mark: Mark) -> None:
        match mark.kind:
            case "speech":
                self._start(mark)
            case "pause":
                self._hand_over()
                self._paused_at = self._chunker.position  # first, since the chunk may be looked at as soon as it is put
                self._put(self._chunker.flush())
            case "resumed":
                self._paused_at = _NEVER
            case "end":
                self._end(mark)

    def _start(self, mark: Mark) -> None:
        held_from = self._now() - len(self._held)
        start = max(self._sample_of(mark.frame) - self._pad, held_from, self._chunker.position)
        self._held = self._held[start - held_from :]
        self._chunker.jump_to(start)
        self._begun_ns = time.perf_counter_ns() - (self._now() - start) * _NS_PER_SAMPLE
        self._vad_ns = self._resampling_ns = 0
        self._report(SpeechStarted(self._sample_of(mark.frame) / SAMPLE_RATE_HZ))

    def _end(self, mark: Mark) -> None:
        # After a pause everything of the utterance is handed over already: only that it is over is still to be told.
        if self._paused_at == _NEVER:
            self._hand_over()
        self._put(self._chunker.flush(is_final=True))
        self._paused_at = _NEVER
        self._report(SpeechEnded(self._sample_of(mark.frame) / SAMPLE_RATE_HZ))

    def _hand_over(self) -> None:
        for chunk in self._chunker.push(self._held):
            self._put(chunk)
        self._held = np.empty(0, np.float32)

    def _hand_over_silence(self) -> None:
        """Hand over what fills a chunk: all of a long pause at once would be more than the queue takes."""
        target = self._chunker.target_samples
        if len(self._held) >= target:
            silence, self._held = self._held[:target], self._held[target:]
            self._paused_at += target
            for chunk in self._chunker.push(silence):
                self._put(chunk)

    def _put(self, chunk: Chunk | None) -> None:
        if chunk is None:
            return
        now_ns = time.perf_counter_ns()
        self._arrivals[chunk.chunk_id] = Arrival(self._begun_ns, now_ns, self._vad_ns, self._resampling_ns)
        self._begun_ns, self._vad_ns, self._resampling_ns = now_ns, 0, 0
        self._put_on(chunk)

    def _forget(self) -> None:
        """Keep of silence only what belongs to speech that may begin: the padding before it, and its first frames."""
        burst = self._endpointer.speech_may_begin
        needed_from = (self._now() if burst is None else self._sample_of(burst)) - self._pad
        surplus = needed_from - (self._now() - len(self._held))
        if surplus > 0:
            self._held = self._held[surplus:].copy()

    def _now(self) -> int:
        return min(self._sample_of(self._frames), self._position)

    def _sample_of(self, frame: int) -> int:
        return self._first + frame * FRAME_SAMPLES
