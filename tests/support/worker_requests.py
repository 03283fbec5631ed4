"""What the tests of workers share: requests, and what the model itself makes of them."""

from __future__ import annotations

from typing import Any

from encoded_audio import Floats, recording

import thoth
from thoth.live.protocol import Transcribe, Transcription
from thoth.live.worker import TranscriptionWorker

DIGITS, DIGITS_TEXT = recording("digits_07_4"), "three two seven four"
LONG = recording("long_1_28s")


def ask(worker: TranscriptionWorker, samples: Floats, **request: Any) -> Transcription:
    """Have a worker transcribe, and wait for it."""
    request.setdefault("chunk_id", 1)
    return worker.submit(Transcribe(samples, **request)).result()


def in_process(model: thoth.WhisperModel, samples: Floats, **options: Any) -> thoth.Transcript:
    """What a worker does, without one."""
    return model.transcribe_samples(samples, vad_filter=False, word_timestamps=True, **options)
