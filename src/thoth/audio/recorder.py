"""Recording a live stream into a WAV file that is safe at every moment."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from thoth._native import FileRecorder, Tap
from thoth.audio.checks import checked_count, checked_seconds
from thoth.audio.live_input import BACKLOG_S, BLOCK_SAMPLES, MOST_PREROLL_S, MOST_SAMPLES, PREROLL_S, LiveInput
from thoth.audio.live_stats import Loss, losses_of, reader_losses_of
from thoth.audio.microphone import Microphone
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.errors import AudioError, InvalidOption

RecorderState = Literal["idle", "recording", "paused", "stopped"]

# With the second that closing a device may take, a stop stays within 2 s.
_LONGEST_WRITE_S: Final = 0.6
_LONGEST_LATENCY_S: Final = 0.3
_LONGEST_RECORDING_S: Final = 1e9


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished recording.

    path: the file, 16 kHz mono WAV; playable whatever happened.
    duration_s: how much is in it, silence in place of losses included.
    losses: the latest 1000, in the order of `at_s`, which counts from the beginning of the file.
    loss_count: how many there were.
    error: why it ended before `stop()` (device gone, disk full, …), else None. What came before is in the file.
    """

    path: Path
    duration_s: float
    losses: tuple[Loss, ...]
    loss_count: int
    error: AudioError | None


