"""A recording played as if it were being spoken now."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import Final

from thoth._native import CallbackFeeder, Capture, Pump
from thoth.audio.decode import AudioFile
from thoth.audio.live_input import PREROLL_S, LiveInput
from thoth.audio.samples import SAMPLE_RATE_HZ
from thoth.audio.source import AudioSource
from thoth.errors import AudioError, DecodeError

_log = logging.getLogger(__name__)

# As sound cards deliver it: the live path is then driven as by a device.
_BLOCK_FRAMES: Final = SAMPLE_RATE_HZ // 100
_BUFFER_S: Final = 10.0
_LONGEST_STOP_S: Final = 1.5


class FileSource(LiveInput):
    """Any file that `WhisperModel.transcribe` takes, as a live stream: for tests, and where there is no sound card.

    source: a path, a binary file object, or the file's bytes; opened by `start()`.
    realtime: at the pace of the recording, like a microphone that no reader can slow down. Else as fast as it is read:
        it begins with the first reader, waits for the slowest one, and loses nothing.
    preroll_s: how much of the past is kept for readers to come, 0 to 600 s.

    `read()` raises DecodeError where the file cannot be decoded any further. Threads: as LiveInput; the file object is
    read on a thread of the source's own.
    """

    def __init__(
        self, source: AudioSource, *, realtime: bool = True, name: str | None = None, preroll_s: float = PREROLL_S
    ) -> None:
        super().__init__(preroll_s=preroll_s, lossless=not realtime)
        self._source = source
        self._speed = 1.0 if realtime else 0.0
        self._file: AudioFile | None = None
        self._given_name = name
        self._capture_now = Capture(SAMPLE_RATE_HZ, 1, _BUFFER_S)
        self._feeder: CallbackFeeder | None = None
        self._thread: threading.Thread | None = None
        self._failures: list[DecodeError] = []

    @property
    def name(self) -> str:
        """The file's path or what stands for it."""
        if self._file is not None:
            return self._file.name
        return self._given_name or "this file"

    def _open(self, pump: Pump) -> None:
        self._file = AudioFile(self._source, name=self._given_name)
        self._failures = []
        self._capture_now = capture = Capture(SAMPLE_RATE_HZ, 1, _BUFFER_S)
        self._feeder = CallbackFeeder(
            capture.callback_address, capture.userdata_address, SAMPLE_RATE_HZ, 1, _BLOCK_FRAMES, self._speed
        )
        self._feeder.wait_for_room_in(capture)
        pump.attach(capture)
        # The thread knows nothing of this object, which may be forgotten: then it ends as well.
        self._forgotten = weakref.finalize(self, self._feeder.stop)
        self._thread = threading.Thread(
            target=_play,
            args=(self._file, self._feeder, pump, self._failures),
            name="thoth-file-source",
            daemon=True,
        )
        self._thread.start()

    def _close(self) -> None:
        if self._feeder is None or self._thread is None:
            return
        self._feeder.stop()
        self._forgotten.detach()  # which would keep the feeder, and all it feeds, for as long as this object is there
        self._thread.join(_LONGEST_STOP_S)
        if self._thread.is_alive():  # in the read() of a pipe, say; it ends with that
            _log.warning("%s is still being read, and is left behind", self.name)
        self._feeder = self._thread = None

    def _capture(self) -> Capture:
        return self._capture_now

    def _error(self, failure: str) -> AudioError:
        return self._failures[0] if self._failures else AudioError(f"{self.name}: {failure}")


def _play(file: AudioFile, feeder: CallbackFeeder, pump: Pump, failures: list[DecodeError]) -> None:
    try:
        with file:
            for block in file.blocks():
                if feeder.push(block) < len(block):
                    return  # stopped
    except Exception as error:
        failures.append(_as_decode_error(error, file.name))
    # What came before a failure is delivered first.
    pump.finish(str(failures[0]) if failures else "")


def _as_decode_error(error: Exception, name: str) -> DecodeError:
    if isinstance(error, DecodeError):
        return error
    wrapped = DecodeError(f"{name}: reading failed: {error}")
    wrapped.__cause__ = error
    return wrapped
