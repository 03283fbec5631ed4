from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from thoth import _native, errors
from thoth.live import protocol
from thoth.live.protocol import (
    Error,
    LoadModel,
    Metrics,
    ModelLoaded,
    ModelLoading,
    OutOfMemory,
    Ready,
    SetOptions,
    Shutdown,
    Transcribe,
    Transcription,
)
from thoth.model.transcript import Word

MESSAGES = [
    LoadModel("/models/a b.bin", 2),
    SetOptions({"language": "en", "temperature": (0.0, 0.5, 1.0)}),
    Shutdown(),
    Ready(),
    ModelLoading(10, 20),
    ModelLoaded(12.5, 80.0, multilingual=False),
    Transcription(3, "one", "two", 0.25, (Word(0.0, 0.5, " two", 0.9),), (7, 8), 0.375, 0.0),
    Error(None, "gone", "crash"),
    Metrics(2, 40.0),
]
REQUEST = Transcribe(np.arange(5, dtype=np.float32), 4, "one", (7, 8), is_final=True)


def error_classes(root: type[errors.ThothError] = errors.ThothError) -> list[type[errors.ThothError]]:
    below = [known for known in root.__subclasses__() if known.__module__ == errors.__name__]
    return [root, *(one for known in below for one in error_classes(known))]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_survive_the_way_to_another_process(message: object) -> None:
    assert pickle.loads(pickle.dumps(message)) == message


def test_a_request_survives_the_way_to_another_process() -> None:
    arrived = pickle.loads(pickle.dumps(REQUEST))
    for field in dataclasses.fields(Transcribe):
        assert np.array_equal(getattr(arrived, field.name), getattr(REQUEST, field.name)), field.name


@pytest.mark.parametrize("message", [*MESSAGES, REQUEST], ids=lambda message: type(message).__name__)
def test_messages_do_not_change(message: object) -> None:
    assert not hasattr(message, "__dict__")
    for field in dataclasses.fields(message):  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(message, field.name, None)


@pytest.mark.parametrize("known", error_classes())
def test_each_of_thoths_errors_arrives_as_what_it_was(known: type[errors.ThothError]) -> None:
    arrived = pickle.loads(pickle.dumps(Error.about(known("what was wrong"), "chunk", 7))).exception()
    assert (type(arrived), str(arrived)) == (known, "what was wrong")


def test_there_is_more_than_one_error() -> None:
    assert {errors.InvalidModel, errors.WorkerError, errors.Cancelled} < set(error_classes())


def test_an_error_of_somebody_elses_arrives_as_the_nearest_of_thoths() -> None:
    class Own(errors.InvalidModel):
        pass

    assert type(Error.about(Own("so"), "load").exception()) is errors.InvalidModel


def test_any_other_exception_arrives_as_a_worker_error_that_names_it() -> None:
    arrived = Error.about(ZeroDivisionError("by nought"), "chunk", 1).exception()
    assert type(arrived) is errors.WorkerError
    assert "ZeroDivisionError: by nought" in str(arrived)


@pytest.mark.parametrize("kind", ["load", "chunk"])
def test_a_lack_of_memory_is_a_kind_of_its_own(kind: protocol.ErrorKind) -> None:
    for failure in (MemoryError(), OutOfMemory("not enough memory for this")):
        told = Error.about(failure, kind, 1)
        assert told.kind == "memory"
        assert "not enough memory" in told.message
        assert type(told.exception()) is OutOfMemory
        assert isinstance(told.exception(), errors.ModelError)
        assert Error.about(told.exception(), kind).kind == "memory"


def test_an_error_about_the_model_alone_is_no_lack_of_memory() -> None:
    assert Error.about(errors.ModelError("the model is closed"), "chunk").kind == "chunk"


def test_a_request_is_as_long_as_the_engines_window(model: object) -> None:
    engine: _native.Engine = model._engine  # type: ignore[attr-defined]
    assert engine.window_samples == protocol.MOST_AUDIO_SAMPLES
