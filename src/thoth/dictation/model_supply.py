"""The model of a dictation: there already, or loaded in the background while somebody speaks."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from concurrent.futures import Future, wait
from typing import Final

from thoth._native import CancelToken
from thoth.errors import Cancelled, ModelError, ThothError
from thoth.model.whisper import WhisperModel

_LOOK_S: Final = 0.05
_CLOSE_S: Final = 5.0
"""A load that is called off ends with the piece of the file that it is reading."""


class ModelSupply:
    """Gives out one model, loading it when it is first wanted. Any thread.

    A load that failed is tried again by the next `prepare()`: the file may have been mended, or the network be back.
    A model that was given is the caller's, and is left open by `close()`.
    """

    def __init__(self, model: WhisperModel | str | os.PathLike[str] | None) -> None:
        self._wanted = model
        self._lock = threading.Lock()
        self._loading: Future[WhisperModel] | None = None
        self._loader: threading.Thread | None = None
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
                self._loader = threading.Thread(
                    target=self._load, args=(self._wanted, loading), name="thoth-dictation-model", daemon=True
                )
                _close_at_exit(self)
                self._loader.start()
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
        """End a load that is going on, and free a model that was loaded here. May be called again."""
        with self._lock:
            loading, self._loading, self._closed = self._loading, None, True
        if self._loader is not None:
            self._loader.join(_CLOSE_S)
        if loading is not None and not isinstance(self._wanted, WhisperModel):
            loading.add_done_callback(_close_loaded)

    def _load(self, wanted: str | os.PathLike[str] | None, loading: Future[WhisperModel]) -> None:
        try:
            loading.set_result(WhisperModel(wanted, on_load=self._go_on, on_download=self._go_on))
        except BaseException as error:
            loading.set_exception(error)

    def _go_on(self, *_: object) -> None:
        if self._closed:
            raise Cancelled("the dictation was closed while its model was being loaded")


_open: weakref.WeakSet[ModelSupply] = weakref.WeakSet()


def _close_at_exit(supply: ModelSupply) -> None:
    """Let no load be under way when the interpreter ends, which pulls the ground from under it."""
    if not _open:
        atexit.register(_close_all)
    _open.add(supply)


def _close_all() -> None:
    for supply in list(_open):
        supply.close()


def _usable(model: WhisperModel) -> WhisperModel:
    if model.state == "unloaded":
        raise ModelError(f"the model {model.path.name} was closed under the dictation that uses it: load it again")
    return model


def _close_loaded(loading: Future[WhisperModel]) -> None:
    if loading.exception() is None:
        loading.result().close()
