"""Every code block of README.md and docs/ is run, or checked where it is no program; see `doc_place.py` for stand-ins.

A page may keep a block from being run with a comment `<!-- not run: why -->` before it. Those are counted here.
"""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.util
import inspect
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from doc_blocks import PAGES, ROOT, Block, blocks_of
from doc_place import DocPlace
from doc_runs import DocRunner, assert_prints, session, shell_lines
from pulse_audio import PulseServer

from thoth.config.load import load_config

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="only in a source tree"),
]

BLOCKS: Final = [block for page in PAGES if page.is_file() for block in blocks_of(page)]
RUN: Final = [block for block in BLOCKS if block.reason is None]
NOT_RUN: Final = {
    "docs/migration.md": 3,  # programs and commands of other packages
    "docs/embedded.md": 2,  # systemctl and the like, on the device
    "docs/benchmarks.md": 4,  # an hour of measurements
}
"""How many blocks of a page may be left alone."""
LANGUAGES: Final = {"python", "bash", "console", "toml", "ini", "text"}


@pytest.fixture(scope="module")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], PulseServer]]:
    """Give what starts the sound server when it is first needed."""
    started: list[PulseServer] = []

    def give() -> PulseServer:
        if not started:
            started.append(PulseServer(tmp_path_factory.mktemp("pulse")))
        return started[0]

    yield give
    for server in started:
        server.stop()


@pytest.fixture
def place(tmp_path: Path) -> DocPlace:
    return DocPlace(tmp_path)


@pytest.fixture
def runner(place: DocPlace, pulse: Callable[[], PulseServer]) -> DocRunner:
    return DocRunner(place, pulse)


def of(*languages: str) -> Any:
    blocks = [block for block in RUN if block.language in languages]
    return pytest.mark.parametrize("block", blocks, ids=map(str, blocks))


@of("python")
def test_a_program_runs_and_prints_what_the_page_shows(block: Block, place: DocPlace, runner: DocRunner) -> None:
    place.furnish(block.text)
    output = runner.run_python(block.text)
    if block.output is not None:
        assert_prints(block.output, output)


@of("bash")
def test_commands_run(block: Block, place: DocPlace, runner: DocRunner) -> None:
    place.furnish(block.text)
    output = "".join(map(runner.run_line, shell_lines(block.text)))
    if block.output is not None:
        assert_prints(block.output, output)


@of("console")
def test_a_session_shows_what_the_commands_print(block: Block, place: DocPlace, runner: DocRunner) -> None:
    place.furnish(block.text)
    commands = list(session(block.text))
    assert commands
    for command, shown in commands:
        output = runner.run_line(command)
        if shown.strip():
            assert_prints(shown, output)


@of("toml")
def test_settings_are_taken(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(block.text, encoding="utf-8")
    load_config(path, env={})


@of("ini")
def test_a_unit_is_one(block: Block, tmp_path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False, allow_no_value=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block.text)
    assert unit.sections()
    if "Service" in unit and shutil.which("systemd-analyze"):
        path = tmp_path / "thoth.service"
        path.write_text(block.text.replace(unit["Service"]["ExecStart"].split()[0], "/bin/true"), encoding="utf-8")
        run = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
        complaints = [line for line in run.stderr.splitlines() if line.startswith(f"{path}:")]
        assert complaints == []


def test_every_block_says_what_it_is() -> None:
    assert len(BLOCKS) > 20
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []


def test_few_blocks_are_left_alone_and_each_says_why() -> None:
    left = [str(block.page.relative_to(ROOT)) for block in BLOCKS if block.reason is not None]
    assert {page for page in left if left.count(page) > NOT_RUN.get(page, 0)} == set()


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.reason is not None and block.language == "python"],
    ids=map(str, [block for block in BLOCKS if block.reason is not None and block.language == "python"]),
)
def test_a_program_of_another_package_calls_what_that_has(block: Block) -> None:
    """It needs a model of that package, which is not here: its syntax, and where the package is here its names."""
    tree = ast.parse(block.text)
    (module,) = [one.module for one in tree.body if isinstance(one, ast.ImportFrom) and one.module]
    package = module.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        return
    (name,) = [alias.name for one in tree.body if isinstance(one, ast.ImportFrom) for alias in one.names]
    kind = getattr(importlib.import_module(module), name)
    for call in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
        called = call.func
        function = getattr(kind, called.attr, None) if isinstance(called, ast.Attribute) else None
        function = kind if isinstance(called, ast.Name) and called.id == name else function
        if function is not None:
            known = set(inspect.signature(function).parameters) | _FURTHER_OPTIONS[package]()
            assert {word.arg for word in call.keywords} <= known


def _of_pywhispercpp() -> set[str]:
    return set(importlib.import_module("pywhispercpp.constants").PARAMS_SCHEMA)


_FURTHER_OPTIONS: Final[dict[str, Callable[[], set[str]]]] = {
    "faster_whisper": set,
    "pywhispercpp": _of_pywhispercpp,  # which takes whisper.cpp's own as **params
}
