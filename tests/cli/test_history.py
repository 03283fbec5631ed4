"""`thoth history` in processes of its own."""

from __future__ import annotations

import csv
import io
import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from history_process import run_up_to
from small_terminal import OnTerminal, SmallTerminal
from thoth_command import RECORDINGS, TRUE_TEXTS, ThothCommand, words

from thoth._native import WavWriter
from thoth.audio.decode import decode
from thoth.dictation.history.store import History

pytestmark = pytest.mark.timeout(120)

DIGITS = RECORDINGS / "digits_07_4.flac"
TEN_DIGITS = RECORDINGS / "digits_17_10.flac"
EVIL = "one\x1b[2J two\x07\x9b31m three\u202e\nfour 日本語\u3000五"
SAFE = "one\\x1b[2J two\\x07\\x9b31m three\\u202e\nfour 日本語\u3000五"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def history(folder: Path) -> Iterator[History]:
    with History(folder) as history:
        yield history


@pytest.fixture
def thoth(tmp_path: Path, folder: Path) -> ThothCommand:
    command = ThothCommand(tmp_path / "models")
    command.environment |= {
        "THOTH_HISTORY": str(folder),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    return command


def made(history: History, state: Any = "completed", recording: Path | None = None, **fields: Any) -> int:
    entry = history.begin(model="nano.en")
    assert entry.audio_path is not None
    samples = np.zeros(1600, np.float32) if recording is None else decode(recording)
    with WavWriter(entry.audio_path, 16_000) as writer:
        writer.write(samples)
    history.finish(entry.id, state, **fields)
    return entry.id


def one_error(run: Any, code: int = 1) -> str:
    assert (run.returncode, run.stdout) == (code, "")
    assert run.stderr.startswith("thoth: error: ")
    assert run.stderr.count("\n") == 1
    return str(run.stderr)


def on_terminal(thoth: ThothCommand, *arguments: str, columns: int = 90) -> list[str]:
    with OnTerminal(thoth, *arguments, columns=columns, lines=50) as run:
        assert run.end() == 0
        screen = SmallTerminal(columns, 50)
        screen.take(run.drawn)
    assert screen.wrapped == 0
    return screen.text()


def test_list_through_a_pipe_is_a_json_object_in_each_line(thoth: ThothCommand, history: History) -> None:
    first = made(history, text="buy milk", audio_s=2.5)
    second = made(history, "failed", error="model missing")
    run = thoth("history", "list")
    assert (run.returncode, run.stderr) == (0, "")
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(row["id"], row["state"], row["text"], row["error"], row["retryable"]) for row in rows] == [
        (second, "failed", "", "model missing", True),
        (first, "completed", "buy milk", None, True),
    ]
    assert rows[1]["audio_path"] == str(history.get(first).audio_path)


def test_list_limits_searches_and_picks_what_failed(thoth: ThothCommand, history: History, folder: Path) -> None:
    for number in range(25):
        made(history, text=f"Nummer {number}: Straße")
    failed = made(history, "failed", raw_text="STRASSE")
    made(history, "cancelled")
    process, killed = run_up_to(folder, "enhancing", b"RIFF" + bytes(100))
    with process:
        process.kill()

        def ids(*arguments: str) -> list[int]:
            run = thoth("history", "list", *arguments)
            assert run.returncode == 0
            return [json.loads(line)["id"] for line in run.stdout.splitlines()]

        assert len(ids()) == 20
        assert ids("--failed") == [killed, failed]
        assert ids("--search", "strasse", "-n", "3") == [failed, 25, 24]
        assert ids("--search", "nummer 7") == [8]


def test_on_a_terminal_a_table_fits_and_nothing_steers_it(thoth: ThothCommand, history: History) -> None:
    evil = made(history, text=EVIL + " and on" * 30, audio_s=2.5)
    failed = made(history, "failed", error="\x1b]0;title\x07 no model")
    header, *rows = on_terminal(thoth, "history", "list", columns=96)
    assert header.split() == ["ID", "WHEN", "STATE", "LENGTH", "TEXT"]
    when = f"{history.get(evil).created_at:%Y-%m-%d %H:%M:%S}"
    assert rows[0].startswith(f" {failed}  ")
    assert rows[0].split(maxsplit=4)[3:] == ["failed", "\\x1b]0;title\\x07 no model"]
    assert rows[1].startswith(
        f" {evil}  {when}  completed   2.5 s  one\\x1b[2J two\\x07\\x9b31m three\\u202e four 日本語"
    )
    assert rows[1].endswith("…")
    assert len(rows) == 2
    assert json.loads(on_terminal(thoth, "history", "list", "--json", "-n1", columns=900)[0])["id"] == failed


def test_json_is_safe_on_a_terminal_and_means_the_same(thoth: ThothCommand, history: History) -> None:
    made(history, text=EVIL)
    line = thoth("history", "list", "--json").stdout
    assert json.loads(line)["text"] == EVIL
    assert line.rstrip("\n").isprintable()
    assert "日本語" in line


