"""`thoth config`: show, path, init."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit, urlunsplit

import typer

from thoth.cli.inputs import printable
from thoth.cli.options import ConfigOption
from thoth.cli.terminal.console import say
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes

if TYPE_CHECKING:
    from thoth.config.load import Settings

_WIDEST: Final = 60
"""A longer setting than this does not move the origins of the others to the right."""

config_app = typer.Typer(help="The settings of `thoth dictate` and `thoth listen`.", no_args_is_help=True)


@config_app.command()
def show(
    file: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object: each key's value, and where from.")] = False,
) -> None:
    """Print the settings in force as TOML, and where each comes from: default, file and line, or variable.

    Exit code 2 where one of them cannot be taken.
    """
    with failures_as_exit_codes():
        from thoth.config.load import load_settings

        settings = load_settings(file)
        text = json.dumps(_facts(settings), indent=2, ensure_ascii=False) if as_json else _toml(settings)
        Screen(quiet=False, verbosity=0).result(f"{text}\n")


@config_app.command()
def path() -> None:
    """Print where the configuration file is, or would be."""
    from thoth.config.load import config_path

    with failures_as_exit_codes():
        Screen(quiet=False, verbosity=0).result(f"{config_path()}\n")


@config_app.command()
def init(
    file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Where to; else where `thoth config path` tells.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a configuration file with every setting, its default and what it is for, and print where it is."""
    with failures_as_exit_codes():
        from thoth.config.load import config_path
        from thoth.config.template import write_template

        chosen = file or config_path()
        write_template(chosen, overwrite=force)
        Screen(quiet=False, verbosity=0).result(f"{chosen}\n")
        say("thoth: all that is in it is commented out: take the # away before what you want to change")


def _facts(settings: Settings) -> dict[str, Any]:
    return {key: {"value": _shown(key, settings), "from": origin} for key, origin in settings.origins.items()}


def _toml(settings: Settings) -> str:
    from thoth.config.keys import KEYS, SECTIONS
    from thoth.config.toml_text import toml_value

    lines = [f"# {'no file' if settings.path is None else printable(str(settings.path))}"]
    for section in SECTIONS:
        keys = [key for key in KEYS.values() if key.section == section]
        entries = [f"{key.name} = {toml_value(_shown(key.path, settings))}" for key in keys]
        width = min(max(map(len, entries)), _WIDEST)
        origins = [printable(settings.origins[key.path]) for key in keys]
        lines += ["", f"[{section}]"]
        lines += [f"{entry:<{width}}  # {origin}" for entry, origin in zip(entries, origins, strict=True)]
    return "\n".join(lines)


def _shown(key: str, settings: Settings) -> Any:
    section, name = key.split(".")
    value = getattr(getattr(settings.config, section), name)
    return _without_secrets(value) if key == "enhance.url" else value


def _without_secrets(url: str) -> str:
    """Return a URL with its password and query masked, in which people put keys."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    host = parts.netloc.rpartition("@")[2]
    place = f"…@{host}" if "@" in parts.netloc else host
    return urlunsplit(parts._replace(netloc=place, query="…" if parts.query else ""))
