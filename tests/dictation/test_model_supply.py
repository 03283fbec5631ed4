"""The model of a dictation: loaded in the background, waited for, tried again."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import thoth
from thoth.dictation import model_supply
from thoth.dictation.history.store import History
from thoth.dictation.model_supply import ModelSupply
from thoth.dictation.pipeline import Dictation

LIMIT_S = 60.0


def test_one_that_was_given_is_given_out_and_left_open(model: thoth.WhisperModel) -> None:
    supply = ModelSupply(model)
    assert supply.name == model.path.name
    assert supply.get(thoth.CancelToken()) is model
    supply.close()
    assert model.state != "unloaded"
    with pytest.raises(thoth.ModelError, match="was closed"):
        supply.get(thoth.CancelToken())


def test_one_that_is_named_is_loaded_once_and_freed(model: thoth.WhisperModel) -> None:
    supply = ModelSupply("nano.en")
    assert supply.name == "nano.en"
    loaded = supply.get(thoth.CancelToken())
    assert supply.get(thoth.CancelToken()) is loaded
    assert supply.name == model.path.name
    supply.close()
    assert loaded.state == "unloaded"


def test_a_load_that_failed_is_tried_again(model: thoth.WhisperModel, tmp_path: Path) -> None:
    supply = ModelSupply(tmp_path / "later.bin")
    with pytest.raises(thoth.ModelNotFound):
        supply.get(thoth.CancelToken())
    shutil.copyfile(model.path, tmp_path / "later.bin")
    assert supply.get(thoth.CancelToken()).path.name == "later.bin"
    supply.close()


def test_a_load_that_ran_into_a_time_limit_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network folder's ETIMEDOUT is a TimeoutError, as is the one of a future that is waited for."""

    def load(_: object) -> None:
        raise TimeoutError("the server does not answer")

    monkeypatch.setattr(model_supply.WhisperModel, "__init__", lambda _self, _name, **_: load(_name))
    outcome: list[BaseException] = []

    def get() -> None:
        try:
            ModelSupply("nano.en").get(thoth.CancelToken())
        except TimeoutError as error:
            outcome.append(error)

    getting = threading.Thread(target=get, daemon=True)
    getting.start()
    getting.join(LIMIT_S)
    assert [str(error) for error in outcome] == ["the server does not answer"]


def test_where_no_thread_can_be_started_the_next_dictation_may_be_luckier(
    model: thoth.WhisperModel, audio: Path, history: History
) -> None:
    """The claim is given back, and the model is not waited for that nobody loads."""
    source = thoth.FileSource(audio / "digits_07_4.flac", realtime=False)
    dictation = Dictation(model.path.parent / "missing.bin", source=source, history=history)
    with dictation:
        failed = dictation.start().result(LIMIT_S)
        assert isinstance(failed.error, thoth.ModelNotFound)
        with no_threads_of("thoth-dictation-model"), pytest.raises(RuntimeError, match="no more threads"):
            dictation.start()
        assert dictation.state == "idle"
        assert isinstance(dictation.start().result(LIMIT_S).error, thoth.ModelNotFound)


@contextmanager
def no_threads_of(name: str) -> Iterator[None]:
    start: Callable[[threading.Thread], None] = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("no more threads")
        start(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield
