"""`thoth models`: list, pull, path, remove, verify."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from thoth.cli.terminal.console import EXIT_FAILED, errors_as_lines, is_terminal, report, say
from thoth.errors import ThothError
from thoth.model.catalog import CATALOG, CatalogEntry, lookup
from thoth.model.store import ModelStore

models_app = typer.Typer(help="The speech models on this machine.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(metavar="NAME…", help="Models as `thoth models list` calls them.")]
PLAIN_STEP_PERCENT = 10
"""Without a terminal, one progress line stands for this much of a download."""


@models_app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of a table.")] = False,
) -> None:
    """List every known model: size, languages, and whether it is on this machine."""
    store = ModelStore()
    rows = [_row(store, entry) for entry in CATALOG.values()]
    typer.echo(json.dumps(rows, indent=2) if as_json else _table(rows))


@models_app.command()
def pull(names: Names) -> None:
    """Download models, verify them, and print where they are."""
    _for_each(names, _pull)


@models_app.command()
def path(
    name: Annotated[str | None, typer.Argument(help="A model; without it, the models folder.")] = None,
) -> None:
    """Print where an installed model is; nothing is downloaded."""
    with errors_as_lines():
        store = ModelStore()
        typer.echo(store.directory if name is None else store.find_installed(name))


@models_app.command()
def remove(names: Names) -> None:
    """Delete downloaded models, and what has arrived of unfinished ones."""
    _for_each(names, lambda name: say(f"removed {ModelStore().remove(name)}"))


@models_app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help="Models; without any, all installed ones.")
    ] = None,
) -> None:
    """Check the size and SHA-256 of installed models."""
    _for_each(names or _names_with_a_file(), _verify)


def _for_each(names: list[str], do: Callable[[str], None]) -> None:
    """Do it for every name; a failure is reported and the rest go on, then the exit code is 1."""
    failed = False
    with errors_as_lines():
        for name in names:
            try:
                do(name)
            except ThothError as error:
                report(error)
                failed = True
    if failed:
        raise typer.Exit(EXIT_FAILED)


def _pull(name: str) -> None:
    entry = lookup(name)
    with download_progress(entry.name) as progress:
        found = ModelStore().find(entry.name, progress=progress, notice=say)
    typer.echo(found)


def _verify(name: str) -> None:
    typer.echo(f"{lookup(name).name}: ok: {ModelStore().verify(name)}")


def _names_with_a_file() -> list[str]:
    store = ModelStore()
    return [entry.name for entry in CATALOG.values() if entry.builtin or store.path_of(entry).is_file()]


@contextmanager
def download_progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Give what shows a download on stderr; nothing appears before it is first called."""
    if not is_terminal():
        yield _PlainProgress(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Progress("{task.description}", *columns, console=Console(stderr=True))
    task = bar.add_task(name, total=None)

    def show(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bar.stop()


class _PlainProgress:
    """Progress as lines, for logs and pipes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._step = 0

    def __call__(self, done: int, total: int) -> None:
        step = 100 * done // total // PLAIN_STEP_PERCENT
        if step > self._step:
            say(f"{self._name}: {step * PLAIN_STEP_PERCENT} % of {_megabytes(total)}")
        self._step = step


def _row(store: ModelStore, entry: CatalogEntry) -> dict[str, str | int | float | bool]:
    return {
        "name": entry.name,
        "size_bytes": entry.size_bytes,
        "languages": "many" if entry.multilingual else "English",
        "installed": store.is_installed(entry),
        "builtin": entry.builtin,
        "confirmed": entry.confirmed,
        "longest_window_s": entry.suitability.longest_window_s,
        "sha256": entry.sha256,
        "path": str(store.path_of(entry)),
    }


def _table(rows: list[dict[str, str | int | float | bool]]) -> str:
    lines = [f"{'NAME':<20} {'SIZE':>10}  {'LANGUAGES':<10} STATE"]
    lines += [
        f"{row['name']:<20} {_megabytes(int(row['size_bytes'])):>10}  {row['languages']:<10} {_state(row)}"
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _state(row: dict[str, str | int | float | bool]) -> str:
    words = ("built in" if row["builtin"] else "installed") if row["installed"] else ""
    unconfirmed = "" if row["confirmed"] else "hash from one source only"
    return ", ".join(filter(None, (words, unconfirmed)))


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
