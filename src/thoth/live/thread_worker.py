"""A worker on a thread of the owner's process: nothing to start, nothing to copy, and a model that others share."""

from __future__ import annotations

from collections.abc import Callable

from thoth._native import CancelToken
from thoth.errors import WorkerError
from thoth.live.protocol import Answer, Question
from thoth.live.servant import OnLoading, Servant
from thoth.model.whisper import WhisperModel


class ThreadVessel:
    """See `Vessel`: the service's own thread does the work."""

    pid: int | None = None

    def __init__(self, model: WhisperModel | None) -> None:
        self._cancel = CancelToken()
        self._servant = Servant(self._cancel, model)

    def launch(self, _limit_s: float, _on_death: Callable[[], object]) -> None:
        """There is nothing to launch."""

    def ask(self, message: Question, _limit_s: float, on_loading: OnLoading) -> Answer:
        """Do it. The limit cannot be held: nothing ends a thread that hangs."""
        return self._servant.answer(message, on_loading)

    def interrupt(self) -> None:
        """End what is under way within one pass of the model."""
        self._cancel.cancel()

    def end(self) -> None:
        """Free a model of its own."""
        self._servant.close()

    def cause_of_death(self) -> WorkerError:
        """Never asked: a thread that ends has an exception to tell."""
        return WorkerError("the worker's thread ended")
