"""`thoth listen`: wake phrases, told or answered by a command."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thoth.cli.interrupt import ENDINGS, Interrupt
from thoth.cli.model_choice import model_here
from thoth.cli.options import (
    FLAGS,
    ConfigOption,
    DetectorOption,
    FileOption,
    ModelOption,
    OfflineOption,
    RealtimeOption,
    require_one_sound,
)
from thoth.cli.sound_devices import DeviceOption
from thoth.cli.terminal.level_line import level_line
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes

if TYPE_CHECKING:
    from thoth.config.schema import Config
    from thoth.model.whisper import WhisperModel


def listen(
    wake: Annotated[
        list[str] | None, typer.Option(metavar="PHRASE", help="What to listen for. May be repeated.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="COMMAND", help="Run this at each, without a shell; see above.")
    ] = None,
    detector: DetectorOption = None,
    threshold: Annotated[
        float | None, typer.Option(help="How sure it has to be, 0 to 1; 0 is what suits the detector.")
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = None,
    file: FileOption = None,
    realtime: RealtimeOption = False,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines; the default unless a terminal reads.")] = False,
    offline: OfflineOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only phrases and errors.")] = False,
) -> None:
    """Listen for a wake phrase, and tell of each: a line on a terminal, else a JSON object.

    COMMAND is started at once. It finds the phrase in THOTH_WAKE_PHRASE, and on its standard input, as soon as nobody
    speaks any more, all that was said after it; what was said of that before the start is in THOTH_WAKE_TEXT too. What
    it writes goes to stderr. At most four run at a time; one that fails is told, and the listening goes on. Ctrl-C ends
    the listening and waits for the commands; a second one ends those too. What was said after a phrase is kept in the
    history, if there is a COMMAND.
    """
    from thoth.config.load import load_settings

    require_one_sound(file, device=device, realtime=realtime)
    screen = Screen(quiet=quiet, verbosity=0)
    overrides = {
        "wake.phrases": wake,
        "wake.run": run,
        "wake.detector": detector,
        "wake.threshold": threshold,
        "model.name": model,
        "model.offline": offline or None,
        "microphone.device": device,
    }
    with failures_as_exit_codes(), screen.logging(without="thoth.wake"):
        settings = load_settings(config, overrides=overrides, flags=FLAGS).config
        in_json = as_json or sys.stdout is None or not sys.stdout.isatty()
        code = _listen(settings, file, screen, realtime=realtime, in_json=in_json, quiet=quiet)
    raise typer.Exit(code)


def _listen(config: Config, file: Path | None, screen: Screen, *, realtime: bool, in_json: bool, quiet: bool) -> int:
    from thoth._native import CancelToken
    from thoth.cli import dictation_parts as parts
    from thoth.cli.listen.run import ListenRun
    from thoth.cli.listen.wake_commands import WakeCommands

    with ExitStack() as stack:
        interrupt = stack.enter_context(Interrupt(CancelToken(), also=ENDINGS))
        commands = stack.enter_context(WakeCommands(config.wake.run, screen)) if config.wake.run else None
        with interrupt.breaking():
            model = _model(config, screen, stack) if commands or config.wake.detector == "whisper" else Path()
        listener = stack.enter_context(parts.listening(config, model))
        source = parts.source_of(config, None if file is None else parts.Recording(file, realtime), called=True)
        line = stack.enter_context(level_line(quiet=quiet))
        stack.enter_context(screen.around(line))
        with interrupt.breaking():
            stack.enter_context(source)
        run = ListenRun(listener, source, screen, line, interrupt, in_json=in_json)
        if commands is not None:
            history = stack.enter_context(parts.history_of(config))
            run.answer(commands, stack.enter_context(parts.bare_dictation_of(config, model, source, history)))
        return run.run()


def _model(config: Config, screen: Screen, stack: ExitStack) -> WhisperModel:
    """Return the model that hears phrases, and what follows them."""
    from thoth.model.whisper import WhisperModel

    chosen = config.model
    path = model_here(chosen.name or None, screen, offline=chosen.offline, language=chosen.language)
    return stack.enter_context(WhisperModel(path))
