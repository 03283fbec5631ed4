"""The code blocks of a Markdown page, each with what the page says about how to take it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE: Final = re.compile(r"^( *)(`{3,})\s*(\w*)\s*$")
_MARKER: Final = re.compile(r"^<!-- not run: (.+?) -->$")
_LIST_ITEM: Final = re.compile(r"^\s*([-*+]|\d+\.) ")


@dataclass
class Block:
    """One code block. `output` is the `text` block right behind it; `reason` why the page says that it is not run."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None = None
    output: str | None = None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass
class _Reader:
    page: Path
    blocks: list[Block] = field(default_factory=list)
    reason: str | None = None
    adjacent: bool = False  # only blank lines since the last block

    def add(self, line: int, language: str, lines: list[str]) -> None:
        text = "\n".join(lines).rstrip() + "\n"
        follows_code = self.adjacent and self.blocks[-1].language in ("python", "bash")
        if language == "text" and follows_code and self.reason is None:
            self.blocks[-1].output = text
        else:
            self.blocks.append(Block(self.page, line, language, text, self.reason))
        self.adjacent, self.reason = True, None

    def pass_over(self, line: str) -> None:
        if line.strip():
            found = _MARKER.match(line.strip())
            self.reason = found[1] if found else None
            self.adjacent = False


def blocks_of(page: Path) -> list[Block]:
    """All code blocks of a page in their order; an indented one counts as bash."""
    reader = _Reader(page)
    lines = page.read_text(encoding="utf-8").splitlines()
    number, in_list = 0, False
    while number < len(lines):
        line = lines[number]
        if fence := _FENCE.match(line):
            end = next(at for at in range(number + 1, len(lines)) if lines[at].strip() == fence[2])
            body = [one.removeprefix(fence[1]) for one in lines[number + 1 : end]]
            reader.add(number + 1, fence[3], body)
            number = end
        elif line.startswith("    ") and not in_list and (number == 0 or not lines[number - 1].strip()):
            end = next((at for at in range(number, len(lines)) if not _goes_on(lines[at])), len(lines))
            reader.add(number + 1, "bash", [one[4:] for one in lines[number:end]])
            number = end - 1
        else:
            in_list = bool(_LIST_ITEM.match(line)) or (in_list and (not line.strip() or line.startswith(" ")))
            reader.pass_over(line)
        number += 1
    return reader.blocks


def _goes_on(line: str) -> bool:
    return line.startswith("    ") or not line.strip()
