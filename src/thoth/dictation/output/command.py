"""Text on the stdin of a command of the user's."""

from __future__ import annotations

import shlex
import shutil
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from thoth.dictation.output.process import Finished, Stopped, run_bounded
from thoth.dictation.output.sink import check_not_cancelled, checked_timeout, encodable
from thoth.errors import InvalidOption, OutputError

if TYPE_CHECKING:
    from thoth._native import CancelToken

_LINES: Final = 3
"""How many of the last lines of stderr are told."""
_ENDING_S: Final = 1.0
"""What `deliver_all` allows beyond the command's time, for killing it."""


class CommandSink:
    """Runs `command` for each text, with exactly the text, in UTF-8 and without a newline of ours, on its stdin.

    A string is split as a shell would, but no shell runs it unless `shell` is true; a sequence of strings is taken as
    it stands. Its stdout is thrown away. Delivered means that it exited with 0, whether or not it read its stdin.
    On failure OutputError carries its program, exit status and the last lines of its stderr. After `timeout_s`, when
    cancelled, or when this program ends meanwhile, it is killed with every process of its group; what it did until then
    stays done. Raises OutputError when made if there is no such program.
    """

    def __init__(self, command: str | Sequence[str], timeout_s: float = 30.0, *, shell: bool = False) -> None:
        self._timeout_s = checked_timeout(timeout_s)
        self._command = _in_shell(command) if shell else _split(command)
        # Not its arguments: messages are logged and kept in the history, and a key may be among them.
        self.name = f"command {command.split()[0] if isinstance(command, str) and shell else self._command[0]}"
        self.limit_s = self._timeout_s + _ENDING_S
        if shutil.which(self._command[0]) is None:
            raise OutputError(f"{self.name}: there is no program {self._command[0]!r} that can be run")

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Run the command to its end. Raises OutputError, Cancelled."""
        check_not_cancelled(cancel, self.name)
        try:
            finished = run_bounded(self._command, encodable(text).encode(), limit_s=self._timeout_s, cancel=cancel)
        except Stopped:
            check_not_cancelled(cancel, self.name)
            raise OutputError(f"{self.name} did not end within {self._timeout_s:g} s and was killed") from None
        except OSError as error:
            raise OutputError(f"{self.name} cannot be run: {error.strerror or error}") from error
        if finished.status:
            raise OutputError(f"{self.name} {_ending(finished)}")


def _split(command: str | Sequence[str]) -> list[str]:
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise InvalidOption(f"command {command!r} cannot be split into words: {error}") from None
    if not words or not all(isinstance(word, str) for word in words) or not words[0]:
        raise InvalidOption(f"command must be a command line or a sequence of strings, not {command!r}")
    if any("\0" in word for word in words):
        raise InvalidOption(f"command {command!r} holds a null character, which no program can be given")
    return words


def _in_shell(command: str | Sequence[str]) -> list[str]:
    if not isinstance(command, str) or not command.strip() or "\0" in command:
        raise InvalidOption(f"command for a shell must be a string with a command line, not {command!r}")
    return ["/bin/sh", "-c", command]


def _ending(finished: Finished) -> str:
    if finished.status < 0:
        try:
            how = f"was killed by {signal.Signals(-finished.status).name}"
        except ValueError:
            how = f"was killed by signal {-finished.status}"
    else:
        how = f"failed with exit status {finished.status}"
    last_lines = " / ".join(finished.complaint.splitlines()[-_LINES:])
    return f"{how}: {last_lines}" if last_lines else how
