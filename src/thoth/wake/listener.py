"""What all wake listeners have in common: phrases, a stream to follow, pauses, and quiet for a while after a wake."""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final, Self

from thoth._native import Pump, Tap
from thoth.audio.checks import checked_seconds
from thoth.audio.live_input import BACKLOG_S, PREROLL_S, LiveInput
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples, as_samples
from thoth.errors import InvalidOption, InvalidTransition
from thoth.observe.events import Events
from thoth.wake.detection import Wake, WakeStats

COOLDOWN_S: Final = 2.0
"""Quiet after a wake: a phrase said twice in a row, as people do who doubt that they were heard, is one call."""

LONGEST_COOLDOWN_S: Final = 3600.0
MOST_PHRASES: Final = 100
LONGEST_PHRASE: Final = 100
"""Characters; one cannot say as much in a window."""

BLOCK_SAMPLES: Final = 1536
"""Read at a time, just below 0.1 s and whole frames of voice activity detection: ten times a second costs nothing in
silence, and is no delay that anybody notices."""

_WAIT_S: Final = 0.2


class WakeListener(ABC):
    """Listens to a stream for phrases, and tells each as a `Wake`.

    Either `listen()` follows a live source, or whoever has samples gives them to `feed()`, one after the other. One
    thread at a time does that; everything else may be called from any thread.

    phrases: as they are to be told, at least one.
    cooldown_s: after a wake, what ends within so many seconds of the stream is none.

    A subclass implements `_hear` and `_forget`, and `_interrupt` where its passes take long.
    """

    def __init__(self, phrases: Sequence[str], cooldown_s: float = COOLDOWN_S) -> None:
        self._phrases = checked_phrases(phrases)
        self._cooldown = round(checked_seconds("cooldown_s", cooldown_s, most=LONGEST_COOLDOWN_S) * SAMPLE_RATE_HZ)
        self._events = Events()
        self._position = 0  # samples of the stream that have come, on its clock
        self._quiet_until = 0  # position before which nothing wakes
        self._deaf_until = 0  # position up to which a pause lasted
        self._stream: weakref.ref[Pump] | None = None  # the one listened to, now or last
        self._paused = threading.Event()
        self._stopped = threading.Event()
        self._in_use = threading.Lock()
        self._heard = self._skipped = self._passes = self._failures = self._wakes = 0
        self._processing_s = 0.0

    @property
    def phrases(self) -> tuple[str, ...]:
        """What it listens for."""
        return self._phrases

    @property
    def events(self) -> Events:
        """Tells each `Wake`, and each `WakePassFailed`, to whoever subscribes."""
        return self._events

    @property
    def stats(self) -> WakeStats:
        """The account up to now."""
        return WakeStats(
            heard_s=self._heard / SAMPLE_RATE_HZ,
            paused_s=self._skipped / SAMPLE_RATE_HZ,
            passes=self._passes,
            failures=self._failures,
            processing_s=self._processing_s,
            wakes=self._wakes,
        )

    def feed(self, samples: Samples) -> list[Wake]:
        """Take the next samples, float32 `(n,)` at 16 kHz, and return the wakes that they decide; mostly none.

        Times count from the first sample fed since the listener was made, `reset()`, or used for a `listen()`. How the
        stream is cut into blocks makes no difference.

        Raises AudioError for what is no audio, InvalidTransition while a `listen()` is going on, and ModelError where
        the model was closed: any further listening would be pointless.
        """
        with self._alone():
            self._stopped.clear()
            if self._stream is not None:
                self._begin(0, None)
            return self._take(as_samples(samples))

    def listen(self, source: LiveInput) -> Iterator[Wake]:
        """Follow `source` from now on, with what it keeps of the last second; yield each wake as it is decided.

        Ends with the source, raising the error that ended it if there was one, or by `stop()`. A source that does not
        run is started, and stopped in the end. Others may read it at the same time. Whoever takes longer than 30 s
        over a wake misses audio; times stay right.

        Iterate on one thread, and to the end or `close()` the iterator. Raises InvalidTransition where this listener
        is listening already.
        """
        self._stopped.clear()  # here, and not when iteration begins: a stop() in between is meant
        return self._listen(source)

    def stop(self) -> None:
        """End `listen()`: within 0.2 s, or one pass of the model. Does nothing where none is going on."""
        self._stopped.set()
        self._interrupt()

    def pause(self) -> None:
        """From now on let audio go by unheard; time goes on. No wake is told until `resume()`."""
        self._paused.set()
        self._interrupt()

    def resume(self) -> None:
        """Listen again after `pause()`, to what comes from now on; not to what came meanwhile and is still unread."""
        if self._paused.is_set():
            pump = None if self._stream is None else self._stream()
            self._deaf_until = self._position if pump is None else pump.stats().samples
            self._paused.clear()

    def close(self) -> None:
        """End `listen()`, and free what this listener alone uses. May be called again."""
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def paused(self) -> bool:
        """Whether it was paused."""
        return self._paused.is_set()

    def reset(self) -> None:
        """Forget what was fed: the next sample is the first of a new stream. Raises InvalidTransition while listening.

        The phrases, a pause and the account stay.
        """
        with self._alone():
            self._begin(0, None)

    @abstractmethod
    def _hear(self, samples: Samples) -> Iterator[Wake]:
        """Take the next samples of the stream; `self._position` is where they begin. Yield what may be a wake.

        What lies in the cooldown is left out by the caller.
        """

    @abstractmethod
    def _forget(self) -> None:
        """Forget what was heard: what comes next does not follow it. `self._position` is where it begins."""

    def _interrupt(self) -> None:  # noqa: B027 - a short pass needs no end
        """End a pass that is under way, from any thread; by default, wait for its end."""

    @property
    def _halted(self) -> bool:
        """Whether what is under way is not wanted any more."""
        return self._paused.is_set() or self._stopped.is_set()

    def _count_pass(self, seconds: float, *, failed: bool = False) -> None:
        """Note a pass of the model and how long it took."""
        self._passes += 1
        self._failures += failed
        self._processing_s += seconds

    def _alone(self) -> _Alone:
        return _Alone(self._in_use)

    def _begin(self, position: int, pump: Pump | None) -> None:
        """Begin with the sample at `position`. Where the stream was listened to before, its cooldown goes on."""
        if pump is None or self._stream is None or self._stream() is not pump:
            self._quiet_until = self._deaf_until = 0
        self._stream = None if pump is None else weakref.ref(pump)
        self._position = position
        self._forget()

    def _take(self, samples: Samples) -> list[Wake]:
        deaf = len(samples) if self._paused.is_set() else min(max(self._deaf_until - self._position, 0), len(samples))
        if deaf:
            self._position += deaf
            self._skipped += deaf
            self._forget()
            samples = samples[deaf:]
        heard = [wake for wake in self._hear(samples) if self._wakes_now(wake)] if len(samples) else []
        self._position += len(samples)
        self._heard += len(samples)
        return heard

    def _wakes_now(self, wake: Wake) -> bool:
        if self._halted or wake.end_s * SAMPLE_RATE_HZ < self._quiet_until:
            return False
        self._quiet_until = round(wake.decided_s * SAMPLE_RATE_HZ) + self._cooldown
        self._wakes += 1
        self._events.publish(wake)
        return True

    def _listen(self, source: LiveInput) -> Iterator[Wake]:
        with self._alone():
            ours = not source.running
            if ours:
                source.start()
            try:
                yield from self._follow(source, source.pump)
            finally:
                if ours:
                    source.stop()

    def _follow(self, source: LiveInput, pump: Pump) -> Iterator[Wake]:
        pump.require_own_process()  # a reader from before a fork() would wait for ever
        (tap,) = pump.add_taps(1, BACKLOG_S, PREROLL_S)
        try:
            self._begin(tap.first_sample, pump)
            yield from self._read(tap)
        finally:
            pump.remove_taps([tap])
        if not self._stopped.is_set() and (error := source.error_of(pump)):
            raise error

    def _read(self, tap: Tap) -> Iterator[Wake]:
        while not self._stopped.is_set():
            block = tap.read(BLOCK_SAMPLES, _WAIT_S)
            if len(block):
                yield from self._take(block)
            elif tap.ended:
                return


class _Alone:
    """Lets one thread at a time in, and refuses others at once."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise InvalidTransition("this wake listener is listening already: stop() that first, or make another one")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def checked_phrases(phrases: Sequence[str]) -> tuple[str, ...]:
    """Return phrases with single spaces, each once. Raises InvalidOption for none, or one that nobody can say."""
    if not 1 <= len(phrases) <= MOST_PHRASES:
        raise InvalidOption(f"phrases takes 1 to {MOST_PHRASES} wake phrases, such as 'hey thoth', not {len(phrases)}")
    return tuple(dict.fromkeys(map(_checked_phrase, phrases)))


def _checked_phrase(phrase: object) -> str:
    if isinstance(phrase, str) and any(map(str.isalnum, phrase)) and len(phrase) <= LONGEST_PHRASE:
        return " ".join(phrase.split())
    raise InvalidOption(
        f"a wake phrase is a text of at most {LONGEST_PHRASE} characters such as 'hey thoth', not {phrase!r}"
    )
