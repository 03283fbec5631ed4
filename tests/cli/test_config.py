"""`thoth config` in a process of its own."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import msgspec
import pytest
from thoth_command import ThothCommand
from thoth_here import ThothHere

from thoth.config.keys import KEYS
from thoth.config.schema import Config
from thoth.config.template import template


@pytest.fixture
def thoth(tmp_path: Path) -> ThothCommand:
    command = ThothHere(tmp_path / "models")
    command.environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}
    return command


def test_init_writes_the_template_where_path_tells_and_only_once(thoth: ThothCommand, tmp_path: Path) -> None:
    where = Path(thoth("config", "path").stdout.removesuffix("\n"))
    assert where.is_relative_to(tmp_path)
    assert not where.parent.exists()
    run = thoth("config", "init")
    assert (run.returncode, run.stdout) == (0, f"{where}\n")
    assert where.read_text() == template()
    assert stat.S_IMODE(where.parent.stat().st_mode) == 0o700
    where.write_text("[wake]\nrun = 'mine'\n")
    run = thoth("config", "init")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"thoth: error: {where}: exists and was left as it is: --force replaces it\n"
    assert "mine" in where.read_text()
    assert thoth("config", "init", "--force").returncode == 0
    assert where.read_text() == template()


def test_the_file_can_be_somewhere_else(thoth: ThothCommand, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    assert thoth("config", "path", THOTH_CONFIG=str(mine)).stdout == f"{mine}\n"
    assert thoth("config", "init", THOTH_CONFIG=str(mine)).stdout == f"{mine}\n"
    assert mine.is_file()
    other = tmp_path / "other.toml"
    assert thoth("config", "init", "--config", other).stdout == f"{other}\n"
    assert other.is_file()


def test_show_is_toml_that_says_the_same_and_where_each_value_comes_from(thoth: ThothCommand, tmp_path: Path) -> None:
    run = thoth("config", "show")
    assert (run.returncode, run.stderr) == (0, "")
    assert msgspec.convert(tomllib.loads(run.stdout), Config) == Config()
    assert run.stdout.count("  # default\n") == len(KEYS)
    mine = tmp_path / "mine.toml"
    mine.write_text("[wake]\nphrases = ['hello', 'you']\n")
    run = thoth("config", "show", "--config", mine, THOTH_MODEL_NAME="base.en")
    assert tomllib.loads(run.stdout)["wake"]["phrases"] == ["hello", "you"]
    assert f'phrases = ["hello", "you"]  # {mine}:2\n' in run.stdout
    assert 'name = "base.en"  # THOTH_MODEL_NAME\n' in run.stdout
    facts = json.loads(thoth("config", "show", "--json", "--config", mine).stdout)
    assert list(facts) == list(KEYS)
    assert facts["wake.phrases"] == {"value": ["hello", "you"], "from": f"{mine}:2"}
    assert facts["wake.run"] == {"value": "", "from": "default"}


def test_show_tells_no_secrets(thoth: ThothCommand) -> None:
    url = "https://me:pa55word@example.org/v1?key=hidden1"
    given = {"THOTH_ENHANCE_URL": url, "THOTH_ENHANCE_MODEL": "m", "THOTH_ENHANCE_API_KEY": "hidden2"}
    for arguments in (("config", "show"), ("config", "show", "--json")):
        run = thoth(*arguments, **given)
        assert run.returncode == 0
        assert "https://…@example.org/v1?…" in run.stdout
        assert "pa55word" not in run.stdout
        assert "hidden" not in run.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[enhance]\nurll = 'x'\n", "mine.toml:2: there is no setting enhance.urll; did you mean enhance.url?"),
        ("[enhance\n", "mine.toml: the file is not valid TOML: Expected ']'"),
    ],
)
def test_a_file_that_cannot_be_taken_is_one_line(thoth: ThothCommand, tmp_path: Path, text: str, said: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    for arguments in (
        ("config", "show", "--config", mine),
        ("dictate", "--config", mine),
        ("listen", "--config", mine),
    ):
        run = thoth(*arguments)
        assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1)
        assert said in run.stderr
