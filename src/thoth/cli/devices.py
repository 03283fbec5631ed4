"""`thoth devices`: the sound devices that can record."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

from thoth.cli.inputs import printable
from thoth.cli.terminal.console import fail
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes

if TYPE_CHECKING:
    from thoth.audio.devices import Device

_HEADER = ("", "INDEX", "NAME", "HOST API", "CHANNELS", "RATES (kHz)")
_RIGHT_ALIGNED = {"INDEX", "CHANNELS"}


def list_devices(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of a table.")] = False,
) -> None:
    """List the sound devices that can record, * the default one, with the rates at which they really open.

    Exit code 1 if there is none.
    """
    with failures_as_exit_codes():
        from thoth.audio.devices import NO_INPUTS, devices

        found = devices()
        if not found:
            fail(NO_INPUTS)
        text = json.dumps(list(map(dataclasses.asdict, found)), indent=2) if as_json else _table(found)
        Screen(quiet=False, verbosity=0).result(f"{text}\n")


def _table(found: tuple[Device, ...]) -> str:
    rows = [_HEADER, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _row(device: Device) -> tuple[str, ...]:
    rates = " ".join(f"{rate / 1000:g}" for rate in device.rates_hz or ())
    mark = "*" if device.is_default else ""
    name, api = printable(device.name), printable(device.host_api)
    return mark, str(device.index), name, api, str(device.channels), rates or "does not open"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        cell.rjust(width) if title in _RIGHT_ALIGNED else cell.ljust(width)
        for title, cell, width in zip(_HEADER, row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()
