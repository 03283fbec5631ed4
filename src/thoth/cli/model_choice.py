"""The model that a command speaks to: on this machine before anybody is asked to speak."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thoth.cli.models import download_progress
from thoth.cli.terminal.screen import Screen
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth.model.whisper import WhisperModel

ENGLISH: Final = "en"


def model_here(name: str | None, screen: Screen, *, offline: bool, language: str = "") -> Path:
    """Return the file of a model, which is downloaded if need be; without a name the best installed.

    language: what is going to be spoken; empty leaves it to the model.

    Raises ModelNotFound and DownloadError, and InvalidOption where the model does not know the language.
    """
    path = _found(name, screen, offline=offline)
    if language not in ("", ENGLISH):
        _require_multilingual(path, language)
    return path


def _found(name: str | None, screen: Screen, *, offline: bool) -> Path:
    from thoth.model.store import ModelStore

    store = ModelStore()
    if name is not None:
        with download_progress(name) as progress:
            return store.find(name, offline=offline, progress=progress, notice=screen.notice)
    choice = store.default_model()
    if choice.note is not None:
        screen.notice(choice.note)
    return choice.path


def is_multilingual(model: WhisperModel | Path) -> bool:
    """Whether a model, loaded or not, knows other languages than English. Raises InvalidModel for what is none."""
    from thoth._native import check_model

    return bool(check_model(os.fsencode(model))["multilingual"]) if isinstance(model, Path) else model.multilingual


def _require_multilingual(path: Path, language: str) -> None:
    if not is_multilingual(path):
        raise InvalidOption(
            f"model.language is {language!r}, and {path.name} knows English only: "
            "take a model without '.en' in its name"
        )
