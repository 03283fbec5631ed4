"""The models on this machine: where they live, which are there, and which one to take.

The network is touched in one place only: `ModelStore.find` with a catalogue name that is not installed,
and never while offline.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from thoth.errors import InvalidModel, ModelError, ModelNotFound
from thoth.model.catalog import BUILTIN, CATALOG, CatalogEntry, is_known, lookup, sha256_of
from thoth.model.partial import PartialFile

if TYPE_CHECKING:
    from thoth.model.download import Notice, Progress

MODELS_VARIABLE = "THOTH_MODELS"
OFFLINE_VARIABLE = "THOTH_OFFLINE"
ASSETS = Path(__file__).resolve().parent.parent / "assets"

BUILTIN_NOTE = (
    f"no model is installed, so the built-in {BUILTIN.name} is used: it knows 151 English words (digits, "
    "numbers, days, dictation and home commands) and writes anything else as some of those; "
    "'thoth models pull base.en' fetches one for free speech"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The model taken when none is named; `note` is one honest line for the user, or None."""

    entry: CatalogEntry
    path: Path
    note: str | None


def models_directory() -> Path:
    """Tell where downloaded models live: THOTH_MODELS, else the user's data folder. It may not exist yet."""
    chosen = os.environ.get(MODELS_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("thoth", appauthor=False) / "models"


def is_offline() -> bool:
    """Whether THOTH_OFFLINE forbids the network: any value but empty, 0, false, no and off."""
    return os.environ.get(OFFLINE_VARIABLE, "").strip().lower() not in ("", "0", "false", "no", "off")


class ModelStore:
    """The models of one directory and the built-in one.

    It keeps no state but the directory's name, so any number of threads and processes may use it.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or models_directory()

    def path_of(self, entry: CatalogEntry) -> Path:
        """Tell where `entry` is, or would be once it is downloaded."""
        return (ASSETS if entry.builtin else self.directory) / entry.file_name

    def is_installed(self, entry: CatalogEntry) -> bool:
        """Whether its file is there with the catalogue's size; `verify` looks at the content too."""
        return entry.has_size_of(self.path_of(entry))

    def installed(self) -> list[CatalogEntry]:
        """List what can be used without the network, from the weakest to the best."""
        return [entry for entry in CATALOG.values() if self.is_installed(entry)]

    def default_model(self) -> Choice:
        """Choose the best installed model, else the built-in one with a note on what it knows.

        Never touches the network.
        """
        best = next((entry for entry in reversed(self.installed()) if not entry.builtin), BUILTIN)
        path = self._installed_path(best)
        return Choice(best, path, BUILTIN_NOTE if best.builtin else None)

    def find(
        self,
        name_or_path: str | os.PathLike[str],
        *,
        offline: bool = False,
        progress: Progress | None = None,
        notice: Notice | None = None,
    ) -> Path:
        """Return the file of a model named by its catalogue name or by a path.

        A path (anything with a folder in it, or an existing file of that name) is used as it is. A
        catalogue name that is not installed is downloaded, unless `offline` or THOTH_OFFLINE forbids it.
        Raises ModelNotFound, or DownloadError where a download was allowed and failed.
        """
        path = _as_path(name_or_path)
        if path is not None:
            return _existing(path)
        entry = lookup(os.fspath(name_or_path))
        if entry.builtin or self.is_installed(entry):
            return self._installed_path(entry)
        if offline or is_offline():
            off = f"but downloads are off (--offline or {OFFLINE_VARIABLE}): allow them, or copy the file there"
            raise ModelNotFound(f"{self._absence(entry)}, {off}")
        return self._download(entry, progress, notice)

    def find_installed(self, name: str) -> Path:
        """Return the file of a catalogue model that is on this machine; never touches the network."""
        return self._installed_path(lookup(name))

    def verify(self, name: str) -> Path:
        """Check size and SHA-256 of an installed model and return its path.

        Raises InvalidModel where they differ from the catalogue, ModelNotFound where it is not there.
        """
        entry = lookup(name)
        path = self.path_of(entry)
        if not path.is_file():
            raise ModelNotFound(self._absence(entry))
        again = f"run 'thoth models remove {entry.name}' and 'thoth models pull {entry.name}'"
        size = path.stat().st_size
        if size != entry.size_bytes:
            raise InvalidModel(f"{path} has {size} bytes where {entry.name} has {entry.size_bytes}; {again}")
        digest = sha256_of(path)
        if digest != entry.sha256:
            raise InvalidModel(f"{path} has SHA-256 {digest} where {entry.name} has {entry.sha256}; {again}")
        return path

    def remove(self, name: str) -> Path:
        """Delete a downloaded model, or what had arrived of it, and return where it was.

        Raises ModelNotFound where there is nothing of it, ModelError for the built-in model and for one
        that is being downloaded at the moment.
        """
        entry = lookup(name)
        if entry.builtin:
            raise ModelError(f"{entry.name} is part of the installation and cannot be removed")
        path = self.path_of(entry)
        if not path.exists() and not PartialFile(path).size:
            raise ModelNotFound(self._absence(entry))
        self._delete(path)
        return path

    def _delete(self, path: Path) -> None:
        import filelock

        try:
            with filelock.FileLock(f"{path}.lock", timeout=0):
                PartialFile(path).discard()
                path.unlink(missing_ok=True)
        except filelock.Timeout:
            raise ModelError(f"{path.name} is being downloaded by another process; end that first") from None
        except OSError as error:
            raise ModelError(f"could not remove {path}: {error.strerror or error}") from error

    def _download(self, entry: CatalogEntry, progress: Progress | None, notice: Notice | None) -> Path:
        from thoth.model.download import download  # httpx is slow to import and rarely needed

        return download(entry, self.directory, progress=progress, notice=notice)

    def _installed_path(self, entry: CatalogEntry) -> Path:
        if not self.is_installed(entry):
            raise ModelNotFound(self._absence(entry))
        return self.path_of(entry)

    def _absence(self, entry: CatalogEntry) -> str:
        path = self.path_of(entry)
        if entry.builtin:
            return f"the built-in {entry.name} is missing or damaged at {path}; install Thoth again"
        state = "is damaged (its size is wrong)" if path.is_file() else "is not installed"
        return f"{entry.name} {state} in {self.directory}; 'thoth models pull {entry.name}' downloads it"


def _as_path(name_or_path: str | os.PathLike[str]) -> Path | None:
    """Read an argument as a path, or return None where it is a catalogue name (or none at all)."""
    if not isinstance(name_or_path, str):
        return Path(name_or_path)
    path = Path(name_or_path).expanduser()
    has_folder = path.name != name_or_path
    names_a_file = name_or_path.endswith(".bin") or not is_known(name_or_path)
    return path if has_folder or (names_a_file and path.is_file()) else None


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        raise ModelNotFound(f"{path} is a folder; name the model file in it")
    raise ModelNotFound(f"there is no file {path}; 'thoth models list' shows the models known by name")
