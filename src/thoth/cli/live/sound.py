"""What `thoth live` listens to, and the file that keeps it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from thoth.audio.file_source import FileSource
from thoth.audio.live_input import LiveInput
from thoth.audio.microphone import Microphone
from thoth.audio.recorder import Recorder
from thoth.cli.terminal.level_line import recording_text
from thoth.cli.terminal.screen import Screen
from thoth.errors import AudioError

_BRAKE_S: Final = 0.1


class LiveSound:
    """A source that nothing is lost of: what comes before the session reads is kept for it, and in the file.

    To be entered when the source was started, by one thread. Leaving it finishes the file, tells of it, and stops the
    source; raises the error with which the recording ended, if there is no other.

    path: the file; None for none. max_s: how long it becomes at most.
    """

    def __init__(
        self,
        source: FileSource | Microphone,
        path: Path | None,
        screen: Screen,
        *,
        overwrite: bool,
        max_s: float | None,
    ) -> None:
        self.source: LiveInput = source
        self.path = path
        self._screen = screen
        self._recorder = None if path is None else Recorder(path, source, overwrite=overwrite, max_s=max_s)

    @property
    def can_wait(self) -> bool:
        """Whether it begins when somebody listens: a recording, not the world."""
        return isinstance(self.source, FileSource)

    @property
    def duration_s(self) -> float:
        """How much has come; 0 while that is up to who reads."""
        return 0.0 if self.source.lossless and not self.source.ended else self.source.stats.duration_s

    @property
    def recording_error(self) -> AudioError | None:
        """Why the file has ended before the source."""
        return self._recorder.error if self._recorder is not None and self.source.running else None

    def stop_recording(self) -> None:
        """Finish the file, if there is one, within 2 s."""
        if self._recorder is not None:
            self._recorder.stop()

    def __enter__(self) -> Self:
        # A source that waits for its readers does so for those that have come: none shall be late.
        brake = self.source.pump.add_taps(1, _BRAKE_S, 0.0) if self.source.lossless else []
        try:
            if self._recorder is not None:
                self._recorder.start()
            self.source.read(1, 0.0)  # from the first read on nothing is lost
        except BaseException:
            self.source.stop()
            raise
        finally:
            self.source.pump.remove_taps(brake)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recording = None if self._recorder is None else self._recorder.stop()
        self.source.stop()
        if recording is not None:
            self._screen.note(recording_text(recording))
            if error is None and recording.error is not None:
                raise recording.error
