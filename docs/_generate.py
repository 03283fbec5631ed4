"""Writes the tables of docs/command-line.md and docs/configuration.md from the program itself.

    python docs/_generate.py

replaces what stands between the `<!-- generated -->` marks. The tests fail where a page and the program differ.
"""

from __future__ import annotations

import inspect
import itertools
import re
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

import typer.main

from thoth.cli.main import app
from thoth.config.keys import KEYS, SECTIONS
from thoth.config.toml_text import toml_value

_DOCS: Final = Path(__file__).resolve().parent
_BEGIN, _END = "<!-- generated: begin -->", "<!-- generated: end -->"


def pages() -> dict[Path, str]:
    """Each page that has generated parts, as it should be."""
    made = {"command-line.md": _command_line(), "configuration.md": _configuration()}
    return {_DOCS / name: _filled(_DOCS / name, text) for name, text in made.items()}


def _filled(path: Path, text: str) -> str:
    before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    return f"{before}{_BEGIN}\n\n{text.strip()}\n\n{_END}{rest.partition(_END)[2]}"


def _command_line() -> str:
    return "\n\n".join(_command(*found) for found in _commands("thoth", typer.main.get_command(app)))


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, those of groups after their group."""
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from _commands(f"{name} {word}", inner)


def _command(name: str, command: Any) -> str:
    help_text = re.sub(r"\s*\n\s*(?!\n)", " ", command.help.replace("\n\n", "\0")).replace("\0", "\n\n")
    parts = [f"## {name}", _escaped(help_text.strip())]
    hints = typing.get_type_hints(inspect.unwrap(command.callback)) if command.callback else {}
    rows = [_row(parameter, hints) for parameter in command.params if parameter.name != "help"]
    if rows:
        parts.append("\n".join(("| | |", "|---|---|", *rows)))
    inner = getattr(command, "commands", {})
    if inner:
        parts.append("Commands: " + ", ".join(f"[{word}](#{_anchor(f'{name} {word}')})" for word in inner) + ".")
    return "\n\n".join(parts)


def _anchor(heading: str) -> str:
    return heading.replace(" ", "-")


def _row(parameter: Any, hints: dict[str, Any]) -> str:
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.metavar or parameter.name]
    if is_option and not parameter.is_flag and not parameter.count:
        names[-1] += f" {parameter.metavar or _takes(hints[parameter.name])}"
    shown = ", ".join(f"`{name}`" for name in names).replace("|", "\\|")
    either = f" Default: `{names[0 if parameter.default else 1]}`." if is_option and parameter.secondary_opts else ""
    return f"| {shown} | {_escaped(' '.join((parameter.help or '').split()))}{either} |"


def _takes(hint: Any) -> str:
    """Tell in a word what an option takes, from its type; None and lists of it count for nothing."""
    for inner in typing.get_args(hint) if typing.get_origin(hint) is not Literal else ():
        if inner is not type(None):
            return _takes(inner)
    if typing.get_origin(hint) is Literal:
        return "|".join(typing.get_args(hint))
    if issubclass(hint, Enum):
        return "|".join(str(one.value) for one in hint)
    return {int: "N", float: "X"}.get(hint, "TEXT")


def _configuration() -> str:
    return "\n\n".join(_section(name) for name in SECTIONS)


def _section(section: str) -> str:
    rows = [
        f"| `{key.name}` | {_code(toml_value(key.default))} | {_escaped(key.help)}{_limits(key)} |"
        for key in KEYS.values()
        if key.section == section
    ]
    table = "\n".join(("| key | default | |", "|---|---|---|", *rows))
    return f"## [{section}]\n\n{_escaped(SECTIONS[section])}\n\n{table}"


def _limits(key: Any) -> str:
    return f" Takes {_escaped(key.limits)}." if key.limits else ""


def _code(value: str) -> str:
    return f"`{value}`"


def _escaped(text: str) -> str:
    """Text for a table cell, in which `|`, `<`, `*`, `_` and `[` mean nothing but between backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    plain = (re.sub(r"([|*_\[\]])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2])
    return "".join(itertools.chain.from_iterable(itertools.zip_longest(plain, parts[1::2], fillvalue="")))


def main() -> None:
    """Bring the pages up to date."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
