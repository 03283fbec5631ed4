"""`thoth dictate`: from a key or a phrase to corrected text where it is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thoth.cli.dictate.keys import terminal_is_ours
from thoth.cli.options import (
    FLAGS,
    ConfigOption,
    DetectorOption,
    FileOption,
    LanguageOption,
    ModelOption,
    OfflineOption,
    RealtimeOption,
    require_one_sound,
)
from thoth.cli.sound_devices import DeviceOption
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes
from thoth.errors import InvalidOption


def dictate(
    once: Annotated[
        bool, typer.Option("--once", help="Record at once, until silence, Enter or Ctrl-C; print the text; end.")
    ] = False,
    hotkey: Annotated[
        str | None, typer.Option(metavar="KEYS", help="Begin and end by these keys, such as ctrl+alt+d, in any window.")
    ] = None,
    push_to_talk: Annotated[
        str | None, typer.Option(metavar="KEYS", help="Record while these keys are held down, in any window.")
    ] = None,
    wake: Annotated[
        list[str] | None, typer.Option(metavar="PHRASE", help="Begin at this phrase, end at silence. May be repeated.")
    ] = None,
    detector: DetectorOption = None,
    enhance: Annotated[
        str | None, typer.Option(metavar="URL", help="OpenAI-compatible endpoint that corrects the text.")
    ] = None,
    enhance_model: Annotated[str | None, typer.Option(metavar="NAME", help="The model to ask for there.")] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="SPEC",
            help="stdout, clipboard, paste, type, file:PATH or command:COMMAND. May be repeated.",
        ),
    ] = None,
    stop_after_silence: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Silence that ends a recording begun by --once or --wake."),
    ] = None,
    model: ModelOption = None,
    language: LanguageOption = None,
    device: DeviceOption = None,
    file: FileOption = None,
    realtime: RealtimeOption = False,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines of all that happens, on stdout.")] = False,
    offline: OfflineOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only text and errors.")] = False,
) -> None:
    """Turn what you say into text, corrected, where you want it.

    Without a mode, Enter or Space begins and ends a dictation, Esc cancels it, q ends; this works over ssh too. Texts
    go to stdout and nothing else does; --json has JSON lines instead. Ctrl-C ends a recording and delivers what was
    said, then the command; a second Ctrl-C cancels. Every recording is kept in the history: `thoth history retry`
    makes text of one that failed or was cancelled. Settings come from a file, see `thoth config`; flags override them.
    Exit code 1 when a dictation failed.
    """
    from thoth.config.load import load_settings

    overrides: dict[str, Any] = {
        "dictation.mode": _mode(once=once, hotkey=hotkey, push_to_talk=push_to_talk, wake=wake, file=file),
        "dictation.stop_after_silence_s": stop_after_silence,
        "shortcuts.hotkey": hotkey,
        "shortcuts.push_to_talk": push_to_talk,
        "wake.phrases": wake,
        "wake.detector": detector,
        "enhance.url": enhance,
        "enhance.model": enhance_model,
        "output.sinks": output,
        "model.name": model,
        "model.language": language,
        "model.offline": offline or None,
        "microphone.device": device,
    }
    require_one_sound(file, device=device, realtime=realtime)
    screen = Screen(quiet=quiet, verbosity=0)
    # What goes wrong with a dictation is told with its result.
    with failures_as_exit_codes(), screen.logging(without="thoth.dictation"):
        settings = load_settings(config, overrides=overrides, flags=FLAGS).config
        if settings.dictation.mode == "keys" and not terminal_is_ours():
            raise InvalidOption(
                "no terminal is here whose keys could begin a dictation: use --once, --hotkey, --push-to-talk or --wake"
            )
        from thoth.cli.dictate.assembly import DictateCommand

        command = DictateCommand(settings, screen, file=file, realtime=realtime, as_json=as_json, quiet=quiet)
        # A recording is heard to its end, unless asked otherwise.
        code = command.run(ends_at_silence=file is None or stop_after_silence is not None)
    raise typer.Exit(code)


def _mode(
    *, once: bool, hotkey: str | None, push_to_talk: str | None, wake: list[str] | None, file: Path | None
) -> str | None:
    """Return the mode that flags ask for; None leaves it to the settings."""
    asked = {"once": once, "hotkey": hotkey is not None, "push-to-talk": push_to_talk is not None, "wake": bool(wake)}
    modes = [mode for mode, is_asked in asked.items() if is_asked]
    if len(modes) > 1:
        raise typer.BadParameter(f"is one choice, --{modes[1]} another", param_hint=f"--{modes[0]}")
    return modes[0] if modes else "once" if file is not None else None
