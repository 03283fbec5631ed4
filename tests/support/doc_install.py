"""What the documentation tells to install, held against what the project declares; nothing is installed."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import Any, Final

from doc_blocks import ROOT

DEBIAN_BY_HAND: Final = {"libportaudio2", "g++", "xclip", "wl-clipboard", "python3-venv", "pipx"}
"""Packages that a user, not the tests' machine, may need; the names are Debian's."""

_PIP: Final = ("python3 -m pip install ", "python -m pip install ", "pip install ", "pipx install ")
_APT: Final = ("sudo apt install ", "apt install ", "sudo apt-get install ", "apt-get install ")
_OTHERS: Final = (
    "python3 -m venv ",
    ". .venv/bin/activate",
    "source .venv/bin/activate",
    "python3 -m pytest",
    "cd ",
)
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+|\.)(?:\[([\w,-]+)\])?")


def is_installation(command: str) -> bool:
    """Whether it sets something up, instead of using Thoth."""
    return command.startswith((*_PIP, *_APT, *_OTHERS))


def check_installation(command: str) -> None:
    """Fail where a package, extra or group is named that the project does not know."""
    for prefix in _PIP:
        if command.startswith(prefix):
            _check_pip(shlex.split(command.removeprefix(prefix)))
    for prefix in _APT:
        if command.startswith(prefix):
            packages = set(shlex.split(command.removeprefix(prefix))) - {"-y"}
            assert packages <= DEBIAN_BY_HAND | _packages_of_ci(), f"{command}: unknown packages"
    if command.startswith("python3 -m pytest"):
        assert any(one.startswith("pytest") for one in _project()["project"]["optional-dependencies"]["test"])


def _check_pip(arguments: list[str]) -> None:
    project = _project()
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    words = iter(arguments)
    for word in words:
        if word == "--group":
            assert next(words) in groups
        elif word == "-C":
            assert next(words).startswith("cmake.define.")
        elif not word.startswith("-"):
            found = _REQUIREMENT.match(word)
            assert found, f"no requirement: {word}"
            assert found[1] in (".", project["project"]["name"]), f"not this project: {word}"
            assert set(filter(None, (found[2] or "").split(","))) <= set(extras), f"no such extra: {word}"


def _packages_of_ci() -> set[str]:
    found = re.search(r"packages=\((.*?)\)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return set(found[1].split())


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
