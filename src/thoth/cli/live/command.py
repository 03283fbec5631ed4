"""`thoth live`: text while it is being spoken."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from thoth.cli.inputs import printable
from thoth.cli.interrupt import ENDINGS, Interrupt
from thoth.cli.live.run import LiveRun
from thoth.cli.live.view import JsonView, LiveView, TextView
from thoth.cli.model_choice import model_here
from thoth.cli.options import LanguageOption, ModelOption, OfflineOption
from thoth.cli.sound_devices import DeviceOption, device_named
from thoth.cli.terminal.console import fail
from thoth.cli.terminal.level_line import suitable_line
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth.audio.file_source import FileSource
    from thoth.audio.microphone import Microphone

_LONGEST_S: Final = 1e9


def live(
    device: DeviceOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Listen to a recording instead of a microphone.")
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime/--fast", help="FILE at its own pace, like a microphone; or as fast as it is understood."
        ),
    ] = False,
    model: ModelOption = None,
    language: LanguageOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines; the default unless a terminal reads.")] = False,
    as_text: Annotated[bool, typer.Option("--text", help="Plain text, a line per utterance.")] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE.wav", help="Keep the audio: 16 kHz, mono, 16 bit.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="FILE", help="Trace all work, for ui.perfetto.dev.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    duration: Annotated[
        float | None, typer.Option("--duration", "-d", metavar="SECONDS", help="Stop after so long; else on Ctrl-C.")
    ] = None,
    endpoint_silence: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Silence that ends an utterance.", show_default="0.6")
    ] = None,
    isolation: Annotated[
        str, typer.Option(metavar="thread|process", help="Run the model in here, or where it may crash without harm.")
    ] = "thread",
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Go on when the device was gone and is back, instead of stopping.")
    ] = False,
    offline: OfflineOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only text and errors.")] = False,
) -> None:
    """Turn speech into text while it is being spoken.

    A terminal shows committed text, which never changes, then tentative text, dimmed, and a status bar. Without one,
    JSON lines come out. Ctrl-C, SIGTERM, or the end of --duration, ends the listening; what was said becomes text, then
    a summary is printed. A second Ctrl-C ends it at once. Exit code 1 when the source, the model or --save failed.
    """
    _require_sense(file, device=device, realtime=realtime, reconnect=reconnect, as_json=as_json, as_text=as_text)
    if duration is not None and not 0 < duration <= _LONGEST_S:
        raise typer.BadParameter(f"takes seconds above 0 to {_LONGEST_S:g}", param_hint="--duration")
    screen = Screen(quiet=quiet, verbosity=0)
    options: dict[str, Any] = {"language": language, "isolation": isolation}
    options |= {} if endpoint_silence is None else {"endpoint_silence_s": endpoint_silence}
    # What a session logs it reports as well, in better form.
    with failures_as_exit_codes(), screen.logging(without="thoth.live"):
        from thoth._native import CancelToken
        from thoth.cli.live.sound import LiveSound
        from thoth.live.session import LiveSession

        session = LiveSession(model, **options)
        with _traced(trace, overwrite=overwrite), Interrupt(CancelToken(), also=ENDINGS) as interrupt:
            with interrupt.breaking():
                model_here(model, screen, offline=offline)
            with closing(session), _viewed(screen, as_json=as_json, as_text=as_text, quiet=quiet) as view:
                source = _source(file, device, realtime=realtime, reconnect=reconnect)
                sound = LiveSound(source, save, screen, overwrite=overwrite, max_s=duration)
                LiveRun(session, view, screen, interrupt, duration).run(sound)


def _require_sense(
    file: Path | None, *, device: str | None, realtime: bool, reconnect: bool, as_json: bool, as_text: bool
) -> None:
    if file is not None and (device is not None or reconnect):
        raise typer.BadParameter(
            "takes the place of a microphone: leave --device and --reconnect out", param_hint="--file"
        )
    if file is None and realtime:
        raise typer.BadParameter("is for a --file: a microphone has no other pace", param_hint="--realtime")
    if as_json and as_text:
        raise typer.BadParameter("is one choice, --text another", param_hint="--json")


def _source(file: Path | None, device: str | None, *, realtime: bool, reconnect: bool) -> FileSource | Microphone:
    if file is not None:
        from thoth.audio.file_source import FileSource

        return FileSource(file, realtime=realtime)
    from thoth.audio.microphone import Microphone

    return Microphone(device_named(device), reconnect=reconnect)


@contextmanager
def _viewed(screen: Screen, *, as_json: bool, as_text: bool, quiet: bool) -> Iterator[LiveView]:
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    view: LiveView
    if as_text or as_json or not is_terminal or os.environ.get("TERM") == "dumb":
        as_text = as_text or (is_terminal and not as_json)
        view = (TextView if as_text else JsonView)(screen, suitable_line(quiet=quiet))
    else:
        from thoth.cli.live.screen import TerminalView

        view = TerminalView(screen, has_bar=not quiet)
    with screen.around(view):
        try:
            yield view
        finally:
            view.close()


@contextmanager
def _traced(path: Path | None, *, overwrite: bool) -> Iterator[None]:
    """Trace everything meanwhile, and write it to `path`, if there is one, whatever comes."""
    if path is None:
        yield
        return
    from thoth.observe.tracing import tracer

    if path.exists() and not overwrite:
        fail(f"{printable(str(path))}: the file exists and was left as it is: --overwrite replaces it")
    tracer.write_chrome(path)  # what cannot be written is better known now than after an hour
    tracer.level = "full"
    try:
        yield
    finally:
        tracer.level = "off"
        try:
            tracer.write_chrome(path)
        except InvalidOption as error:
            fail(error)