def test_show_tells_all_of_one(thoth: ThothCommand, history: History) -> None:
    number = made(
        history,
        text=EVIL,
        raw_text="raw",
        is_enhanced=True,
        audio_s=0.1,
        lost_s=0.02,
        durations={"recording": 2.5, "transcribing": 0.25},
        problems=["clipboard: busy", "slow"],
    )
    run = thoth("history", "show", str(number))
    assert (run.returncode, run.stderr) == (0, "")
    entry = history.get(number)
    assert run.stdout == (
        f"dictation: {number}\n"
        f"when:      {entry.created_at:%Y-%m-%d %H:%M:%S}\n"
        "state:     completed\n"
        f"audio:     {entry.audio_path} (0.1 s, 0.02 s of it lost)\n"
        "model:     nano.en\n"
        "attempts:  1\n"
        "stages:    recording 2.50 s, transcribing 0.25 s\n"
        "problems:  clipboard: busy; slow\n"
        "enhanced:  yes\n"
        f"\ntext:\n{SAFE}\n"
        "\nraw text:\nraw\n"
    )
    assert json.loads(thoth("history", "show", str(number), "--json").stdout)["raw_text"] == "raw"


def test_show_tells_why_and_what_is_missing(thoth: ThothCommand, history: History, folder: Path) -> None:
    failed = made(history, "failed", error="no\nmodel")
    path = history.get(failed).audio_path
    assert path is not None
    path.unlink()
    shown = thoth("history", "show", str(failed)).stdout
    assert "state:     failed: no\\nmodel\n" in shown
    assert f"audio:     {path} (not there)\n" in shown
    process, killed = run_up_to(folder, "filtering", b"RIFF")
    with process:
        assert "state:     filtering\n" in thoth("history", "show", str(killed)).stdout
        process.kill()
        assert "state:     interrupted while filtering\n" in thoth("history", "show", str(killed)).stdout


@pytest.mark.parametrize("command", [("show", "7"), ("retry", "7")])
def test_an_unknown_id_is_one_line(thoth: ThothCommand, folder: Path, command: tuple[str, ...]) -> None:
    assert f"there is no dictation 7 in {folder}" in one_error(thoth("history", *command))


def test_an_empty_history_is_one_line_and_no_failure(thoth: ThothCommand, folder: Path) -> None:
    for command in (("list",), ("list", "--json"), ("export",)):
        run = thoth("history", *command)
        assert (run.returncode, run.stdout) == (0, "")
        assert run.stderr == f"thoth: no dictations yet in {folder}\n"
    run = thoth("history", "retry", "--all")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "thoth: nothing to retry\n")
    assert thoth("history", "list", "--search", "x").stderr == f"thoth: no such dictations in {folder}\n"


