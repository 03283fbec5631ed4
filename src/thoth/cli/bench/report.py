"""The result of `thoth bench`: as tables for people, as JSON for programs, and beside another machine's."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from thoth.cli.bench.figures import Figure, Key
from thoth.cli.bench.model import FILE, LIVE
from thoth.errors import InvalidOption

FORMAT: Final = 1
"""Raised when the meaning of a field changes."""

COMFORTABLE: Final = 0.8
"""Above this share of real time a live session takes shorter chunks; above 1 it drops audio."""

_HEADER = ("MODEL", "THREADS", "WHAT", "MIN", "MEDIAN", "", "TIMES")
_RATIO_HEADER = ("MODEL", "THREADS", "WHAT", "HERE", "THERE", "", "THERE / HERE")
_LEFT_ALIGNED = {"MODEL", "WHAT", ""}

Report = dict[str, Any]


def figures_of(report: Report) -> dict[Key, Figure]:
    """Give a report's figures by what makes them comparable."""
    found = [
        Figure(row["name"], row["unit"], row["min"], row["median"], row["repeats"], row["model"], row["threads"])
        for row in report["figures"]
    ]
    return {figure.key: figure for figure in found}


def read_report(path: Path) -> Report:
    """Read what `thoth bench --json` wrote. Raises InvalidOption for anything else."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        figures_of(report)
        known = report["format"] == FORMAT and isinstance(report["processor"], str)
    except OSError as error:
        raise InvalidOption(f"--compare cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise InvalidOption(f"--compare takes what 'thoth bench --json' of this version wrote, and {path} is not that")
    return dict(report)


def lines(report: Report) -> Iterator[str]:
    """Tell a report to people."""
    yield from _head(report)
    rows = [_figure_row(figure) for figure in figures_of(report).values()]
    yield from ("", *_table(_HEADER, rows), "")
    yield from _verdicts(list(figures_of(report).values()))


def comparison(here: Report, there: Report) -> Iterator[str]:
    """Tell how another machine's figures stand to this one's."""
    own, other = figures_of(here), figures_of(there)
    shared = [key for key in own if key in other and own[key].median > 0]
    yield f"compared with {there['processor']}"
    if not shared:
        yield "nothing was measured on both: give the same models and threads"
        return
    ratios = {key: other[key].median / own[key].median for key in shared}
    yield from _table(_RATIO_HEADER, [_ratio_row(own[key], other[key], ratios[key]) for key in shared])
    middle = statistics.median(ratios.values())
    yield f"median of the ratios: {middle:.2f} (above 1 this machine is the faster one)"


def _head(report: Report) -> Iterator[str]:
    cpu, versions, load = report["cpu"], report["versions"], report["load_average"]
    yield f"processor  {report['processor']}, {cpu['cores']} cores"
    facts = {name: value for name, value in cpu.items() if name not in ("cores", "threads_now")}
    yield "cpu        " + "; ".join(f"{name} {_plain(value)}" for name, value in facts.items())
    yield f"versions   thoth {versions['thoth']}, whisper.cpp {versions['whisper_cpp']}, {versions['python']}"
    if load["before"] is not None:
        yield f"load       {load['before'][0]:.2f} before, {load['after'][0]:.2f} after (with the bench's own)"


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _figure_row(figure: Figure) -> tuple[str, ...]:
    numbers = f"{figure.minimum:.4g}", f"{figure.median:.4g}", figure.unit, str(figure.repeats)
    return (*_whose(figure), *numbers)


def _ratio_row(own: Figure, other: Figure, ratio: float) -> tuple[str, ...]:
    return (*_whose(own), f"{own.median:.4g}", f"{other.median:.4g}", own.unit, f"{ratio:.2f}")


def _whose(figure: Figure) -> tuple[str, str, str]:
    return figure.model or "", "" if figure.threads is None else str(figure.threads), figure.name


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        cells = [
            cell.ljust(width) if title in _LEFT_ALIGNED else cell.rjust(width)
            for title, cell, width in zip(header, row, widths, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def _verdicts(figures: Sequence[Figure]) -> Iterator[str]:
    """Say what a machine as fast as the medians can do."""
    by_key = {figure.key: figure.median for figure in figures}
    for model, threads, name in by_key:
        if name == LIVE:
            live, file = by_key[model, threads, LIVE], by_key[model, threads, FILE]
            on = f"{threads} thread{'' if threads == 1 else 's'}"
            yield f"{model} on {on}: {_follows(live)}; speech from a file {1 / file:.1f}x as fast as it was spoken"


def _follows(share: float) -> str:
    if share <= COMFORTABLE:
        return f"follows live speech, in {100 * share:.0f} % of the time"
    if share <= 1:
        return f"just follows live speech, in {100 * share:.0f} % of the time, with shorter chunks"
    return f"too slow for live speech, which takes {share:.1f} times as long as it lasts"
