"""The history as other programs, and people, read it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any, Final, Literal, Protocol, get_args

from thoth.dictation.history.entry import HistoryEntry
from thoth.errors import InvalidOption

ExportFormat = Literal["json", "jsonl", "csv", "txt", "md"]
EXPORT_FORMATS: Final[tuple[ExportFormat, ...]] = get_args(ExportFormat)


class TextSink(Protocol):
    """Anything that takes text."""

    def write(self, text: str, /) -> object:
        """Take a piece of it."""


def write_entries(entries: Iterable[HistoryEntry], stream: TextSink, format: str) -> None:  # noqa: A002
    """Write entries as they come. Raises InvalidOption for a format there is not, and what the stream raises."""
    if format not in _WRITERS:
        raise InvalidOption(f"format takes {', '.join(EXPORT_FORMATS)}, not {format!r}")
    _WRITERS[format](entries, stream)


def as_plain(entry: HistoryEntry) -> dict[str, Any]:
    """Return an entry as JSON values, under the names of HistoryEntry's fields."""
    return {
        "id": entry.id,
        "created_at": entry.created_at.isoformat(),
        "state": entry.state,
        "interrupted": entry.interrupted,
        "text": entry.text,
        "raw_text": entry.raw_text,
        "is_enhanced": entry.is_enhanced,
        "model": entry.model,
        "audio_path": None if entry.audio_path is None else _as_text(entry.audio_path),
        "audio_s": entry.audio_s,
        "lost_s": entry.lost_s,
        "durations": dict(entry.durations),
        "attempts": entry.attempts,
        "error": entry.error,
        "problems": list(entry.problems),
    }


def state_in_words(entry: HistoryEntry) -> str:
    """Tell the state, with what is known of its end."""
    if entry.interrupted:
        return f"interrupted while {entry.state}"
    return f"{entry.state}: {entry.error}" if entry.error else entry.state


def _write_json(entries: Iterable[HistoryEntry], stream: TextSink) -> None:
    before = "[\n"
    for entry in entries:
        stream.write(f"{before}{_json_line(entry)}")
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def _write_jsonl(entries: Iterable[HistoryEntry], stream: TextSink) -> None:
    for entry in entries:
        stream.write(f"{_json_line(entry)}\n")


def _write_csv(entries: Iterable[HistoryEntry], stream: TextSink) -> None:
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(_CSV_COLUMNS)
    for entry in entries:
        plain = as_plain(entry)
        nested = {name: _json(plain[name]) for name in ("durations", "problems")}
        rows.writerow([{**plain, **nested}[name] for name in _CSV_COLUMNS])


def _write_txt(entries: Iterable[HistoryEntry], stream: TextSink) -> None:
    for entry in entries:
        stream.write(f"{_heading(entry)}\n{_body(entry)}\n\n")


def _write_md(entries: Iterable[HistoryEntry], stream: TextSink) -> None:
    stream.write("# Dictations\n")
    for entry in entries:
        stream.write(f"\n## {_heading(entry)}\n\n{_body(entry)}\n")


def _heading(entry: HistoryEntry) -> str:
    return f"{entry.created_at:%Y-%m-%d %H:%M:%S} UTC (dictation {entry.id})"


def _body(entry: HistoryEntry) -> str:
    """Give the text; of what did not end well, that as well, so that nothing is missing unseen."""
    state = "" if entry.state == "completed" else f"[{state_in_words(entry)}]"
    return "\n".join(part for part in (state, entry.text or entry.raw_text) if part)


def _json_line(entry: HistoryEntry) -> str:
    return _json(as_plain(entry))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _as_text(path: PurePath) -> str:
    """Give a path as it may stand in a UTF-8 file."""
    return str(path).encode("utf-8", "backslashreplace").decode()


_CSV_COLUMNS: Final = (
    "id",
    "created_at",
    "state",
    "interrupted",
    "text",
    "raw_text",
    "is_enhanced",
    "model",
    "audio_path",
    "audio_s",
    "lost_s",
    "durations",
    "attempts",
    "error",
    "problems",
)

_WRITERS: Final[dict[str, Callable[[Iterable[HistoryEntry], TextSink], None]]] = {
    "json": _write_json,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "txt": _write_txt,
    "md": _write_md,
}
