"""`thoth history`: list, show, retry, export, prune."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from thoth.cli.history import view
from thoth.cli.inputs import printable
from thoth.cli.interrupt import Interrupt
from thoth.cli.terminal.console import EXIT_FAILED, EXIT_INTERRUPTED
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes
from thoth.errors import InvalidOption, OutputError, ThothError

if TYPE_CHECKING:
    from thoth.config.schema import Config
    from thoth.dictation.history.entry import ChosenState
    from thoth.dictation.history.export import ExportFormat
    from thoth.dictation.history.store import History
    from thoth.dictation.pipeline import Dictation

history_app = typer.Typer(
    help="Earlier dictations: their texts, their recordings, and what became of them.", no_args_is_help=True
)

_FAILED: Final[tuple[ChosenState, ...]] = ("failed", "interrupted")
_FORMATS: Final = ("json", "jsonl", "csv", "txt", "md")
_LOOK_S: Final = 0.05
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}

EntryId = Annotated[int, typer.Argument(metavar="ID", help="As `thoth history list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")]


@history_app.command("list")
def list_entries(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed or was interrupted.")] = False,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only what holds this; case does not matter.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List dictations, the newest first: a table on a terminal, else a JSON object in each line."""
    with _opened() as (history, screen, _config):
        found = history.entries(limit=limit, states=_FAILED if failed else None, search=search)
        if not found:
            screen.notice(f"no such dictations in {history.folder}" if failed or search else _nothing_in(history))
        elif as_json or not sys.stdout.isatty():
            screen.result("".join(f"{view.json_line(entry)}\n" for entry in found))
        else:
            screen.result(view.table(found))


@history_app.command()
def show(entry_id: EntryId, as_json: AsJson = False) -> None:
    """Show one dictation: texts, times, its recording, and why it failed."""
    with _opened() as (history, screen, _config):
        entry = history.get(entry_id)
        screen.result(f"{view.json_line(entry)}\n" if as_json else view.details(entry))


@history_app.command()
def retry(
    entry_id: Annotated[int | None, typer.Argument(metavar="ID", help="As `thoth history list` shows it.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All that failed or were interrupted, the oldest first.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Catalogue name or path; without it the configured one, else the best installed."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only text and errors.")] = False,
) -> None:
    """Transcribe recordings again, with the filters and the enhancement that are configured.

    Texts go to stdout and into the history. Exit code 1 if one of them failed again.
    """
    with _opened(quiet=quiet) as (history, screen, config):
        if (entry_id is None) != every:
            raise InvalidOption("give the ID of one dictation, or --all")
        chosen = [history.get(entry_id)] if entry_id is not None else history.retryable()[::-1]
        if not chosen:
            screen.notice("nothing to retry")
            return
        with _dictation(history, screen, config, model) as dictation:
            code = _retry_each(dictation, [entry.id for entry in chosen], screen)
    raise typer.Exit(code)


@history_app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A new file; without it, or with '-', standard output.")
    ] = None,
    chosen: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="|".join(_FORMATS), help="By default what FILE ends with, else jsonl."),
    ] = None,
) -> None:
    """Write all dictations, the oldest first: json, jsonl and csv with everything, txt and md to be read."""
    with _opened() as (history, screen, _config):
        target = None if file is None or str(file) == "-" else file
        format_ = _format(chosen, target)
        if not history.entries(limit=1):
            screen.notice(_nothing_in(history))
        if target is None:
            history.export(_Stdout(screen), format_)
        else:
            _export_to(target, history, format_)


