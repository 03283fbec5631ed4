"""Check the `thoth` that is installed: README's first command, then the tests that need no sound server or display.

Needs pytest, pytest-timeout and hypothesis.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
RECORDING = REPOSITORY / "tests/audio_files/digits_07_4.flac"
WORDS = "three two seven four"
KERNELS = "from thoth import _native; print(_native.__file__, _native.cpu_variant())"
TESTS = [
    "tests/test_exports.py",
    "tests/audio/test_resampler_contract.py",
    "tests/audio/test_ring_buffer.py",
    "tests/live/test_chunker.py",
    "tests/live/test_seam.py",
    "tests/model/test_formats.py",
    "tests/model/test_transcript.py",
    "tests/model/test_whisper.py",
]


def printed(*arguments: str) -> str:
    """Run Python in an empty folder, where nothing but what is installed can be imported, and return what it prints."""
    with tempfile.TemporaryDirectory() as elsewhere:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=elsewhere, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


said = printed("-m", "thoth", "transcribe", str(RECORDING))
print(f"{said} ({printed('-c', KERNELS)})", flush=True)
if said != WORDS:
    sys.exit(f"the recording says: {WORDS}")
sys.exit(subprocess.run([sys.executable, "-m", "pytest", "-q", *TESTS], cwd=REPOSITORY).returncode)
