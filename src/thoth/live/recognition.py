"""From chunks of speech to committed and tentative text: windows, passes of the model, agreement."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.live.agreement import Agreement
from thoth.live.arrival import Arrival
from thoth.live.chunker import Chunk
from thoth.live.listener import Listener
from thoth.live.protocol import Transcription
from thoth.live.settings import LiveSettings
from thoth.live.update import Gap, LiveUpdate
from thoth.live.window import LiveWindow
from thoth.model.prompt import Prompt
from thoth.model.transcript import Word

LONGEST_WINDOW_S: Final = 15.0
"""A window is transcribed again with each chunk: longer ones cost more than they gain. Macháček et al. (2023) came to
the same length; models that want shorter windows get them."""

SHORTEST_WINDOW_S: Final = 3.0
"""What windows shrink to, at most, where the machine is slow."""

MOST_PROMPT_TOKENS: Final = 64
"""Of the text so far. Whisper takes 223, but each costs a pass 0.8 ms and 0.4 MB at tiny's size, again and again."""

UNTRUSTED_TEMPERATURE: Final = 0.5
"""Text sampled above it is no help to what follows, as in openai-whisper."""

_LEAST_S: Final = 0.5
"""Less, behind a cut, gives no word that would last. The next chunk adds to it."""


class Pass(Protocol):
    """Runs the model over a window; None where it failed and the session goes on. What it raises ends the recording."""

    def __call__(self, audio: Samples, prompt: Sequence[int], *, is_final: bool) -> Transcription | None:
        """`audio`: 16 kHz mono; `prompt`: tokens of the text before; `is_final`: worth trying harder."""


