"""The `thoth` command: its subcommands, `--version`, and the promise that no traceback reaches the user.

What computes or decodes is imported inside the commands, so that `thoth --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import thoth
from thoth.cli.bench.command import bench
from thoth.cli.config import config_app
from thoth.cli.devices import list_devices
from thoth.cli.dictate.command import dictate
from thoth.cli.doctor import doctor
from thoth.cli.history.command import history_app
from thoth.cli.listen.command import listen
from thoth.cli.live.command import live
from thoth.cli.models import models_app
from thoth.cli.record import record
from thoth.cli.terminal.console import DEBUG_VARIABLE, EXIT_FAILED, report
from thoth.cli.transcribe.command import transcribe

EXIT_CODES = (
    "Exit codes: 0 all done, 1 some or all failed, 2 wrong usage, 130 stopped by Ctrl-C, "
    "141 the reader of the output went away."
)

app = typer.Typer(
    help="Speech to text on the machine where it is spoken.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(epilog=EXIT_CODES)(transcribe)
app.command(epilog=EXIT_CODES)(live)
app.command(epilog=EXIT_CODES)(dictate)
app.command(epilog=EXIT_CODES)(listen)
app.command("devices")(list_devices)
app.command(epilog=EXIT_CODES)(record)
app.command()(doctor)
app.command()(bench)
app.add_typer(models_app, name="models")
app.add_typer(history_app, name="history")
app.add_typer(config_app, name="config")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        app(prog_name="thoth")
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        report(f"{type(error).__name__}: {error} (a fault in Thoth: {DEBUG_VARIABLE}=1 shows where)")
        sys.exit(EXIT_FAILED)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"thoth {version()}")
        raise typer.Exit


def version() -> str:
    """Tell the version of the installed package; "unknown" where it runs from a bare source tree."""
    from importlib import metadata  # a fifth of what `thoth --help` would import

    try:
        return str(thoth.__version__)
    except metadata.PackageNotFoundError:
        return "unknown"


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass
