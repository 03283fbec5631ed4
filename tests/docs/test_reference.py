"""The reference pages have all that there is, and nothing that there is not."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Final, get_type_hints

import pytest
from doc_blocks import ROOT
from thoth_command import ThothCommand
from thoth_here import ThothHere

import thoth
from thoth.model.options import CallOptions

DOCS: Final = ROOT / "docs"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="only in a source tree")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "_generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def command(tmp_path: Path) -> ThothCommand:
    return ThothHere(tmp_path)


def test_every_public_name_is_in_the_api_reference_once() -> None:
    named = [
        name
        for page in sorted((DOCS / "api").glob("*.md"))
        for name in re.findall(r"^::: thoth\.(\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(named) == sorted(set(thoth.__all__) - {"__version__"})


def test_generated_tables_are_those_of_the_program() -> None:
    for page, text in generator().pages().items():
        assert page.read_text(encoding="utf-8") == text, f"run python docs/_generate.py: {page.name} is not up to date"


def test_every_command_and_option_that_help_tells_is_on_the_command_line_page(command: ThothCommand) -> None:
    sections = re.split(r"^## ", (DOCS / "command-line.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    told: dict[str, set[str]] = {}
    for section in sections:
        heading, _, text = section.partition("\n")
        told[heading] = set(re.findall(r"`(--[a-z-]+)", text))
    pending = ["thoth"]
    while pending:
        name = pending.pop()
        run: subprocess.CompletedProcess[str] = command(*name.split()[1:], "--help", COLUMNS="200")
        assert run.returncode == 0
        options, _, commands = run.stdout.partition("\nCommands:\n")
        shown = set(re.findall(r"(?:^  (?:-\w, )?| / |, )(--[a-z-]+)", options, re.MULTILINE))
        assert shown - {"--help"} == told.pop(name)
        pending += [f"{name} {word}" for word in re.findall(r"^  ([a-z]+) ", commands, re.MULTILINE)]
    assert told == {}


@pytest.mark.parametrize("peer", ["faster-whisper", "pywhispercpp"])
def test_the_migration_tables_name_options_that_there_are(peer: str) -> None:
    known = set(get_type_hints(CallOptions)) | set(inspect.signature(thoth.WhisperModel).parameters)
    known |= {"detect_language", "CancelToken", "logging", "max_gap_ms"}
    rows = re.findall(r"^\| (.+) \| (.+) \|$", _part_about(peer), re.MULTILINE)
    names = {name for _, ours in rows for name in re.findall(r"`([a-zA-Z_]+)`", ours)} - {"Thoth"}
    assert len(rows) > 15
    assert names <= known


def test_the_migration_table_of_whisper_cli_names_options_that_there_are(command: ThothCommand) -> None:
    shown = command("transcribe", "--help").stdout
    ours = [ours for _, ours in re.findall(r"^\| (.+) \| (.+) \|$", _part_about("whisper-cli"), re.MULTILINE)]
    names = {name for cell in ours for name in re.findall(r"`(--?[a-z-]+)", cell)}
    assert len(names) > 8
    assert {name for name in names if not re.search(rf"(?<!\S){name}(?![\w-])", shown)} == set()


def _part_about(peer: str) -> str:
    text = (DOCS / "migration.md").read_text(encoding="utf-8")
    return text.partition(f"## From {peer}\n")[2].partition("\n## ")[0]
