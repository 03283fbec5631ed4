"""`thoth record`: the microphone into a WAV file."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from thoth.cli.console import EXIT_FAILED
from thoth.cli.interrupt import Interrupt
from thoth.cli.level_line import LevelLine, level_line
from thoth.cli.progress_line import clock
from thoth.cli.screen import Screen, failures_as_exit_codes

if TYPE_CHECKING:
    from thoth.audio.recorder import Recorder, Recording

_LOOK_S: Final = 0.1
_LONGEST_S: Final = 1e9
_ENDINGS: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""By which service managers and closing terminals end it: the file is then finished as on Ctrl-C."""


def record(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: recording-<date>-<time>.wav in this folder."),
    ] = None,
    duration: Annotated[
        float | None, typer.Option("--duration", "-d", metavar="SECONDS", help="Stop after so long; else on Ctrl-C.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Index, name or part of one, as `thoth devices` lists them.")
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Rate to open the device with; by default its own.")] = None,
    channels: Annotated[int, typer.Option(help="Channels to open and average.")] = 1,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Go on when the device was gone and is back, instead of stopping.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the path and errors.")] = False,
) -> None:
    """Record the microphone into a WAV file: 16 kHz, mono, 16 bit.

    Ctrl-C, SIGTERM, or the end of --duration, finishes the file and prints its path on stdout. The file is playable at
    every moment, also if the machine fails. Exit code 1 when the recording broke off; what came before is kept.
    """
    if duration is not None and not 0 < duration <= _LONGEST_S:
        raise typer.BadParameter(f"takes seconds above 0 to {_LONGEST_S:g}", param_hint="--duration")
    if str(output) == "-":
        raise typer.BadParameter("takes a file's name, a recording does not go to stdout", param_hint="--output")
    screen = Screen(quiet=quiet, verbosity=0)
    path = output or Path(time.strftime("recording-%Y%m%d-%H%M%S.wav"))
    with failures_as_exit_codes(), screen.logging():
        from thoth.audio.microphone import Microphone
        from thoth.audio.recorder import Recorder

        microphone = Microphone(_device(device), rate_hz=rate, channels=channels, reconnect=reconnect)
        with level_line(quiet=quiet) as line:
            recording = _record(Recorder(path, microphone, overwrite=overwrite, max_s=duration), line)
        _tell(recording, screen)


def _record(recorder: Recorder, line: LevelLine) -> Recording:
    from thoth._native import CancelToken

    with Interrupt(CancelToken(), also=_ENDINGS) as interrupt:
        with interrupt.breaking():  # nothing is recorded yet that could be lost
            recorder.source.start()
        with recorder.source:
            recorder.start()
            line.say(f"recording {recorder.source.name} to {recorder.path}; Ctrl-C stops")
            _watch(recorder, interrupt, line)
            return recorder.stop()


def _watch(recorder: Recorder, interrupt: Interrupt, line: LevelLine) -> None:
    while not interrupt.seen and not recorder.wait(_LOOK_S):
        line.update(recorder.duration_s, recorder.source)


def _tell(recording: Recording, screen: Screen) -> None:
    screen.note(f"{recording.path}: {clock(recording.duration_s)}, {_losses(recording)}")
    if recording.error is not None:
        screen.error(recording.error)
    screen.result(f"{recording.path}\n")
    if recording.error is not None:
        raise typer.Exit(EXIT_FAILED)


def _losses(recording: Recording) -> str:
    if recording.loss_count == 0:
        return "nothing lost"
    lost_s = sum(loss.silence_s for loss in recording.losses)
    first = recording.losses[0]
    return (
        f"{recording.loss_count} losses, {lost_s:.3f} s replaced by silence, "
        f"the first of those listed at {first.at_s:.3f} s ({first.cause})"
    )


def _device(given: str | None) -> int | str | None:
    return int(given) if given is not None and given.isascii() and given.isdigit() else given
