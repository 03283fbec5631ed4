"""What a session does when something under it fails: each failure caused for real, and the text of what came after."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import random_model
from encoded_audio import recording
from fed_input import Held, wait_until
from live_feeding import EventLog, feed, wait_for_nothing_left
from live_updates import check_updates, read_to_error, said

import thoth
from thoth.errors import InvalidModel, WorkerError
from thoth.live.events import ChunkDropped, ChunkFailed, LoadingProgress, StateChanged, WorkerRestarted
from thoth.live.session import LiveSession
from thoth.live.supervision import BACKOFF_S
from thoth.live.update import LiveUpdate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

DIGITS, DIGITS_TEXT = recording("digits_07_4"), "three two seven four"
WAKE, WAKE_TEXT = recording("wakecmd_0"), "snowboy turn on the fan in the kitchen"
LONG = recording("long_2_42s")[: 10 * 16_000]  # one utterance after the other
LONG_TEXT = "zero seven nine zero four zero zero eight four seven"
SECOND = np.zeros(16_000, np.float32)
RECOVERY = ["error", "initializing_worker", "loading_model", "ready", "recording"]


def worker_pids() -> list[int]:
    return [
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "thoth.live.worker_process" in child.cmdline()
    ]


def worker_pid() -> int:
    wait_until(lambda: len(worker_pids()) == 1)
    return worker_pids()[0]


@pytest.fixture
def copy(tmp_path: Path, model: thoth.WhisperModel) -> Path:
    """A copy of the built-in model that may come to harm."""
    path = tmp_path / "copy.bin"
    shutil.copyfile(model.path, path)
    return path


@pytest.fixture
def session(copy: Path) -> Iterator[LiveSession]:
    """With a worker in a process of its own."""
    with LiveSession(copy, isolation="process") as started:
        yield started


def replace(path: Path, data: bytes) -> None:
    """As an installer does: what is mapped of the old file stays."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


def final_text(updates: list[LiveUpdate]) -> str:
    check_updates(updates)
    return said(updates)


# The worker dies


def stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


@pytest.mark.parametrize("moment", ["between two utterances", "in the midst of a pass"])
def test_a_killed_worker_is_replaced_and_no_word_is_lost(session: LiveSession, moment: str) -> None:
    updates = session.updates()
    with EventLog(session) as log:
        feed(session, np.concatenate((DIGITS, SECOND)))
        log.wait_for(LiveUpdate, lambda update: update.is_final)
        victim = worker_pid()
        if moment == "in the midst of a pass":
            os.kill(victim, signal.SIGSTOP)  # so that it is in the midst of it for sure
            wait_until(lambda: stopped(victim))
            session.feed(WAKE[:30_000])
            wait_until(lambda: session.queue_depth == 0)
            os.kill(victim, signal.SIGKILL)
            feed(session, WAKE[30_000:])
        else:
            os.kill(victim, signal.SIGKILL)
            feed(session, WAKE)
        log.wait_for(WorkerRestarted)
        session.stop()
        wait_until(lambda: log.states[-1] == "ready")
        assert worker_pid() != victim
    assert final_text(list(updates)) == f"{DIGITS_TEXT} {WAKE_TEXT}"
    assert log.states == ["recording", *RECOVERY, "ready"]
    error = next(change.after for change in log.of(StateChanged) if change.after.state == "error")
    assert error.recoverable
    assert isinstance(error.error, WorkerError)
    assert "SIGKILL" in log.of(WorkerRestarted)[0].reason
    assert log.of(LoadingProgress)
    assert session.metrics.errors == 1
    assert session.metrics.chunks_dropped == 0


def test_a_worker_that_dies_in_a_pause_is_replaced_and_the_pause_lasts(session: LiveSession) -> None:
    updates = session.updates()
    with EventLog(session) as log:
        victim = worker_pid()
        os.kill(victim, signal.SIGSTOP)
        wait_until(lambda: stopped(victim))
        session.feed(DIGITS)
        session.pause()
        os.kill(victim, signal.SIGKILL)
        log.wait_for(WorkerRestarted)
        wait_until(lambda: session.state == "paused")
        session.resume()
        feed(session, WAKE)
        session.stop()
    assert final_text(list(updates)) == f"{DIGITS_TEXT} {WAKE_TEXT}"


def test_a_worker_that_dies_again_and_again_is_replaced_each_time(session: LiveSession) -> None:
    updates = session.updates()
    with EventLog(session) as log:
        for turn in range(4):
            os.kill(worker_pid(), signal.SIGKILL)
            feed(session, np.concatenate((DIGITS, SECOND)))
            wait_until(lambda turn=turn: len(log.of(WorkerRestarted)) == turn + 1)  # type: ignore[misc]
        session.stop()
    assert final_text(list(updates)) == " ".join([DIGITS_TEXT] * 4)
    assert session.metrics.errors == 4


