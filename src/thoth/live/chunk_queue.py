"""The few chunks that wait for the worker; when it falls behind, the oldest go."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

import numpy as np

from thoth.audio.checks import checked_count, checked_seconds
from thoth.live.chunker import Chunk

WAITING_CHUNKS: Final = 3
"""4.5 s of audio at full length: text that comes later than that is no longer live."""

_MAX_WAITING: Final = 1000
_MAX_WAIT_S: Final = 86_400.0


class ChunkQueue:
    """At most `most` chunks, oldest first; one more pushes the oldest out. Neither end ever waits for the other.

    Every chunk put comes out at one place: from `take`, from `clear`, or from `put` as the one dropped. Where a short
    one waits and what follows it comes, they become one, with the number of the later: pauses make short chunks, as
    does a slow machine, and they shall not push out long ones. Any thread may call anything.

    most: how many may wait.
    longest_samples: up to which length chunks are joined; the bare end of an utterance always is.

    Raises InvalidOption for a `most` that is not a whole number from 1 to 1000.
    """

    def __init__(self, most: int = WAITING_CHUNKS, longest_samples: int = 0) -> None:
        self._most = checked_count("most", most, most=_MAX_WAITING)
        self._longest_samples = longest_samples
        self._chunks: deque[Chunk] = deque()
        self._most_depth = 0
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def depth(self) -> int:
        """How many chunks wait."""
        with self._changed:
            return len(self._chunks)

    @property
    def most_depth(self) -> int:
        """How many have waited at once, at most."""
        with self._changed:
            return self._most_depth

    @property
    def dropped(self) -> int:
        """How many were put and never taken: pushed out, cleared away, or put after `close`."""
        with self._changed:
            return self._dropped

    @property
    def closed(self) -> bool:
        """Whether no more can come."""
        with self._changed:
            return self._closed

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Wait until all that was put has been taken, or `close` was called; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._chunks or self._closed, timeout_s)

    def put(self, chunk: Chunk) -> Chunk | None:
        """Add a chunk; return the one dropped, if any: the oldest, or `chunk` itself after `close`. Never waits."""
        with self._changed:
            if self._closed:
                self._dropped += 1
                return chunk
            if self._chunks and self._continues(self._chunks[-1], chunk):
                self._chunks[-1] = _joined(self._chunks[-1], chunk)
                return None
            oldest = self._chunks.popleft() if len(self._chunks) == self._most else None
            self._dropped += oldest is not None
            self._chunks.append(chunk)
            self._most_depth = max(self._most_depth, len(self._chunks))
            self._changed.notify_all()
            return oldest

    def take(self, timeout_s: float | None = None) -> list[Chunk]:
        """Wait until there is a chunk, and return all that wait, oldest first.

        Returns [] when `timeout_s` (None: no limit) has passed without any, and when the queue is closed and empty.
        Raises InvalidOption for a time that makes no sense.
        """
        if timeout_s is not None:
            timeout_s = checked_seconds("timeout_s", timeout_s, most=_MAX_WAIT_S)
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._closed, timeout_s)
            return self._emptied()

    def clear(self) -> list[Chunk]:
        """Remove all that wait and return them, oldest first; they count as dropped."""
        with self._changed:
            chunks = self._emptied()
            self._dropped += len(chunks)
            return chunks

    def close(self) -> None:
        """Take no more, and end every wait. What waits can still be taken. A second call changes nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _continues(self, last: Chunk, chunk: Chunk) -> bool:
        if last.is_final or last.end != chunk.start:
            return False
        return not len(chunk.samples) or len(last.samples) + len(chunk.samples) <= self._longest_samples

    def _emptied(self) -> list[Chunk]:
        chunks = list(self._chunks)
        self._chunks.clear()
        self._changed.notify_all()
        return chunks


def _joined(one: Chunk, next_one: Chunk) -> Chunk:
    samples = np.concatenate((one.samples, next_one.samples))
    return Chunk(next_one.chunk_id, one.start, samples, one.overlap, next_one.is_final)
