"""A live input without a sound card: a test feeds the native callback, and thereby decides what a device would do.

Samples that carry their own number show in any stream where they came from, and what is missing.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from encoded_audio import open_files

from thoth._native import CallbackFeeder, Capture, Pump
from thoth.audio.live_input import PREROLL_S, LiveInput
from thoth.errors import AudioError, DeviceError

Floats = npt.NDArray[np.float32]

INPUT_OVERFLOW = 2
"""PortAudio's paInputOverflow."""

_NUMBERS = 1 << 23


def numbered(count: int, first: int = 0) -> Floats:
    """Samples that are never 0 and hold their own number, exactly, up to 8 million; below full scale."""
    return ((np.arange(first, first + count) % _NUMBERS + 1) / (2 * _NUMBERS)).astype(np.float32)


def numbers(samples: Floats) -> npt.NDArray[np.int64]:
    """The numbers that samples hold; -1 where there is silence."""
    return np.rint(samples.astype(np.float64) * 2 * _NUMBERS).astype(np.int64) - 1


def call_back(capture: Capture, block: Floats | None, frames: int | None = None, flags: int = 0) -> None:
    """Call a capture's PaStreamCallback once, as PortAudio may: also without samples, or with its flag for a loss."""
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_ulong,
        ctypes.c_void_p,
        ctypes.c_ulong,
        ctypes.c_void_p,
    )
    data = None if block is None else np.ascontiguousarray(block, np.float32)
    length = (0 if data is None else len(data)) if frames is None else frames
    address = None if data is None else data.ctypes.data
    outcome = prototype(Capture.callback_address)(address, None, length, None, flags, capture.userdata_address)
    assert outcome == 0  # paContinue


class FedInput(LiveInput):
    """A live stream of what `push` is given.

    speed: times real time; 0 for as fast as the callback takes it, waiting for room unless `waits` is False.
    """

    def __init__(
        self,
        *,
        rate_hz: float = 16_000,
        channels: int = 1,
        block_frames: int = 160,
        speed: float = 0.0,
        waits: bool = True,
        buffer_s: float = 10.0,
        stall_s: float = 0.0,
        reconnects: bool = False,
        preroll_s: float = PREROLL_S,
        lossless: bool = False,
    ) -> None:
        super().__init__(preroll_s=preroll_s, lossless=lossless)
        self._format = (rate_hz, channels, buffer_s)
        self._block_frames = block_frames
        self._speed = speed
        self._waits = waits
        self._stall_s = stall_s
        self._reconnects = reconnects

    @property
    def name(self) -> str:
        return "a fed input"

    def push(self, samples: Floats) -> int:
        """Feed samples, `(frames,)` or `(frames, channels)`; return how many frames were, fewer after `stop()`."""
        return self.feeder.push(samples)

    @contextlib.contextmanager
    def pushing(self, samples: Floats) -> Iterator[threading.Thread]:
        """Feed on a thread of its own meanwhile."""
        thread = threading.Thread(target=self.push, args=(samples,))
        thread.start()
        try:
            yield thread
        except BaseException:
            self.feeder.stop()
            raise
        finally:
            thread.join()

    def settle(self) -> None:
        """Return when all that was pushed so far has gone to the readers; without `lossless`."""
        self.pump.set_paused([], paused=True)

    def finish(self, why: str = "") -> None:
        """End the stream by itself, behind what was pushed so far."""
        self.pump.finish(why)

    def reconnect(self) -> None:
        """Let go of the capture, and attach another one, as after an unplugged device is back."""
        self.pump.detach()
        self._open(self.pump)

    def _new_pump(self) -> Pump:
        return Pump(self._preroll_s, self._stall_s, self._lossless, self._reconnects)

    def _open(self, pump: Pump) -> None:
        rate_hz, channels, buffer_s = self._format
        self.capture = capture = Capture(rate_hz, channels, buffer_s)
        addresses = (capture.callback_address, capture.userdata_address)
        self.feeder = CallbackFeeder(*addresses, rate_hz, channels, self._block_frames, self._speed)
        if self._waits:
            self.feeder.wait_for_room_in(capture)
        pump.attach(capture)

    def _close(self) -> None:
        self.feeder.stop()

    def _capture(self) -> Capture:
        return self.capture

    def _error(self, failure: str) -> AudioError:
        return DeviceError(failure)


def read_all(source: Any, block: int = 1600) -> Floats:
    """All that a source, a recorder or a tap still gives, until its end."""
    blocks = []
    while len(samples := source.read(block)) > 0:
        blocks.append(samples)
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def wait_until(holds: Callable[[], bool], limit_s: float = 60.0) -> None:
    """For what tells no event. The limit is for a machine that does nothing else."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.002)


@dataclass(frozen=True)
class Held:
    """What this process holds: threads of Python and of the system, and open files (Linux)."""

    python_threads: int
    threads: int
    files: frozenset[str]

    @classmethod
    def now(cls) -> Held:
        threads = len(list(Path("/proc/self/task").iterdir()))
        return cls(threading.active_count(), threads, frozenset(open_files()))

    def wait_for_no_more(self) -> None:
        """A thread that was joined is not yet gone from the system at once."""
        wait_until(lambda: Held.now() == self)
