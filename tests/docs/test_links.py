"""Every link, anchor and image of the documentation leads somewhere; addresses on the network are not asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from doc_blocks import PAGES, ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="only in a source tree")

OWN: Final = {
    "docs/contributing.md": "CONTRIBUTING.md",
    "docs/security.md": "SECURITY.md",
    "docs/changelog.md": "CHANGELOG.md",
    "docs/nano.en.md": "src/thoth/assets/nano.en.md",
}
"""Pages of the site that docs/_hooks.py makes of the project's own files."""
ALL: Final = [page for page in (*PAGES, *(ROOT / name for name in OWN.values())) if page.is_file()]

_CODE: Final = re.compile(r"^( *)(```+).*?^\1\2\s*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?[^)]*\)|<(https?://[^>\s]+)>")
_HEADING: Final = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)
_NAME: Final = re.compile(r"^::: (\S+)", re.MULTILINE)


def links_of(page: Path) -> Iterator[str]:
    for found in _LINK.finditer(_CODE.sub("", page.read_text(encoding="utf-8"))):
        yield found[1] or found[2]


def slug(heading: str) -> str:
    """As Python-Markdown's toc makes it."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("\\", "")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", shown).strip().lower())


@cache
def anchors_of(page: Path) -> frozenset[str]:
    text = page.read_text(encoding="utf-8")
    headings = _HEADING.findall(re.sub(r"^( *)(```+).*?^\1\2\s*$", "", text, flags=re.MULTILINE | re.DOTALL))
    return frozenset(map(slug, headings)) | frozenset(_NAME.findall(text))


def complaint(page: Path, link: str) -> str | None:
    parts = urlsplit(link)
    if parts.scheme:
        fine = parts.scheme in ("http", "https") and "." in parts.netloc
        return None if fine else "no address"
    target = (page.parent / parts.path).resolve() if parts.path else page
    inside = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
    target = ROOT / OWN.get(inside, inside)
    if not inside or not target.exists():
        return "nothing is there"
    if page.is_relative_to(ROOT / "docs") and not inside.startswith("docs/"):
        return "leads out of docs/, where the site has no page"
    return "no such anchor" if parts.fragment and parts.fragment not in anchors_of(target) else None


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    complaints = [(link, wrong) for link in links_of(page) if (wrong := complaint(page, link))]
    assert complaints == []


def test_links_are_found_and_looked_at() -> None:
    assert sum(1 for page in ALL for _ in links_of(page)) > 80
    index = ROOT / "docs" / "index.md"
    assert complaint(index, "no-such-page.md") == "nothing is there"
    assert complaint(index, "models.md#no-such-heading") == "no such anchor"
    assert complaint(index, "../vendor/README.md") == "leads out of docs/, where the site has no page"
    assert complaint(index, "https:/example.org") == "no address"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    named = set(re.findall(r": (\S+\.md)$", navigation, re.MULTILINE))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.name != "README.md"}
    assert named == pages | {name.removeprefix("docs/") for name in OWN}
