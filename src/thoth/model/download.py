"""Fetching a catalogue model: resumed, verified, and put in place only when it is whole.

Bytes go to `<file>.part`; a file appears under its final name only after its SHA-256 has been checked,
by one atomic rename. A lock file keeps two processes from fetching the same model twice.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import filelock
import httpx

from thoth.errors import DownloadError
from thoth.model.catalog import HUB_URL, CatalogEntry, sha256_of
from thoth.model.partial import PartialFile
from thoth.model.transfer import Fault, Limits, Refusal, Transfer

DISTRIBUTION = "thoth-speech"
URL_VARIABLE = "THOTH_MODELS_URL"
Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all), at most ten times a second and once more at the end."""
Notice = Callable[[str], None]
"""Called with one line for people: what is being waited for, or tried again."""

PROGRESS_INTERVAL_S = 0.1
SPARE_DISK_BYTES = 16 * 2**20
"""Left free beyond the model itself, so that a download does not fill the disk to the last byte."""
REAL_PROGRESS_BYTES = 2**20
"""A try that brought this much does not count against the limit of faults in a row."""
GO_ON = "check the network and run the same command again: it goes on from what has arrived"
OTHER_PLACE = "make room there, or choose another place with THOTH_MODELS"
CHECK_PROXY = "check the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
CHECK_SOURCE = f"check {URL_VARIABLE}, a proxy, or a network login page"


def model_url(entry: CatalogEntry, base_url: str | None = None) -> str:
    """Where `entry` is fetched: under `base_url`, else THOTH_MODELS_URL, else its public home."""
    base = base_url or os.environ.get(URL_VARIABLE) or HUB_URL
    return f"{base.rstrip('/')}/{entry.file_name}"


def download(
    entry: CatalogEntry,
    directory: Path,
    *,
    base_url: str | None = None,
    progress: Progress | None = None,
    notice: Notice | None = None,
    limits: Limits | None = None,
) -> Path:
    """Fetch `entry` into `directory` and return its path; at once if it is there already.

    Raises DownloadError with the URL, the reason and what to do. KeyboardInterrupt, or an exception
    from a callback, stops it; either way the bytes that arrived stay for the next call. Safe to call
    from several threads and processes: one fetches, the others wait and find it done.
    """
    return _Download(entry, directory, model_url(entry, base_url), progress, notice, limits or Limits()).run()


class _Download:
    def __init__(
        self,
        entry: CatalogEntry,
        directory: Path,
        url: str,
        progress: Progress | None,
        notice: Notice | None,
        limits: Limits,
    ) -> None:
        self._entry = entry
        self._target = directory / entry.file_name
        self._part = PartialFile(self._target)
        self._url = url
        self._progress = progress or _ignore
        self._reported_at = float("-inf")
        self._notice = notice or _ignore
        self._limits = limits

    def run(self) -> Path:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            with self._lock():
                if not self._entry.has_size_of(self._target):
                    self._fetch_verified()
        except OSError as error:
            place = error.filename or self._target
            raise self._failure(f"{error.strerror or error} ({place})", OTHER_PLACE) from error
        self._progress(self._entry.size_bytes, self._entry.size_bytes)
        return self._target

    def _failure(self, reason: str, advice: str) -> DownloadError:
        shown_url = re.sub(r"//[^/@]*@", "//", self._url)  # no password of a mirror in messages
        return DownloadError(f"could not download {self._entry.name} from {shown_url}: {reason}; {advice}")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        lock = filelock.FileLock(f"{self._target}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            self._wait_for(lock)
        try:
            yield
        finally:
            lock.release()

    def _wait_for(self, lock: filelock.BaseFileLock) -> None:
        longest_s = self._limits.lock_timeout_s
        self._notice(f"{self._entry.name}: another process is downloading it; waiting up to {longest_s:g} s")
        try:
            lock.acquire(timeout=longest_s)
        except filelock.Timeout:
            reason = f"another process has been downloading it for more than {longest_s:g} s"
            advice = f"wait for that process or end it (it holds {lock.lock_file})"
            raise self._failure(reason, advice) from None

    def _fetch_verified(self) -> None:
        resumed = self._part.size > 0
        self._fetch()
        if sha256_of(self._part.path) == self._entry.sha256:
            self._part.move_into_place()
            return
        self._part.discard()
        if not resumed:
            raise self._failure("its SHA-256 is not the catalogue's, so it was deleted", CHECK_SOURCE)
        self._notice(f"{self._entry.name}: the resumed file is damaged; starting over")
        self._fetch_verified()

    def _fetch(self) -> None:
        faults = 0
        with self._client() as client:
            while self._part.size < self._entry.size_bytes:
                self._check_space()
                before = self._part.size
                try:
                    self._transfer(client).run()
                except Refusal as refusal:
                    raise self._failure(f"{refusal}", CHECK_SOURCE) from refusal
                except Fault as fault:
                    gained = self._part.size - before
                    faults = 1 if gained >= REAL_PROGRESS_BYTES else faults + 1
                    self._wait_after(fault, faults)

    def _wait_after(self, fault: Fault, faults: int) -> None:
        limits = self._limits
        if faults >= limits.attempts:
            raise self._failure(f"{fault} (tried {faults} times)", GO_ON) from fault
        wait_s = limits.first_backoff_s * 2 ** (faults - 1) if fault.wait_s is None else fault.wait_s
        wait_s = min(wait_s, limits.longest_backoff_s)
        self._notice(f"{self._entry.name}: {fault}; trying again in {wait_s:g} s")
        time.sleep(wait_s)

    def _client(self) -> httpx.Client:
        limits = self._limits
        try:
            return httpx.Client(
                follow_redirects=True,
                max_redirects=limits.redirects,
                timeout=httpx.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s),
                headers={"User-Agent": user_agent(), "Accept-Encoding": "identity"},
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise self._failure(f"{error}", CHECK_PROXY) from error

    def _check_space(self) -> None:
        needed = self._entry.size_bytes - self._part.size + SPARE_DISK_BYTES
        free = shutil.disk_usage(self._target.parent).free
        if free < needed:
            reason = f"{_mb(needed)} are needed in {self._target.parent}, {_mb(free)} are free"
            raise self._failure(reason, OTHER_PLACE)

    def _transfer(self, client: httpx.Client) -> Transfer:
        size = self._entry.size_bytes
        return Transfer(client, self._url, self._part, size, self._limits, self._report)

    def _report(self, done: int) -> None:
        now = time.monotonic()
        if now - self._reported_at >= PROGRESS_INTERVAL_S and done < self._entry.size_bytes:
            self._reported_at = now
            self._progress(done, self._entry.size_bytes)


def user_agent() -> str:
    """Tell what Thoth calls itself to servers: "thoth/<version>"."""
    try:
        return f"thoth/{metadata.version(DISTRIBUTION)}"
    except metadata.PackageNotFoundError:
        return "thoth/0"


def _ignore(*_: object) -> None:
    """Take a callback's place where the caller gave none."""


def _mb(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
