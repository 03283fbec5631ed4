"""The history in one process: what is written comes back, and is found."""

from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth._native import WavWriter
from thoth.dictation.history.store import History, HistoryEntry, history_folder
from thoth.dictation.states import STAGES
from thoth.errors import HistoryError, InvalidOption, PipelineBusy

AUDIO = b"RIFF" + bytes(2000)


def begun(history: History, audio: bytes = AUDIO) -> HistoryEntry:
    """A run whose recording is there."""
    entry = history.begin(model="nano.en")
    assert entry.audio_path is not None
    entry.audio_path.write_bytes(audio)
    return entry


def finished(history: History, text: str = "hello", state: Any = "completed", **fields: Any) -> int:
    entry = begun(history)
    history.finish(entry.id, state, text=text, raw_text=text, **fields)
    return entry.id


def test_a_run_from_beginning_to_end(history: History) -> None:
    before = datetime.now(UTC)
    entry = history.begin(model="nano.en")
    assert before - timedelta(seconds=1) < entry.created_at < datetime.now(UTC) + timedelta(seconds=1)
    assert entry.created_at.utcoffset() == timedelta(0)
    assert (entry.state, entry.model, entry.attempts, entry.in_work) == ("recording", "nano.en", 1, True)
    assert entry.audio_path is not None
    assert entry.audio_path.parent == history.folder / "recordings"
    assert entry.audio_path.name == f"{entry.created_at:%Y%m%dT%H%M%SZ}-{entry.id}.wav"
    assert not entry.audio_path.exists()

    history.update(entry.id, state="transcribing", audio_s=3.5, lost_s=0.25)
    assert history.get(entry.id).state == "transcribing"
    history.finish(
        entry.id,
        "completed",
        raw_text="um hello",
        text="Hello.",
        is_enhanced=True,
        problems=("clipboard: busy", "zwei"),
        durations={"recording": 3.5, "transcribing": 0.25},
    )
    found = history.get(entry.id)
    assert (found.state, found.raw_text, found.text, found.is_enhanced) == ("completed", "um hello", "Hello.", True)
    assert (found.audio_s, found.lost_s, found.error) == (3.5, 0.25, None)
    assert found.problems == ("clipboard: busy", "zwei")
    assert found.durations == {"recording": 3.5, "transcribing": 0.25}
    assert (found.in_work, found.interrupted) == (False, False)
    assert (found.created_at, found.audio_path) == (entry.created_at, entry.audio_path)


