"""Record to a WAV file at the pace of the audio, as a process of its own that a test can kill.

Writes one line per block to standard output: how many frames have been handed to the writer so far.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from thoth._native import WavWriter

RATE_HZ = 16_000
BLOCK_FRAMES = 320


def ramp(start: int, frames: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Samples that tell their own position: exact in 16 bits, and repeating only after four seconds."""
    positions = np.arange(start, start + frames) % 65_536
    return ((positions - 32_768) / 32_768).astype(np.float32)


def record(path: str) -> None:
    """Record until killed."""
    writer = WavWriter(path, RATE_HZ)
    begin = time.monotonic()
    for start in range(0, sys.maxsize, BLOCK_FRAMES):
        writer.write(ramp(start, BLOCK_FRAMES))
        print(start + BLOCK_FRAMES, flush=True)
        time.sleep(max(0.0, begin + (start + BLOCK_FRAMES) / RATE_HZ - time.monotonic()))


if __name__ == "__main__":
    record(sys.argv[1])
