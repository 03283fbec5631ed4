from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fake_models
import misbehaving_server as bad
import pytest
from misbehaving_server import MisbehavingServer
from thoth_command import read_terminal

BODY = fake_models.model_bytes()
ENTRY = fake_models.entry_for(BODY)
OTHER = fake_models.model_bytes(seed=2)

# The command with one small model more in its catalogue, so that a whole download fits in a test.
COMMAND = f"""
from thoth.cli.models import models_app
from thoth.model.catalog import CATALOG, CatalogEntry
entry = CatalogEntry("{ENTRY.name}", "{ENTRY.file_name}", {ENTRY.size_bytes}, "{ENTRY.sha256}")
CATALOG[entry.name] = entry
models_app(prog_name="thoth models")
"""

pytestmark = pytest.mark.timeout(60)


class Command:
    def __init__(self, directory: Path) -> None:
        own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        paths = os.pathsep.join(sys.path)
        self.environment = {**own, "PYTHONPATH": paths, "THOTH_MODELS": str(directory), "NO_COLOR": "1"}
        self.argv = [sys.executable, "-c", COMMAND]

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.argv, *arguments], env={**self.environment, **environment}, capture_output=True, text=True
        )


@pytest.fixture
def models(tmp_path: Path) -> Command:
    return Command(tmp_path)


def assert_one_error_line(run: subprocess.CompletedProcess[str], words: str) -> None:
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("thoth: error: ")
    assert run.stderr.count("\n") == 1
    assert words in run.stderr


def test_pull_path_verify_list_remove(models: Command, tmp_path: Path) -> None:
    path = f"{tmp_path / ENTRY.file_name}\n"
    with MisbehavingServer(bad.whole(BODY)) as server:
        pulled = models("pull", ENTRY.name, THOTH_MODELS_URL=server.url)
    assert (pulled.returncode, pulled.stdout) == (0, path)
    assert "100 % of 0 MB" in pulled.stderr
    assert "\x1b" not in pulled.stderr
    assert models("path", ENTRY.name).stdout == path
    assert f"{ENTRY.name}: ok: {path}" in models("verify").stdout
    assert state_of(models, ENTRY.name)["installed"] is True
    removed = models("remove", ENTRY.name)
    assert (removed.returncode, removed.stdout) == (0, "")
    assert state_of(models, ENTRY.name)["installed"] is False


def state_of(models: Command, name: str) -> dict[str, object]:
    rows: list[dict[str, object]] = json.loads(models("list", "--json").stdout)
    return next(row for row in rows if row["name"] == name)


def test_list_shows_every_model_with_size_languages_and_state(models: Command) -> None:
    run = models("list")
    assert (run.returncode, run.stderr) == (0, "")
    lines = {line.split()[0]: line for line in run.stdout.splitlines()}
    assert "built in" in lines["nano.en"]
    assert "English" in lines["tiny.en"]
    assert "78 MB" in lines["tiny.en"]
    assert "many" in lines["large-v3"]
    assert "installed" not in lines["large-v3"]
    assert state_of(models, "nano.en")["builtin"] is True


def test_path_without_a_name_is_the_folder(models: Command, tmp_path: Path) -> None:
    assert models("path").stdout == f"{tmp_path}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("path", "tiny.en"), "thoth models pull tiny.en"),
        (("pull", "tinny.en"), "did you mean tiny.en"),
        (("verify", "base"), "not installed"),
        (("remove", "nano.en"), "part of the installation"),
    ],
)
def test_an_error_is_one_line_without_a_traceback(models: Command, arguments: tuple[str, ...], words: str) -> None:
    assert_one_error_line(models(*arguments), words)


def test_a_failed_pull_is_one_line_and_exit_code_1(models: Command) -> None:
    with MisbehavingServer(bad.status(404)) as server:
        assert_one_error_line(models("pull", ENTRY.name, THOTH_MODELS_URL=server.url), "HTTP 404")


def test_pull_while_offline_asks_nobody(models: Command) -> None:
    with MisbehavingServer(bad.whole(BODY)) as server:
        run = models("pull", ENTRY.name, THOTH_MODELS_URL=server.url, THOTH_OFFLINE="1")
    assert_one_error_line(run, "downloads are off")
    assert server.requests == []


def test_one_bad_name_does_not_stop_the_others(models: Command, tmp_path: Path) -> None:
    with MisbehavingServer(bad.whole(BODY)) as server:
        run = models("pull", "no-such-model", ENTRY.name, THOTH_MODELS_URL=server.url)
    assert run.returncode == 1
    assert run.stdout == f"{tmp_path / ENTRY.file_name}\n"
    assert "no-such-model" in run.stderr


def test_verify_reports_a_damaged_model(models: Command, tmp_path: Path) -> None:
    (tmp_path / ENTRY.file_name).write_bytes(OTHER)
    run = models("verify")
    assert run.returncode == 1
    assert "nano.en: ok" in run.stdout
    assert "SHA-256" in run.stderr


@pytest.mark.parametrize("arguments", [("pull",), ("list", "--bogus"), ("frobnicate",)])
def test_wrong_usage_is_exit_code_2(models: Command, arguments: tuple[str, ...]) -> None:
    assert models(*arguments).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_a_bar_is_drawn_and_stdout_gets_the_path_alone(models: Command, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {**models.environment, "TERM": "xterm"}
    with MisbehavingServer(bad.status(503), bad.whole(BODY)) as server:
        environment["THOTH_MODELS_URL"] = server.url
        command = [*models.argv, "pull", ENTRY.name]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True) as run:
            os.close(theirs)
            drawn = read_terminal(ours)
            assert run.stdout is not None
            assert run.stdout.read() == f"{tmp_path / ENTRY.file_name}\n"
    assert run.returncode == 0
    assert "━" in drawn
    assert "300.0/300.0 kB" in drawn
    assert "HTTP 503" in drawn
