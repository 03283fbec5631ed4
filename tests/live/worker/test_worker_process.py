"""What holds for a worker in a process of its own: that it ends with its owner, and what it takes over from it."""

from __future__ import annotations

import logging
import os
import pty
import signal
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from encoded_audio import recording
from fed_input import wait_until
from python_process import PythonProcess
from worker_ear import is_there, wait_until_at_work

import thoth
from thoth.live.protocol import MOST_AUDIO_SAMPLES, Transcribe
from thoth.live.shared_audio import SIZE_BYTES, SharedAudio
from thoth.live.worker import TranscriptionWorker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

RECORDINGS = Path(__file__).parents[2] / "audio_files"
OWNER = f"""
    import sys, thoth
    from thoth.audio.decode import decode
    from thoth.live.protocol import Transcribe
    from thoth.live.worker import TranscriptionWorker
    worker = TranscriptionWorker("nano.en", isolation="process", answer_timeout_s=600)
    worker.start()
    long, digits = (decode({os.fspath(RECORDINGS)!r} + name) for name in ("/long_1_28s.flac", "/digits_07_4.flac"))
    print(worker.pid, flush=True)
"""
ENDS_WITHIN_S = 2.0


class Owner(PythonProcess):
    """A process that may be killed."""

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def owner(code: str) -> Owner:
    """A process with a worker, that tells the worker's process and then runs `code`."""
    return Owner(textwrap.dedent(OWNER) + textwrap.dedent(code))


@pytest.fixture(autouse=True)
def _no_named_shared_memory() -> Iterator[None]:
    def names() -> set[str]:
        return {path.name for path in Path("/dev/shm").iterdir()}

    before = names()
    yield
    assert names() <= before


# The audio


def test_shared_audio_is_read_as_written_and_is_gone_with_its_owners() -> None:
    audio = SharedAudio()
    other = SharedAudio(os.dup(audio.descriptor))
    samples = np.arange(MOST_AUDIO_SAMPLES, dtype=np.float32)
    audio.write(samples)
    read = other.read(len(samples))
    assert np.array_equal(read, samples)
    assert not read.flags.writeable
    assert np.array_equal(other.read(3), [0, 1, 2])
    assert os.fstat(audio.descriptor).st_nlink == 0
    assert SIZE_BYTES == 4 * 30 * 16_000
    del read
    descriptors = (audio.descriptor, other.descriptor)
    audio.close()
    other.close()
    for descriptor in descriptors:
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(descriptor)


# Its end


@pytest.mark.parametrize("mid_run", [False, True], ids=["idle", "in mid-run"])
def test_it_ends_when_its_owner_is_killed(mid_run: bool) -> None:
    with owner("input(); future = worker.submit(Transcribe(long, 1)); input()") as process:
        worker = int(process.line())
        if mid_run:
            process.go_on()
            wait_until_at_work(worker)
        process.kill()
        wait_until(lambda: not is_there(worker), ENDS_WITHIN_S * 5)


def test_it_ends_when_its_owner_is_killed_while_it_loads() -> None:
    code = """
        from thoth.live.worker import TranscriptionWorker
        worker = TranscriptionWorker("nano.en", isolation="process", on_message=lambda m: print(worker.pid, flush=True))
        worker.start()
        input()
    """
    with Owner(code) as process:
        worker = int(process.line())
        process.kill()
        wait_until(lambda: not is_there(worker), ENDS_WITHIN_S * 5)


def test_it_ends_with_its_owner_though_a_fork_of_that_lives_on() -> None:
    """A child made by fork() holds a copy of every descriptor, so no end of file tells of the owner's death."""
    with owner("""
        import os
        child = os.fork()
        if child == 0:
            import signal
            signal.pause()
        print(child, flush=True)
        input()
    """) as process:
        worker, child = int(process.line()), int(process.line())
        try:
            process.kill()
            wait_until(lambda: not is_there(worker), ENDS_WITHIN_S * 5)
            assert is_there(child)
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("isolation", ["thread", "process"])
@pytest.mark.parametrize("at_work", [False, True], ids=["idle", "at work"])
def test_an_owner_that_ends_without_closing_ends_its_worker(isolation: str, at_work: bool) -> None:
    code = textwrap.dedent(OWNER).replace('"process"', repr(isolation)) + textwrap.dedent(f"""
        future = worker.submit(Transcribe(long, 1)) if {at_work} else None
    """)
    with PythonProcess(code) as process:
        worker = process.line()
        assert process.outcome() == (0, "", "")
        assert worker == "None" or not is_there(int(worker))


