"""Whether two windows of a file are transcribed side by side, each on threads and a state of its own.

Two windows that do not depend on each other make better use of two cores than one window on both: no thread waits for
another at a barrier (figures in docs/architecture.md). It is for batch alone: a live request waits for the pass under
way, and a pass on fewer threads takes longer.
"""

from __future__ import annotations

from typing import Final

from thoth import _native
from thoth.model.memory import available_bytes
from thoth.model.threads import usable_threads
from thoth.model.waiting import Priority

QUIET_S: Final = 30.0
"""So long after the last live window nobody is taken to be talking. Whoever speaks next waits for a pass once."""

SPARE_BYTES: Final = 512 * 1024 * 1024
"""What must stay available beside the second state: for the rest of the machine, and the estimate's error."""

_SCORE_BYTES: Final = 2 * 4
"""An encoder layer holds its attention scores twice, in float32: before the softmax and behind it."""

_POSITION_VALUES: Final = 24
"""What else an encoder position takes at most, in float32 of the model's width: caches and layers on their way."""


def lanes(
    engine: _native.Engine, wanted: int | None, priority: Priority, *, independent: bool
) -> tuple[int, int] | None:
    """Return the threads of two windows side by side, here and now; None where one at a time is right.

    wanted: the threads that a run was given; None: what is free. They are shared out, never exceeded.
    independent: whether a window may be transcribed before the one before it, and may wait for the one behind it.
    Safe from any thread; takes some 0.1 ms.
    """
    if priority == "live" or not independent or _somebody_talks(engine):
        return None
    threads = usable_threads(wanted)
    if threads < 2 or available_bytes() < state_bytes(engine.info) + SPARE_BYTES:
        return None
    return threads - threads // 2, threads // 2


def state_bytes(info: _native.ModelInfo) -> int:
    """Estimate from above what a working state takes once it held a window of full length."""
    positions = info["n_audio_ctx"]
    scores = info["n_audio_head"] * positions * positions * _SCORE_BYTES
    return scores + positions * info["n_audio_state"] * 4 * _POSITION_VALUES


def _somebody_talks(engine: _native.Engine) -> bool:
    since_s = engine.since_live_s
    return (since_s is not None and since_s < QUIET_S) or engine.gate_stats.live.waiting > 0
