"""What holds for a worker's requests, on a thread and in a process alike."""

from __future__ import annotations

import os
import threading
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import random_model
from encoded_audio import recording
from fed_input import Held, wait_until
from worker_ear import WorkerEar, process_holds
from worker_requests import DIGITS, DIGITS_TEXT, LONG, ask, in_process

import thoth
from thoth.errors import AudioError, InvalidOption, WorkerError
from thoth.live.protocol import Transcribe, Transcription
from thoth.live.worker import Isolation, TranscriptionWorker

# The text


@pytest.fixture(scope="module")
def expected_of(model: thoth.WhisperModel, exact: list[str]) -> dict[str, thoth.Transcript]:
    """What the model itself makes of the recordings that come out word for word."""
    names = [name.removesuffix(".flac") for name in exact]
    return {name: in_process(model, recording(name)) for name in names}


def test_the_text_is_that_of_the_model_itself(
    worker: TranscriptionWorker, expected_of: dict[str, thoth.Transcript]
) -> None:
    assert len(expected_of) > 10
    for chunk_id, (name, expected) in enumerate(expected_of.items()):
        samples = recording(name)
        found = ask(worker, samples, chunk_id=chunk_id, session_id="mine", is_final=True)
        assert (found.text, found.words) == (expected.text, expected.words)
        assert found.tokens == tuple(token for segment in expected.segments for token in segment.tokens)
        assert (found.chunk_id, found.session_id) == (chunk_id, "mine")
        assert found.processing_s > 0
        assert found.rtf == pytest.approx(found.processing_s / (len(samples) / 16_000))


def test_a_model_of_its_own_gives_the_same_text(isolation: Isolation) -> None:
    with TranscriptionWorker("nano.en", isolation=isolation, threads=1) as worker:
        loaded = worker.start()
        assert ask(worker, DIGITS).text == DIGITS_TEXT
    assert loaded.size_mb == pytest.approx(12.6, abs=0.1)
    assert loaded.load_time_ms > 0
    assert not loaded.multilingual


def test_no_audio_has_no_text(worker: TranscriptionWorker) -> None:
    found = ask(worker, np.zeros(0, np.float32))
    assert (found.text, found.words, found.rtf, found.temperature) == ("", (), 0.0, None)


def test_the_longest_audio_arrives_whole(worker: TranscriptionWorker, model: thoth.WhisperModel) -> None:
    samples = np.concatenate([LONG, np.zeros(30 * 16_000, np.float32)])[: 30 * 16_000]
    assert ask(worker, samples, is_final=True).text == in_process(model, samples).text


def test_prompt_tokens_stand_before_the_audio_and_behind_the_users_own_prompt(
    worker: TranscriptionWorker, model: thoth.WhisperModel
) -> None:
    words, tokens = (tuple(model._engine.tokenize(text)) for text in (" alpha beta", " stop listening"))
    plain, prompted = ask(worker, DIGITS), ask(worker, DIGITS, prompt_tokens=tokens)
    assert prompted.words == in_process(model, DIGITS, initial_prompt=tokens).words
    assert prompted.words != plain.words
    both = in_process(model, DIGITS, initial_prompt=words + tokens).words
    assert both != prompted.words
    for own in ("alpha beta", words):
        worker.set_options(initial_prompt=own)
        assert ask(worker, DIGITS, prompt_tokens=tokens).words == both
        assert ask(worker, DIGITS).words == in_process(model, DIGITS, initial_prompt=words).words


def test_only_a_final_request_is_worth_other_temperatures(worker: TranscriptionWorker) -> None:
    worker.set_options(temperature=(0.6, 0.8, 1.0))
    assert ask(worker, DIGITS).temperature == 0.0
    assert (ask(worker, DIGITS, is_final=True).temperature or 0.0) >= 0.6


@pytest.mark.parametrize(("session_id", "tellings"), [("one", 1), ("", 3)])
def test_the_language_of_a_session_is_told_once(tmp_path: Path, session_id: str, tellings: int) -> None:
    """Each telling is an encoder pass over 30 s, and a window of the model's own in its account."""
    path = tmp_path / "multilingual.bin"
    random_model.write_model(path, random_model.Dims(32, 1, 1, 1, vocab=51865))
    options = {"temperature": 0.0, "max_new_tokens": 5}
    with thoth.WhisperModel(path) as model, TranscriptionWorker(model, options=options) as worker:
        worker.start()
        for _ in range(3):
            ask(worker, LONG[: 6 * 16_000], session_id=session_id)
        assert model.stats.live.granted == 3 + tellings


# Requests


