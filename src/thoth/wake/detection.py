"""What a wake listener tells: a phrase that was heard, a pass that failed, and the account of it all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wake:
    """A wake phrase was said. Times are seconds on the source's clock.

    - `phrase`: as it was given to the listener.
    - `score`: how sure that is, 0 to 1; never below the listener's threshold.
    - `start_s`: no later than the phrase began; mostly where the speech began that it is in. A recording from here on
      has all of it.
    - `end_s`: where the phrase ended, as well as it is known.
    - `decided_s`: up to where the stream had been heard when it was decided; less `end_s` it is the latency.
    - `text`: all that was heard in that window; empty from a listener that hears no words.
    - `rest`: what of it came after the phrase. More may follow: it is what had been said by `decided_s`.
    """

    phrase: str
    score: float
    start_s: float
    end_s: float
    decided_s: float
    text: str
    rest: str


@dataclass(frozen=True, slots=True)
class WakePassFailed:
    """A pass of the model over this stretch of the stream failed, and the listener went on."""

    message: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class WakeStats:
    """The account of a listener since it was made.

    - `heard_s`, `paused_s`: audio listened to, and let go while paused.
    - `passes`, `failures`: how often the model was run, and how often that failed.
    - `processing_s`: wall time spent on it, the wait for the model included.
    - `wakes`: phrases told.
    """

    heard_s: float
    paused_s: float
    passes: int
    failures: int
    processing_s: float
    wakes: int
