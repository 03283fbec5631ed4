"""The flags that several commands share, and the settings behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

ModelOption = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Catalogue name or path; without it the best installed, else the built-in one."),
]
LanguageOption = Annotated[
    str | None, typer.Option("--language", "-l", help="Language spoken, such as en; detected if not given.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings; else those that `thoth config path` tells.")
]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Listen to a recording instead of a microphone.")
]
RealtimeOption = Annotated[
    bool, typer.Option("--realtime/--fast", help="FILE at its own pace, like a microphone; or as fast as it is heard.")
]
DetectorOption = Annotated[
    str | None, typer.Option(metavar="whisper|openwakeword", help="What listens for the phrase.")
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never download a model.")]

FLAGS: Final = {
    "model.name": "--model",
    "model.language": "--language",
    "model.offline": "--offline",
    "microphone.device": "--device",
    "dictation.mode": "mode",
    "dictation.stop_after_silence_s": "--stop-after-silence",
    "enhance.url": "--enhance",
    "enhance.model": "--enhance-model",
    "output.sinks": "--output",
    "shortcuts.hotkey": "--hotkey",
    "shortcuts.push_to_talk": "--push-to-talk",
    "wake.phrases": "--wake",
    "wake.detector": "--detector",
    "wake.threshold": "--threshold",
    "wake.run": "--run",
}
"""How the settings are called that these commands take as flags."""


def require_one_sound(file: Path | None, *, device: str | None, realtime: bool) -> None:
    """Refuse a file and a microphone at once."""
    if file is not None and device is not None:
        raise typer.BadParameter("takes the place of a microphone: leave --device out", param_hint="--file")
    if file is None and realtime:
        raise typer.BadParameter("is for a --file: a microphone has no other pace", param_hint="--realtime")