def test_answers_come_in_the_order_of_the_requests(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    with ear.holding():
        futures = [worker.submit(Transcribe(DIGITS, 0))]
        ear.wait_for(Transcription)
        futures += [worker.submit(Transcribe(samples, n)) for n, samples in enumerate((LONG, DIGITS, DIGITS), start=1)]
    assert [future.result().chunk_id for future in futures] == [0, 1, 2, 3]
    assert [answer.chunk_id for answer in ear.heard(Transcription)] == [0, 1, 2, 3]


def test_no_more_than_three_requests_wait(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    with ear.holding():
        futures = [worker.submit(Transcribe(DIGITS, 0))]
        ear.wait_for(Transcription)
        futures += [worker.submit(Transcribe(DIGITS, n)) for n in (1, 2, 3)]
        with pytest.raises(WorkerError, match="queue is full: 3 requests"):
            worker.submit(Transcribe(DIGITS, 4))
        assert worker.metrics().queue_depth == 3
        worker.set_options(beam_size=1)  # takes no room
        assert worker.metrics().queue_depth == 3
    assert [future.result().text for future in futures] == [DIGITS_TEXT] * 4
    assert worker.metrics().queue_depth == 0


def test_a_request_taken_back_gives_its_place_free(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    with ear.holding():
        worker.submit(Transcribe(DIGITS, 0))
        ear.wait_for(Transcription)
        waiting = [worker.submit(Transcribe(DIGITS, n)) for n in (1, 2, 3)]
        assert waiting[0].cancel()
        assert worker.metrics().queue_depth == 2
        waiting.append(worker.submit(Transcribe(DIGITS, 4)))
    with pytest.raises(CancelledError):
        waiting[0].result()
    assert [future.result().chunk_id for future in waiting[1:]] == [2, 3, 4]
    assert [answer.chunk_id for answer in ear.heard(Transcription)] == [0, 2, 3, 4]


def test_the_audio_may_be_used_again_at_once(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    samples = DIGITS.copy()
    with ear.holding():
        worker.submit(Transcribe(samples, 0))
        ear.wait_for(Transcription)
        waiting = worker.submit(Transcribe(samples, 1))
        samples[:] = 0
    assert waiting.result().text == DIGITS_TEXT


@pytest.mark.parametrize(
    "samples", [np.zeros(480_001, np.float32), np.zeros(10), np.zeros((10, 1), np.float32), [0.0] * 10]
)
def test_audio_that_makes_no_request_is_refused_at_once(worker: TranscriptionWorker, samples: Any) -> None:
    with pytest.raises(AudioError):
        worker.submit(Transcribe(samples, 1))
    assert ask(worker, DIGITS).text == DIGITS_TEXT


def test_a_request_that_fails_costs_that_request_only(worker: TranscriptionWorker) -> None:
    spoilt = DIGITS.copy()
    spoilt[100] = np.nan
    futures = [worker.submit(Transcribe(samples, 1)) for samples in (DIGITS, spoilt, DIGITS)]
    failure = futures[1].exception()
    assert type(failure) is AudioError
    assert "100" in str(failure)
    with pytest.raises(InvalidOption, match="initial_prompt"):
        ask(worker, DIGITS, prompt_tokens=(60_000,))
    assert [futures[n].result().text for n in (0, 2)] == [DIGITS_TEXT] * 2
    assert worker.alive


def test_eight_threads_may_share_a_worker(model: thoth.WhisperModel, isolation: Isolation) -> None:
    texts = {name: recording(name) for name in ("digits_07_4", "digits_00_1", "tts_11", "wakecmd_0")}
    expected = {name: in_process(model, samples, temperature=0.0).text for name, samples in texts.items()}
    assert len(set(expected.values())) == 4
    found: list[tuple[str, str]] = []

    def owner(name: str) -> None:
        for number in range(3):
            answer = ask(worker, texts[name], chunk_id=number, session_id=name)
            assert (answer.chunk_id, answer.session_id) == (number, name)
            found.append((name, answer.text))

    with TranscriptionWorker(model, isolation=isolation, queue_size=8) as worker:
        worker.start()
        threads = [threading.Thread(target=owner, args=(name,)) for name in [*texts] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == sorted([(name, expected[name]) for name in texts] * 6)


def test_nothing_grows_over_200_requests(isolation: Isolation, tmp_path: Path) -> None:
    random_model.write_model(tmp_path / "small.bin", random_model.SMALLEST)
    options: thoth.TranscribeOptions = {"max_new_tokens": 2, "audio_context": 64}
    with TranscriptionWorker(tmp_path / "small.bin", isolation=isolation, options=options, threads=1) as worker:
        worker.start()
        for _ in range(5):
            ask(worker, DIGITS)
        before = Held.now(), process_holds(worker.pid or os.getpid())
        for number in range(200):
            ask(worker, DIGITS, chunk_id=number)
        before[0].wait_for_no_more()
        wait_until(lambda: process_holds(worker.pid or os.getpid()) == before[1])
