"""Makes pages of the project's own files, which stand outside docs/, when mkdocs builds the site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

_ROOT: Final = Path(__file__).resolve().parent.parent
_PAGES: Final = {
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "src/thoth/assets/nano.en.md": "nano.en.md",
}
_LINK: Final = re.compile(r"\[([^\]]+)\]\((?!https?://|#)([^)#\s]+)(#[^)\s]+)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages; their links lead to pages of the site, or stand as plain text where there is none."""
    for source, page in _PAGES.items():
        text = _LINK.sub(_link, (_ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def _link(found: re.Match[str]) -> str:
    label, target, anchor = found[1], found[2], found[3] or ""
    page = _PAGES.get(target, target.removeprefix("docs/") if target.startswith("docs/") else None)
    return f"[{label}]({page}{anchor})" if page else f"{label} (`{target}`)"
