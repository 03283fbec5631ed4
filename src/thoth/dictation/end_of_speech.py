"""Listening for the end of what somebody dictates."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

import numpy as np

from thoth._native import Tap, Vad
from thoth.audio.live_input import BACKLOG_S, LiveInput
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.dictation.silence import SilenceWatch
from thoth.live.endpoint import Endpointer
from thoth.model.speech import FRAME_S, FRAME_SAMPLES, VadOptions
from thoth.model.whisper import VAD_MODEL

_log = logging.getLogger(__name__)

_WAIT_S: Final = 0.2
_ENDPOINT_S: Final = 0.2
"""Silence that is no pause between two syllables; how much of it ends a recording, the watch knows."""


class EndOfSpeech:
    """Reads a running source on a thread of its own, and calls `on_end` when `watch` says that it is over.

    By voice activity detection alone: a model that lags behind, or is not there, keeps nobody recording.

    preroll_s: how far before now it begins. begins_s: where the recording begins, on the source's clock.
    """

    def __init__(
        self,
        source: LiveInput,
        watch: SilenceWatch,
        on_end: Callable[[], object],
        *,
        preroll_s: float,
        begins_s: float,
    ) -> None:
        self._watch = watch
        self._on_end = on_end
        self._pump = source.pump
        (self._tap,) = self._pump.add_taps(1, BACKLOG_S, preroll_s)
        self._offset_s = self._tap.first_sample / SAMPLE_RATE_HZ - begins_s
        threading.Thread(target=self._run, args=(self._tap,), name="thoth-dictation-silence", daemon=True).start()

    def stop(self) -> None:
        """Listen no more. May be called again."""
        self._pump.remove_taps([self._tap])

    def _run(self, tap: Tap) -> None:
        try:
            self._listen(tap)
        except Exception:
            _log.exception("nobody listens for the end of a dictation any more")

    def _listen(self, tap: Tap) -> None:
        vad = Vad(os.fsencode(VAD_MODEL))
        endpointer = Endpointer(VadOptions(), _ENDPOINT_S)
        frames = 0
        held: Samples = np.empty(0, np.float32)  # less than a frame
        while not tap.ended:
            held = np.concatenate((held, tap.read(FRAME_SAMPLES, _WAIT_S)))
            whole = len(held) // FRAME_SAMPLES * FRAME_SAMPLES
            for probability in vad.process(held[:whole]) if whole else ():
                frames += 1
                self._note(endpointer, float(probability))
            held = held[whole:]
            if self._watch.is_over(self._offset_s + frames * FRAME_S):
                self._on_end()
                return

    def _note(self, endpointer: Endpointer, probability: float) -> None:
        mark = endpointer.push(probability)
        if mark is None:
            return
        if mark.kind == "speech":
            self._watch.started()
        elif mark.kind == "end":
            self._watch.ended(self._offset_s + mark.frame * FRAME_S)