class Recognition:
    """Turns one recording's chunks into updates. One thread at a time, but for `lost`.

    The window grows with each chunk, and each time the whole of it is transcribed; what two passes in a row agree on is
    committed. Where an utterance ends, or a window is full, a last pass of full quality commits the rest. That of an
    utterance is run at the first sign of silence: should speech go on, it was one hypothesis more.

    listener: tells whether silence has begun, and how long chunks are.
    run: transcribes.
    settings: what suits the model.
    publish: called with each update.
    account: called after each pass with the seconds of audio that was new in it, and of processing.
    """

    def __init__(
        self,
        listener: Listener,
        run: Pass,
        settings: LiveSettings,
        publish: Callable[[LiveUpdate], None],
        account: Callable[[float, float], None],
    ) -> None:
        self._listener = listener
        self._run = run
        self._longest_s = min(settings.longest_window_s, LONGEST_WINDOW_S)
        self._prompt = Prompt((), MOST_PROMPT_TOKENS if settings.condition_on_previous_text else 0)
        self._publish = publish
        self._account = account
        self._agreement = Agreement()
        self._window: LiveWindow | None = None
        self.taken_to = 0  # position up to which chunks are in a window, or were
        self._heard_to = 0  # position up to which the window was transcribed
        self._ready: tuple[int, list[Word]] | None = None  # end and words of the pass made at the first sign of silence
        self._latest: Transcription | None = None
        self._gaps: deque[Gap] = deque()
        self._utterance = 1
        self._told_to_s = 0.0  # where the latest committed word ends
        self._begun = False  # whether there was any text yet: the first has nothing to be spaced from
        self._arrival: Arrival | None = None  # of the latest chunk

    def lost(self, gap: Gap) -> None:
        """Note audio that will have no text; from any thread."""
        self._gaps.append(gap)

    def take(self, chunks: Sequence[tuple[Chunk, Arrival]]) -> None:
        """Take chunks in their order. Those that wait together are transcribed in one pass."""
        for chunk, arrival in chunks:
            self._arrival = arrival
            if len(chunk.samples):
                self._append(chunk)
                self._shorten()
            if chunk.is_final:
                self.finish()
        window = self._window
        if window is not None and window.end > self._heard_to and window.duration_s >= _LEAST_S:
            self._listen_again(window)

    def finish(self) -> None:
        """End what is going on: no more chunks will come."""
        if self._window is not None:
            self._finish()
        else:
            self.tell_gaps()

    def give_up(self) -> None:
        """End what is going on without another pass: what was heard stands, the rest is a gap."""
        if self._window is not None:
            window, self._window = self._window, None
            self._close(window, None, is_final=True)
        else:
            self.tell_gaps()

    def tell_gaps(self) -> None:
        """Tell what was lost, if nobody speaks: else the next update does."""
        gaps = tuple(self._gaps)
        if self._window is None and gaps:
            start_s, end_s = min(gap.start_s for gap in gaps), max(gap.end_s for gap in gaps)
            self._tell([], start_s, end_s, is_final=False)

    def _append(self, chunk: Chunk) -> None:
        if self._window is not None and chunk.start != self._window.end:
            self._finish()  # what lies between was dropped
        if self._window is None:
            start = chunk.start - len(chunk.overlap)
            self._window = LiveWindow(start, chunk.overlap, len(chunk.overlap))
            self._heard_to = start
        self._window.append(chunk.samples)
        self.taken_to = chunk.end

    def _shorten(self) -> None:
        """Commit the beginning of a window that is full, and go on behind it."""
        longest_s = max(self._longest_s * self._listener.chunk_share, min(SHORTEST_WINDOW_S, self._longest_s))
        # What comes with the next chunk would make it longer than that.
        while self._window is not None and self._window.duration_s >= longest_s - 0.1:
            head = self._window.split(longest_s)
            self._close(head, self._words_of(head, is_final=True), is_final=False)

    def _listen_again(self, window: LiveWindow) -> None:
        silent = window.end == self._listener.paused_at
        words = self._words_of(window, is_final=silent)
        if words is None:
            return
        self._ready = (window.end, words) if silent else None
        committed = self._agreement.hear(words, window.end_s)
        self._tell(committed, window.start_s, window.end_s, is_final=False)

    def _finish(self) -> None:
        window, self._window = self._window, None
        if window is None:
            return
        ready, self._ready = self._ready, None
        words = ready[1] if ready is not None and ready[0] == window.end else self._words_of(window, is_final=True)
        self._close(window, words, is_final=True)

    def _close(self, window: LiveWindow, words: list[Word] | None, *, is_final: bool) -> None:
        """Commit all of a window. Where its last pass failed, what was heard before stands, and the rest is a gap."""
        if words is None:
            heard = [*self._agreement.committed, *self._agreement.tentative]
            words = [word for word in heard if word.end <= window.end_s]
            heard_to_s = max(words[-1].end if words else 0.0, window.own_start_s)
            if len(self._agreement.committed) <= len(words) and heard_to_s < window.end_s:
                self._gaps.append(Gap(heard_to_s, window.end_s, "failed"))
        elif self._latest is not None:
            self._carry_on(self._latest)
        committed = self._agreement.close(words, math.inf if is_final else window.end_s)
        self._tell(committed, window.start_s, window.end_s, is_final=is_final)

    def _carry_on(self, last: Transcription) -> None:
        if last.temperature is not None and last.temperature > UNTRUSTED_TEMPERATURE:
            self._prompt.forget()
        else:
            self._prompt.extend(last.tokens)

    def _words_of(self, window: LiveWindow, *, is_final: bool) -> list[Word] | None:
        new_s = max(window.end - self._heard_to, 0) / SAMPLE_RATE_HZ
        self._heard_to = max(window.end, self._heard_to)
        found = self._run(window.samples, self._prompt.tokens(), is_final=is_final)
        if found is None:
            return None
        self._latest = found
        self._account(new_s, found.processing_s)
        return [
            replace(word, start=round(word.start + window.start_s, 3), end=round(word.end + window.start_s, 3))
            for word in found.words
        ]

    def _tell(self, committed: Sequence[Word], start_s: float, end_s: float, *, is_final: bool) -> None:
        gaps = []
        while self._gaps:
            gaps.append(self._gaps.popleft())
        gaps.sort(key=lambda gap: gap.start_s)
        text = _text(committed)
        if text and not self._begun:
            self._begun, text = True, text.lstrip()
        update = LiveUpdate(
            committed=text,
            tentative=_text(self._agreement.tentative),
            words=tuple(self._in_order(committed)),
            gaps=tuple(gaps),
            is_final=is_final,
            utterance=self._utterance,
            start_s=start_s,
            end_s=end_s,
            delay_s=self._delay_s(),
        )
        if is_final:
            self._utterance += 1
        self._publish(update)

    def _in_order(self, words: Sequence[Word]) -> list[Word]:
        """Let no word begin before the one before it has ended: they come of hypotheses that differ in their times."""
        ordered = []
        for word in words:
            start = max(word.start, self._told_to_s)
            self._told_to_s = max(word.end, start)
            ordered.append(replace(word, start=start, end=self._told_to_s))
        return ordered

    def _delay_s(self) -> float:
        return 0.0 if self._arrival is None else self._arrival.age_s


def _text(words: Sequence[Word]) -> str:
    return "".join(word.word for word in words)
