"""`thoth bench`: how fast Thoth is on this machine, and whether that is enough."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from thoth.cli.models import download_progress
from thoth.cli.options import OfflineOption
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth.cli.bench.model import BenchedModel
    from thoth.cli.bench.report import Report

_DEFAULT_S: Final = 20.0
_LONGEST_S: Final = 3600.0


def bench(
    models: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Catalogue name or path; may be repeated. Default: the built-in one."),
    ] = None,
    threads: Annotated[
        str | None,
        typer.Option(metavar="N[,N…]", help="CPU threads to measure with; by default 1 and what Thoth takes at most."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long to measure, about; big models take what they take.")] = (
        _DEFAULT_S
    ),
    compare: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Put another machine's --json beside this one's figures.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
    offline: OfflineOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only figures and errors.")] = False,
) -> None:
    """Measure this machine: encoder, decoder, voice activity, resampling, the ring, and what it can follow live.

    The sound is made up and every pass has a fixed number of tokens, so that figures compare across machines. Medians
    are of what the --seconds allow; on a busy machine look at the minima.
    """
    if not 0 < seconds <= _LONGEST_S:
        raise typer.BadParameter(f"takes seconds above 0 to {_LONGEST_S:g}", param_hint="--seconds")
    screen = Screen(quiet=quiet, verbosity=0)
    with failures_as_exit_codes(), screen.logging():
        from thoth.cli.bench.report import comparison, lines, read_report

        counts = _thread_counts(threads)
        other = None if compare is None else read_report(compare)
        report = _measured(models or [_builtin()], counts, seconds, screen, offline=offline)
        if as_json:
            text = json.dumps(report, indent=2)
        else:
            text = "\n".join((*lines(report), *([] if other is None else ("", *comparison(report, other)))))
        screen.result(f"{text}\n")


def _builtin() -> str:
    from thoth.model.catalog import BUILTIN

    return BUILTIN.name


def _thread_counts(wanted: str | None) -> list[int]:
    from thoth.model.options import MOST_THREADS
    from thoth.model.threads import ENOUGH_THREADS, allowed_cpus

    if wanted is None:
        return sorted({1, min(allowed_cpus(), ENOUGH_THREADS)})
    counts = [int(count) if count.strip().isdecimal() else 0 for count in wanted.split(",")]
    if not all(1 <= count <= MOST_THREADS for count in counts):
        raise InvalidOption(f"--threads takes numbers from 1 to {MOST_THREADS} with commas between, not {wanted!r}")
    return list(dict.fromkeys(counts))


def _measured(names: list[str], threads: list[int], seconds: float, screen: Screen, *, offline: bool) -> Report:
    from thoth.cli.bench.figures import Clock
    from thoth.cli.bench.machine import is_busy, load_average, machine_facts
    from thoth.cli.bench.parts import part_measurements
    from thoth.cli.bench.report import FORMAT

    facts, before = machine_facts(), load_average()
    busy = is_busy(before, facts["cpu"]["cores"])
    if busy:
        screen.notice("this machine is busy: others' work stands in the figures; the minima suffer least")
    with ExitStack() as loaded:
        benched = [_loaded(name, screen, loaded, offline=offline) for name in dict.fromkeys(names)]
        screen.notice(f"measuring for about {seconds:g} s; Ctrl-C stops")
        measurements = list(part_measurements())
        for model in benched:
            measurements += model.measurements(threads)
        figures = list(Clock(seconds).figures(measurements))
    return {
        "format": FORMAT,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
        "load_average": {"before": before, "after": load_average()},
        "busy": busy,
        "seconds": seconds,
        "models": {model.name: {"file_bytes": model.file_bytes} for model in benched},
        "figures": [figure.as_json() for figure in figures],
    }


def _loaded(name: str, screen: Screen, loaded: ExitStack, *, offline: bool) -> BenchedModel:
    from thoth.cli.bench.model import BenchedModel
    from thoth.model.store import ModelStore

    with download_progress(name) as progress:
        path = ModelStore().find(name, offline=offline, progress=progress, notice=screen.notice)
    model = BenchedModel(path, path.name if os.sep in name else name)
    loaded.callback(model.close)
    return model
