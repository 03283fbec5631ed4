"""`thoth record`: the microphone into a WAV file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from thoth.cli.interrupt import ENDINGS, Interrupt
from thoth.cli.sound_devices import DeviceOption, device_named
from thoth.cli.terminal.console import EXIT_FAILED
from thoth.cli.terminal.level_line import LevelLine, level_line, recording_text
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes

if TYPE_CHECKING:
    from thoth.audio.recorder import Recorder, Recording

_LOOK_S: Final = 0.1
_LONGEST_S: Final = 1e9


def record(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: recording-<date>-<time>.wav in this folder."),
    ] = None,
    duration: Annotated[
        float | None, typer.Option("--duration", "-d", metavar="SECONDS", help="Stop after so long; else on Ctrl-C.")
    ] = None,
    device: DeviceOption = None,
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

        microphone = Microphone(device_named(device), rate_hz=rate, channels=channels, reconnect=reconnect)
        with level_line(quiet=quiet) as line, screen.around(line):
            recording = _record(Recorder(path, microphone, overwrite=overwrite, max_s=duration), line)
        _tell(recording, screen)


def _record(recorder: Recorder, line: LevelLine) -> Recording:
    from thoth._native import CancelToken

    with Interrupt(CancelToken(), also=ENDINGS) as interrupt:
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
    screen.note(recording_text(recording))
    if recording.error is not None:
        screen.error(recording.error)
    screen.result(f"{recording.path}\n")
    if recording.error is not None:
        raise typer.Exit(EXIT_FAILED)
