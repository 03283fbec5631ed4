"""What `thoth config init` writes: every setting with its default, commented out, and what it is for."""

from __future__ import annotations

import os
import secrets
import textwrap
from pathlib import Path
from typing import Final

from thoth.config.keys import KEYS, SECTIONS, VARIABLE_PREFIX
from thoth.config.toml_text import toml_value
from thoth.errors import InvalidOption

_WIDTH: Final = 100
_HEAD: Final = f"""\
# Settings of `thoth dictate` and `thoth listen`. What is commented out has the default that stands there.
# An environment variable {VARIABLE_PREFIX}<SECTION>_<KEY> overrides a setting, a flag overrides both;
# `thoth config show` tells what is in force and where it comes from.
"""


def template() -> str:
    """Return the file's text. As it is, and with the `#` before each key taken away, it says the defaults."""
    return "\n".join((_HEAD, *map(_section, SECTIONS)))


def write_template(path: Path, *, overwrite: bool = False) -> None:
    """Write the template to `path`, readable to its owner alone; a folder that is missing is made likewise.

    Raises InvalidOption where a file exists and is not to be overwritten, and where it cannot be written.
    """
    try:
        _make_folder(path.parent)
        if overwrite:
            _replace(path.resolve())  # whoever has a link there wants to keep it
        else:
            _write_new(path)
    except FileExistsError:
        raise InvalidOption(f"{path}: exists and was left as it is: --force replaces it") from None
    except OSError as error:
        raise InvalidOption(f"{path}: cannot be written: {error.strerror or error}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise InvalidOption(f"{folder}: a file stands where the folder of the configuration should be") from None


def _replace(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_new(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _write_new(path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(template())


def _section(section: str) -> str:
    lines = [_comment(SECTIONS[section]), f"[{section}]"]
    for key in KEYS.values():
        if key.section == section:
            limits = f" Takes {key.limits}." if key.limits else ""
            lines += ["", _comment(f"{key.help}{limits}"), f"#{key.name} = {toml_value(key.default)}"]
    return "\n".join((*lines, "", ""))


def _comment(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
