"""Shows docstrings in the API reference as they are meant: `name: what it is` lines become a list.

A griffe extension; mkdocstrings loads it when the site is built.
"""

from __future__ import annotations

import re
from typing import Any, Final

from griffe import Extension, Object

_MEMBER: Final = re.compile(r"^([a-z_]\w*(?:, [a-z_]\w*)*): (.*)$")


class HouseDocstrings(Extension):
    """Rewrites the docstrings of everything that is loaded."""

    def on_object(self, *, obj: Object, **_kwargs: Any) -> None:
        """Rewrite the docstring of one object, if it has one."""
        if obj.docstring:
            obj.docstring.value = _as_markdown(obj.docstring.value)


def _as_markdown(text: str) -> str:
    lines: list[str] = []
    in_member = False
    for line in text.splitlines():
        found = _MEMBER.match(line)
        if found:
            if not in_member and lines and lines[-1]:
                lines.append("")
            lines.append(f"- `{found[1]}`: {found[2]}")
        elif in_member and line and not line.startswith(" "):
            lines += ["", line]
        else:
            lines.append(line)
        in_member = bool(found) or (in_member and line.startswith(" "))
    return "\n".join(lines)
