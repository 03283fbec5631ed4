"""The process that live_memory.py measures: loads a model, transcribes short windows over and over, tells what it held.

Started by ``live_memory.py``, never by hand. It imports next to nothing of its own, since what it imports is counted
along; for the same reason the stages are in the order in which a program would come by them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

TOKENS = 12
"""Decoded in each pass: about what is said in two to three seconds."""

SAMPLE_RATE_HZ = 16_000
END_OF_TEXT, FIRST_TIMESTAMP, VOCABULARY = 50257, 50364, 51865
"""Ids in the vocabulary of the multilingual models."""


class Holdings:
    """The stages so far, in order, each with the memory that was resident after it and at most up to it, in bytes."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int, int]] = []

    def note(self, stage: str) -> None:
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be counted along
            values = dict(line.split(":", 1) for line in status)
        resident, most = (int(values[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        self.stages.append((stage, resident, most))


def main() -> None:
    held = Holdings()
    held.note("interpreter")
    import numpy as np

    held.note("NumPy")
    from thoth import _native  # noqa: F401

    held.note("native core")
    import thoth

    model_class = thoth.WhisperModel
    held.note("thoth's Python part")
    task = json.loads(sys.argv[1])
    updates: list[int] = []
    model = model_class(task["model"], threads=1, on_load=lambda done, _total: updates.append(done))
    held.note("model loaded")
    # Noise of a simple generator: numpy.random is 3 MB.
    noise = np.arange(30 * SAMPLE_RATE_HZ, dtype=np.uint32) * np.uint32(2_654_435_761) >> np.uint32(8)
    samples = (noise.astype(np.float32) / np.float32(2**23) - 1) * np.float32(0.05)
    passes = Passes(model, samples, task["prompt_tokens"])
    passes.run(task["chunk_s"])
    held.note("first pass")
    timings = [passes.run(task["chunk_s"]) for _ in range(task["passes"])]
    held.note("last pass")
    for window_s in growing(task["chunk_s"], task["windows_to_s"]):
        passes.run(window_s)
        held.note(f"windows up to {window_s:g} s")
    passes.run(task["chunk_s"])
    held.note("short again")
    print(json.dumps({"stages": held.stages, "load_updates": len(updates), "timings": timings}))


def growing(chunk_s: float, longest_s: float) -> Iterator[float]:
    """Chunk by chunk from the second on, as the windows of a live session do."""
    count = 2
    while count * chunk_s <= longest_s:
        yield count * chunk_s
        count += 1


class Passes:
    """Passes of exactly ``TOKENS`` text tokens and one encoder run each, whatever random weights would rather say.

    Without an end, without a timestamp but the first and without loops. The audio context is the one that Thoth takes
    by itself, but asked for, since a text by itself would be judged, found bad and decoded again at full width.
    """

    def __init__(self, model: Any, samples: Any, prompt_tokens: int) -> None:
        self._model = model
        self._samples = samples
        self._options = {
            "language": "en",
            "vad_filter": False,
            "word_timestamps": True,
            "temperature": 0,
            "max_new_tokens": TOKENS,
            "no_repeat_ngram_size": 1,
            "suppress_tokens": [END_OF_TEXT, *range(FIRST_TIMESTAMP + 1, VOCABULARY)],
            "log_prob_threshold": float("-inf"),
            "entropy_threshold": float("-inf"),
            "initial_prompt": list(range(1000, 1000 + prompt_tokens)) or None,
        }

    def run(self, window_s: float) -> tuple[float, float]:
        """Transcribe that much audio; return the wall time and the process's CPU time, seconds."""
        window = self._samples[: round(window_s * SAMPLE_RATE_HZ)]
        begin, begin_cpu = time.perf_counter(), time.process_time()
        segments, info = self._model.transcribe_samples(window, audio_context="reduced", **self._options)
        elapsed_s, cpu_s = time.perf_counter() - begin, time.process_time() - begin_cpu
        _require_same_work(segments, info.audio_context_reruns)
        return elapsed_s, cpu_s


def _require_same_work(segments: Sequence[Any], reruns: int) -> None:
    spoken = sum(token < END_OF_TEXT for segment in segments for token in segment.tokens)
    if spoken != TOKENS or reruns:
        raise SystemExit(f"a pass decoded {spoken} tokens instead of {TOKENS}, with {reruns} reruns")


if __name__ == "__main__":
    main()
