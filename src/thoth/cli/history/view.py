"""How `thoth history` shows dictations, on a terminal and to other programs."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from thoth.cli.inputs import printable
from thoth.dictation.history.entry import HistoryEntry
from thoth.dictation.history.export import as_plain, state_in_words

_JSON_SAFE: Final = re.compile(r"[^\x20-\x7e]")
_STYLES: Final = {"completed": "green", "failed": "red", "interrupted": "red", "cancelled": "dim"}
_GIB: Final = 2**30
_MIB: Final = 2**20


def shown(text: str) -> str:
    """Give a text as it may go to a terminal: its lines stay lines; what else would steer a terminal is written out.

    Spaces of every width stay, too, as Japanese and French texts have them.
    """
    return "".join(char if char == "\n" or unicodedata.category(char) == "Zs" else printable(char) for char in text)


def json_line(entry: HistoryEntry) -> str:
    """Give an entry as a JSON object, in which whatever would steer a terminal is escaped."""
    plain = as_plain(entry) | {"retryable": entry.retryable}
    return _JSON_SAFE.sub(_escaped_unless_printable, json.dumps(plain, ensure_ascii=False))


def size_in_words(count: int) -> str:
    """Give a number of bytes for people."""
    return f"{count / _GIB:.1f} GiB" if count >= _GIB else f"{count / _MIB:.1f} MiB"


def table(entries: Iterable[HistoryEntry]) -> str:
    """Draw a table as wide as the terminal, a row for each entry."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    drawn.add_column("ID", justify="right", no_wrap=True)
    for title in ("WHEN", "STATE"):
        drawn.add_column(title, no_wrap=True)
    drawn.add_column("LENGTH", justify="right", no_wrap=True)
    drawn.add_column("TEXT", no_wrap=True, overflow="ellipsis", ratio=1)
    for entry in entries:
        state = "interrupted" if entry.interrupted else entry.state
        length = f"{entry.audio_s:.1f} s" if entry.audio_s else ""
        line = " ".join(shown(entry.text or entry.raw_text or entry.error or "").split())
        drawn.add_row(str(entry.id), _when(entry), Text(state, _STYLES.get(state, "yellow")), length, Text(line))
    console = Console()
    with console.capture() as capture:
        console.print(drawn)
    return capture.get()


def details(entry: HistoryEntry) -> str:
    """Give all that is known of an entry, for people."""
    lines = {
        "dictation": str(entry.id),
        "when": _when(entry),
        "state": state_in_words(entry),
        "audio": _audio(entry),
        "model": entry.model,
        "attempts": str(entry.attempts),
        "stages": ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in entry.durations.items()),
        "problems": "; ".join(entry.problems),
        "enhanced": "yes" if entry.is_enhanced else "no",
    }
    head = [f"{f'{name}:':<11}{printable(value)}" for name, value in lines.items() if value]
    texts = [f"\n{name}:\n{shown(text)}" for name, text in _texts(entry) if text]
    return "\n".join([*head, *texts]) + "\n"


def _texts(entry: HistoryEntry) -> tuple[tuple[str, str], ...]:
    """Both texts where they differ."""
    raw = "" if entry.raw_text == entry.text else entry.raw_text
    return ("text", entry.text), ("raw text", raw)


def _audio(entry: HistoryEntry) -> str:
    if entry.audio_path is None:
        return "none"
    lost = f", {entry.lost_s:.2f} s of it lost" if entry.lost_s else ""
    return f"{entry.audio_path} ({_presence(entry.audio_path, entry.audio_s)}{lost})"


def _presence(path: Path, audio_s: float) -> str:
    return f"{audio_s:.1f} s" if path.is_file() else "not there"


def _when(entry: HistoryEntry) -> str:
    return f"{entry.created_at.astimezone():%Y-%m-%d %H:%M:%S}"


def _escaped_unless_printable(match: re.Match[str]) -> str:
    char = match[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]
