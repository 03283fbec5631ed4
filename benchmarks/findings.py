"""What a benchmark found: printed as it comes, and kept for the page that `run` makes of several of them."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine


@dataclass
class Findings:
    """One benchmark's tables, ratios and bars. `what` is how it was measured, in Markdown that reads well as text."""

    question: str
    what: str
    tables: list[dict[str, Any]] = field(default_factory=list)
    ratios: list[dict[str, Any]] = field(default_factory=list)
    bars: list[dict[str, Any]] = field(default_factory=list)
    load_before: str = field(default_factory=machine.load)

    def begin(self) -> None:
        """Say what is measured where."""
        print(f"{self.question}\nmachine: {machine.describe()}\nload average at start: {self.load_before}")
        print(f"\n{self.what.strip()}", flush=True)

    def table(self, title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show a table; in the first column stands what a row is about."""
        self.tables.append({"title": title, "headers": list(headers), "rows": [list(row) for row in rows]})
        print(machine.table(title, headers, rows), flush=True)

    def ratio(self, case: str, pair: str, values: Sequence[float], at_least: float | None = None) -> None:
        """Note ratios, one of each round, of which the median must be `at_least` so much."""
        median = statistics.median(values)
        verdict = "" if at_least is None else f">= {at_least:g}: {'met' if median >= at_least else 'MISSED'}"
        self.ratios.append({"case": case, "pair": pair, "spread": machine.spread(values), "target": verdict})

    def limit(self, case: str, what: str, value: float, below: float, unit: str) -> None:
        """Note a figure that must be below a limit."""
        verdict = f"< {below:g} {unit}: {'met' if value < below else 'MISSED'}"
        self.ratios.append({"case": case, "pair": what, "spread": f"{value:.0f} {unit}", "target": verdict})

    def plot(self, name: str, title: str, unit: str, groups: Mapping[str, Mapping[str, float]]) -> None:
        """Note bars for a picture: by group, then by contender. `name` becomes the file's."""
        self.bars.append(
            {"name": name, "title": title, "unit": unit, "groups": {key: dict(bars) for key, bars in groups.items()}}
        )

    def end(self, path: Path | None) -> None:
        """Show the ratios, and write everything to `path`."""
        print(ratio_table([self.as_json()]))
        print(f"\nload average at end: {machine.load()} (holds the benchmark's own load)")
        if path is not None:
            path.write_text(json.dumps(self.as_json()), encoding="utf-8")

    def as_json(self) -> dict[str, Any]:
        """What the page is made of."""
        return vars(self) | {"load_after": machine.load()}


RATIO_HEADERS = ("case", "what", "min / median / max", "target")


def ratio_rows(findings: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The ratios of several benchmarks, in one table's rows."""
    return [
        [ratio["case"], ratio["pair"], ratio["spread"], ratio["target"]] for one in findings for ratio in one["ratios"]
    ]


def ratio_table(findings: Sequence[Mapping[str, Any]]) -> str:
    """All ratios in one table."""
    return machine.table("Ratios, theirs / ours (above 1: Thoth is faster)", RATIO_HEADERS, ratio_rows(findings))


def with_findings(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the option that `run` gives to have the findings in a file."""
    parser.add_argument("--findings", type=Path, metavar="FILE", help="write what was found as JSON, for the page")
    return parser
