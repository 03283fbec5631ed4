"""Rules of the release machinery: it runs elsewhere, where nobody sees a slip before it counts."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="only in a source tree")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_and_names_the_version(workflow: Path) -> None:
    uses = re.findall(r"uses: *(.+)", workflow.read_text())
    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_has_more_rights_than_it_asks_for(workflow: Path) -> None:
    text = workflow.read_text()
    assert "\npermissions: {}\n" in text
    signing = set(re.findall(r"^      id-token: write", text, re.MULTILINE))
    assert not signing or "environment:" in text  # where publishing is protected


def test_wheels_are_built_for_the_pythons_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = re.findall(r"Python :: (3)\.(\d+)", "\n".join(project["project"]["classifiers"]))
    built = project["tool"]["cibuildwheel"]["build"]
    assert built == [f"cp{major}{minor}-*" for major, minor in named]


def test_what_a_wheel_is_checked_with_is_there() -> None:
    script = ROOT / ".github" / "check_installed.py"
    values = {
        target.id: node.value
        for node in ast.parse(script.read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    tests = ast.literal_eval(values["TESTS"])
    assert tests
    assert [name for name in tests if not (ROOT / name).is_file()] == []
