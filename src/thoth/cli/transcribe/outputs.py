"""Where transcripts go: which files, refused before any work is done, and written so that none is ever half there."""

from __future__ import annotations

import itertools
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from thoth.cli.inputs import STDIN, shown_name
from thoth.errors import InvalidOption, ThothError
from thoth.model.durability import sync_folder

if TYPE_CHECKING:
    from thoth.model.transcript import Transcript

STDIN_STEM = "stdin"
_ONE_AFTER_ANOTHER = ("txt", "json")
"""Formats of which several documents in a row make sense: plain lines, and JSON Lines."""


class OutputError(ThothError):
    """A file that cannot be written, or must not be."""


class NotWritten(OutputError):
    """The transcript is in no file, although it is there."""


@dataclass(frozen=True, slots=True)
class Job:
    """One input and where its transcript goes: to a file for each format, or to stdout in one."""

    source: str
    targets: Mapping[str, Path]
    stdout_format: str | None = None

    @property
    def name(self) -> str:
        """The input as messages call it."""
        return shown_name(self.source)


def plan(sources: Sequence[str], formats: Sequence[str], directory: Path | None) -> list[Job]:
    """Lay out what goes where. Raises InvalidOption for what cannot work whatever the files hold."""
    if sources.count(STDIN) > 1:
        raise InvalidOption("'-' (standard input) can be read once only")
    if directory is None:
        _check_stdout(sources, formats)
        return [Job(source, {}, formats[0]) for source in sources]
    jobs = [Job(source, {name: directory / f"{_stem(source)}.{name}" for name in formats}) for source in sources]
    _check_distinct(jobs)
    return jobs


def check_free(job: Job, *, overwrite: bool) -> None:
    """Raise OutputError if a file of `job` is there already and must stay."""
    for target in job.targets.values():
        if target.is_dir():
            raise OutputError(f"{shown_name(str(target))} is a folder: choose another -o")
        if _is_there(target) and not overwrite:
            raise OutputError(f"{shown_name(str(target))} exists: --overwrite replaces it, another -o keeps it")


def write(job: Job, transcript: Transcript, *, overwrite: bool) -> list[Path]:
    """Write every file of `job` and return where they are.

    Raises NotWritten, or OutputError where a file appeared since `check_free`; the transcript is then beside it,
    under the name that the message gives.
    """
    written = []
    for name, target in job.targets.items():
        with _temporary(target, _text(transcript, name)) as temporary:
            if overwrite:
                temporary.replace(target)
            elif not _claim(temporary, target):
                spare = _place(temporary, target, "new")
                raise OutputError(f"{target} was made by someone else meanwhile; the transcript is in {spare}")
        written.append(target)
    return written


def write_partial(job: Job, transcript: Transcript) -> list[Path]:
    """Write the beginning of a transcript to `<stem>.partial.<format>`, or a numbered one where that is taken."""
    written = []
    for name, target in job.targets.items():
        with _temporary(target, _text(transcript, name)) as temporary:
            written.append(_place(temporary, target, "partial"))
    return written


def make_directory(directory: Path) -> None:
    """Create the folder for the outputs and try that it takes files: better now than after hours of work.

    Raises InvalidOption if something else is there, or OutputError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except (FileExistsError, NotADirectoryError):
        raise InvalidOption(f"-o takes a folder, and {directory} is or lies in a file") from None
    except OSError as error:
        raise OutputError(f"cannot write into the folder {directory}: {error.strerror or error}") from error


def _check_stdout(sources: Sequence[str], formats: Sequence[str]) -> None:
    if len(formats) > 1:
        raise InvalidOption(f"several formats ({', '.join(formats)}) need a folder to go to: give one with -o")
    if len(sources) > 1 and formats[0] not in _ONE_AFTER_ANOTHER:
        raise InvalidOption(
            f"several files as {formats[0]} do not make one: give a folder for them with -o, or one file"
        )


def _check_distinct(jobs: Iterable[Job]) -> None:
    owners: dict[str, Job] = {os.path.realpath(job.source): job for job in jobs if job.source != STDIN}
    claimed: dict[str, Job] = {}
    for job in jobs:
        for target in job.targets.values():
            key = os.path.normcase(os.path.realpath(target))
            if key in owners:
                raise InvalidOption(f"{target} is one of the inputs and would be written over: choose another -o")
            if key in claimed:
                raise InvalidOption(
                    f"{claimed[key].name} and {job.name} would both be written to {target}: "
                    "give them different -o in runs of their own, or rename one"
                )
            claimed[key] = job


def _stem(source: str) -> str:
    return STDIN_STEM if source == STDIN else Path(source).stem


def _text(transcript: Transcript, name: str) -> bytes:
    from thoth.model.formats import FORMATS

    return FORMATS[name](transcript).encode("utf-8")


def _is_there(target: Path) -> bool:
    try:
        return os.path.lexists(target)
    except ValueError as error:  # a null character
        raise OutputError(f"{shown_name(str(target))}: {error}") from error


@contextmanager
def _temporary(target: Path, data: bytes) -> Iterator[Path]:
    """Give a file beside `target` that holds `data` on the disk; what is left of it at the end is removed."""
    # A short name of its own, since one made from the target's could be too long for the file system.
    temporary = target.with_name(f".thoth-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
        sync_folder(target.parent)
    except OSError as error:
        raise NotWritten(f"cannot write {shown_name(str(target))}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _claim(temporary: Path, target: Path) -> bool:
    """Give the file its name unless it is taken, in one step; False if it is."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: the second-best, with a moment between look and act
        if _is_there(target):
            return False
        temporary.replace(target)
    return True


def _place(temporary: Path, target: Path, kind: str) -> Path:
    """Name the file `<stem>.<kind>.<format>`, with a number where that is taken."""
    for number in itertools.count(1):
        mark = kind if number == 1 else f"{kind}-{number}"
        place = target.with_name(f"{target.stem}.{mark}{target.suffix}")
        if _claim(temporary, place):
            return place
    raise AssertionError("unreachable")