class Recorder:
    """Records a live stream into a WAV file: 16 kHz, mono.

    path: the file to create; its folder must be there.
    source: a running Microphone, FileSource or other LiveInput, which goes on when the recording ends. None opens a
        microphone for this recording alone.
    device: that microphone's, as for Microphone.
    preroll_s: how much of what the source heard before `start()` goes to the front of the file; no more than the source
        keeps. A microphone of its own has heard nothing before.
    encoding: "pcm16" or "float32".
    overwrite: replace a file that is there.
    max_s: end the file by itself when it is so many seconds long, to the sample. `wait()` tells.
    tap: let `read()` and iteration give the same samples that go into the file.

    From `start()` on the file is valid at every moment; a process that is killed leaves one that lacks less than the
    last second, and after a power cut less than the last two (samples are synced to the disk twice a second, before
    the header that claims them). Past 4 GiB it becomes RF64. A disk that stalls holds up nothing, for up to 30 s.

    Use it in a `with` statement, which raises `error` at the end if there is one, or call `start()` and `stop()`. Any
    thread may call anything, but one at a time reads.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        source: LiveInput | None = None,
        *,
        device: int | str | None = None,
        preroll_s: float = PREROLL_S,
        encoding: Literal["pcm16", "float32"] = "pcm16",
        overwrite: bool = False,
        max_s: float | None = None,
        tap: bool = False,
    ) -> None:
        if source is not None and device is not None:
            raise InvalidOption("device is for a recorder without a source: this one records the source given")
        if max_s is not None:
            max_s = checked_seconds("max_s", max_s, most=_LONGEST_RECORDING_S, above_zero=True)
        self.path = Path(path)
        self.source = Microphone(device) if source is None else source
        self._owns_source = source is None
        self._preroll_s = checked_seconds("preroll_s", preroll_s, most=MOST_PREROLL_S)
        self._encoding = encoding
        self._overwrite = overwrite
        self._most_frames = None if max_s is None else round(max_s * SAMPLE_RATE_HZ)
        self._with_tap = tap
        self._lock = threading.RLock()
        self._state: RecorderState = "idle"
        self._taps: list[Tap] = []
        self._file: FileRecorder | None = None
        self._recording: Recording | None = None

    def start(self) -> Self:
        """Create the file and record. Raises AudioError, and DeviceError for a microphone that cannot be opened.

        A recorder records once: make another one for another file.
        """
        with self._lock:
            if self._state != "idle":
                raise AudioError(f"{self.path}: this recorder was started before: make a new one")
            if self._owns_source:
                self.source.start()
            try:
                self._begin()
            except BaseException:
                self._free_source()
                raise
            self._state = "recording"
        return self

    def pause(self) -> None:
        """Leave out what comes from now on. Does nothing unless it is recording."""
        self._switch("recording", "paused")

    def resume(self) -> None:
        """Go on after `pause()`, without a gap in the file. Does nothing unless it is paused."""
        self._switch("paused", "recording")

    def stop(self) -> Recording:
        """Finish the file and return what was recorded, within 2 s. Called again, it returns the same.

        What was said up to this moment is still on its way through the sound card: so much longer it records, by the
        source's latency, mostly a tenth of a second.
        """
        with self._lock:
            if self._recording is not None:
                return self._recording
            if self._file is None:
                raise AudioError(f"{self.path}: nothing was recorded, start() was not called")
            if self._state == "recording" and self._pump.state == "running":
                self._file.wait(min(self.source.stats.latency_s, _LONGEST_LATENCY_S))
            failure = self.source.error_of(self._pump)  # before it is stopped, which is none
            self._pump.remove_taps(self._taps)
            written = self._file.wait(_LONGEST_WRITE_S)
            self._free_source()
            self._state = "stopped"
            self._recording = self._finished(self._file, written, failure)
            return self._recording

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the file is finished: by `stop()`, `max_s`, the source's end or an error. False at the time limit.

        Raises AudioError before `start()`.
        """
        if self._file is None:
            raise AudioError(f"{self.path}: nothing is being recorded, call start() first")
        return self._file.wait(timeout_s)

    @property
    def state(self) -> RecorderState:
        """What it does: "idle", "recording", "paused" or, for whatever reason, "stopped"."""
        finished = self._file is not None and self._file.finished
        return "stopped" if finished else self._state

    @property
    def error(self) -> AudioError | None:
        """Why the recording ended before its time, else None."""
        if self._recording is not None:
            return self._recording.error
        if self._file is None:
            return None
        return self._error_of(self._file, self.source.error_of(self._pump) if self._pump.state == "ended" else None)

    @property
    def duration_s(self) -> float:
        """How much is recorded up to now, in seconds."""
        return 0.0 if self._file is None else self._file.frames / SAMPLE_RATE_HZ

    @property
    def first_sample(self) -> int:
        """Which sample of the source's stream is the first in the file; 0 before `start()`."""
        return self._taps[0].first_sample if self._taps else 0

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What is missing up to now, the latest 1000; silence stands in the file instead."""
        return losses_of(self._taps[0].losses) if self._taps else ()

    @property
    def read_losses(self) -> tuple[Loss, ...]:
        """What `read()` did not keep up with, and found silence for; the file has it."""
        return reader_losses_of(self._tap())

    def read(self, samples: int = BLOCK_SAMPLES, timeout_s: float | None = None) -> Samples:
        """Return the next samples that go into the file, as `LiveInput.read` does; empty at the end.

        Raises AudioError unless the recorder was made with `tap=True` and started.
        """
        return self._tap().read(checked_count("samples", samples, most=MOST_SAMPLES), timeout_s)

    def blocks(self, samples: int = BLOCK_SAMPLES) -> Iterator[Samples]:
        """Yield what goes into the file in blocks, until the recording ends."""
        while len(block := self.read(samples)) > 0:
            yield block

    def __iter__(self) -> Iterator[Samples]:
        return self.blocks()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recording = self.stop()
        if error is None and recording.error is not None:
            raise recording.error

    def _begin(self) -> None:
        if not self.source.running:
            raise self.source.error or AudioError(f"{self.source.name} is not running: start it first")
        self._pump = pump = self.source.pump
        # Taps first: while the file is being created, on a slow disk, nothing that is said is missed.
        self._taps = pump.add_taps(2 if self._with_tap else 1, BACKLOG_S, self._preroll_s, self._most_frames)
        try:
            self._file = FileRecorder(self._taps[0], self.path, self._encoding, self._overwrite)
        except BaseException:
            pump.remove_taps(self._taps)
            raise

    def _switch(self, before: RecorderState, after: RecorderState) -> None:
        with self._lock:
            if self._state == before:
                self._pump.set_paused(self._taps, after == "paused")
                self._state = after

    def _error_of(self, file: FileRecorder, of_source: AudioError | None) -> AudioError | None:
        if file.failure:
            return AudioError(file.failure)
        is_complete = file.frames == self._most_frames
        return None if is_complete else of_source

    def _finished(self, file: FileRecorder, written: bool, of_source: AudioError | None) -> Recording:
        error = self._error_of(file, of_source)
        if not written:
            error = AudioError(
                f"{self.path}: the disk does not answer: the file holds {self.duration_s:.1f} s so far and is finished "
                "in the background if it does again"
            )
        tap = self._taps[0]
        return Recording(self.path, file.frames / SAMPLE_RATE_HZ, losses_of(tap.losses), tap.loss_count, error)

    def _free_source(self) -> None:
        if self._owns_source:
            self.source.stop()

    def _tap(self) -> Tap:
        if not self._with_tap:
            raise AudioError("this recorder keeps no samples to read: make it with tap=True")
        if not self._taps:
            raise AudioError(f"{self.path}: nothing is being recorded, call start() first")
        self._pump.require_own_process()
        return self._taps[1]
