"""What holds for a worker's options and for what it says, on a thread and in a process alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from worker_ear import WorkerEar
from worker_requests import DIGITS, DIGITS_TEXT, ask

import thoth
from thoth.errors import InvalidOption
from thoth.live.protocol import Metrics, ModelLoaded, ModelLoading, Ready, Transcribe, Transcription
from thoth.live.worker import Isolation, TranscriptionWorker
from thoth.observe.tracing import Span, tracer

# Options


def test_options_hold_for_the_requests_behind_them(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    with ear.holding():
        first = worker.submit(Transcribe(DIGITS, 0))
        ear.wait_for(Transcription)
        before = worker.submit(Transcribe(DIGITS, 1))
        taken = [worker.set_options(max_new_tokens=number) for number in (1, 2)]
        after = worker.submit(Transcribe(DIGITS, 2))
    assert first.result().text == before.result().text == DIGITS_TEXT
    assert DIGITS_TEXT.startswith(after.result().text)
    assert len(after.result().text) < len(DIGITS_TEXT)
    assert [future.result() for future in taken] == [None, None]
    worker.set_options()
    assert ask(worker, DIGITS).text == DIGITS_TEXT


def test_a_change_of_options_cannot_be_taken_back(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    with ear.holding():
        worker.submit(Transcribe(DIGITS, 0))
        ear.wait_for(Transcription)
        taken = worker.set_options(max_new_tokens=1)
        assert not taken.cancel()
    taken.result()
    assert len(ask(worker, DIGITS).text) < len(DIGITS_TEXT)


def test_options_may_be_given_from_the_beginning_and_survive_a_restart(
    model: thoth.WhisperModel, isolation: Isolation
) -> None:
    with TranscriptionWorker(model, isolation=isolation, options={"max_new_tokens": 2}) as worker:
        worker.start()
        short = ask(worker, DIGITS).text
        assert len(short) < len(DIGITS_TEXT)
        worker.restart()
        assert ask(worker, DIGITS).text == short
        worker.set_options().result()
        worker.restart()
        assert ask(worker, DIGITS).text == DIGITS_TEXT


@pytest.mark.parametrize(
    "options",
    [
        {"beam_size": 0},
        {"language": "de"},
        {"task": "translate"},
        {"vad_filter": True},
        {"vad_parameters": {}},
        {"word_timestamps": False},
        {"without_timestamps": True},
    ],
)
def test_bad_options_are_refused_and_the_worker_goes_on(worker: TranscriptionWorker, options: Any) -> None:
    worker.set_options(max_new_tokens=2)
    before = ask(worker, DIGITS).text
    with pytest.raises(InvalidOption, match=next(iter(options))):
        worker.set_options(**options)
    assert ask(worker, DIGITS).text == before


def test_an_unknown_option_is_a_type_error(worker: TranscriptionWorker) -> None:
    with pytest.raises(TypeError, match="no_such"):
        worker.set_options(no_such=1)


def test_options_that_do_not_suit_the_model_end_the_start(model: thoth.WhisperModel, isolation: Isolation) -> None:
    with TranscriptionWorker(model, isolation=isolation, options={"language": "de"}) as worker:
        with pytest.raises(InvalidOption, match="English"):
            worker.start()
        assert not worker.alive


@pytest.mark.parametrize(
    "wrong",
    [{"isolation": "fibre"}, {"queue_size": 0}, {"threads": 0}, {"answer_timeout_s": 0}, {"options": {"beam_size": 9}}],
)
def test_a_worker_is_not_made_with_what_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        TranscriptionWorker("nano.en", **wrong)


# What it says


def test_it_says_ready_then_how_the_load_goes_on_then_loaded(isolation: Isolation, ear: WorkerEar) -> None:
    with TranscriptionWorker("nano.en", isolation=isolation, on_message=ear) as worker:
        loaded = worker.start()
        told = list(ear.messages)
    assert (told[0], told[-1]) == (Ready(), loaded)
    progress = told[1:-1]
    assert len(progress) >= 10
    assert all(isinstance(message, ModelLoading) for message in progress)
    done = [message.done_bytes for message in progress if isinstance(message, ModelLoading)]
    assert done == sorted(set(done))
    total = loaded.size_mb * 1e6
    assert done[-1] == pytest.approx(total, rel=0.02)
    assert {message.total_bytes for message in progress if isinstance(message, ModelLoading)} == {round(total)}


def test_a_shared_model_is_not_loaded_again(model: thoth.WhisperModel, ear: WorkerEar) -> None:
    with TranscriptionWorker(model, on_message=ear) as worker:
        assert worker.start().load_time_ms == 0.0
        assert worker.pid is None
        assert [type(message) for message in ear.messages] == [Ready, ModelLoaded]
    assert model.state == "ready"


def test_it_tells_how_it_keeps_up_but_not_too_often(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    assert worker.metrics() == Metrics(0, 0.0)
    for _ in range(20):
        ask(worker, DIGITS[:1600])
    told = ear.heard(Metrics)
    assert 1 <= len(told) <= 20
    assert told[0].avg_latency_ms > 0
    assert worker.metrics().avg_latency_ms > 0
    elapsed = sum(answer.processing_s for answer in ear.heard(Transcription))
    assert worker.metrics().avg_latency_ms >= elapsed / 20 * 1000 * 0.99


def test_a_listener_that_raises_harms_nobody(
    model: thoth.WhisperModel, isolation: Isolation, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(message: object) -> None:
        raise ZeroDivisionError

    with TranscriptionWorker(model, isolation=isolation, on_message=fail) as worker:
        worker.start()
        assert ask(worker, DIGITS).text == DIGITS_TEXT
    assert "on_message failed on Transcription" in caplog.text


# Its trace


@pytest.fixture
def traced() -> Iterator[None]:
    tracer.clear()
    tracer.level = "full"
    yield
    tracer.level = "off"
    tracer.clear()


def test_its_work_is_traced_inside_of_the_span_it_was_asked_for_in(
    model: thoth.WhisperModel, isolation: Isolation, traced: None
) -> None:
    with TranscriptionWorker("nano.en", isolation=isolation) as worker:
        worker.start()
        before = time.perf_counter_ns()
        for _ in range(2):
            with tracer.span("mine") as mine:
                ask(worker, DIGITS)
        after = time.perf_counter_ns()
    spans = {span.span_id: span for span in tracer.spans()}

    def inside(outer: int | None) -> list[Span]:
        return sorted((span for span in spans.values() if span.parent_id == outer), key=lambda span: span.start_ns)

    top = [span.name for span in inside(None)]
    assert top == ["worker_initialization", "model_loading", "mine", "mine"]
    (work,) = inside(mine.span_id)
    assert work.name == "chunk_process"
    assert [span.name for span in inside(work.span_id)][:3] == ["mel", "encode", "decode"]
    assert before <= work.start_ns <= work.end_ns <= after
    assert work.attributes["audio_s"] == pytest.approx(len(DIGITS) / 16_000)
    begun = [span.name for span in inside(next(one for one, span in spans.items() if not span.parent_id))]
    assert begun == (["spawn", "engine"] if isolation == "process" else [])
