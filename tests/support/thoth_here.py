"""The `thoth` command in this process: for tests to which a process of its own adds nothing but its start."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path
from typing import IO

import pytest
from thoth_command import ThothCommand
from typer.testing import CliRunner

from thoth.cli.main import app


class ThothHere(ThothCommand):
    """Runs to its end are calls; what is started is a process, as ever. The main thread."""

    def __call__(
        self, *arguments: str | Path, stdin: bytes | IO[bytes] = b"", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end. An exception that would be a traceback is raised."""
        logger = logging.getLogger("thoth")
        level = logger.level
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - self.environment.keys():
                patch.delenv(name)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            try:
                run = CliRunner().invoke(app, [*map(os.fspath, arguments)], prog_name="thoth", input=stdin)
            finally:
                logger.setLevel(level)
        if run.exception is not None and not isinstance(run.exception, SystemExit):
            raise run.exception
        return subprocess.CompletedProcess(arguments, run.exit_code, run.stdout, run.stderr)
