"""Asynchronous work for a caller that waits: an event loop for one task, left behind at once when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

CLOSING_S = 0.1
"""A cancelled request gets so long to close its connection; cancelling takes no more than this and one check."""

_T = TypeVar("_T")


def in_loop_of_its_own(main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Return what `main()` returns, run in a new loop: on this thread, or beside it where it runs a loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(main)
    # A notebook's cell runs inside a loop, and a thread has only one at a time.
    with ThreadPoolExecutor(1, "thoth-enhance") as pool:
        return pool.submit(_run, main).result()


def _run(main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    # Not asyncio.run(): at its end it waits for name look-ups, which cannot be cancelled and may take half a minute.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=CLOSING_S))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
