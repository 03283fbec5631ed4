"""How much memory does each size and type of model take, from loading to a live session?

    python benchmarks/model_memory.py [--models tiny.en,base.en] [--types q5_1,q8_0,f16]

Peaks of the resident set, MB (millions of bytes), Python and shared libraries included, each in a process of its own
with one thread: loaded; after an utterance of 3 s and after a window of 27.5 s, each decoded once; after a 28 s file
and after a live session of the same, both with their second tries, since what the models say
(``reciting_model.py``) is doubted. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
from reciting_model import write_reciting_model

RECORDING = Path(__file__).resolve().parent.parent / "tests" / "audio_files" / "long_1_28s.flac"
COLUMNS = ("loaded", "3 s", "27.5 s", "file", "live")
UTTERANCES_S = (3.0, 27.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="tiny.en,base.en,small.en", help="English-only sizes")
    parser.add_argument("--types", default="q5_1,q8_0,f16", help="types of the weights")
    parser.add_argument("--measure", nargs=2, metavar=("MODEL", "WHAT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(*arguments.measure)))
        return
    print(f"machine: {machine.describe()}")
    rows = [row("nano.en", "nano.en")]
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.models.split(","):
            for dtype in arguments.types.split(","):
                path = Path(folder) / f"{size}-{dtype}.bin"
                write_reciting_model(path, size, dtype)
                rows.append(row(f"{size} {dtype}", str(path)))
                path.unlink()
    print(machine.table("Peak memory, MB", ["model", *COLUMNS], rows))


def row(name: str, model: str) -> list[str]:
    """One model's figures, from three processes."""
    found: dict[str, int] = {}
    for what in ("utterances", "file", "live"):
        command = [sys.executable, __file__, "--measure", model, what]
        found |= json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return [name, *(str(found[column]) for column in COLUMNS)]


def measured(path: str, what: str) -> dict[str, int]:
    """What this process has taken at most, after each stage."""
    import thoth
    from thoth.audio.decode import decode

    model = thoth.WhisperModel(path, offline=True, threads=1)
    found = {"loaded": peak_mb()}
    if what == "file":
        model.transcribe(RECORDING)
        return {what: peak_mb()}
    if what == "live":
        with thoth.LiveSession(model) as live:
            for _ in live.run(thoth.FileSource(RECORDING)):
                pass
        return {what: peak_mb()}
    samples = decode(RECORDING)
    for length_s in UTTERANCES_S:
        model.transcribe_samples(samples[: int(16_000 * length_s)], temperature=0, audio_context="reduced")
        found[f"{length_s:g} s"] = peak_mb()
    return found


def peak_mb() -> int:
    values = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return round(int(values["VmHWM"].split()[0]) * 1024 / 1e6)


if __name__ == "__main__":
    main()
