"""Every contender by name, and the peers that take files: faster-whisper, transcribe-cpp, whisper-cli, openai-whisper.

As in ``contenders.py``: greedy at temperature 0, no second try, no timestamps, no text so far in the prompt, nothing
judged.
"""

from __future__ import annotations

import subprocess
import wave
from typing import Any

import numpy as np
from contenders import Audio, CTranslate2, Outcome, PyWhisperCpp, Samples, Thoth
from machine import version
from token_ids import END_OF_TEXT, VOCABULARY

NEVER = list(range(END_OF_TEXT, VOCABULARY))
"""Tokens that are no text: random weights say those too, and a time stamp would cut the window there."""


class FasterWhisper:
    """faster-whisper through its public door: window after window, or windows found by its VAD in batches."""

    def __init__(
        self, model: str, threads: int, vad_filter: bool = False, batched: bool = False, compute_type: str = "int8"
    ) -> None:
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        self.description = f"{version('faster-whisper')} {compute_type}, {version('ctranslate2')}"
        whisper = WhisperModel(model, device="cpu", compute_type=compute_type, cpu_threads=threads)
        self._model = BatchedInferencePipeline(whisper) if batched else whisper
        self._vad_filter = vad_filter or batched

    def transcribe(self, audio: Audio, limit: int) -> Outcome:
        segments, _ = self._model.transcribe(
            audio,
            language="en",
            beam_size=1,
            best_of=1,
            temperature=0.0,
            compression_ratio_threshold=None,
            log_prob_threshold=None,
            no_speech_threshold=None,
            condition_on_previous_text=False,
            suppress_tokens=NEVER,
            without_timestamps=True,
            # With the prompt of two tokens CTranslate2 generates up to half of that.
            max_new_tokens=2 * limit - 2,
            vad_filter=self._vad_filter,
        )
        found = list(segments)
        return Outcome(sum(len(segment.tokens) for segment in found), 0, len(found))


class TranscribeCpp:
    """transcribe-cpp. It takes no limit for tokens: its model recites so many words (see ``reciting_model.py``)."""

    def __init__(self, model: str, threads: int) -> None:
        import transcribe_cpp

        self.description = version("transcribe-cpp")
        self._options = transcribe_cpp.WhisperRunOptions(
            temperature=0.0, temperature_inc=0.0, condition_on_prev_tokens=False
        )
        self._session = transcribe_cpp.Model(model, backend="cpu").session(n_threads=threads)

    def transcribe(self, audio: Audio, limit: int) -> Outcome:  # noqa: ARG002 - the others' signature
        result = self._session.run(samples_of(audio), language="en", family=self._options)
        return Outcome(len(result.text.split()), 0, len(result.segments))


class WhisperCli:
    """whisper.cpp's own tool, started anew for each file, on a model that recites; it loads that each time."""

    def __init__(self, model: str, threads: int, program: str) -> None:
        self.description = f"{program} (loading the model is in its figures)"
        options = [
            "--no-prints",
            "--no-gpu",
            "--no-fallback",
            "--beam-size",
            "1",
            "--best-of",
            "1",
            "--max-context",
            "0",
        ]
        self._command = [program, "--model", model, "--threads", str(threads), *options, "--file"]

    def transcribe(self, audio: Audio, limit: int) -> Outcome:  # noqa: ARG002 - the others' signature
        """A file: it takes no samples."""
        run = subprocess.run([*self._command, str(audio)], check=True, stdout=subprocess.PIPE, text=True)
        segments = [line.partition("]")[2].split() for line in run.stdout.splitlines() if line.startswith("[")]
        return Outcome(sum(map(len, segments)), 0, len(segments))


class OpenAiWhisper:
    """openai-whisper on PyTorch, float32."""

    def __init__(self, model: str, threads: int) -> None:
        import torch
        import whisper

        torch.set_num_threads(threads)
        self.description = f"{version('openai-whisper')} float32, {version('torch')}"
        self._model = whisper.load_model(model, device="cpu")

    def transcribe(self, audio: Audio, limit: int) -> Outcome:
        result = self._model.transcribe(
            samples_of(audio),
            language="en",
            temperature=0.0,
            compression_ratio_threshold=None,
            logprob_threshold=None,
            no_speech_threshold=None,
            condition_on_previous_text=False,
            suppress_tokens=NEVER,
            without_timestamps=True,
            sample_len=limit,
            fp16=False,
        )
        segments = result["segments"]
        return Outcome(sum(len(segment["tokens"]) for segment in segments), 0, len(segments))


def samples_of(audio: Audio) -> Samples:
    """Samples as they are, or those of a 16-bit mono WAV file, for those who take no file."""
    if not isinstance(audio, str):
        return audio
    with wave.open(audio) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768


KINDS: dict[str, type[Any]] = {
    "thoth": Thoth,
    "pywhispercpp": PyWhisperCpp,
    "ctranslate2": CTranslate2,
    "faster-whisper": FasterWhisper,
    "transcribe-cpp": TranscribeCpp,
    "whisper-cli": WhisperCli,
    "openai-whisper": OpenAiWhisper,
}
