"""The model that a command speaks to: on this machine before anybody is asked to speak."""

from __future__ import annotations

from pathlib import Path

from thoth.cli.models import download_progress
from thoth.cli.screen import Screen


def model_here(name: str | None, screen: Screen, *, offline: bool) -> Path:
    """Return the file of a model, which is downloaded if need be; without a name the best installed.

    Raises ModelNotFound and DownloadError.
    """
    from thoth.model.store import ModelStore

    store = ModelStore()
    if name is not None:
        with download_progress(name) as progress:
            return store.find(name, offline=offline, progress=progress, notice=screen.notice)
    choice = store.default_model()
    if choice.note is not None:
        screen.notice(choice.note)
    return choice.path
