"""Each way in which a worker fails, caused for real, and that it can be used again afterwards."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fed_input import wait_until
from overflowing_model import write_overflowing_model
from worker_ear import WorkerEar, is_there, process_holds, wait_until_at_work
from worker_requests import DIGITS, DIGITS_TEXT, LONG

import thoth
from thoth.errors import InvalidModel, ModelNotFound, WorkerError
from thoth.live.protocol import Error, ModelLoading, OutOfMemory, Ready, Transcribe
from thoth.live.worker import Isolation, TranscriptionWorker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

MIB = 1024 * 1024


@pytest.fixture
def worker(ear: WorkerEar) -> Iterator[TranscriptionWorker]:
    """One in a process, on a model of its own."""
    with TranscriptionWorker("nano.en", isolation="process", on_message=ear) as made:
        made.start()
        yield made


@pytest.fixture
def copy(tmp_path: Path, model: thoth.WhisperModel) -> Path:
    """A copy of the built-in model that may come to harm."""
    path = tmp_path / "copy.bin"
    shutil.copyfile(model.path, path)
    return path


def pid_of(worker: TranscriptionWorker) -> int:
    assert worker.pid is not None
    return worker.pid


def works_again(worker: TranscriptionWorker) -> None:
    before = worker.pid
    worker.restart()
    assert worker.alive
    assert worker.pid is None or worker.pid != before
    assert worker.submit(Transcribe(DIGITS, 9)).result().text == DIGITS_TEXT


# The process dies


@pytest.mark.parametrize("fatal", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_in_mid_run_fails_all_requests_and_names_the_signal(
    worker: TranscriptionWorker, ear: WorkerEar, fatal: signal.Signals
) -> None:
    futures = [worker.submit(Transcribe(LONG, n)) for n in range(3)]
    wait_until_at_work(pid_of(worker))
    os.kill(pid_of(worker), fatal)
    for future in futures:
        with pytest.raises(WorkerError, match=fatal.name):
            future.result(timeout=60)
    assert not worker.alive
    crash = ear.wait_for(Error)
    assert (crash.kind, crash.chunk_id) == ("crash", None)
    assert fatal.name in crash.message
    with pytest.raises(WorkerError, match="restart"):
        worker.submit(Transcribe(DIGITS, 4))
    works_again(worker)


def test_a_crash_while_idle_is_noticed_at_once(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    process = pid_of(worker)
    os.kill(process, signal.SIGKILL)
    assert ear.wait_for(Error).kind == "crash"
    wait_until(lambda: not worker.alive)
    assert worker.pid is None
    assert not is_there(process)
    works_again(worker)


def test_a_native_crash_leaves_its_stack_in_the_log(
    worker: TranscriptionWorker, ear: WorkerEar, caplog: pytest.LogCaptureFixture
) -> None:
    worker.submit(Transcribe(LONG, 1))
    wait_until_at_work(pid_of(worker))
    os.kill(pid_of(worker), signal.SIGSEGV)
    ear.wait_for(Error)
    assert "Segmentation fault" in caplog.text
    assert "servant.py" in caplog.text


def test_a_crash_while_loading_fails_the_start(ear: WorkerEar) -> None:
    def kill(message: object) -> None:
        ear(message)  # type: ignore[arg-type]
        if isinstance(message, ModelLoading) and len(ear.heard(ModelLoading)) == 3:
            os.kill(pid_of(worker), signal.SIGKILL)

    with TranscriptionWorker("nano.en", isolation="process", on_message=kill) as worker:
        with pytest.raises(WorkerError, match="SIGKILL"):
            worker.start()
        assert not worker.alive
        works_again(worker)


def test_nothing_is_left_of_many_crashes(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    before = process_holds(os.getpid())
    for count in range(1, 5):
        worker.submit(Transcribe(LONG, count))
        os.kill(pid_of(worker), signal.SIGKILL)
        ear.wait_for(Error, count)
        wait_until(lambda: not worker.alive)
        worker.restart()
    wait_until(lambda: process_holds(os.getpid()) == before)


# The process hangs


def test_a_worker_that_hangs_is_killed_and_can_be_restarted(ear: WorkerEar) -> None:
    with TranscriptionWorker("nano.en", isolation="process", answer_timeout_s=1.0, on_message=ear) as worker:
        worker.start()
        hung = pid_of(worker)
        os.kill(hung, signal.SIGSTOP)
        futures = [worker.submit(Transcribe(DIGITS, n)) for n in range(3)]
        for future in futures:
            with pytest.raises(WorkerError, match="no answer within 1 s"):
                future.result(timeout=60)
        assert ear.wait_for(Error).kind == "crash"
        wait_until(lambda: not is_there(hung))
        works_again(worker)


def test_a_stopped_worker_can_be_closed(worker: TranscriptionWorker) -> None:
    process = pid_of(worker)
    os.kill(process, signal.SIGSTOP)
    worker.close()
    assert not is_there(process)


def test_a_worker_stopped_in_mid_run_can_be_restarted(worker: TranscriptionWorker) -> None:
    running = worker.submit(Transcribe(LONG, 1))
    wait_until_at_work(pid_of(worker))
    os.kill(pid_of(worker), signal.SIGSTOP)
    works_again(worker)
    with pytest.raises(thoth.Cancelled):
        running.result(timeout=0)


# The thread dies


def test_a_thread_that_dies_of_something_unexpected_fails_all_requests(ear: WorkerEar) -> None:
    class Unheard(BaseException):
        pass

    with TranscriptionWorker("nano.en", on_message=ear) as worker:
        worker.start()
        thread = next(thread for thread in threading.enumerate() if thread.name == "thoth-worker")
        with ear.holding():
            futures = [worker.submit(Transcribe(DIGITS, n)) for n in range(3)]
            ear.wait_for(thoth.live.protocol.Transcription)
            raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Unheard)
            )
            assert raised == 1
        for future in futures:
            with pytest.raises(WorkerError, match="Unheard"):
                future.result(timeout=60)
        assert ear.wait_for(Error).kind == "crash"
        thread.join(60)
        assert not worker.alive
        works_again(worker)


# The model cannot be loaded


def test_a_corrupt_model_fails_the_start_as_it_would_fail_anywhere(
    copy: Path, isolation: Isolation, ear: WorkerEar
) -> None:
    sound = copy.read_bytes()
    copy.write_bytes(sound[: len(sound) // 2])
    with pytest.raises(InvalidModel) as direct:
        thoth.WhisperModel(copy)
    with TranscriptionWorker(copy, isolation=isolation, on_message=ear) as worker:
        with pytest.raises(InvalidModel) as caught:
            worker.start()
        assert str(caught.value) == str(direct.value)
        assert [error.kind for error in ear.heard(Error)] == ["load"]
        assert not worker.alive
        copy.write_bytes(sound)
        works_again(worker)


def test_a_model_that_vanishes_and_returns(copy: Path, isolation: Isolation) -> None:
    with TranscriptionWorker(copy, isolation=isolation) as worker:
        worker.start()
        away = copy.rename(copy.with_suffix(".away"))
        assert worker.submit(Transcribe(DIGITS, 1)).result().text == DIGITS_TEXT
        for _ in range(2):
            with pytest.raises(ModelNotFound, match=copy.name):
                worker.restart()
            assert not worker.alive
        away.rename(copy)
        works_again(worker)


def test_a_given_model_that_was_closed_fails_the_start(copy: Path) -> None:
    given = thoth.WhisperModel(copy)
    given.close()
    with TranscriptionWorker(given) as worker, pytest.raises(thoth.ModelError, match="closed"):
        worker.start()


def test_a_load_that_takes_too_long_ends(isolation: Isolation) -> None:
    def stop(message: object) -> None:
        if isinstance(message, ModelLoading):
            late.wait(60)

    late = threading.Event()
    threads = threading.active_count()
    with TranscriptionWorker("nano.en", isolation=isolation, on_message=stop) as worker:
        threading.Timer(2.0, late.set).start()
        with pytest.raises(WorkerError, match="not ready within"):
            worker.start(timeout_s=1.0)
        assert not worker.alive
        works_again(worker)
    wait_until(lambda: threading.active_count() == threads)


# The engine raises


def test_a_model_that_computes_nan_fails_each_request_and_not_the_worker(tmp_path: Path, isolation: Isolation) -> None:
    path = write_overflowing_model(tmp_path / "huge.bin")
    ear = WorkerEar()
    with TranscriptionWorker(path, isolation=isolation, on_message=ear) as worker:
        worker.start()
        for number in range(3):
            with pytest.raises(InvalidModel, match="NaN"):
                worker.submit(Transcribe(DIGITS, number)).result()
        assert worker.alive
    assert [(error.kind, error.chunk_id) for error in ear.heard(Error)] == [("chunk", n) for n in range(3)]


# Memory is short


def starve(process: int, more_bytes: int) -> None:
    """Allow a process so much more address space than it has."""
    status = Path(f"/proc/{process}/status").read_text()
    size = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmSize"))
    resource.prlimit(process, resource.RLIMIT_AS, (size + more_bytes, resource.RLIM_INFINITY))


def starving_at_ready(ear: WorkerEar, worker_of: Callable[[], TranscriptionWorker]) -> Callable[[object], None]:
    def hear(message: object) -> None:
        ear(message)  # type: ignore[arg-type]
        if isinstance(message, Ready) and len(ear.heard(Ready)) == 1:
            starve(pid_of(worker_of()), 4 * MIB)

    return hear


def test_a_lack_of_memory_fails_the_load_and_says_so(ear: WorkerEar) -> None:
    hear = starving_at_ready(ear, lambda: worker)
    with TranscriptionWorker("nano.en", isolation="process", on_message=hear) as worker:
        with pytest.raises(OutOfMemory, match="not enough memory"):
            worker.start()
        assert [error.kind for error in ear.heard(Error)] == ["memory"]
        works_again(worker)


def test_a_lack_of_memory_fails_the_request_and_says_so(worker: TranscriptionWorker, ear: WorkerEar) -> None:
    starve(pid_of(worker), 0)
    failure = worker.submit(Transcribe(LONG, 3, is_final=True)).exception()
    assert isinstance(failure, OutOfMemory)
    assert isinstance(failure, thoth.ModelError)
    error = ear.wait_for(Error)
    assert (error.kind, error.chunk_id) == ("memory", 3)
    resource.prlimit(pid_of(worker), resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert worker.submit(Transcribe(DIGITS, 4)).result().text == DIGITS_TEXT