def test_it_is_there_when_opened_again(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        number = finished(history, "kept")
    with History(tmp_path) as history:
        assert history.get(number).text == "kept"
        assert finished(history) > number


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    for folder in (tmp_path / "open", tmp_path / "new"):
        with History(folder) as history:
            finished(history)
            for path in (*folder.glob("history.db*"), folder / "recordings", folder / "locks"):
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_folder_is_the_one_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THOTH_HISTORY", str(tmp_path / "mine"))
    with History() as history:
        assert history.folder == history_folder() == tmp_path / "mine"
        finished(history)
    assert (tmp_path / "mine" / "history.db").is_file()
    monkeypatch.delenv("THOTH_HISTORY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert history_folder() == tmp_path / "data" / "thoth" / "history"


def test_entries_come_newest_first_in_pages(history: History) -> None:
    numbers = [finished(history, f"text {number}") for number in range(7)]
    assert [entry.id for entry in history.entries()] == numbers[::-1]
    assert [entry.id for entry in history.entries(limit=3, offset=2)] == numbers[::-1][2:5]
    assert [entry.id for entry in history.entries(limit=None, offset=5)] == numbers[::-1][5:]


def test_entries_of_some_states(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        done = finished(history)
        failed = finished(history, state="failed", error="no model")
        cancelled = finished(history, state="cancelled")
        left = begun(history).id
    with History(tmp_path) as history:
        running = begun(history).id

        def those(*states: Any) -> set[int]:
            return {entry.id for entry in history.entries(states=states)}

        assert those("completed") == {done}
        assert those("failed", "cancelled") == {failed, cancelled}
        assert those("recording") == {left, running}
        assert those("interrupted") == {left}
        assert those("interrupted", "failed") == {left, failed}
        assert those() == set()
        with pytest.raises(InvalidOption, match=r"states takes recording.*interrupted, not 'done'"):
            those("done")
        history.finish(running, "completed")


@pytest.mark.parametrize(
    ("search", "found"),
    [("MILCH", {1, 2}), ("straße", {2}), ("STRASSE", {2}), ("50%", {3}), ("_", set()), ("'", {3}), ("", {1, 2, 3})],
)
def test_search_finds_any_script_and_takes_nothing_for_a_pattern(
    history: History, search: str, found: set[int]
) -> None:
    finished(history, "Milch kaufen")
    number = finished(history, "")
    history.update(number, raw_text="milch in der Straße")
    finished(history, "it's 50% off")
    assert {entry.id for entry in history.entries(search=search)} == found


def test_what_can_be_retried(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        done, failed, cancelled = (finished(history, state=state) for state in ("completed", "failed", "cancelled"))
        gone = finished(history, state="failed")
        lost_audio = history.get(gone).audio_path
        assert lost_audio is not None
        lost_audio.unlink()
        left = begun(history).id
    with History(tmp_path) as history:
        running = begun(history).id
        assert [entry.id for entry in history.retryable()] == [left, failed]
        retryable = {entry.id: entry.retryable for entry in history.entries()}
        assert retryable == {done: True, failed: True, cancelled: True, gone: False, left: True, running: False}


def test_a_claim_is_a_run_of_its_own(history: History) -> None:
    number = finished(history, state="failed", error="no model", problems=("slow",))
    claimed = history.claim(number)
    assert (claimed.state, claimed.attempts, claimed.error, claimed.problems) == ("transcribing", 2, None, ())
    assert claimed.in_work
    with pytest.raises(PipelineBusy, match=rf"dictation {number} is in work \(transcribing\)"):
        history.claim(number)
    with pytest.raises(PipelineBusy), History(history.folder) as other:
        other.claim(number)
    history.finish(number, "completed", text="at last")
    assert history.get(number).text == "at last"
    assert history.claim(number).attempts == 3


def test_a_claim_finds_out_how_long_a_broken_off_recording_is(history: History) -> None:
    entry = history.begin()
    assert entry.audio_path is not None
    with WavWriter(entry.audio_path, 16_000) as writer:
        writer.write(np.zeros(24_000, np.float32))
    history.finish(entry.id, "failed")
    assert history.claim(entry.id).audio_s == 1.5


def test_of_many_claims_at_once_one_wins(history: History) -> None:
    number = finished(history, state="failed")
    together = threading.Barrier(8)

    def claim(_: int) -> str:
        together.wait()
        try:
            return history.claim(number).state
        except PipelineBusy:
            return "busy"

    with ThreadPoolExecutor(8) as threads:
        outcomes = sorted(threads.map(claim, range(8)))
    assert outcomes == ["busy"] * 7 + ["transcribing"]
    assert history.get(number).attempts == 2


def test_a_claim_without_a_recording_is_refused(history: History) -> None:
    entry = history.begin()
    history.finish(entry.id, "failed", error="no microphone")
    with pytest.raises(HistoryError, match=rf"recording of dictation {entry.id} is gone \(.*\.wav\)"):
        history.claim(entry.id)
    assert history.get(entry.id).state == "failed"
    assert history.get(entry.id).attempts == 1


def test_a_retry_that_fails_leaves_the_text_of_the_run_before(history: History) -> None:
    number = finished(history, "precious", is_enhanced=True)
    for state in ("failed", "cancelled"):
        history.claim(number)
        history.finish(number, state, text="", raw_text="", is_enhanced=False, error="endpoint down")  # type: ignore[arg-type]
        entry = history.get(number)
        assert (entry.state, entry.text, entry.raw_text, entry.is_enhanced) == (state, "precious", "precious", True)
    history.claim(number)
    history.finish(number, "completed", text="", raw_text="")
    assert history.get(number).text == ""


def test_an_unknown_id_is_told(history: History) -> None:
    for call in (
        lambda: history.get(77),
        lambda: history.claim(77),
        lambda: history.delete(77),
        lambda: history.update(77, text="x"),
        lambda: history.finish(77, "failed"),
    ):
        with pytest.raises(HistoryError, match=r"there is no dictation 77 in .*: 'thoth history list' shows"):
            call()


def test_what_is_no_field_and_no_state_is_refused(history: History) -> None:
    entry = begun(history)
    with pytest.raises(InvalidOption, match="no field 'owner'"):
        history.update(entry.id, owner="me")  # type: ignore[call-arg]
    with pytest.raises(InvalidOption, match=r"takes recording.*outputting here, not 'completed'"):
        history.update(entry.id, state="completed")
    with pytest.raises(InvalidOption, match="takes completed, failed, cancelled here, not 'idle'"):
        history.finish(entry.id, "idle")  # type: ignore[arg-type]
    assert history.get(entry.id).in_work


def test_closing_gives_up_what_is_in_work(tmp_path: Path) -> None:
    history = History(tmp_path)
    number = begun(history).id
    with History(tmp_path) as other:
        assert other.get(number).in_work
        history.close()
        history.close()
        assert other.get(number).interrupted
        assert other.claim(number).in_work
        assert list((tmp_path / "locks").iterdir()) != []
    assert list((tmp_path / "locks").iterdir()) == []


def test_delete_takes_the_recording_along_but_not_one_in_work(history: History) -> None:
    number = finished(history)
    audio = history.get(number).audio_path
    running = begun(history)
    with pytest.raises(PipelineBusy):
        history.delete(running.id)
    history.delete(number)
    assert audio is not None
    assert not audio.exists()
    assert [entry.id for entry in history.entries()] == [running.id]
    assert running.audio_path is not None
    assert running.audio_path.exists()


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(), max_size=60), problem=st.text(st.characters(), max_size=20))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str, problem: str) -> None:
    with History(tmp_path_factory.getbasetemp() / "any") as history:
        number = history.begin().id
        history.finish(number, "failed", text=text, error=text, problems=[problem])
        entry = history.get(number)
    # A lone surrogate is no character: it is written out.
    expected = text.encode("utf-8", "backslashreplace").decode()
    assert (entry.text, entry.error, entry.problems) == (expected, expected, (problem,))


def test_many_threads_at_once(history: History) -> None:
    def runs(thread: int) -> list[int]:
        numbers = []
        for turn in range(15):
            entry = history.begin()
            for state in STAGES[1:]:
                history.update(entry.id, state=state)
            history.finish(entry.id, "completed", text=f"{thread} {turn}")
            numbers.append(entry.id)
        return numbers

    with ThreadPoolExecutor(6) as threads:
        numbers = [number for part in threads.map(runs, range(6)) for number in part]
    entries = history.entries(limit=None)
    assert {entry.id for entry in entries} == set(numbers)
    assert len(entries) == 90
    assert {entry.text for entry in entries} == {f"{thread} {turn}" for thread in range(6) for turn in range(15)}
    assert {entry.state for entry in entries} == {"completed"}


def test_walking_meets_each_once_also_of_one_moment(history: History) -> None:
    numbers = [history.begin().id for _ in range(5)]
    with sqlite3.connect(history.folder / "history.db") as outside:
        outside.execute("UPDATE entries SET created_s = 1e9 + 0.1234567890123")
        outside.executemany(
            "INSERT INTO entries (created_s, state) VALUES (1e9 + ?, 'completed')",
            [(number % 7 / 10 + 0.12345678,) for number in range(995)],
        )
    outside.close()
    met = list(history.walk())
    assert len(met) == len({entry.id for entry in met}) == 1000
    assert [entry.created_at for entry in met] == sorted(entry.created_at for entry in met)
    assert set(numbers) <= {entry.id for entry in met}


def test_lists_are_read_off_an_index(history: History) -> None:
    with sqlite3.connect(history.folder / "history.db") as outside:
        plan = outside.execute("EXPLAIN QUERY PLAN SELECT * FROM entries ORDER BY created_s DESC, id DESC LIMIT 20")
        steps = [row[-1] for row in plan]
    outside.close()
    assert steps == ["SCAN entries USING INDEX entries_by_time"]
