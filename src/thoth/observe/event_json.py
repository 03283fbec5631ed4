"""Events as JSON, for programs that read the command line's output."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping, Set
from numbers import Integral, Real
from typing import Any


def as_json(event: Any) -> dict[str, Any]:
    """Return an event dataclass as a dictionary of JSON values.

    "event" is the class's name in kebab-case ("pipeline-progress"); fields are in camelCase; what they hold is
    converted as deep as it goes. An exception becomes {"type": …, "message": …}, a path its text, a number that is not
    finite null, for which JSON has no other word, and what JSON does not know at all its text.
    """
    return {"event": _kebab_case(type(event).__name__), **_fields(event)}


def _fields(value: Any) -> dict[str, Any]:
    return {_camel_case(field.name): _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Real):  # NumPy's, too
        return _number(value)
    if isinstance(value, BaseException):
        return {"type": type(value).__name__, "message": str(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple, Set)):
        return [_plain(held) for held in value]
    return str(value)


def _number(value: Real) -> int | float | None:
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _kebab_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
