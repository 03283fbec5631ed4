"""The audio of a request in memory that two processes share.

The memory has no name: the other process inherits its descriptor. So it is gone with the last of the two, however they
end, and nothing need be cleaned up behind a crash, which the blocks of `multiprocessing.shared_memory` need: they have
names, that outlive a killed owner.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Final

import numpy as np

from thoth.audio.samples import Samples
from thoth.live.protocol import MOST_AUDIO_SAMPLES

SIZE_BYTES: Final = MOST_AUDIO_SAMPLES * np.dtype(np.float32).itemsize
"""Room for one request: a worker has one in work, and those that wait do so with the owner."""


class SharedAudio:
    """Room for the audio of one request. One writes and then asks the other, which reads until it has answered.

    descriptor: of memory made by another process; None makes some.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _nameless_memory() if descriptor is None else descriptor
        self._memory = mmap.mmap(self.descriptor, SIZE_BYTES)

    def write(self, samples: Samples) -> None:
        """Put float32 `(n,)` in, at most `MOST_AUDIO_SAMPLES`."""
        np.frombuffer(self._memory, np.float32, len(samples))[:] = samples

    def read(self, count: int) -> Samples:
        """Return the first `count` samples as they lie there, read-only; valid until the next `write`."""
        samples = np.frombuffer(self._memory, np.float32, count)
        samples.flags.writeable = False
        return samples

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
        os.close(self.descriptor)


def _nameless_memory() -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("thoth-audio")
    else:
        with tempfile.TemporaryFile() as file:  # deleted as soon as it is made
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, SIZE_BYTES)
    return descriptor