@pytest.mark.parametrize(
    ("arguments", "words_"),
    [
        (("retry",), "give the ID of one dictation, or --all"),
        (("retry", "1", "--all"), "give the ID of one dictation, or --all"),
        (("export", "-f", "xml"), "--format takes json, jsonl, csv, txt, md, not 'xml'"),
        (("prune", "--larger-than", "lots"), "--larger-than takes a size such as 500MB"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(thoth: ThothCommand, arguments: tuple[str, ...], words_: str) -> None:
    assert words_ in one_error(thoth("history", *arguments), 2)


def test_a_history_that_cannot_be_used_is_one_line(thoth: ThothCommand, folder: Path) -> None:
    folder.write_text("a file")
    assert "choose another folder with THOTH_HISTORY" in one_error(thoth("history", "list"))


def test_retry_gives_the_text_of_one(thoth: ThothCommand, history: History) -> None:
    number = made(history, "failed", DIGITS, error="model missing")
    run = thoth("history", "retry", str(number), "-m", "nano.en")
    assert (run.returncode, run.stderr) == (0, "")
    assert words(run.stdout) == words(TRUE_TEXTS[DIGITS.name])
    entry = history.get(number)
    assert (entry.state, entry.error, entry.attempts) == ("completed", None, 2)
    assert entry.text == run.stdout.rstrip("\n")


def test_retry_all_takes_what_failed_or_was_interrupted(thoth: ThothCommand, history: History, folder: Path) -> None:
    first = made(history, "failed", DIGITS)
    process, killed = run_up_to(folder, "transcribing", b"RIFF")
    with process:
        process.kill()
    half = history.get(killed).audio_path
    assert half is not None
    half.write_bytes(TEN_DIGITS.read_bytes())
    done = made(history, "completed", DIGITS, text="as it was")
    cancelled = made(history, "cancelled", DIGITS)
    unreadable = made(history, "failed")
    path = history.get(unreadable).audio_path
    assert path is not None
    path.write_bytes(b"no audio at all")
    run = thoth("history", "retry", "--all", "-q")
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    assert [words(line) for line in lines] == [words(TRUE_TEXTS[name.name]) for name in (DIGITS, TEN_DIGITS)]
    assert run.stderr.startswith(f"thoth: error: dictation {unreadable}: ")
    states = {entry.id: entry.state for entry in history.walk()}
    expected = {
        first: "completed",
        killed: "completed",
        done: "completed",
        cancelled: "cancelled",
        unreadable: "failed",
    }
    assert states == expected
    assert history.get(done).text == "as it was"


def test_a_retry_that_somebody_else_has_begun_is_told(thoth: ThothCommand, history: History) -> None:
    number = made(history, "failed", DIGITS)
    history.claim(number)
    assert f"dictation {number} is in work (transcribing)" in one_error(thoth("history", "retry", str(number), "-q"))
    history.finish(number, "failed")
    path = history.get(number).audio_path
    assert path is not None
    path.unlink()
    assert f"the recording of dictation {number} is gone" in one_error(thoth("history", "retry", str(number), "-q"))


def test_ctrl_c_cancels_a_retry_and_keeps_the_recording(thoth: ThothCommand, history: History) -> None:
    entry = history.begin()
    assert entry.audio_path is not None
    speech = np.tile(decode(TEN_DIGITS), 60)
    with WavWriter(entry.audio_path, 16_000) as writer:
        writer.write(speech)
    history.finish(entry.id, "failed")
    with ExitStack() as stack:
        run = stack.enter_context(thoth.start("history", "retry", str(entry.id), "-q"))
        while not history.get(entry.id).in_work:
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) == 130
        assert run.stderr is not None
        assert b"interrupted" in run.stderr.read()
    after = history.get(entry.id)
    assert (after.state, after.retryable) == ("cancelled", True)


def test_export_to_a_file_and_to_stdout(thoth: ThothCommand, history: History, tmp_path: Path) -> None:
    for text in (EVIL, "second"):
        made(history, text=text)
    for name in ("all.json", "all.csv", "all.md", "all.txt", "all.jsonl", "all.bin"):
        run = thoth("history", "export", tmp_path / name)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert [row["text"] for row in json.loads((tmp_path / "all.json").read_text())] == [EVIL, "second"]
    with (tmp_path / "all.csv").open(newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [EVIL, "second"]
    assert (tmp_path / "all.md").read_text().startswith("# Dictations\n")
    lines = (tmp_path / "all.jsonl").read_text()
    assert (tmp_path / "all.bin").read_text() == lines
    assert thoth("history", "export").stdout == thoth("history", "export", "-").stdout == lines
    assert EVIL in thoth("history", "export", "-f", "txt").stdout  # in a pipe, as it is
    piped = thoth("history", "export", "-f", "csv").stdout
    assert next(csv.DictReader(io.StringIO(piped, newline="")))["text"] == EVIL


def test_export_on_a_terminal_is_safe(thoth: ThothCommand, history: History) -> None:
    made(history, text=EVIL)
    shown = "\n".join(on_terminal(thoth, "history", "export", "-f", "txt"))
    assert SAFE in shown


def test_export_leaves_a_file_that_is_there_and_none_that_is_half(
    thoth: ThothCommand, history: History, tmp_path: Path
) -> None:
    made(history, text="x" * 1000)
    there = tmp_path / "there.json"
    there.write_text("mine")
    assert "there.json exists and was left as it is" in one_error(thoth("history", "export", there))
    assert there.read_text() == "mine"
    assert "cannot write" in one_error(thoth("history", "export", tmp_path / "no folder" / "all.json"))
    assert "cannot write" in one_error(thoth("history", "export", Path("/proc/all.json")))


def test_prune_tells_what_went(thoth: ThothCommand, history: History, folder: Path) -> None:
    old, young = made(history, text="old"), made(history, text="young")
    with sqlite3.connect(folder / "history.db") as outside:
        outside.execute("UPDATE entries SET created_s = created_s - 100 * 86400 WHERE id = ?", (old,))
    outside.close()
    size = 80 + 3200
    for arguments, told in (
        (("--dry-run",), "would remove 1 dictations, 0.0 MiB\n"),
        (("--older-than", "101"), "removed 0 dictations, 0.0 MiB\n"),
        (("--larger-than", f"{2 * size}"), "removed 0 dictations, 0.0 MiB\n"),
        ((), "removed 1 dictations, 0.0 MiB\n"),
        (("--larger-than", "3.2KiB", "--dry-run"), "would remove 1 dictations, 0.0 MiB\n"),
        (("--larger-than", "4kB"), "removed 0 dictations, 0.0 MiB\n"),
    ):
        run = thoth("history", "prune", *arguments)
        assert (run.returncode, run.stdout, run.stderr) == (0, told, ""), arguments
    assert [entry.id for entry in history.walk()] == [young]


def test_the_configured_history_is_the_one(thoth: ThothCommand, tmp_path: Path) -> None:
    with History(tmp_path / "other") as other:
        made(other, text="over there")
    run = thoth("history", "list", THOTH_HISTORY_FOLDER=str(tmp_path / "other"))
    assert json.loads(run.stdout)["text"] == "over there"
