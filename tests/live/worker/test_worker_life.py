"""How a worker begins and ends, on a thread and in a process alike."""

from __future__ import annotations

import gc
import os
import random
import textwrap
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path

import numpy as np
import pytest
from fed_input import Held, wait_until
from python_process import PythonProcess
from worker_ear import WorkerEar, is_there
from worker_requests import DIGITS, DIGITS_TEXT, LONG, ask, in_process

import thoth
from thoth.errors import AudioError, Cancelled, WorkerError
from thoth.live.protocol import ModelLoaded, ModelLoading, Transcribe, Transcription
from thoth.live.worker import Isolation, TranscriptionWorker


def test_it_takes_requests_from_start_to_close(model: thoth.WhisperModel, isolation: Isolation) -> None:
    worker = TranscriptionWorker(model, isolation=isolation)
    assert not worker.alive
    for use in (lambda: worker.submit(Transcribe(DIGITS, 1)), lambda: worker.set_options(beam_size=1)):
        with pytest.raises(WorkerError, match="start"):
            use()
    worker.start()
    assert worker.alive
    with pytest.raises(WorkerError, match="already"):
        worker.start()
    worker.close()
    assert not worker.alive
    worker.close()
    for use in (worker.start, worker.restart, lambda: worker.submit(Transcribe(DIGITS, 1))):
        with pytest.raises(WorkerError):
            use()


