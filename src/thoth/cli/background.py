"""Work on a thread of its own, so that Ctrl-C is heard meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


def in_background(work: Callable[[], object]) -> Future[object]:
    """Do it on a thread that the end of the process does not wait for."""
    future: Future[object] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="thoth-cli", daemon=True).start()
    return future
