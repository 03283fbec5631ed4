"""Dictation without hands: a wake phrase begins it, silence ends it."""

from __future__ import annotations

import logging

from thoth.dictation.pipeline import Dictation
from thoth.errors import AudioError, Cancelled, HistoryError, PipelineBusy
from thoth.wake.detection import Wake
from thoth.wake.listener import WakeListener

_log = logging.getLogger(__name__)


class HandsFree:
    """Begins a dictation whenever `listener` hears its phrase in the dictation's own source.

    The recording begins where the phrase did, so that a command said in the same breath is all in it; the phrase itself
    is taken out of the text. The listener rests while somebody dictates. The dictation needs a `stop_after_silence_s`,
    and a source that keeps some 5 s of the past: `Microphone(preroll_s=5)`.

    dictation, listener: the caller's, who closes them. The results are told by the dictation's events.

    Threads: one calls `run()`, any other `stop()`.
    """

    def __init__(self, dictation: Dictation, listener: WakeListener) -> None:
        self._dictation = dictation
        self._listener = listener

    def run(self) -> None:
        """Listen until the source ends, raising the error that ended it if there was one, or until `stop()`.

        A source that does not run is started, and stopped behind the last who needs it. A wake that comes while
        something else is being dictated is let go; one whose recording cannot be begun is logged.
        """
        use = self._dictation.source_use
        use.acquire()
        try:
            for wake in self._listener.listen(use.source):
                self._dictate(wake)
        finally:
            use.release()

    def _dictate(self, wake: Wake) -> None:
        self._listener.pause()
        try:
            future = self._dictation.start(wake=wake)
        except (PipelineBusy, Cancelled, AudioError, HistoryError) as error:
            _log.warning("%r was heard, and nothing could be dictated: %s", wake.phrase, error)
            self._listener.resume()
        except BaseException:
            self._listener.resume()
            raise
        else:
            future.add_done_callback(lambda _: self._listener.resume())

    def stop(self) -> None:
        """End `run()`; a dictation under way goes on."""
        self._listener.stop()
