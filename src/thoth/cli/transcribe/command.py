"""`thoth transcribe`: recordings to text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from thoth.cli.models import download_progress
from thoth.cli.options import LanguageOption, ModelOption, OfflineOption
from thoth.cli.terminal.screen import Screen, failures_as_exit_codes
from thoth.cli.transcribe import outputs
from thoth.cli.transcribe.file_runs import FileRuns
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth.model.options import TranscribeOptions
    from thoth.model.whisper import WhisperModel

FORMATS: Final = ("txt", "srt", "vtt", "json", "tsv", "lrc")
ALL_FORMATS: Final = "all"


def transcribe(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Recordings, in any container FFmpeg reads; '-' is standard input."),
    ],
    model: ModelOption = None,
    language: LanguageOption = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", "-f", metavar="|".join((*FORMATS, ALL_FORMATS)), help="May be repeated. Default: txt."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Write DIR/<file's stem>.<format>; without it, to stdout."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist in DIR.")] = False,
    word_timestamps: Annotated[
        bool, typer.Option("--word-timestamps", help="Give each segment its words (in json).")
    ] = False,
    translate: Annotated[bool, typer.Option("--translate", help="Translate into English.")] = False,
    prompt: Annotated[str | None, typer.Option(help="Text put before every window: style, names, spelling.")] = None,
    hotwords: Annotated[str | None, typer.Option(help="Words to expect.")] = None,
    vad: Annotated[bool, typer.Option("--vad/--no-vad", help="Leave out what holds no speech.")] = True,
    threads: Annotated[int | None, typer.Option(help="CPU threads; by default what suits the machine.")] = None,
    beam_size: Annotated[int | None, typer.Option(help="Hypotheses searched at once; 1 is greedy.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Sample at this one, with no further tries at higher ones.")
    ] = None,
    audio_context: Annotated[
        str,
        typer.Option(metavar="auto|reduced|full|N", help="How much of a window is encoded; N: positions of 20 ms."),
    ] = "auto",
    offline: OfflineOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only text and errors.")] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Show the log; -vv all of it.")
    ] = 0,
) -> None:
    """Turn recordings into text.

    Text goes to stdout, line by line as it is ready, everything else to stderr. Files in DIR appear when they
    are complete; Ctrl-C keeps what is done in <stem>.partial.<format>. MP4 through a pipe is copied to a
    temporary file first (at most 4 GiB); other containers are read as they come.
    """
    options: dict[str, Any] = {
        "language": language,
        "task": "translate" if translate else "transcribe",
        "initial_prompt": prompt,
        "hotwords": hotwords,
        "word_timestamps": word_timestamps,
        "vad_filter": vad,
        "threads": threads,
        "audio_context": int(audio_context) if audio_context.isdecimal() else audio_context,
    }
    options |= {} if beam_size is None else {"beam_size": beam_size}
    options |= {} if temperature is None else {"temperature": temperature}
    screen = Screen(quiet=quiet, verbosity=verbose)
    with failures_as_exit_codes(), screen.logging():
        jobs = outputs.plan(files, _formats(formats or ["txt"]), output)
        checked = _checked(options)
        if output is not None:
            outputs.make_directory(output)
        with _load(model, offline, screen) as loaded:
            code = FileRuns(loaded, checked, screen, overwrite=overwrite).run(jobs)
    raise typer.Exit(code)


def _formats(wanted: list[str]) -> list[str]:
    for name in wanted:
        if name not in (*FORMATS, ALL_FORMATS):
            raise InvalidOption(f"-f takes {', '.join(FORMATS)} or {ALL_FORMATS}, not {name!r}")
    return list(FORMATS) if ALL_FORMATS in wanted else list(dict.fromkeys(wanted))


def _checked(options: dict[str, Any]) -> TranscribeOptions:
    """Have the options checked before a model is loaded. Raises InvalidOption."""
    from thoth.model.options import CheckedOptions, TranscribeOptions

    given = cast(TranscribeOptions, options)
    CheckedOptions.of(given)
    return given


@contextmanager
def _load(name: str | None, offline: bool, screen: Screen) -> Iterator[WhisperModel]:
    from thoth.model.whisper import WhisperModel

    with download_progress(name or "") as on_download:
        model = WhisperModel(name, offline=offline, on_download=on_download, notice=screen.notice)
    with model:
        yield model
