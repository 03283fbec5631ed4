"""The history among several processes: at once, killed, and forked."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path

import filelock
import pytest
from history_process import history_process, run_up_to

from thoth.dictation.history import locks
from thoth.dictation.history.store import History
from thoth.dictation.states import STAGES
from thoth.errors import PipelineBusy

pytestmark = pytest.mark.timeout(120)

AUDIO = b"RIFF" + bytes(range(256)) * 8


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    code = """
tell("ready")
me = input()
for turn in range(60):
    entry = history.begin(model=me)
    history.update(entry.id, state="outputting", text=f"{me} {turn}")
    history.finish(entry.id, "completed")
tell("done")
"""
    with ExitStack() as stack:
        processes = [stack.enter_context(history_process(tmp_path, code)) for _ in range(2)]
        for process in processes:
            assert process.line() == "ready"
        for process in processes:
            process.go_on()
        for process in processes:
            assert process.outcome() == (0, "done\n", "")
    with History(tmp_path) as history:
        entries = history.entries(limit=None)
    assert len({entry.id for entry in entries}) == 120
    assert sorted(entry.text for entry in entries) == sorted(f" {turn}" for turn in range(60) for _ in range(2))
    assert {entry.state for entry in entries} == {"completed"}
    assert list((tmp_path / "locks").iterdir()) == []


@pytest.mark.parametrize("state", STAGES)
def test_a_run_killed_in_any_state_can_be_claimed_after_a_restart(tmp_path: Path, state: str) -> None:
    process, number = run_up_to(tmp_path, state, AUDIO)
    with process:
        with History(tmp_path) as history:
            before = history.get(number)
            assert (before.state, before.in_work, before.retryable) == (state, True, False)
            assert history.retryable() == []
            with pytest.raises(PipelineBusy):
                history.claim(number)
        process.kill()
    with History(tmp_path) as history:
        left = history.get(number)
        assert (left.state, left.interrupted, left.retryable) == (state, True, True)
        assert left.raw_text == f"as far as {state}"
        assert left.audio_path is not None
        assert left.audio_path.read_bytes() == AUDIO
        assert [entry.id for entry in history.retryable()] == [number]
        claimed = history.claim(number)
        assert (claimed.state, claimed.attempts, claimed.in_work) == ("transcribing", 2, True)
        history.finish(number, "completed", text="said and not lost")
        assert history.retryable() == []


def test_of_two_retries_at_once_one_wins(tmp_path: Path) -> None:
    code = """
tell("ready")
input()
told(lambda: history.claim(1).state)
input()
"""
    with History(tmp_path) as history:
        entry = history.begin()
        assert entry.audio_path is not None
        entry.audio_path.write_bytes(AUDIO)
    with ExitStack() as stack:
        processes = [stack.enter_context(history_process(tmp_path, code)) for _ in range(4)]
        for process in processes:
            assert process.line() == "ready"
        for process in processes:
            process.go_on()
        assert sorted(process.line() for process in processes) == ["PipelineBusy"] * 3 + ["did transcribing"]
        with History(tmp_path) as history:
            assert history.get(1).attempts == 2


def test_another_one_who_looks_is_not_taken_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, number = run_up_to(tmp_path, "recording", AUDIO)
    with process:
        process.kill()
    # Whoever looks takes the lock for a moment, here for a long one.
    monkeypatch.setattr(locks, "_PROBE_S", 30)
    (path,) = (tmp_path / "locks").iterdir()
    looking = filelock.FileLock(path, thread_local=False)
    looking.acquire()
    done = threading.Timer(0.2, looking.release)
    done.start()
    with History(tmp_path) as history:
        assert history.get(number).interrupted
    done.join()
    assert list((tmp_path / "locks").iterdir()) == []


def test_pruning_leaves_the_runs_of_other_processes(tmp_path: Path) -> None:
    process, number = run_up_to(tmp_path, "enhancing", AUDIO)
    with process, History(tmp_path) as history:
        assert history.prune(max_age_days=0, max_bytes=0).entries == 0
        assert history.get(number).in_work
        process.kill()
        assert history.prune(max_age_days=0, max_bytes=0).entries == 1
    assert list((tmp_path / "recordings").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_told_and_harms_nothing(tmp_path: Path) -> None:
    code = f"""
import json, os, sys
entry = history.begin()
entry.audio_path.write_bytes({AUDIO!r})
child = os.fork()
if child == 0:
    outcomes = []
    def tried(work):
        try:
            work()
            outcomes.append("done")
        except Exception as error:
            outcomes.append(f"{{type(error).__name__}}: {{error}}")
    tried(history.begin)
    tried(lambda: history.get(1))
    tried(lambda: history.finish(1, "failed"))
    tried(lambda: history.prune(max_age_days=0))
    history.close()
    with History({str(tmp_path)!r}) as own:
        outcomes.append(own.get(1).in_work)
        own.finish(own.begin().id, "completed", text="of the child")
    tell(json.dumps(outcomes))
    sys.exit(0)
os.waitpid(child, 0)
tell(history.get(1).in_work, history.get(2).text)
history.finish(1, "completed", text="of the parent")
"""
    with history_process(tmp_path, code) as process:
        outcomes = json.loads(process.line())
        told = "this history was opened before the process forked: open it in the child"
        assert outcomes == [*[f"HistoryError: {tmp_path / 'history.db'}: {told}"] * 4, True]
        assert process.outcome() == (0, "True of the child\n", "")
    with History(tmp_path) as history:
        assert [(entry.id, entry.text) for entry in history.walk()] == [(1, "of the parent"), (2, "of the child")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_outlives_its_parent_keeps_no_run_in_work(tmp_path: Path) -> None:
    code = f"""
import os
entry = history.begin()
entry.audio_path.write_bytes({AUDIO!r})
child = os.fork()
if child == 0:
    os.read(0, 1)  # as long as the test wants
    os._exit(0)
tell(entry.id, child)
input()
"""
    with history_process(tmp_path, code) as process:
        number, child = map(int, process.line().split())
        with History(tmp_path) as history:
            assert history.get(number).in_work
            process.kill()
            assert history.get(number).interrupted
            os.kill(child, 0)
            os.kill(child, signal.SIGKILL)
