"""The history as other programs read it."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import tracemalloc
from typing import Any

import pytest

from thoth.dictation.history.store import History
from thoth.errors import HistoryError, InvalidOption

TEXT = 'He said "yes", then\nleft; 50 € — naïve 日本語 = +1'


@pytest.fixture
def filled(history: History) -> History:
    """One that went well, one that failed, and one that was interrupted."""
    first = history.begin(model="nano.en")
    history.finish(
        first.id,
        "completed",
        text=TEXT,
        raw_text="raw",
        is_enhanced=True,
        audio_s=2.5,
        durations={"recording": 2.5},
        problems=["slow"],
    )
    second = history.begin()
    history.finish(second.id, "failed", raw_text="half", error="model\nmissing")
    history.begin()
    history.close()
    return history


def exported(history: History, format_: Any) -> str:
    stream = io.StringIO(newline="")
    history.export(stream, format_)
    return stream.getvalue()


@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_json_holds_everything(filled: History, format_: str) -> None:
    text = exported(filled, format_)
    found = json.loads(text) if format_ == "json" else [json.loads(line) for line in text.splitlines()]
    assert len(found) == 3
    for row, entry in zip(found, filled.walk(), strict=True):
        assert row == {
            "id": entry.id,
            "created_at": entry.created_at.isoformat(),
            "state": entry.state,
            "interrupted": entry.interrupted,
            "text": entry.text,
            "raw_text": entry.raw_text,
            "is_enhanced": entry.is_enhanced,
            "model": entry.model,
            "audio_path": str(entry.audio_path),
            "audio_s": entry.audio_s,
            "lost_s": entry.lost_s,
            "durations": entry.durations,
            "attempts": entry.attempts,
            "error": entry.error,
            "problems": list(entry.problems),
        }
    assert [row["text"] for row in found] == [TEXT, "", ""]
    assert [row["interrupted"] for row in found] == [False, False, True]


def test_csv_comes_back_from_a_csv_reader(filled: History) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(filled, "csv"), newline="")))
    assert [row["text"] for row in rows] == [TEXT, "", ""]
    assert [row["error"] for row in rows] == ["", "model\nmissing", ""]
    assert json.loads(rows[0]["durations"]) == {"recording": 2.5}
    assert json.loads(rows[0]["problems"]) == ["slow"]
    assert rows[0].keys() == json.loads(exported(filled, "json"))[0].keys()


@pytest.mark.parametrize("format_", ["txt", "md"])
def test_for_people_it_holds_the_texts_and_what_is_missing(filled: History, format_: str) -> None:
    text = exported(filled, format_)
    first, second, third = filled.walk()
    stamps = [f"{entry.created_at:%Y-%m-%d %H:%M:%S} UTC (dictation {entry.id})" for entry in (first, second, third)]
    if format_ == "txt":
        failed = "[failed: model\nmissing]\nhalf"
        assert text == f"{stamps[0]}\n{TEXT}\n\n{stamps[1]}\n{failed}\n\n{stamps[2]}\n[interrupted while recording]\n\n"
    else:
        assert text.startswith(f"# Dictations\n\n## {stamps[0]}\n\n{TEXT}\n\n## {stamps[1]}\n\n[failed")
        assert text.endswith(f"## {stamps[2]}\n\n[interrupted while recording]\n")


@pytest.mark.parametrize(("format_", "empty"), [("json", "[]\n"), ("jsonl", ""), ("txt", ""), ("md", "# Dictations\n")])
def test_an_empty_history_is_a_valid_file(history: History, format_: str, empty: str) -> None:
    assert exported(history, format_) == empty
    assert len(list(csv.reader(io.StringIO(exported(history, "csv"))))) == 1


def test_another_format_is_refused_before_anything_is_written(filled: History) -> None:
    stream = io.StringIO()
    with pytest.raises(InvalidOption, match="format takes json, jsonl, csv, txt, md, not 'xml'"):
        filled.export(stream, "xml")  # type: ignore[arg-type]
    assert stream.getvalue() == ""


def test_what_the_stream_raises_is_its_own(filled: History) -> None:
    class Full:
        def write(self, text: str) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        filled.export(Full(), "csv")
    assert not isinstance(caught.value, HistoryError)


@pytest.mark.parametrize("format_", ["json", "jsonl", "csv", "txt", "md"])
def test_it_takes_bounded_memory(history: History, format_: Any) -> None:
    with sqlite3.connect(history.folder / "history.db") as outside:
        outside.executemany(
            "INSERT INTO entries (created_s, state, text) VALUES (?, 'completed', ?)",
            ((1e9 + number, "x" * 10_000) for number in range(2000)),
        )
    outside.close()

    class Counter:
        size = 0

        def write(self, text: str) -> None:
            self.size += len(text)

    counter = Counter()
    history.export(counter, format_)  # imports what it needs
    tracemalloc.start()
    try:
        history.export(counter, format_)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counter.size > 2 * 20_000_000
    assert peak < 8_000_000


def test_others_may_write_while_it_is_read(filled: History) -> None:
    with History(filled.folder) as reader, History(filled.folder) as writer:
        walked = reader.walk()
        next(walked)
        number = writer.begin().id
        writer.finish(number, "completed", text="meanwhile")
        assert reader.get(number).text == "meanwhile"
        assert [entry.id for entry in walked] == [2, 3, number]
