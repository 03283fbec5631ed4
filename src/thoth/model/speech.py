"""Where speech is in a stream, and how it is cut into windows for the model. Pure: no audio, no model.

Time is counted in frames of `FRAME_SAMPLES` samples (32 ms at 16 kHz), for each of which voice activity detection
gives one speech probability. Speech begins at a frame at or above the threshold and ends where the probability
stays below a lower one for a while, as in Silero's own reference (https://github.com/snakers4/silero-vad,
`get_speech_timestamps`). Utterances share a window, of what stands between them only as much as sounds natural, as long
as it suits the model: a pass over a full window costs less per second of speech than several over short ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from numbers import Real
from typing import Any, Final

from thoth import _native
from thoth.audio.samples import SAMPLE_RATE_HZ
from thoth.errors import InvalidOption

FRAME_SAMPLES: Final = _native.Vad.FRAME_SAMPLES
FRAME_S: Final = FRAME_SAMPLES / SAMPLE_RATE_HZ
JOINT_S: Final = 1.0
"""What is left of a pause inside of a window, of the real audio on both sides: with less, words come out on the wrong
side of it (docs/architecture.md)."""


@dataclass(frozen=True, slots=True)
class VadOptions:
    """How speech is told from silence; names as in faster-whisper's `VadOptions`, times in milliseconds.

    - `threshold`: a frame at or above this probability begins speech. 0.4 rather than Silero's 0.5: a window too
      many costs time, a quiet word lost is lost.
    - `neg_threshold`: below this one speech ends; by default 0.15 less than `threshold`.
    - `min_speech_duration_ms`: shorter bursts are noise.
    - `min_silence_duration_ms`: shorter pauses belong to the utterance.
    - `speech_pad_ms`: audio kept on either side, since consonants begin before the probability rises.
    - `max_gap_ms`: utterances closer than this may share a window; a pause longer than a second is shortened to one
      there. None leaves it to what suits the model.

    Raises InvalidOption for a value out of range.
    """

    threshold: float = 0.4
    neg_threshold: float | None = None
    min_speech_duration_ms: int = 64
    min_silence_duration_ms: int = 300
    speech_pad_ms: int = 250
    max_gap_ms: int | None = None

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            if value is None and option.default is None:
                continue
            if option.name.endswith("_ms"):
                if not _is_number(value) or not 0 <= value <= 60_000:
                    raise InvalidOption(f"VAD option {option.name} takes 0 to 60000 milliseconds, not {value!r}")
            elif not _is_number(value) or not 0 < value < 1:
                raise InvalidOption(f"VAD option {option.name} takes a probability between 0 and 1, not {value!r}")

    @staticmethod
    def of(value: object) -> VadOptions:
        """Take options as they are given by a user: an instance, a dict of them, or None for the defaults.

        Raises InvalidOption for anything else, a name that does not exist, or a value out of range.
        """
        if isinstance(value, VadOptions):
            return value
        if value is not None and not isinstance(value, Mapping):
            raise InvalidOption(f"vad_parameters takes VadOptions, a dict of them or None, not {value!r}")
        known = [option.name for option in fields(VadOptions)]
        given: dict[str, Any] = dict(value or {})
        for name in given:
            if name not in known:
                raise InvalidOption(f"no VAD option {name!r}; there are {', '.join(known)}")
        return VadOptions(**given)

    @property
    def end_threshold(self) -> float:
        """The probability below which speech ends."""
        return max(self.threshold - 0.15, 0.01) if self.neg_threshold is None else self.neg_threshold


@dataclass(frozen=True, slots=True)
class Span:
    """A window in frames: `start` up to, not including, `end`, but for what is `left_out`; speech ends at `speech_end`.

    `left_out`: the inner parts of pauses, in order, each from its first frame up to, not including, its second.
    """

    start: int
    end: int
    speech_end: int
    left_out: tuple[tuple[int, int], ...] = ()

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """What is in the window, in order, as `left_out` gives what is not."""
        edges = [self.start, *(edge for part in self.left_out for edge in part), self.end]
        return tuple(zip(edges[::2], edges[1::2], strict=True))


@dataclass(slots=True)
class _Group:
    """Utterances that share a window so far.

    - `start`: of the piece that goes on; None in a pause too long to be kept whole.
    - `last_end`: end of the last whole one; None while the first still goes on.
    - `cut_from`: whether the first one began in the window before, so that it is speech however short its rest.
    - `pieces`: those that end in such a pause.
    """

    start: int | None
    last_end: int | None = None
    cut_from: bool = False
    pieces: list[tuple[int, int]] = field(default_factory=list)

    def length(self, end: int) -> int:
        """Frames of a window that ends at `end`."""
        return sum(end - start for start, end in self.pieces) + (0 if self.start is None else end - self.start)


class WindowPlanner:
    """Cuts a stream of frames into windows at its pauses, frame by frame.

    What it promises: windows come in order and do not overlap; none is longer than `longest_window_s` (0.256 s at
    least); every frame of an utterance that lasts at least `min_speech_duration_ms` lies in exactly one; a cut inside
    of speech is made only where an utterance with its padding fills a window by itself, and then at its quietest place
    in the window's second half; what is left out is never speech, and keeps half of `JOINT_S` on either side of it.
    One thread at a time.
    """

    def __init__(self, longest_window_s: float, options: VadOptions) -> None:
        self._longest = max(int(longest_window_s / FRAME_S), 8)
        # Padding may not eat the window, nor may a pause: windows of silence alone would come of it.
        self._pad = min(_frames(options.speech_pad_ms), self._longest // 8)
        self._joint_half = max(self._pad, min(_frames(1000 * JOINT_S / 2), self._longest // 8))
        self._options = options
        self._min_speech = max(_frames(options.min_speech_duration_ms), 1)
        self._min_silence = min(max(_frames(options.min_silence_duration_ms), 1), self._longest // 4)
        self._max_gap = _frames(1000 * JOINT_S if options.max_gap_ms is None else options.max_gap_ms)
        self._now = 0
        self._done = 0  # end of the last window
        self._speech_start: int | None = None
        self._silence_start: int | None = None
        self._group: _Group | None = None
        self._energies: deque[float] = deque(maxlen=self._longest)

    @property
    def needed_from(self) -> int:
        """The first frame that a later window may still hold beside those `kept`; the others before it can go.

        Never decreases, and stays at most a window behind the last frame pushed.
        """
        if self._group is None:
            return max(self._now - self._pad, self._done)
        return self._now - self._joint_half if self._group.start is None else self._group.start

    @property
    def kept(self) -> tuple[tuple[int, int], ...]:
        """The pieces before `needed_from` that the next window holds, all but for the end of the last, in frames."""
        return () if self._group is None else tuple(self._group.pieces)

    def push(self, probability: float, energy: float) -> list[Span]:
        """Take the next frame's speech probability and its energy; return the windows decided by it."""
        frame, self._now = self._now, self._now + 1
        self._energies.append(energy)
        spans: list[Span] = []
        if probability >= self._options.threshold:
            self._silence_start = None
            if self._speech_start is None:
                spans += self._begin(frame)
        elif self._speech_start is not None and probability < self._options.end_threshold:
            if self._silence_start is None:
                self._silence_start = frame
            if self._now - self._silence_start >= self._min_silence:
                self._end(self._silence_start)
        return spans + self._overdue()

    def finish(self) -> list[Span]:
        """End the stream; return the windows that remain."""
        if self._speech_start is not None:
            self._end(self._now if self._silence_start is None else self._silence_start)
        return self._close_group()

    def _begin(self, frame: int) -> list[Span]:
        self._speech_start = frame
        group = self._group
        if group is not None and group.last_end is not None and frame - group.last_end > self._max_gap:
            spans = self._close_group(before=frame)
        else:
            spans = []
        if self._group is None:
            self._group = _Group(max(frame - self._pad, self._done))
        elif self._group.start is None:
            self._group.start = frame - self._joint_half
        return spans

    def _end(self, end: int) -> None:
        start, self._speech_start, self._silence_start = self._speech_start, None, None
        group = self._group
        if group is None or start is None:
            return
        begun_before = group.cut_from and start == group.start
        if end - start >= self._min_speech or (begun_before and end > start):
            group.last_end = end
        elif group.last_end is None:
            self._group = None
        elif group.start is not None and group.start > group.last_end:
            group.start = None  # what seemed to begin there was noise

    def _overdue(self) -> list[Span]:
        """Windows that cannot wait: full, or followed by a pause so long that nothing will join them."""
        group = self._group
        if group is None:
            return []
        if self._speech_start is None or group.start is None:
            return self._in_pause(group, group.last_end or 0)
        if group.length(self._now) + self._pad < self._longest:
            return []
        if group.last_end is not None:
            speech_start = self._speech_start
            spans = self._close_group(before=speech_start)
            self._group = _Group(max(speech_start - self._pad, self._done))
            return spans
        return [self._cut(group.start)]

    def _in_pause(self, group: _Group, last_end: int) -> list[Span]:
        waited = self._now - last_end
        joint = 2 * self._joint_half
        # Within two paddings the pause is shared with whatever comes next.
        if group.length(self._now) >= self._longest or waited > max(self._max_gap, 2 * self._pad):
            return self._close_group()
        if group.start is not None and waited > joint:
            group.pieces.append((group.start, last_end + self._joint_half))
            group.start = None
        # With a joint before it there must be room for a word, or this window waits in vain.
        return self._close_group() if group.start is None and group.length(0) + joint >= self._longest else []

    def _close_group(self, before: int | None = None) -> list[Span]:
        """End the group's window after its last utterance, with half of the pause to `before` at most."""
        group, self._group = self._group, None
        if group is None or group.last_end is None:
            return []
        if group.start is not None and group.start <= group.last_end:
            group.pieces.append((group.start, self._now))
        start = group.pieces[-1][0]
        limit = self._now if before is None else (group.last_end + before + 1) // 2
        room = self._longest - sum(last - first for first, last in group.pieces[:-1])
        end = min(group.last_end + self._pad, limit, start + room)
        self._done = end
        left_out = tuple((one[1], other[0]) for one, other in pairwise(group.pieces))
        return [Span(group.pieces[0][0], end, min(group.last_end, end), left_out)]

    def _cut(self, start: int) -> Span:
        """Cut an utterance that fills a whole window, at the quietest frame of the window's second half."""
        oldest = self._now - len(self._energies)
        first = max(start + self._longest // 2, oldest + 1)
        # Over three frames (96 ms): a single quiet frame may be a plosive's closure inside a word.
        level = list(self._energies)
        quietest = min(
            range(first, self._now - 1),
            key=lambda frame: sum(level[frame - oldest - 1 : frame - oldest + 2]),
        )
        self._group = _Group(quietest, cut_from=True)
        self._speech_start = quietest
        self._done = quietest
        return Span(start, quietest, quietest)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _frames(duration_ms: float) -> int:
    return round(duration_ms / 1000 / FRAME_S)