def test_a_chunk_of_which_the_worker_dies_each_time_is_given_up_and_told_as_a_gap(session: LiveSession) -> None:
    """Here somebody kills it as soon as it is up again, until the chunk is given up."""
    updates = session.updates()

    def kill(change: StateChanged) -> None:
        if change.after.state == "ready" and not log.of(ChunkFailed):
            for pid in worker_pids():
                os.kill(pid, signal.SIGKILL)

    with EventLog(session) as log:
        os.kill(worker_pid(), signal.SIGKILL)
        with session.events.subscribe(kill, StateChanged):
            session.feed(DIGITS)
            session.pause()
            log.wait_for(ChunkFailed)
        session.resume()
        feed(session, WAKE)
        session.stop()
    got = list(updates)
    text = final_text(got)
    assert text.endswith(WAKE_TEXT)
    assert DIGITS_TEXT in text or "failed" in {gap.reason for update in got for gap in update.gaps}


def test_a_worker_is_replaced_while_audio_comes_in_real_time_and_what_is_lost_is_told(session: LiveSession) -> None:
    """Nothing is lost silently: what is not in the text lies in gaps, each counted and told."""
    with EventLog(session) as log:
        source = thoth.FileSource(recording_path("long_1_28s"))
        updates = session.run(source)
        log.wait_for(LiveUpdate, lambda update: update.is_final)
        os.kill(worker_pid(), signal.SIGKILL)
        log.wait_for(WorkerRestarted)
        log.wait_for(LiveUpdate, lambda update: update.is_final and update.utterance == 4)
        session.stop()
        got = list(updates)
        check_updates(got)
        dropped = len(log.of(ChunkDropped))
    assert session.metrics.chunks_dropped == dropped
    assert len([gap for update in got for gap in update.gaps]) == dropped
    if not dropped:
        assert said(got).startswith("snowboy the pause sixty computer")


def recording_path(name: str) -> Path:
    return Path(__file__).parent.parent / "audio_files" / f"{name}.flac"


# The model cannot be loaded again


def test_a_model_file_that_is_damaged_for_a_while_is_tried_again_until_it_is_well(
    session: LiveSession, copy: Path
) -> None:
    good = copy.read_bytes()
    updates = session.updates()
    with EventLog(session) as log:
        feed(session, np.concatenate((DIGITS, SECOND)))
        log.wait_for(LiveUpdate, lambda update: update.is_final)
        replace(copy, b"no model" + good[8:])
        os.kill(worker_pid(), signal.SIGKILL)
        session.feed(WAKE[:32_000])
        log.wait_for(StateChanged, lambda change: isinstance(change.after.error, InvalidModel))
        replace(copy, good)
        log.wait_for(WorkerRestarted)
        feed(session, WAKE[32_000:])
        session.stop()
        wait_until(lambda: log.states[-1] == "ready")
    assert final_text(list(updates)) == f"{DIGITS_TEXT} {WAKE_TEXT}"
    failed = [change.after for change in log.of(StateChanged) if isinstance(change.after.error, InvalidModel)]
    assert all(status.recoverable for status in failed)
    assert log.states[-5:] == ["initializing_worker", "loading_model", "ready", "recording", "ready"]


def test_a_model_file_that_stays_damaged_ends_the_recording_with_its_error(copy: Path) -> None:
    held = Held.now()
    good = copy.read_bytes()
    session = LiveSession(copy, isolation="process").start()
    updates = session.updates()
    with EventLog(session) as log:
        feed(session, np.concatenate((DIGITS, SECOND)))
        log.wait_for(LiveUpdate, lambda update: update.is_final)
        replace(copy, b"no model" + good[8:])
        os.kill(worker_pid(), signal.SIGKILL)
        session.feed(WAKE[:32_000])
        got, error = read_to_error(updates)
        assert isinstance(error, InvalidModel)
        wait_until(lambda: log.states[-1:] == ["error"])
    assert said(got).startswith(DIGITS_TEXT)
    assert session.state == "error"
    assert not session.status.recoverable
    assert isinstance(session.status.error, InvalidModel)
    tries = [change for change in log.of(StateChanged) if isinstance(change.after.error, InvalidModel)]
    assert [change.after.recoverable for change in tries] == [True] * (len(BACKOFF_S) - 1) + [False]
    with pytest.raises(InvalidModel):
        session.feed(DIGITS)
    with pytest.raises(InvalidModel):
        session.run(thoth.FileSource(recording_path("digits_07_4")))
    session.stop()
    # Once the file is whole the same session may be started again.
    replace(copy, good)
    session.start()
    feed(session, DIGITS)
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT
    assert session.transcript.utterances[-1].text == DIGITS_TEXT
    session.close()
    assert session.state == "uninitialized"
    assert worker_pids() == []
    wait_for_nothing_left(held)


