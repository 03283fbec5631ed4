"""How long is it from letting go of the key to the text, and what of it is spent where?

    python benchmarks/dictation.py [--utterances N] [--release S]

Recordings of some 3 s are spoken in real time into a dictation, with filters and a sink; the key is let go so many
seconds after the last sample of speech. Beside it, in the same run and on the same recordings, what is mostly done
instead: record first, and transcribe the file when the key is up.

Once with the built-in model, once with weights of tiny.en's size that recite (see ``reciting_model.py``).
The source is a file, so nothing is in here of the tenth of a second that a sound card holds back, and that a recording
of a microphone waits for.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
import numpy as np
import soundfile
from live_runs import reciting

import thoth

RECORDINGS = Path(__file__).resolve().parent.parent / "tests" / "audio_files"
RATE_HZ = 16_000
LEAST_S, MOST_S = 2.5, 4.0
SPEECH = 0.02
"""Of full scale; what is below at the end of a recording is silence."""
STAGES = ("saving", "transcribing", "filtering", "outputting")


@dataclass
class Figures:
    """Seconds from the release of the key, per utterance."""

    total: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    file_pass: list[float] = field(default_factory=list)


def utterances() -> list[np.ndarray]:
    """Recordings of about 3 s, each up to its last sample of speech."""
    found = []
    for path in sorted(RECORDINGS.glob("*.flac")):
        samples, rate_hz = soundfile.read(path, dtype="float32")
        assert rate_hz == RATE_HZ
        loud = np.flatnonzero(np.abs(samples) > SPEECH)
        if len(loud) and LEAST_S <= loud[-1] / RATE_HZ <= MOST_S:
            found.append(samples[: loud[-1]])
    return found


def as_wav(speech: np.ndarray) -> bytes:
    """The speech with silence behind it, for as long as the key may be down."""
    file = io.BytesIO()
    soundfile.write(file, np.concatenate((speech, np.zeros(10 * RATE_HZ, np.float32))), RATE_HZ, format="WAV")
    return file.getvalue()


def dictate(
    dictation: thoth.Dictation, came_s: list[float], speech_s: float, release_s: float
) -> tuple[float, thoth.DictationResult]:
    """One dictation: the key down, the words, the key up. Returns seconds from then to the text, and the result."""
    future = dictation.press()
    while dictation.position_s < speech_s + release_s:
        time.sleep(0.002)
    up_s = time.perf_counter()
    dictation.release()
    result = future.result(60)
    return (came_s[0] if came_s else time.perf_counter()) - up_s, result


def measure(
    model: thoth.WhisperModel, speeches: Sequence[np.ndarray], release_s: float, options: dict[str, Any]
) -> Figures:
    figures = Figures()
    parts: dict[str, Any] = {"filters": thoth.filters_for(), **options}
    with tempfile.TemporaryDirectory() as folder, thoth.History(folder) as history:
        for speech in speeches:
            came_s: list[float] = []
            sink = thoth.CallableSink(lambda _, came_s=came_s: came_s.append(time.perf_counter()), "a stopwatch")
            source = thoth.FileSource(as_wav(speech), name="speech")
            with thoth.Dictation(model, source=source, history=history, sinks=[sink], **parts) as dictation:
                total_s, result = dictate(dictation, came_s, len(speech) / RATE_HZ, release_s)
            figures.total.append(total_s)
            for stage in STAGES:
                figures.stages[stage].append(result.durations.get(stage, 0.0))
            begin_s = time.perf_counter()
            model.transcribe_file(result.audio_path, priority="live", **options)
            figures.file_pass.append(time.perf_counter() - begin_s)
    return figures


def in_ms(seconds: Sequence[float]) -> str:
    """Median and 99th percentile."""
    return f"{1000 * statistics.median(seconds):7.1f} / {1000 * float(np.quantile(seconds, 0.99)):7.1f}"


def table(title: str, figures: Figures) -> str:
    file_total = [
        one + spent - heard
        for one, spent, heard in zip(figures.file_pass, figures.total, figures.stages["transcribing"], strict=True)
    ]
    ratios = [file / ours for file, ours in zip(file_total, figures.total, strict=True)]
    rows = [f"\n{title}: {len(figures.total)} utterances, ms, p50 / p99"]
    rows += [f"  {stage:28}{in_ms(spent)}" for stage, spent in figures.stages.items()]
    rows += [
        f"  {'release to text':28}{in_ms(figures.total)}",
        f"  {'the same, transcribing then':28}{in_ms(file_total)}   {statistics.median(ratios):.1f}x ours (median)",
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=40)
    parser.add_argument("--release", type=float, nargs="+", default=[0.0, 0.3], help="seconds behind the last sound")
    arguments = parser.parse_args()
    found = utterances()
    speeches = [found[turn % len(found)] for turn in range(arguments.utterances)]
    lengths = statistics.median(len(speech) / RATE_HZ for speech in speeches)
    print(f"From the release of the key to the text, utterances of {lengths:.1f} s\nmachine: {machine.describe()}")
    print(f"load before: {machine.load()}", flush=True)
    with thoth.WhisperModel("nano.en") as nano, reciting() as tiny:
        for model, title, options in (
            (nano, "built-in model", {}),
            # What recites tells no times, and would be run again at full width.
            (tiny, "tiny.en's size, q8_0", {"audio_context": "reduced"}),
        ):
            for release_s in arguments.release:
                figures = measure(model, speeches, release_s, options)
                print(table(f"{title}, key up {release_s:g} s behind the last sound", figures), flush=True)
    print(f"load after: {machine.load()}")


if __name__ == "__main__":
    main()
