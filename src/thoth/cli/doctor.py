"""`thoth doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from thoth.cli.machine import cpu, environment, versions
from thoth.cli.sound_devices import sound_devices
from thoth.cli.terminal.console import EXIT_FAILED, errors_as_lines

Facts = dict[str, Any]

_SILENCE_S = 1
_LABEL_WIDTH = 22


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Check this installation: versions, CPU, models, sound devices. Exit code 1 if it cannot transcribe."""
    with errors_as_lines():
        report = examine()
    typer.echo(json.dumps(report, indent=2) if as_json else "\n".join(_lines(report)))
    if report["problems"]:
        raise typer.Exit(EXIT_FAILED)


def examine() -> Facts:
    """Look at everything and return the facts by section; `problems` lists what keeps Thoth from working.

    No sound system is no problem in this sense: files can be transcribed without.
    """
    problems: list[str] = []
    sections: dict[str, Callable[[], Facts]] = {
        "versions": versions,
        "cpu": cpu,
        "models": _models,
        "self_test": _self_test,
    }
    report = {name: _attempt(name, section, problems) for name, section in sections.items()}
    report["sound"] = sound_devices()
    report["environment"] = environment()
    return report | {"problems": problems}


def _attempt(name: str, section: Callable[[], Facts], problems: list[str]) -> Facts:
    """Collect a section; whatever it raises is a problem, since this command is for broken installations."""
    try:
        return section()
    except Exception as error:
        problems.append(f"{name.replace('_', ' ')}: {' '.join(str(error).split()) or type(error).__name__}")
        return {}


def _models() -> Facts:
    from thoth.model.catalog import BUILTIN
    from thoth.model.store import ModelStore
    from thoth.model.whisper import VAD_MODEL

    store = ModelStore()
    return {
        "directory": str(store.directory),
        "installed": [entry.name for entry in store.installed() if not entry.builtin],
        "default": store.default_model().entry.name,
        "built_in": f"{BUILTIN.name}, verified: {store.verify(BUILTIN.name)}",
        "voice_activity": _loaded_vad(os.fspath(VAD_MODEL)),
    }


def _loaded_vad(path: str) -> str:
    from thoth._native import Vad

    Vad(path)
    return f"Silero, loads: {path}"


def _self_test() -> Facts:
    """Load the built-in model and let it listen to silence, from which it must not make words."""
    import numpy as np

    from thoth.errors import ModelError
    from thoth.model.catalog import BUILTIN
    from thoth.model.whisper import WhisperModel

    begin_s = time.perf_counter()
    with WhisperModel(BUILTIN.name, offline=True) as model:
        load_s = time.perf_counter() - begin_s
        silence = np.zeros(_SILENCE_S * 16_000, np.float32)
        invented = model.transcribe_samples(silence).text
        begin_s = time.perf_counter()
        model.transcribe_samples(silence, vad_filter=False)
        run_s = time.perf_counter() - begin_s
    if invented:
        raise ModelError(f"silence was transcribed as {invented!r}; install Thoth again")
    return {"model": BUILTIN.name, "load_s": round(load_s, 3), f"model_run_on_{_SILENCE_S}_s_s": round(run_s, 3)}


def _lines(report: Facts) -> list[str]:
    lines = []
    for name, facts in report.items():
        if name != "problems":
            lines.append(name.replace("_", " "))
            lines += [f"  {_label(label):<{_LABEL_WIDTH}} {_value(value)}" for label, value in facts.items()]
    verdict = [f"problem: {problem}" for problem in report["problems"]]
    return lines + (verdict or ["all that transcription needs works"])


def _label(key: str) -> str:
    is_variable = key.isupper() or key.endswith("_proxy")
    return key if is_variable else key.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
