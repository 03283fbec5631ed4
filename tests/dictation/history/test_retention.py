"""What is removed of the history, and what is not."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from thoth.dictation.history.store import MAX_AGE_DAYS, MAX_BYTES, History, Pruned
from thoth.errors import InvalidOption

DAY_S = 86_400


def made(history: History, size: int, age_days: float = 0, state: Any = "completed") -> int:
    """A finished dictation with a recording of `size` bytes, made `age_days` ago."""
    entry = history.begin()
    assert entry.audio_path is not None
    if size:
        entry.audio_path.write_bytes(bytes(size))
    history.finish(entry.id, state)
    with sqlite3.connect(history.folder / "history.db") as outside:
        outside.execute("UPDATE entries SET created_s = ? WHERE id = ?", (time.time() - age_days * DAY_S, entry.id))
    outside.close()
    return entry.id


def orphan(history: History, name: str, size: int, age_days: float) -> Path:
    path = history.folder / "recordings" / name
    path.write_bytes(bytes(size))
    modified = time.time() - age_days * DAY_S
    os.utime(path, (modified, modified))
    return path


def left(history: History) -> list[int]:
    return [entry.id for entry in history.walk()]


def recordings(history: History) -> set[int]:
    return {int(path.stem.split("-")[1]) for path in (history.folder / "recordings").iterdir()}


def test_what_is_too_old_goes_whatever_became_of_it(history: History) -> None:
    for state in ("completed", "failed", "cancelled"):
        made(history, 100, age_days=91, state=state)
    made(history, 0, age_days=91, state="failed")
    young = made(history, 100, age_days=89)
    assert history.prune() == Pruned(entries=4, orphans=0, freed_bytes=300)
    assert left(history) == [young]
    assert recordings(history) == {young}
    assert history.prune() == Pruned(0, 0, 0)


def test_the_oldest_go_until_the_rest_is_small_enough(history: History) -> None:
    numbers = [made(history, 1000, age_days=10 - number) for number in range(5)]
    silent = made(history, 0, age_days=20)
    assert history.prune(max_bytes=2500) == Pruned(entries=3, orphans=0, freed_bytes=3000)
    assert left(history) == [silent, *numbers[3:]]  # one without a recording frees nothing
    assert history.prune(max_bytes=2000) == Pruned(0, 0, 0)


def test_limits_are_those_the_history_was_made_with_unless_given(tmp_path: Path) -> None:
    with History(tmp_path, max_age_days=5, max_bytes=1500) as history:
        old, _, young = (made(history, 1000, age_days=days) for days in (6, 2, 1))
        assert history.prune(max_age_days=None, max_bytes=None) == Pruned(0, 0, 0)
        assert history.prune(max_bytes=None) == Pruned(1, 0, 1000)
        assert old not in left(history)
        assert history.prune() == Pruned(1, 0, 1000)
        assert left(history) == [young]
    with History(tmp_path, max_age_days=None, max_bytes=None) as history:
        made(history, 1000, age_days=10_000)
        assert history.prune() == Pruned(0, 0, 0)
    with History(tmp_path) as history:
        assert (history.limits.max_age_days, history.limits.max_bytes) == (MAX_AGE_DAYS, MAX_BYTES) == (90, 2**31)


def test_a_dry_run_tells_the_same_and_removes_nothing(history: History) -> None:
    numbers = [made(history, 1000, age_days=10 - number) for number in range(4)]
    lost = orphan(history, "20200101T000000Z-999.wav", 500, age_days=50)
    told = history.prune(max_age_days=7.5, dry_run=True)
    assert told == Pruned(entries=3, orphans=1, freed_bytes=3500)
    assert left(history) == numbers
    assert lost.exists()
    assert history.prune(max_age_days=7.5) == told
    assert left(history) == numbers[3:]


def test_runs_in_work_stay(history: History) -> None:
    running = history.begin()
    assert running.audio_path is not None
    running.audio_path.write_bytes(bytes(5000))
    done = made(history, 100)
    assert history.prune(max_age_days=0, max_bytes=0) == Pruned(1, 0, 100)
    assert left(history) == [running.id]
    assert recordings(history) == {running.id}
    history.finish(running.id, "completed")
    assert history.prune(max_bytes=0) == Pruned(1, 0, 5000)
    assert done not in left(history)


def test_recordings_without_an_entry_go_by_the_same_measure_but_not_within_a_day(history: History) -> None:
    name = "20200101T000000Z-{}.wav".format
    old, day, new = (orphan(history, name(n), 1000, age_days=age) for n, age in ((901, 95), (902, 1.5), (903, 0.9)))
    notes = history.folder / "recordings" / "notes.txt"
    notes.write_text("of somebody else")
    os.utime(notes, (0, 0))
    assert history.prune() == Pruned(entries=0, orphans=1, freed_bytes=1000)
    assert (old.exists(), day.exists(), new.exists()) == (False, True, True)
    assert history.prune(max_bytes=0) == Pruned(entries=0, orphans=1, freed_bytes=1000)
    assert (day.exists(), new.exists(), notes.exists()) == (False, True, True)


@pytest.mark.parametrize("limits", [{"max_age_days": -1}, {"max_age_days": float("nan")}, {"max_bytes": -1}])
def test_limits_that_make_no_sense_are_refused(tmp_path: Path, history: History, limits: dict[str, Any]) -> None:
    (name,) = limits
    with pytest.raises(InvalidOption, match=name):
        History(tmp_path / "other", **limits)
    with pytest.raises(InvalidOption, match=name):
        history.prune(**limits)