@history_app.command()
def prune(
    older_than: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", min=0, help="What is older than so many days.")
    ] = None,
    larger_than: Annotated[
        str | None,
        typer.Option("--larger-than", metavar="SIZE", help="The oldest, while recordings take more, such as 500MB."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and remove nothing.")] = False,
) -> None:
    """Remove old dictations with their recordings, but none in work.

    Without --older-than and --larger-than by the configured limits: 90 days and 2 GB unless set otherwise.
    """
    with _opened() as (history, screen, _config):
        if older_than is None and larger_than is None:
            outcome = history.prune(dry_run=dry_run)
        else:
            max_bytes = None if larger_than is None else _bytes_of(larger_than)
            outcome = history.prune(max_age_days=older_than, max_bytes=max_bytes, dry_run=dry_run)
        done = "would remove" if dry_run else "removed"
        lost = f" and {outcome.orphans} recordings without one" if outcome.orphans else ""
        freed = view.size_in_words(outcome.freed_bytes)
        screen.result(f"{done} {outcome.entries} dictations{lost}, {freed}\n")


@contextmanager
def _opened(*, quiet: bool = False) -> Iterator[tuple[History, Screen, Config]]:
    """Give the configured history; failures end the command with one line."""
    screen = Screen(quiet=quiet, verbosity=0)
    with failures_as_exit_codes(), screen.logging():
        from thoth.cli.dictation_parts import history_of
        from thoth.config.load import load_config

        config = load_config()
        with history_of(config) as history:
            yield history, screen, config


@contextmanager
def _dictation(history: History, screen: Screen, config: Config, model: str | None) -> Iterator[Dictation]:
    from thoth.cli.dictation_parts import enhancer_of, filters_of, options_of
    from thoth.cli.model_choice import model_here
    from thoth.dictation.pipeline import Dictation

    path = model_here(model or config.model.name or None, screen, offline=config.model.offline)
    filters, enhancer = filters_of(config, path), enhancer_of(config)
    with Dictation(path, history=history, filters=filters, enhancer=enhancer, **options_of(config)) as dictation:
        yield dictation


def _retry_each(dictation: Dictation, entries: list[int], screen: Screen) -> int:
    """Retry one after another, and return the exit code; Ctrl-C cancels the one in work and ends it."""
    from thoth._native import CancelToken

    failed = False
    with Interrupt(CancelToken()) as interrupt:
        for entry in entries:
            failed |= not _is_retried(dictation, entry, screen, interrupt)
            if interrupt.seen:
                screen.error("interrupted")
                return EXIT_INTERRUPTED
    return EXIT_FAILED if failed else 0


def _is_retried(dictation: Dictation, entry: int, screen: Screen, interrupt: Interrupt) -> bool:
    try:
        future = dictation.retry(entry)
        while not wait([future], timeout=_LOOK_S).done:
            if interrupt.seen:
                dictation.cancel()
        result = future.result()
    except ThothError as error:
        screen.error(f"dictation {entry}: {error}")
        return False
    for problem in result.problems:
        screen.note(f"dictation {entry}: {problem}")
    if result.text:
        screen.result(f"{view.shown(result.text) if sys.stdout.isatty() else result.text}\n")
    elif result.state == "completed":
        screen.note(f"dictation {entry}: nothing was said")
    elif result.error is not None:
        screen.error(f"dictation {entry}: {result.error}")
    return result.state == "completed"


class _Stdout:
    """Standard output, on a terminal without what would steer it."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._is_terminal = sys.stdout is not None and sys.stdout.isatty()

    def write(self, text: str) -> None:
        self._screen.result(view.shown(text) if self._is_terminal else text)


def _export_to(target: Path, history: History, format_: ExportFormat) -> None:
    """Write into a new file, which is gone again if that fails."""
    name = printable(str(target))
    try:
        file = target.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise OutputError(f"{name} exists and was left as it is: choose another name, or remove it") from None
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {name}: {_reason(error)}") from error
    try:
        with file:
            history.export(file, format_)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"cannot write {name}: {_reason(error)}") from error
        raise


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _format(chosen: str | None, target: Path | None) -> ExportFormat:
    suffix = "" if target is None else target.suffix.removeprefix(".")
    wanted = chosen or (suffix if suffix in _FORMATS else "jsonl")
    if wanted not in _FORMATS:
        raise InvalidOption(f"--format takes {', '.join(_FORMATS)}, not {wanted!r}")
    return cast("ExportFormat", wanted)


def _bytes_of(size: str) -> int:
    """Read a size such as 500MB, 2GiB or a plain number of bytes. Raises InvalidOption."""
    parts = _SIZE.fullmatch(size.strip())
    if parts is None:
        raise InvalidOption(f"--larger-than takes a size such as 500MB, 2GiB or 1000000, not {size!r}")
    base = 1024 if parts[3] else 1000
    return int(float(parts[1]) * base ** _POWERS[parts[2].lower()])


def _nothing_in(history: History) -> str:
    return f"no dictations yet in {history.folder}"
