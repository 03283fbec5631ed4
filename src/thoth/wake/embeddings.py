"""Speech embeddings of a stream, frame by frame: what openWakeWord's models take.

As in https://github.com/dscripka/openWakeWord: a log mel spectrogram of 32 bands every 10 ms, and of each 76 of its
rows, every 80 ms, an embedding of 96 values by Google's speech_embedding model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.wake.tflite import Interpreter

FRAME_SAMPLES: Final = 1280
"""80 ms: one embedding, one score."""

EMBEDDING_SIZE: Final = 96

_CONTEXT_SAMPLES: Final = 480  # before a frame: its mel rows look back, so that rows follow each other without a seam
_BANDS: Final = 32
_FRAME_ROWS: Final = 8
_EMBEDDING_ROWS: Final = 76
_EMBEDDING_FRAMES: Final = 10  # which those rows come from
_FULL_SCALE: Final = 32768.0  # the models were trained on the values of 16-bit samples


class SpeechEmbeddings:
    """The last `count` embeddings of a stream, computed when asked for.

    Where nobody asked for a while, only what `count` embeddings need of the past is made up for: they are the same as
    if each had been asked for. Before the stream's first sample is silence. One thread at a time.

    folder: where melspectrogram.tflite and embedding_model.tflite are. Raises as `Interpreter` does.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._mel = Interpreter(folder / "melspectrogram.tflite", (1, _CONTEXT_SAMPLES + FRAME_SAMPLES))
        self._embedding = Interpreter(folder / "embedding_model.tflite", (1, _EMBEDDING_ROWS, _BANDS, 1))
        self._frames = count + _EMBEDDING_FRAMES - 1
        self._audio = np.empty(_CONTEXT_SAMPLES + self._frames * FRAME_SAMPLES, np.float32)
        self._rows = np.empty((_EMBEDDING_FRAMES * _FRAME_ROWS, _BANDS), np.float32)
        self._last = np.empty((count, EMBEDDING_SIZE), np.float32)
        self._behind = self._frames  # so many of the last frames were not computed yet
        self.reset()

    @property
    def lookback_s(self) -> float:
        """How far before the end of the stream begins what the embeddings tell of."""
        return len(self._audio) / SAMPLE_RATE_HZ

    def push(self, frame: Samples) -> None:
        """Take the next `FRAME_SAMPLES` samples."""
        _shift_in(self._audio, np.clip(frame, -1.0, 1.0) * np.float32(_FULL_SCALE))
        self._behind = min(self._behind + 1, self._frames)

    def last(self) -> Samples:
        """Return the embeddings up to the last frame, `(count, 96)`: an array that changes with the next call."""
        for frames_ago in reversed(range(self._behind)):
            _shift_in(self._rows, self._rows_of(frames_ago))
            if frames_ago < len(self._last):
                values = self._embedding.run(self._rows[-_EMBEDDING_ROWS:])
                _shift_in(self._last, values.reshape(1, EMBEDDING_SIZE))
        self._behind = 0
        return self._last

    def reset(self) -> None:
        """Forget the stream."""
        self._audio.fill(0.0)
        self._behind = self._frames

    def close(self) -> None:
        """Free the models' memory."""
        self._mel.close()
        self._embedding.close()

    def _rows_of(self, frames_ago: int) -> Samples:
        end = len(self._audio) - frames_ago * FRAME_SAMPLES
        rows = self._mel.run(self._audio[end - FRAME_SAMPLES - _CONTEXT_SAMPLES : end])
        # The scale that the embedding model was made for.
        return rows.reshape(_FRAME_ROWS, _BANDS) / np.float32(10) + np.float32(2)


def _shift_in(array: Samples, new: Samples) -> None:
    array[: -len(new)] = array[len(new) :]
    array[-len(new) :] = new