def test_close_ends_what_runs_and_what_waits(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    running: Future[Transcription] = worker.submit(Transcribe(LONG, 0))
    waiting = [worker.submit(Transcribe(LONG, n)) for n in (1, 2)]
    worker.close()
    for future in (running, *waiting):
        with pytest.raises(Cancelled, match="closed"):
            future.result(timeout=0)
    assert ear.heard(Transcription) == []


def test_a_restart_ends_what_runs_and_loads_again(worker: TranscriptionWorker) -> None:
    running, before = worker.submit(Transcribe(LONG, 0)), worker.pid
    worker.restart()
    with pytest.raises(Cancelled, match="restarted"):
        running.result(timeout=0)
    assert ask(worker, DIGITS).text == DIGITS_TEXT
    assert worker.pid is None or worker.pid != before


def test_a_callback_may_close_the_worker(model: thoth.WhisperModel, isolation: Isolation) -> None:
    worker = TranscriptionWorker(model, isolation=isolation)
    worker.start()
    worker.submit(Transcribe(DIGITS, 1)).add_done_callback(lambda _: worker.close())
    thread = next(thread for thread in threading.enumerate() if thread.name == "thoth-worker")
    thread.join(60)
    assert not thread.is_alive()
    worker.close()


def test_close_ends_a_start_in_another_thread(isolation: Isolation) -> None:
    def close_at_once(message: object) -> None:
        if isinstance(message, ModelLoading):
            closing.set()
            closed.wait(60)  # the load does not end before that

    closing, closed = threading.Event(), threading.Event()
    worker = TranscriptionWorker("nano.en", isolation=isolation, on_message=close_at_once)
    failures: list[BaseException] = []

    def start() -> None:
        try:
            worker.start()
        except BaseException as error:
            failures.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    assert closing.wait(60)
    threading.Timer(0.2, closed.set).start()
    worker.close()
    starting.join(60)
    assert [type(failure) for failure in failures] == [Cancelled]
    assert not worker.alive


def test_whatever_threads_do_to_it_every_future_ends(model: thoth.WhisperModel, isolation: Isolation) -> None:
    worker = TranscriptionWorker(model, isolation=isolation)
    futures: list[Future[Transcription]] = []
    unexpected: list[BaseException] = []

    def owner(seed: int) -> None:
        choice = random.Random(seed)
        uses: list[Callable[[], object]] = [
            worker.restart if seed == 0 else worker.start,
            worker.metrics,
            lambda: worker.set_options(beam_size=1),
            *[lambda: futures.append(worker.submit(Transcribe(DIGITS, seed)))] * 6,
            lambda: futures[-1].cancel() if futures else None,
            lambda: futures[-1].result() if futures else None,
        ]
        turns = 0
        while turns < 40 or len(futures) <= 20:  # on a busy machine many are refused, since it is just starting
            turns += 1
            try:
                choice.choice(uses)()
            except (WorkerError, Cancelled, CancelledError):
                pass
            except BaseException as error:
                unexpected.append(error)

    worker.start()
    threads = [threading.Thread(target=owner, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not any(thread.is_alive() for thread in threads)
    worker.close()
    assert unexpected == []
    assert all(future.done() for future in futures)


def test_nothing_is_left_behind(model: thoth.WhisperModel, isolation: Isolation) -> None:
    def life() -> None:
        with TranscriptionWorker(model if isolation == "thread" else "nano.en", isolation=isolation) as worker:
            worker.start()
            ask(worker, DIGITS)
            worker.submit(Transcribe(LONG, 1))

    before = Held.now()
    for _ in range(4):
        life()
    # What other tests had may have been on its way out at first.
    wait_until(lambda: (now := Held.now()).threads <= before.threads and now.files <= before.files)


class Owner:
    """Holds a worker whose messages it hears, as sessions do."""

    def __init__(self, model: thoth.WhisperModel, isolation: Isolation) -> None:
        self.loaded = False
        self.worker = TranscriptionWorker(model, isolation=isolation, on_message=self.hear)
        self.worker.start()

    def hear(self, message: object) -> None:
        self.loaded |= isinstance(message, ModelLoaded)

    def let_a_request_fail(self) -> None:
        """With a traceback that holds this owner."""
        try:
            self.worker.submit(Transcribe(np.full(16_000, np.nan, np.float32), 1)).result()
        except AudioError:
            return
        raise AssertionError


@pytest.mark.parametrize("at_work", [False, True], ids=["idle", "at work"])
def test_a_worker_that_nobody_holds_ends_by_itself(
    model: thoth.WhisperModel, isolation: Isolation, at_work: bool
) -> None:
    before = Held.now()
    owner = Owner(model, isolation)
    assert owner.loaded
    owner.let_a_request_fail()
    pid, gone = owner.worker.pid, [weakref.ref(owner), weakref.ref(owner.worker)]
    running = owner.worker.submit(Transcribe(LONG, 2)) if at_work else None
    del owner
    gc.collect()
    assert [one() for one in gone] == [None, None]
    if running is not None:
        with pytest.raises(Cancelled, match="nobody holds"):
            running.result(30)
    wait_until(lambda: (now := Held.now()).threads <= before.threads and now.files <= before.files)
    assert pid is None or not is_there(pid)


def test_a_worker_that_nobody_holds_at_the_end_of_the_program_is_waited_for(isolation: Isolation) -> None:
    code = f"""
        import gc, numpy as np, thoth
        from thoth.live.protocol import Transcribe
        from thoth.live.worker import TranscriptionWorker
        worker = TranscriptionWorker(isolation={isolation!r})
        worker.start()
        print(worker.pid, flush=True)
        worker.submit(Transcribe(np.zeros(30 * 16_000, np.float32), 1))
        del worker
    """
    with PythonProcess(textwrap.dedent(code)) as process:
        pid = process.line()
        assert process.outcome() == (0, "", "")
        assert pid == "None" or not is_there(int(pid))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_that_drops_its_copy_of_a_worker_harms_nothing(
    model: thoth.WhisperModel, isolation: Isolation
) -> None:
    worker = TranscriptionWorker(model, isolation=isolation)
    worker.start()
    child = os.fork()
    if child == 0:  # no assertion may leave this block
        del worker
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert ask(worker, DIGITS).text == DIGITS_TEXT
    worker.close()


def test_the_model_of_a_thread_is_shared_while_it_is_used(model: thoth.WhisperModel) -> None:
    with TranscriptionWorker(model) as worker:
        worker.start()
        running = worker.submit(Transcribe(LONG, 1, is_final=True))
        assert in_process(model, DIGITS).text == DIGITS_TEXT
        assert running.result().text == in_process(model, LONG).text
    assert model._engine.most_inside == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_is_told_and_harms_nothing(worker: TranscriptionWorker, tmp_path: Path) -> None:
    note = tmp_path / "note"
    child = os.fork()
    if child == 0:  # no assertion may leave this block
        told = []
        for use in (worker.start, worker.restart, worker.set_options, lambda: worker.submit(Transcribe(DIGITS, 1))):
            try:
                use()
            except WorkerError as error:
                told.append(str(error))
        worker.close()
        note.write_text("\n".join([*told, str(worker.alive)]))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    *told, alive = note.read_text().splitlines()
    assert [("forked" in line) for line in told] == [True] * 4
    assert alive == "False"
    assert ask(worker, DIGITS).text == DIGITS_TEXT
