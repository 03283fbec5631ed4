"""Values as TOML, which the standard library reads and does not write."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_value(value: object) -> str:
    """Write text, a finite number, a truth value, or a list or table of such, on one line."""
    if isinstance(value, str):
        # JSON's escapes are TOML's, which wants one for DEL too (TOML 1.0, "String").
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(name)} = {toml_value(held)}' for name, held in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    return repr(value).lower()


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml_value(name)
