"""Text handed to a function of the user's."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from thoth.dictation.output.sink import POLL_S, check_not_cancelled, checked_timeout, described
from thoth.errors import InvalidOption, OutputError

if TYPE_CHECKING:
    from thoth._native import CancelToken

_ENDING_S: Final = 1.0
"""What `deliver_all` allows beyond a sink's own limit, so that the sink's own words for it are heard."""


class CallableSink:
    """Calls `function(text)`, with the text exactly as it is, on a thread of its own, for `timeout_s` at most.

    What it raises becomes an OutputError. A function that takes longer cannot be stopped: it is left behind on its
    thread and OutputError says so; until it has ended, further texts are refused with OutputError. The same holds
    for one that was running when the output was cancelled. What it returns is not looked at.
    """

    def __init__(self, function: Callable[[str], object], name: str | None = None, *, timeout_s: float = 30.0) -> None:
        if not callable(function):
            raise InvalidOption(f"function must be callable with a text, not {function!r}")
        if inspect.iscoroutinefunction(function):
            raise InvalidOption(
                f"function must not be async, as {function!r} is: give one that hands the text to your loop, by "
                "asyncio.run_coroutine_threadsafe or loop.call_soon_threadsafe"
            )
        self._function = function
        self._timeout_s = checked_timeout(timeout_s)
        self._thread: threading.Thread | None = None
        self.name = name or f"function {getattr(function, '__qualname__', None) or type(function).__name__}"
        self.limit_s = self._timeout_s + _ENDING_S

    def deliver(self, text: str, cancel: CancelToken) -> None:
        """Call the function and wait for its end. Raises OutputError, Cancelled."""
        check_not_cancelled(cancel, self.name)
        if self._thread is not None and self._thread.is_alive():
            raise OutputError(f"{self.name} still hangs with a text before this one, and was not called")
        failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._call, args=(text, failure), name="thoth-output", daemon=True)
        self._thread.start()
        deadline_s = time.monotonic() + self._timeout_s
        while self._thread.is_alive():
            check_not_cancelled(cancel, self.name)
            if time.monotonic() > deadline_s:
                raise OutputError(f"{self.name} did not end within {self._timeout_s:g} s and is left behind")
            self._thread.join(POLL_S)
        if failure:
            raise OutputError(f"{self.name} failed: {described(failure[0])}") from failure[0]

    def _call(self, text: str, failure: list[BaseException]) -> None:
        try:
            self._function(text)
        except BaseException as error:  # what it means to end is its thread, not this program
            failure.append(error)
