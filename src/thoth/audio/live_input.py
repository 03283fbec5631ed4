"""A stream of samples that is being made now: what microphones and the sources that stand in for one have in common."""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Final, Self

from thoth._native import Capture, Pump, Tap
from thoth.audio.checks import checked_count, checked_seconds
from thoth.audio.live_stats import InputStats, losses_of, reader_losses_of
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import AudioError

BLOCK_SAMPLES: Final = 1600
"""A tenth of a second: what iteration gives at a time."""

PREROLL_S: Final = 1.0
"""Kept of the past for readers to come: people begin to speak up to a second before a key is down."""

BACKLOG_S: Final = 30.0
"""How far a reader may fall behind before it loses samples; 2 MB."""

MOST_PREROLL_S: Final = 600.0
MOST_SAMPLES: Final = 1 << 32
MOST_LOSSES: Final = 1000

_ASYNC_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 0.5


class LiveInput(ABC):
    """A live stream of 16 kHz mono float32 samples, full scale at ±1.

    Use it in a `with` statement, or call `start()` and `stop()`. Several may read the same stream, each getting all
    of it: `read()` and iteration are one reader, every `Recorder` is another. A reader that is more than 30 s behind
    finds silence where it lost samples, and `Loss` entries of cause "reader".

    Any thread may call anything, but one at a time reads: a second one gets AudioError.
    """

    def __init__(self, *, preroll_s: float = PREROLL_S, lossless: bool = False) -> None:
        self._preroll_s = checked_seconds("preroll_s", preroll_s, most=MOST_PREROLL_S)
        self._lossless = lossless
        self._lifecycle = threading.RLock()
        self._given_up = False
        self._readers = threading.Lock()
        self._pump: Pump | None = None
        self._reader: Tap | None = None

    def start(self) -> Self:
        """Open the source and let it run. Does nothing when it runs already.

        The first `read()`, and each Recorder, begins with what was heard in the `preroll_s` seconds before it.
        After a `stop()` it begins a new stream. Raises AudioError or one of its kinds.
        """
        self._given_up = False
        with self._lifecycle:
            if self.running:
                return self
            self.stop()  # of a stream that ended by itself, the device is still open
            self._begin()
        if self._given_up:
            self.stop()
            raise AudioError(f"{self.name} was stopped while it was being opened")
        return self

    def stop(self) -> None:
        """End the stream and free the device, within 2 s. What readers were given can still be read.

        A `start()` that another thread is waiting for, since the sound system does not answer, ends with AudioError
        when it can.
        """
        if not self._lifecycle.acquire(timeout=_LONGEST_WAIT_S):
            self._given_up = True
            return
        try:
            if self._pump is not None:
                self._end(self._pump)
        finally:
            self._lifecycle.release()

    def _begin(self) -> None:
        pump = self._new_pump()
        try:
            self._open(pump)
        except BaseException:
            self._end(pump)
            raise
        with self._readers:
            self._pump, self._reader = pump, None
        _stop_at_exit(self)

    def _end(self, pump: Pump) -> None:
        pump.expect_end()
        try:
            self._close()
        finally:
            pump.stop()

    @property
    def running(self) -> bool:
        """Whether the stream has begun and not ended, by itself or otherwise."""
        return self._pump is not None and self._pump.state != "ended"

    @property
    def error(self) -> AudioError | None:
        """Why the stream ended before its time: by itself, or stopped while its device was gone. Else None."""
        return None if self._pump is None or self.running else self.error_of(self._pump)

    def error_of(self, pump: Pump) -> AudioError | None:
        """Return the error of one stream of this source: what ended it, or interrupts it now; for use within Thoth."""
        return self._error(pump.failure) if pump.failure else None

    @property
    def interrupted(self) -> bool:
        """Whether the device is gone and its return is awaited."""
        return self.running and self.pump.failure != ""

    def read(self, samples: int = BLOCK_SAMPLES, timeout_s: float | None = None) -> Samples:
        """Return the next samples as float32 `(n,)`; waits for them.

        n is `samples`, or fewer at the end of the stream and when `timeout_s` seconds have passed: `ended` tells
        which. The first call begins with the pre-roll: what was heard before it, up to `preroll_s` seconds. Releases
        the GIL.

        Raises AudioError before `start()`, and, once all that came was read, the `error` that ended the stream
        (DeviceError for a device that is gone).
        """
        tap = self._own_tap()
        block = tap.read(checked_count("samples", samples, most=MOST_SAMPLES), timeout_s)
        if len(block) == 0:
            self._raise_at_end(tap)
        return block

    @property
    def ended(self) -> bool:
        """Whether `read()` has given all that there is and will be."""
        return self._reader is not None and self._reader.ended

    @property
    def first_sample(self) -> int:
        """Which sample of the stream was the first that `read()` gave; 0 before the first call."""
        return 0 if self._reader is None else self._reader.first_sample

    @property
    def unread(self) -> bool:
        """Whether there is or will be more for `read()`, also of a stream that is over; False before the first call."""
        return self._reader is not None and not self._reader.ended

    @property
    def lossless(self) -> bool:
        """Whether it waits for its readers, instead of losing what they are too slow for."""
        return self._lossless

    def blocks(self, samples: int = BLOCK_SAMPLES) -> Iterator[Samples]:
        """Yield the stream in blocks as `read()` gives them, the last one maybe shorter. Raises as `read()` does."""
        while len(block := self.read(samples)) > 0:
            yield block

    async def async_blocks(self, samples: int = BLOCK_SAMPLES) -> AsyncIterator[Samples]:
        """As `blocks()`, without blocking the event loop; cancelling it loses no samples."""
        samples = checked_count("samples", samples, most=MOST_SAMPLES)
        tap = self._own_tap()
        while not (ready := await _wait_async(tap, samples)) or not tap.ended:
            if ready:
                yield tap.read(samples, 0.0)
        self._raise_at_end(tap)

    def __iter__(self) -> Iterator[Samples]:
        return self.blocks()

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self.async_blocks()

    @property
    def level(self) -> float:
        """RMS level of the last 0.1 s in dBFS: 0 for a full-scale square wave, -3 for a sine, -120 for silence."""
        return self.pump.level_db

    @property
    def peak(self) -> float:
        """Peak of the last 0.1 s in dBFS; 0 and above is clipping."""
        return self.pump.peak_db

    @property
    def stats(self) -> InputStats:
        """The account of this stream; also after its end."""
        counts = self.pump.stats()
        capture = self._capture()
        reader = self._reader
        losses = losses_of(counts.losses) + (() if reader is None else reader_losses_of(reader))
        return InputStats(
            device=self.name,
            rate_hz=capture.rate_hz,
            channels=capture.channels,
            duration_s=counts.samples / SAMPLE_RATE_HZ,
            frames_captured=counts.frames_captured,
            frames_lost=counts.frames_lost,
            xruns=counts.xruns,
            losses=tuple(sorted(losses, key=lambda loss: loss.at_s)[-MOST_LOSSES:]),
            loss_count=counts.loss_count + (0 if reader is None else reader.reader_loss_count),
            bad_samples=counts.bad_samples,
            callbacks=capture.callbacks,
            callback_mean_s=capture.callback_mean_s,
            callback_worst_s=capture.callback_worst_s,
            latency_s=self._source_latency_s() + counts.handover_mean_s + counts.held_back_s,
            handover_mean_s=counts.handover_mean_s,
            handover_worst_s=counts.handover_worst_s,
            conversion_s=counts.conversion_s,
        )

    @property
    @abstractmethod
    def name(self) -> str:
        """What it listens to, in words."""

    @abstractmethod
    def _open(self, pump: Pump) -> None:
        """Open the source and attach it to the pump."""

    @abstractmethod
    def _close(self) -> None:
        """Close the source, if it is open."""

    @abstractmethod
    def _capture(self) -> Capture:
        """Return the capture that is, or was, attached."""

    @abstractmethod
    def _error(self, failure: str) -> AudioError:
        """Return the error to raise for what the pump says."""

    def _new_pump(self) -> Pump:
        return Pump(self._preroll_s, lossless=self._lossless, stall_s=0.0)

    def _source_latency_s(self) -> float:
        return 0.0

    @property
    def pump(self) -> Pump:
        """The native side of the running or latest stream, for what reads it from within Thoth. Raises AudioError."""
        if self._pump is None:
            raise AudioError(f"{self.name} is not open: use it in a with statement or call start() first")
        return self._pump

    def _own_tap(self) -> Tap:
        with self._readers:
            pump = self.pump
            pump.require_own_process()  # a reader from before a fork() would wait for ever
            if self._reader is None:
                (self._reader,) = pump.add_taps(1, BACKLOG_S, self._preroll_s)
            return self._reader

    def _raise_at_end(self, tap: Tap) -> None:
        if tap.ended and (error := self.error):
            raise error.with_traceback(None)  # it may be raised again and again

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


_started: weakref.WeakSet[LiveInput] = weakref.WeakSet()


def _stop_at_exit(source: LiveInput) -> None:
    """Let the interpreter find no thread of this source at its end, where a thread that needs it ends the process.

    Handlers run last one first, so that this one has to come again after the one with which sounddevice ends PortAudio.
    """
    _started.add(source)
    atexit.unregister(_stop_all)
    atexit.register(_stop_all)


def _stop_all() -> None:
    for source in list(_started):
        # AudioError: of another process, before a fork(). RuntimeError: Python 3.12 starts no more threads here.
        with contextlib.suppress(AudioError, RuntimeError):
            source.stop()


async def _wait_async(tap: Tap, samples: int) -> bool:
    """Wait in a worker thread until `samples` can be read, for a short time; return whether they can."""
    import asyncio  # 7 MB with all it imports, and there already in a program that gets here

    waiting = asyncio.get_running_loop().run_in_executor(None, tap.wait, samples, _ASYNC_WAIT_S)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        while not waiting.done():  # it is still using the tap, which whoever reads next must find free
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([waiting])
        raise
