"""What stands in a recording that Thoth wrote, by two readers that are not Thoth's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soundfile

Floats = npt.NDArray[np.float32]


def recorded(path: Path) -> Floats:
    """The samples of a finished 16 kHz mono file; both readers must find the same."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    with av.open(os.fspath(path)) as container:
        blocks = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    found: npt.NDArray[Any] = np.concatenate([np.zeros(0, np.float32), *blocks])
    if soundfile.info(path).subtype == "PCM_16":
        found = found.astype(np.float32) / 32_768
    assert rate_hz == 16_000
    np.testing.assert_array_equal(found, samples)
    return np.asarray(samples, np.float32)