def test_a_session_that_gave_up_calls_back_once_for_each_update_after_its_restart(copy: Path) -> None:
    good = copy.read_bytes()
    got: list[LiveUpdate] = []
    session = LiveSession(copy, isolation="process", on_update=got.append).start()
    replace(copy, b"no model" + good[8:])
    os.kill(worker_pid(), signal.SIGKILL)
    session.feed(DIGITS[:32_000])
    with pytest.raises(InvalidModel):
        list(session.updates())
    replace(copy, good)
    session.start()
    wait_until(lambda: len(got) == 1)
    broken_off = got.pop()
    assert broken_off.is_final
    assert {gap.reason for gap in broken_off.gaps} == {"failed"}
    feed(session, DIGITS)
    session.stop()
    session.close()
    check_updates([update for update in got if update.words or update.is_final])
    assert said(got) == DIGITS_TEXT


def test_a_damaged_model_fails_the_start_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.bin").write_bytes(b"no model at all")
    for isolation in ("thread", "process"):
        session = LiveSession(tmp_path / "bad.bin", isolation=isolation)  # type: ignore[arg-type]
        with EventLog(session) as log:
            with pytest.raises(InvalidModel):
                session.start()
            assert session.state == "error"
            assert not session.status.recoverable
            log.wait_for_state("error")
            assert log.states.count("initializing_worker") == 1
        session.close()
        assert session.state == "uninitialized"


def test_closing_in_the_midst_of_a_recovery_ends_it(copy: Path) -> None:
    held = Held.now()
    good = copy.read_bytes()
    session = LiveSession(copy, isolation="process").start()
    with EventLog(session) as log:
        replace(copy, b"no model" + good[8:])
        os.kill(worker_pid(), signal.SIGKILL)
        session.feed(DIGITS[:32_000])
        log.wait_for(StateChanged, lambda change: isinstance(change.after.error, InvalidModel))
        closer = threading.Thread(target=session.close)
        closer.start()
        closer.join(20)
        assert not closer.is_alive()
    assert session.state == "uninitialized"
    wait_for_nothing_left(held)


def test_closing_ends_a_worker_that_hangs(copy: Path) -> None:
    held = Held.now()
    session = LiveSession(copy, isolation="process").start()
    updates = session.updates()
    worker = worker_pid()
    os.kill(worker, signal.SIGSTOP)
    wait_until(lambda: stopped(worker))
    session.feed(DIGITS)
    closer = threading.Thread(target=session.close)
    closer.start()
    closer.join(20)
    assert not closer.is_alive()
    assert isinstance(read_to_error(updates)[1], thoth.Cancelled)
    assert session.state == "uninitialized"
    assert worker_pids() == []
    wait_for_nothing_left(held)


def test_closing_while_the_process_starts_ends_the_start(copy: Path) -> None:
    held = Held.now()
    for wanted in ("initializing_worker", "loading_model"):
        session = LiveSession(copy, isolation="process")
        outcome: list[BaseException | None] = []

        def start(session: LiveSession = session, outcome: list[BaseException | None] = outcome) -> None:
            try:
                session.start()
                outcome.append(None)
            except BaseException as error:
                outcome.append(error)

        with EventLog(session) as log:
            thread = threading.Thread(target=start)
            thread.start()
            log.wait_for_state(wanted)  # type: ignore[arg-type]
            session.close()
            thread.join(30)
        assert outcome[0] is None or isinstance(outcome[0], thoth.Cancelled), outcome
        assert session.state == "uninitialized"
    assert worker_pids() == []
    wait_for_nothing_left(held)


# A pass fails


