"""One take: what somebody says, on the disk as it comes and turned into text meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thoth._native import CancelToken
from thoth.audio.live_input import LiveInput
from thoth.audio.recorder import Recorder, Recording
from thoth.audio.samples import SAMPLE_RATE_HZ
from thoth.dictation.end_of_speech import EndOfSpeech
from thoth.dictation.model_supply import ModelSupply
from thoth.dictation.silence import SilenceWatch
from thoth.errors import Cancelled, ThothError
from thoth.live.session import LiveSession
from thoth.live.update import LiveUpdate
from thoth.model.options import TranscribeOptions
from thoth.model.transcript import joined

_log = logging.getLogger(__name__)

_BLOCK_SAMPLES: Final = 512
"""A frame of voice activity detection: what waits for more of them only comes later."""
_LOOK_S: Final = 0.1
_CALL_MARGIN_S: Final = 0.3
"""The end of a wake phrase may be told so much too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSettings:
    """How a take is recorded: how much of the past it begins with, where it ends by itself, where a wake phrase ended.

    called_until_s counts on the source's clock.
    """

    preroll_s: float
    longest_s: float
    stop_after_silence_s: float | None
    called_until_s: float | None = None


class Heard:
    """The text of a take as it comes. Not the take itself: the garbage collector may be late with who calls back."""

    def __init__(self, on_update: Callable[[LiveUpdate], object]) -> None:
        self._on_update = on_update
        self._utterances = [""]
        self.is_whole = True

    @property
    def text(self) -> str:
        """What was said up to now."""
        return " ".join(joined(self._utterances).split())

    def note(self, update: LiveUpdate) -> None:
        """Take the next update, and pass it on."""
        self._utterances[-1] += update.committed
        if update.is_final:
            self._utterances.append("")
        if update.gaps:
            self.is_whole = False
        self._on_update(update)


class Take:
    """Records a source into a file, and listens to the same samples meanwhile.

    The file has each sample before or while it is listened to, so that nothing depends on the text. The text depends on
    the model keeping up: `text()` is None where it did not, or failed, and the file is to be transcribed instead.

    on_update: called with each LiveUpdate while somebody speaks, on a thread of its own.
    on_end: called when the recording has ended by itself, or may end since nobody speaks any more. Any thread.

    Threads: `start`, `stop` and `text` are for one thread after the other, `cancel` for any.
    """

    def __init__(
        self,
        path: Path,
        source: LiveInput,
        model: ModelSupply,
        options: TranscribeOptions,
        settings: TakeSettings,
        *,
        on_update: Callable[[LiveUpdate], object],
        on_end: Callable[[], object],
    ) -> None:
        self._recorder = Recorder(
            path, source, preroll_s=settings.preroll_s, max_s=settings.longest_s, overwrite=True, tap=True
        )
        self._model = model
        self._options = options
        self._settings = settings
        self._heard = Heard(on_update)
        self._on_end = on_end
        self._cancel = CancelToken()
        self._session: LiveSession | None = None
        self._end_of_speech: EndOfSpeech | None = None
        self._ear = threading.Thread(target=self._listen, name="thoth-dictation-ear", daemon=True)

    def start(self) -> None:
        """Create the file and record. Raises AudioError."""
        self._recorder.start()
        self._end_of_speech = self._awaited_end()
        self._ear.start()

    def stop(self) -> Recording:
        """Finish the file, with what is still on its way through the sound card. See `Recorder.stop`."""
        if self._end_of_speech is not None:
            self._end_of_speech.stop()
        return self._recorder.stop()

    def cancel(self) -> None:
        """Give the text up; the recording stays."""
        self._cancel.cancel()

    def text(self) -> str | None:
        """Wait, after `stop()`, for the text of the whole recording; None where it is not all there."""
        while self._ear.is_alive():
            self._ear.join(_LOOK_S)
            session = self._session
            if self._cancel.cancelled and session is not None:
                session.close()
        return self._heard.text if self._heard.is_whole else None

    @property
    def duration_s(self) -> float:
        """How much is recorded."""
        return self._recorder.duration_s

    @property
    def begins_s(self) -> float:
        """Where it begins, on the source's clock."""
        return self._recorder.first_sample / SAMPLE_RATE_HZ

    def _listen(self) -> None:
        try:
            self._transcribe()
        except Cancelled:
            self._heard.is_whole = False
        except ThothError as error:
            self._heard.is_whole = False
            _log.info("the text of a dictation will be made from its recording: %s", error)
        except Exception:
            self._heard.is_whole = False
            _log.exception("the text of a dictation will be made from its recording")
        finally:
            self._session = None
            try:
                # A source that waits for its readers would wait for this one.
                for _ in self._recorder.blocks():
                    pass
            finally:
                self._on_end()

    def _transcribe(self) -> None:
        session = LiveSession(self._model.get(self._cancel), on_update=self._heard.note, **self._options)
        with session:
            self._session = session
            self._feed(session)
        self._raise_if_cancelled()
        if self._recorder.read_losses:
            self._heard.is_whole = False

    def _feed(self, session: LiveSession) -> None:
        while len(block := self._recorder.read(_BLOCK_SAMPLES)):
            # Nothing is dropped for lateness: what waits here is in the file, and the reader's buffer holds 30 s.
            while not session.wait_until_taken(_LOOK_S):
                self._raise_if_cancelled()
            self._raise_if_cancelled()
            session.feed(block)

    def _awaited_end(self) -> EndOfSpeech | None:
        settings = self._settings
        if settings.stop_after_silence_s is None:
            return None
        called_until_s = 0.0
        if settings.called_until_s is not None:
            called_until_s = settings.called_until_s - self.begins_s + _CALL_MARGIN_S
        watch = SilenceWatch(settings.stop_after_silence_s, called_until_s)
        source = self._recorder.source
        return EndOfSpeech(source, watch, self._on_end, preroll_s=settings.preroll_s, begins_s=self.begins_s)

    def _raise_if_cancelled(self) -> None:
        if self._cancel.cancelled:
            raise Cancelled("the dictation was cancelled")
