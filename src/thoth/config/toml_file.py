"""The configuration file: read as a whole, with errors that say where, and the line of each key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from thoth.errors import InvalidOption

LARGEST_BYTES: Final = 2**20
"""Far above what a person writes; a device or a recording given by mistake is not read whole."""

_HEADER: Final = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?$")
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')"""
_ASSIGNMENT: Final = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")


class TomlFile:
    """A parsed file. Immutable: any thread.

    path: where it is read from. Raises InvalidOption for what cannot be read or is no TOML; FileNotFoundError where
    there is nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = _read(path)
        try:
            self.values: dict[str, Any] = tomllib.loads(self._text)
        except RecursionError:
            raise InvalidOption(f"{path}: the file is no TOML that makes sense: too deeply nested") from None
        except ValueError as error:
            raise InvalidOption(f"{path}: the file is not valid TOML: {error}") from None

    def origin(self, *keys: str) -> str:
        """Tell where a key stands, as "file:line"; the file alone where that is hard to tell."""
        line = next((number for number, path in self._assignments if path[: len(keys)] == keys), None)
        return str(self.path) if line is None else f"{self.path}:{line}"

    @cached_property
    def _assignments(self) -> list[tuple[int, tuple[str, ...]]]:
        return list(self._find_assignments())

    def _find_assignments(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        table: tuple[str, ...] = ()
        lines = self._text.split("\n")
        whole = 0  # lines that end in the midst of nothing
        for index, line in enumerate(lines):
            number, header, assignment = index + 1, _HEADER.match(line), _ASSIGNMENT.match(line)
            if not (header or assignment):
                continue
            if not _is_whole("\n".join(lines[whole:index])):
                continue  # it is part of a text of several lines
            whole = index
            if header:
                table = _parts(f"[{header[1]}]")
                yield number, table
            elif assignment:
                yield number, (*table, *_parts(f"{assignment[1]} = 0"))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise InvalidOption(f"{path}: a folder stands where the configuration file should be") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidOption(f"{path}: the configuration file cannot be read: {why}") from None
    if len(data) > LARGEST_BYTES:
        raise InvalidOption(f"{path}: larger than {LARGEST_BYTES >> 20} MiB, which no configuration file is")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidOption(f"{path}:{line}: the file is not UTF-8 text, as TOML has to be; save it as UTF-8") from None


def _parts(toml: str) -> tuple[str, ...]:
    """Return the names in a table header, or in a key, that is the whole of `toml`."""
    try:
        value: Any = tomllib.loads(toml)
    except ValueError:
        return ()
    parts = []
    while isinstance(value, dict) and value:
        ((name, value),) = value.items()
        parts.append(name)
    return tuple(parts)


def _is_whole(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