def test_ctrl_c_is_the_owners_to_answer() -> None:
    """The terminal sends it to all of its foreground group: the worker must not be in that."""
    code = textwrap.dedent(OWNER) + textwrap.dedent("""
        future = worker.submit(Transcribe(long, 1))
        try:
            future.result()
            print("not interrupted", flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        print(future.result().text[:3], worker.submit(Transcribe(digits, 2)).result().text, flush=True)
    """)
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        os.execve(sys.executable, [sys.executable, "-c", code], environment)
    shown = b""
    try:
        while b"\n" not in shown:
            shown += os.read(terminal, 4096)
        wait_until_at_work(int(shown.split()[0]))
        os.write(terminal, b"\x03")
        while True:
            shown += os.read(terminal, 4096)
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(terminal)
        status = os.waitpid(child, 0)[1]
    lines = shown.decode().replace("^C", "").split("\r\n")
    assert os.waitstatus_to_exitcode(status) == 0, lines
    assert lines[1] == "interrupted"
    assert lines[2].endswith(" three two seven four")


def test_ctrl_c_in_start_leaves_nothing() -> None:
    code = """
        import _thread
        from thoth.live.worker import TranscriptionWorker
        from thoth.live.protocol import Ready
        def interrupt(message):
            if isinstance(message, Ready):
                print(worker.pid, flush=True)
                _thread.interrupt_main()
        worker = TranscriptionWorker("nano.en", isolation="process", on_message=interrupt)
        try:
            worker.start()
        except KeyboardInterrupt:
            print(worker.alive, flush=True)
    """
    with PythonProcess(code) as process:
        worker = int(process.line())
        assert process.line() == "False"
        assert not is_there(worker)
        assert process.outcome() == (0, "", "")


# What it takes over


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    last = 'print("once", worker.submit(Transcribe(digits, 1)).result().text)'
    (tmp_path / "script.py").write_text(textwrap.dedent(OWNER) + last)
    script = os.fspath(tmp_path / "script.py")
    with PythonProcess(f"import runpy; runpy.run_path({script!r}, run_name='__main__')") as process:
        process.line()
        assert process.outcome() == (0, "once three two seven four\n", "")


def test_a_module_of_the_same_name_in_the_working_directory_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "socket.py").write_text("raise SystemExit('the wrong one')")
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with TranscriptionWorker("nano.en", isolation="process") as worker:
            worker.start()
    finally:
        os.chdir(here)


def test_what_it_writes_is_logged(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; print('to stdout'); print('to stderr', file=sys.stderr)")
    monkeypatch.setattr(sys, "path", [os.fspath(tmp_path), *sys.path])
    with (
        caplog.at_level(logging.WARNING, "thoth.worker"),
        TranscriptionWorker("nano.en", isolation="process") as worker,
    ):
        worker.start()
        pid = worker.pid
    told = [record.getMessage() for record in caplog.records if record.name == "thoth.worker"]
    assert sorted(told) == [f"process {pid}: to stderr", f"process {pid}: to stdout"]


def test_the_owners_standard_input_is_left_alone() -> None:
    with owner("print(worker.submit(Transcribe(digits, 1)).result().text, repr(input()), flush=True)") as process:
        process.line()
        process.go_on()
        assert process.line() == "three two seven four ''"


def test_an_interpreter_that_cannot_be_started_is_a_worker_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", os.fspath(tmp_path / "none"))
    with (
        TranscriptionWorker("nano.en", isolation="process") as worker,
        pytest.raises(thoth.errors.WorkerError, match="could not be started"),
    ):
        worker.start()


def test_a_process_that_ends_while_it_starts_is_a_worker_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pickle.py").write_text("raise ImportError('not the right one')")
    monkeypatch.setattr(sys, "path", [os.fspath(tmp_path), *sys.path])
    with (
        TranscriptionWorker("nano.en", isolation="process") as worker,
        pytest.raises(thoth.errors.WorkerError, match=r"exit code 1.*not the right one"),
    ):
        worker.start()


def test_a_worker_that_is_not_ready_in_time_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(600)")
    monkeypatch.setattr(sys, "path", [os.fspath(tmp_path), *sys.path])
    with TranscriptionWorker("nano.en", isolation="process") as worker:
        with pytest.raises(thoth.errors.WorkerError, match=r"within 0\.5 s|no answer"):
            worker.start(timeout_s=0.5)
        monkeypatch.undo()
        worker.start()
        assert worker.submit(Transcribe(recording("digits_07_4"), 1)).result().text == "three two seven four"
