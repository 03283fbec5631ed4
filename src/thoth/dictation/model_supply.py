"""The model of a dictation: there already, or loaded in the background while somebody speaks."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, wait
from typing import Final

from thoth._native import CancelToken
from thoth.errors import Cancelled, ModelError, ThothError
from thoth.model.whisper import WhisperModel

_LOOK_S: Final = 0.05


class ModelSupply:
    """Gives out one model, loading it when it is first wanted. Any thread.

    A load that failed is tried again by the next `prepare()`: the file may have been mended, or the network be back.
    A model that was given is the caller's, and is left open by `close()`.
    """

    def __init__(self, model: WhisperModel | str | os.PathLike[str] | None) -> None:
        self._wanted = model
        self._lock = threading.Lock()
        self._loading: Future[WhisperModel] | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """What it is called: its file, or the name it is asked for by."""
        loading = self._loading
        if isinstance(self._wanted, WhisperModel):
            return self._wanted.path.name
        if loading is not None and loading.done() and loading.exception() is None:
            return loading.result().path.name
        return "the default model" if self._wanted is None else os.fspath(self._wanted)

    def prepare(self) -> None:
        """Begin to load, unless that was done or is being done."""
        with self._lock:
            failed = self._loading is not None and self._loading.done() and self._loading.exception() is not None
            if self._closed or (self._loading is not None and not failed):
                return
            loading: Future[WhisperModel] = Future()
            if isinstance(self._wanted, WhisperModel):
                loading.set_result(self._wanted)
            else:
                threading.Thread(
                    target=_load, args=(self._wanted, loading), name="thoth-dictation-model", daemon=True
                ).start()
            self._loading = loading  # not before there is somebody who loads

    def get(self, cancel: CancelToken) -> WhisperModel:
        """Return the model, waiting for it. Raises what loading it raised, and Cancelled."""
        self.prepare()
        loading = self._loading
        if loading is None:
            raise ModelError("this dictation was closed, and its model with it: make another one")
        while not wait([loading], _LOOK_S).done:
            if cancel.cancelled:
                raise Cancelled("cancelled while the model was being loaded")
        try:
            return _usable(loading.result())
        except ThothError as error:
            raise error.with_traceback(None) from None  # it may be raised again and again

    def close(self) -> None:
        """Free a model that was loaded here, as soon as it is."""
        with self._lock:
            loading, self._loading, self._closed = self._loading, None, True
        if loading is not None and not isinstance(self._wanted, WhisperModel):
            loading.add_done_callback(_close_loaded)


def _load(wanted: str | os.PathLike[str] | None, loading: Future[WhisperModel]) -> None:
    try:
        loading.set_result(WhisperModel(wanted))
    except BaseException as error:
        loading.set_exception(error)


def _usable(model: WhisperModel) -> WhisperModel:
    if model.state == "unloaded":
        raise ModelError(f"the model {model.path.name} was closed under the dictation that uses it: load it again")
    return model


def _close_loaded(loading: Future[WhisperModel]) -> None:
    if loading.exception() is None:
        loading.result().close()
