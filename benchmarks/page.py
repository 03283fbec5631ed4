"""Makes a Markdown page, with pictures, of what several benchmarks found (see ``findings.py``). Needs matplotlib."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import machine
import matplotlib as mpl
from findings import RATIO_HEADERS, ratio_rows

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
"""What stands between them is replaced, the rest of the page is kept by hand."""

OWN = "thoth"
OWN_COLOUR, OTHERS_COLOUR = "#2f6f4f", "#9aa5ad"
PEERS = ("thoth-speech", "pywhispercpp", "faster-whisper", "ctranslate2", "transcribe-cpp", "openai-whisper", "torch")

Found = Mapping[str, Any]


def write_page(page: Path, found: Sequence[Found], commands: Sequence[str]) -> None:
    """Put tables and pictures between the marks of `page`, which must be there, or at the end of a new one."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or (END not in rest):
        raise SystemExit(f"{page} has no place for the figures: it needs the lines {BEGIN} and {END}")
    images = page.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    body = "\n".join(_body(found, commands, images))
    page.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")


def _body(found: Sequence[Found], commands: Sequence[str], images: Path) -> Iterator[str]:
    versions = ", ".join(name for name in map(machine.version, PEERS) if "not installed" not in name)
    yield f"\nMeasured on {time.strftime('%Y-%m-%d', time.gmtime())}: {machine.describe()}.\n"
    yield f"With {versions}.\n"
    yield "Commands, in this order:\n"
    yield from ("```text", *commands, "```\n")
    yield "### All ratios\n"
    yield "Theirs / ours, above 1: Thoth is faster. Ratios are taken within rounds; minimum, median and maximum.\n"
    yield from _markdown_table(RATIO_HEADERS, ratio_rows(found))
    for one in found:
        yield f"\n### {one['question']}\n"
        yield f"{one['what'].strip()}\n"
        yield f"Load average before: {one['load_before']}; after: {one['load_after']} (with the benchmark's own).\n"
        for table in one["tables"]:
            yield f"**{table['title']}**\n"
            yield from (*_markdown_table(table["headers"], table["rows"]), "")
        for bars in one["bars"]:
            yield f"![{bars['title']}, {bars['unit']}: bars, Thoth's in green]({_draw(bars, images)})\n"


def _markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(headers) + " |"
    yield "|---|" + "---:|" * (len(headers) - 1)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _draw(bars: Found, images: Path) -> str:
    """Write the picture as SVG, the same bytes for the same figures; returns its path as seen from the page."""
    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "thoth", "font.family": "sans-serif", "font.size": 10}
    from matplotlib import pyplot as plt

    values = {name: value for group in bars["groups"].values() for name, value in group.items()}
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.32 * len(values)), layout="constrained")
    colours = [OWN_COLOUR if OWN in name else OTHERS_COLOUR for name in values]
    drawn = axes.barh(list(values), list(values.values()), color=colours)
    axes.bar_label(drawn, [f"{value:.3g}" for value in values.values()], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(f"{bars['title']}, {bars['unit']}")
    axes.spines[["top", "right"]].set_visible(False)
    path = images / f"bench-{bars['name']}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return f"{images.name}/{path.name}"