def nan_model(path: Path) -> bytes:
    """A whole model whose every pass ends in numbers that are none."""

    def make_huge(model: random_model.Model) -> None:
        tensor = model.tensor("decoder.blocks.0.mlp.0.weight")
        data = tensor.data()
        tensor.data = lambda: np.full(len(data) // 2, 60_000, np.float16).tobytes()
        norm = model.tensor("decoder.ln.weight")
        size = len(norm.data()) // 4
        norm.data = lambda: np.full(size, 3e38, np.float32).tobytes()

    random_model.write_model(path, random_model.Dims(64, 1, 1, 1), corrupt=make_huge)
    return path.read_bytes()


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_passes_that_fail_are_told_and_counted_and_the_session_goes_on(tmp_path: Path, isolation: str) -> None:
    nan_model(tmp_path / "nan.bin")
    with LiveSession(tmp_path / "nan.bin", isolation=isolation) as session, EventLog(session) as log:  # type: ignore[arg-type]
        for turn in range(2):
            feed(session, np.concatenate((DIGITS, SECOND, DIGITS)))
            session.stop()
            got = list(session.updates())
            check_updates(got)
            assert said(got) == ""
            gaps = [gap for update in got for gap in update.gaps]
            assert {gap.reason for gap in gaps} == {"failed"}
            assert len(gaps) == 2, "one for each utterance"
            assert gaps[0].start_s < 0.6
            assert gaps[0].end_s > 2.5
            assert session.state == "ready"
            log.wait_for_states(["recording", "ready"] * (turn + 1))
        log.wait_for(ChunkFailed)
        wait_until(lambda: len(log.of(ChunkFailed)) == session.metrics.errors)
        assert "NaN" in log.of(ChunkFailed)[0].message
    assert session.metrics.errors >= 4
    assert session.metrics.total_processing_seconds == 0


def test_text_comes_again_when_passes_do_not_fail_any_more(session: LiveSession, copy: Path) -> None:
    good = copy.read_bytes()
    updates = session.updates()
    with EventLog(session) as log:
        replace(copy, nan_model(copy.with_name("nan.bin")))
        os.kill(worker_pid(), signal.SIGKILL)
        feed(session, np.concatenate((DIGITS, SECOND)))
        log.wait_for(LiveUpdate, lambda update: update.is_final)
        replace(copy, good)
        os.kill(worker_pid(), signal.SIGKILL)
        feed(session, WAKE)
        session.stop()
        log.wait_for_state("ready")
    got = list(updates)
    assert final_text(got) == WAKE_TEXT
    (gap,) = (gap for update in got for gap in update.gaps)
    assert gap.reason == "failed"
    assert gap.end_s < len(DIGITS) / 16_000 + 1
    assert log.of(ChunkFailed)


def test_a_model_that_is_closed_under_a_session_fails_its_passes_and_not_the_session(copy: Path) -> None:
    model = thoth.WhisperModel(copy)
    with LiveSession(model) as session, EventLog(session) as log:
        feed(session, np.concatenate((DIGITS, SECOND)))
        log.wait_for(LiveUpdate, lambda update: update.is_final)
        model.close()
        feed(session, DIGITS)
        session.stop()
        got = list(session.updates())
        log.wait_for(ChunkFailed)
    assert final_text(got) == DIGITS_TEXT
    assert [gap.reason for update in got for gap in update.gaps] == ["failed"]


# Memory is short


def limit_memory(pid: int, more_bytes: int | None) -> None:
    """Allow a process so much more address space than it has; None: as much as it likes."""
    if more_bytes is None:
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return
    status = Path(f"/proc/{pid}/status").read_text()
    size = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmSize"))
    resource.prlimit(pid, resource.RLIMIT_AS, (size + more_bytes, resource.RLIM_INFINITY))


@pytest.mark.parametrize("more_bytes", [0, 1 << 20, 4 << 20])
def test_where_memory_is_short_what_waits_is_dropped_and_told_and_text_comes_again_afterwards(
    session: LiveSession, more_bytes: int
) -> None:
    updates = session.updates()
    with EventLog(session) as log:
        feed(session, np.concatenate((DIGITS, SECOND)))
        log.wait_for(LiveUpdate, lambda update: update.is_final)
        starved = worker_pid()
        limit_memory(starved, more_bytes)
        feed(session, np.concatenate((LONG, SECOND)))
        wait_until(lambda: session.queue_depth == 0)
        failed = session.metrics.errors > 0
        if worker_pids() == [starved]:
            limit_memory(starved, None)
        session.pause()
        session.resume()
        feed(session, np.concatenate((SECOND, WAKE)))
        session.stop()
    got = list(updates)
    assert final_text(got).startswith(DIGITS_TEXT)
    assert said(got).endswith(WAKE_TEXT)
    gaps = [gap for update in got for gap in update.gaps]
    assert len([gap for gap in gaps if gap.reason == "memory"]) == session.metrics.chunks_dropped
    if more_bytes == 0:
        assert failed
        assert log.of(ChunkFailed) or log.of(WorkerRestarted)
        # Where the passes that failed were hypotheses only, the final one has the words.
        between = said(got).removeprefix(DIGITS_TEXT).removesuffix(WAKE_TEXT).strip()
        assert gaps or log.of(WorkerRestarted) or between == LONG_TEXT
