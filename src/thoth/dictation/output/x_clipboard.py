"""The clipboard of an X display, through xclip: what is in it, and a text that is offered until somebody took it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from types import TracebackType
from typing import IO, Final, Self

from thoth._native import CancelToken
from thoth.dictation.output.process import Finished, Stopped, end_group, run_bounded
from thoth.dictation.output.sink import POLL_S, check_not_cancelled
from thoth.errors import OutputError

ANSWER_LIMIT_S: Final = 2.0
"""The longest that the owner of the clipboard gets to answer; one that is not busy takes milliseconds."""

_XCLIP: Final = ("xclip", "-selection", "clipboard")
_REQUEST_MARK: Final = b"selection request number"
_TEXT_TARGETS: Final = ("UTF8_STRING", "text/plain;charset=utf-8", "STRING", "TEXT", "text/plain")
"""The forms of a text that are asked for, the best first (ICCCM 2.6.2, and the MIME types of the toolkits)."""
_NOT_JUST_TEXT: Final = ("image/", "audio/", "video/", "text/uri-list", "x-special/", "application/x-kde-cutselection")


class Unsaved(Exception):
    """What the clipboard holds cannot be put back later; the message says why."""


def save(cancel: CancelToken) -> bytes | None:
    """Return the text in the clipboard, in UTF-8, or None where the clipboard is empty.

    Raises Unsaved if it holds what is no text, or its owner does not answer; Cancelled.
    """
    targets = _ask("TARGETS", cancel).decode("ascii", "replace").split()
    if not targets:
        return None
    if any(target.startswith(_NOT_JUST_TEXT) for target in targets):
        raise Unsaved("the clipboard holds something that is not just text")
    for target in _TEXT_TARGETS:
        if target in targets:
            text = _ask(target, cancel)
            return text.decode("latin-1").encode() if target == "STRING" else text
    raise Unsaved("the clipboard holds something that is no text")


def _ask(target: str, cancel: CancelToken) -> bytes:
    finished = _run([*_XCLIP, "-out", "-target", target], b"", cancel)
    return b"" if finished.status else finished.output


def _answers(text: bytes, cancel: CancelToken) -> bool:
    try:
        return _ask("UTF8_STRING", cancel) == text
    except Unsaved:
        return False


def _run(command: list[str], data: bytes, cancel: CancelToken) -> Finished:
    try:
        return run_bounded(command, data, limit_s=ANSWER_LIMIT_S, cancel=cancel, keep_output="-out" in command)
    except Stopped:
        check_not_cancelled(cancel, "clipboard")
        raise Unsaved(f"the owner of the clipboard does not answer for {ANSWER_LIMIT_S:.0f} s") from None
    except OSError as error:
        raise OutputError(f"xclip cannot be run: {error.strerror or error}") from error


class Offer:
    """A text that owns the clipboard while this context lasts, and counts who asks for it.

    xclip, kept in the foreground, says on its stderr when it has answered a request; no other way to know when the
    text was taken needs no guess at the speed of the program that takes it. One thread. Entering raises OutputError
    where xclip cannot be run.
    """

    def __init__(self, text: str) -> None:
        self._data = text.encode()
        self._requests = 0
        self._before = 0

    def mark(self) -> None:
        """Count from here: programs that watch the clipboard have asked before."""
        self._before = self._requests

    @property
    def is_lost(self) -> bool:
        """True when another program has taken the clipboard over."""
        return self._process.poll() is not None

    def holds_text(self) -> bool:
        """Return whether the text is still in the clipboard, be it that a clipboard manager has taken it over."""
        return not self.is_lost or _answers(self._data, CancelToken())

    def __enter__(self) -> Self:
        try:
            self._process = _foreground_xclip()
        except OSError as error:
            raise OutputError(f"xclip cannot be run: {error.strerror or error}") from error
        self._helpers = [
            threading.Thread(target=work, args=arguments, name="thoth-offer", daemon=True)
            for work, arguments in ((self._count, (self._process.stderr,)), (_feed, (self._process.stdin, self._data)))
        ]
        for helper in self._helpers:
            helper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_group(self._process)
        for helper in self._helpers:
            helper.join()

    def wait_until_there(self, cancel: CancelToken) -> None:
        """Return when the clipboard gives the text. Raises OutputError after ANSWER_LIMIT_S, Cancelled."""
        deadline_s = time.monotonic() + ANSWER_LIMIT_S
        # What xclip says is no proof: it speaks before its request for the clipboard has left it.
        while not _answers(self._data, cancel):
            if time.monotonic() > deadline_s:
                raise OutputError("the clipboard does not take the text: does another program hold on to it?")
            time.sleep(POLL_S)

    def wait_taken(self, limit_s: float, quiet_s: float, cancel: CancelToken) -> bool:
        """Wait for a request since `mark`, and until none came for `quiet_s`; False if none did.

        A cancel shortens `limit_s` to `quiet_s` from then on: what asks a moment later must find the text, not
        what was in the clipboard before.
        """
        deadline_s = time.monotonic() + limit_s
        seen, seen_s, was_cancelled = self._before, 0.0, False
        while (now_s := time.monotonic()) < deadline_s and not self.is_lost:
            if cancel.cancelled and not was_cancelled:
                was_cancelled, deadline_s = True, min(deadline_s, now_s + quiet_s)
            if self._requests != seen:
                seen, seen_s = self._requests, now_s
            elif seen > self._before and now_s - seen_s > quiet_s:
                break
            time.sleep(POLL_S)
        return self._requests > self._before

    def replace_by(self, text: bytes) -> None:
        """Put another text into the clipboard, which stays there. Raises OutputError; heeds no cancel."""
        was_lost = self.is_lost
        try:
            finished = _run([*_XCLIP, "-in"], text, CancelToken())
        except Unsaved as error:
            raise OutputError(f"the clipboard could not be restored: {error}") from None
        if finished.status:
            raise OutputError(f"the clipboard could not be restored: {finished.complaint}")
        deadline_s = time.monotonic() + ANSWER_LIMIT_S
        # It goes on in the background, perhaps before it has taken the clipboard over.
        while not (_answers(text, CancelToken()) if was_lost else self.is_lost):
            if time.monotonic() > deadline_s:
                raise OutputError("the clipboard could not be restored: xclip does not take it over")
            time.sleep(POLL_S)

    def _count(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                if _REQUEST_MARK in line:
                    # It names the request that it waits for next: the ones before that are answered.
                    self._requests = int(line.split()[-1]) - 1


def _foreground_xclip() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*_XCLIP, "-in", "-verbose"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _feed(stdin: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), stdin:
        stdin.write(data)


def is_usable() -> bool:
    """Return whether there is an X display and xclip."""
    return bool(os.environ.get("DISPLAY")) and shutil.which("xclip") is not None
