"""`thoth record`: the microphone into a WAV file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from thoth.cli.console import EXIT_FAILED, errors_as_lines, report, say
from thoth.cli.inputs import printable
from thoth.cli.interrupt import Interrupt
from thoth.cli.level_line import LevelLine, level_line
from thoth.cli.progress_line import clock

if TYPE_CHECKING:
    from thoth.audio.recorder import Recorder, Recording

_LOOK_S: Final = 0.1


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

    Ctrl-C, or the end of --duration, finishes the file and prints its path on stdout. The file is playable at every
    moment, also if the machine fails. Exit code 1 when the recording broke off; what came before is kept.
    """
    if duration is not None and not 0 < duration < float("inf"):
        raise typer.BadParameter("takes seconds above 0", param_hint="--duration")
    path = output or Path(time.strftime("recording-%Y%m%d-%H%M%S.wav"))
    with errors_as_lines():
        from thoth._native import CancelToken
        from thoth.audio.microphone import Microphone
        from thoth.audio.recorder import Recorder

        microphone = Microphone(_device(device), rate_hz=rate, channels=channels, reconnect=reconnect)
        with Interrupt(CancelToken()) as interrupt, microphone:
            recorder = Recorder(path, microphone, overwrite=overwrite, max_s=duration).start()
            with level_line(quiet=quiet) as line:
                line.say(f"recording {microphone.name} to {path}; Ctrl-C stops")
                _watch(recorder, interrupt, line)
            recording = recorder.stop()
    _tell(recording, quiet=quiet)


def _watch(recorder: Recorder, interrupt: Interrupt, line: LevelLine) -> None:
    while not interrupt.seen and not recorder.wait(_LOOK_S):
        line.update(recorder.duration_s, recorder.source)


def _tell(recording: Recording, *, quiet: bool) -> None:
    typer.echo(recording.path)
    if not quiet:
        say(printable(f"{recording.path}: {clock(recording.duration_s)}, {_losses(recording)}"))
    if recording.error is not None:
        report(printable(str(recording.error)))
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
