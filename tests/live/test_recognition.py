"""From chunks to text: every word said comes out once, or lies in a gap that was told.

The model here hears without fail, or fails where the test says so; what is tested is what becomes of its answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from live_updates import check_updates
from scripted_speech import RATE_HZ, Said, ScriptedModel, ScriptedSpeech

from thoth.live.arrival import Arrival
from thoth.live.chunker import AdaptiveChunker, Chunk
from thoth.live.recognition import LONGEST_WINDOW_S, SHORTEST_WINDOW_S, Recognition
from thoth.live.settings import LiveSettings
from thoth.live.update import Gap, LiveUpdate

ARRIVAL = Arrival(0, 0, 0, 0)


@dataclass
class Ear:
    """What a Listener tells."""

    paused_at: int = -1
    chunk_share: float = 1.0


@dataclass
class Bench:
    """A recognition with all that goes in and comes out."""

    speech: ScriptedSpeech
    fails: Callable[[int], bool] = lambda number: False
    settings: LiveSettings = field(default_factory=LiveSettings)
    ear: Ear = field(default_factory=Ear)
    updates: list[LiveUpdate] = field(default_factory=list)
    accounts: list[tuple[float, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = ScriptedModel(self.speech, self.fails)
        ear: Any = self.ear
        self.recognition = Recognition(
            ear, self.model, self.settings, self.updates.append, lambda *account: self.accounts.append(account)
        )

    def take(self, *chunks: Chunk) -> None:
        self.recognition.take([(chunk, ARRIVAL) for chunk in chunks])

    def drop(self, chunk: Chunk) -> None:
        self.recognition.lost(Gap(chunk.start / RATE_HZ, chunk.end / RATE_HZ, "overload"))

    @property
    def words(self) -> list[str]:
        return [word.word for update in self.updates for word in update.words]

    @property
    def gaps(self) -> list[Gap]:
        return [gap for update in self.updates for gap in update.gaps]


def chunks_of(
    speech: ScriptedSpeech, spans: Sequence[tuple[int, int]], pauses: Sequence[int] = (), chunk_s: float = 1.5
) -> list[Chunk]:
    """Cut utterances into chunks as a listener does; at each of `pauses`, in samples, one is cut short."""
    chunker = AdaptiveChunker(chunk_s)
    chunks = []
    for start, end in spans:
        chunker.jump_to(max(start, chunker.position))
        for stop in [*sorted(pause for pause in pauses if start < pause < end), end]:
            chunks += chunker.push(speech.samples(chunker.position, stop))
            last = chunker.flush(is_final=stop == end)
            if last is not None:
                chunks.append(last)
    return chunks


@st.composite
def speeches(draw: st.DrawFn) -> tuple[ScriptedSpeech, list[tuple[int, int]]]:
    """Utterances of words, and where each begins and ends with its padding."""
    speech = ScriptedSpeech()
    spans = []
    for _ in range(draw(st.integers(1, 3))):
        speech.pause(draw(st.floats(0.8, 3)))
        start = speech.at - RATE_HZ // 4
        for _ in range(draw(st.integers(1, 30))):
            speech.say(draw(st.floats(0.22, 0.5)))
            speech.pause(draw(st.floats(0.1, 0.4)))
        spans.append((start, speech.at + RATE_HZ // 5))
    speech.pause(1)
    return speech, spans


def take_in_turns(bench: Bench, chunks: list[Chunk], sizes: list[int], shares: list[float], drops: set[int]) -> None:
    """Hand over chunks in groups of the given sizes; those in `drops`, by their place, are lost before that."""
    group: list[Chunk] = []
    for n, chunk in enumerate(chunks):
        bench.ear.chunk_share = shares[n % len(shares)]
        if n in drops:
            bench.drop(chunk)
        else:
            group.append(chunk)
        if len(group) >= sizes[n % len(sizes)]:
            bench.take(*group)
            group = []
    if group:
        bench.take(*group)
    bench.recognition.finish()


sizes_of_groups = st.lists(st.integers(1, 3), min_size=1, max_size=5)
chunk_shares = st.lists(st.sampled_from([1.0, 1.0, 2 / 3, 1 / 3]), min_size=1, max_size=5)
chunk_lengths = st.sampled_from([0.5, 1.5, 3.0, 10.0])


@settings(deadline=None, max_examples=60)
@given(speeches(), sizes_of_groups, chunk_shares, chunk_lengths, st.data())
def test_every_word_comes_out_once_and_in_order(
    case: tuple[ScriptedSpeech, list[tuple[int, int]]],
    sizes: list[int],
    shares: list[float],
    chunk_s: float,
    data: st.DataObject,
) -> None:
    speech, spans = case
    pauses = data.draw(st.lists(st.integers(0, speech.at), max_size=5))
    bench = Bench(speech)
    take_in_turns(bench, chunks_of(speech, spans, pauses, chunk_s), sizes, shares, set())
    assert bench.words == [word.text for word in speech.words]
    assert bench.gaps == []
    assert sum(update.is_final for update in bench.updates) == len(spans)
    check_updates(bench.updates)


@settings(deadline=None, max_examples=60)
@given(speeches(), sizes_of_groups, chunk_shares, st.sets(st.integers(0, 30)), st.sets(st.integers(1, 40)))
def test_a_word_that_does_not_come_out_lies_in_a_gap_that_was_told_and_none_comes_twice(
    case: tuple[ScriptedSpeech, list[tuple[int, int]]],
    sizes: list[int],
    shares: list[float],
    drops: set[int],
    failures: set[int],
) -> None:
    speech, spans = case
    bench = Bench(speech, fails=failures.__contains__)
    chunks = chunks_of(speech, spans)
    take_in_turns(bench, chunks, sizes, shares, drops)
    known = {word.text for word in speech.words}
    counts = Counter(word for word in bench.words if word in known)
    assert all(count == 1 for count in counts.values()), counts.most_common(3)
    order = [word for word in bench.words if word in known]
    assert order == sorted(order, key=lambda word: int(word[2:]))
    lost = [word for word in speech.words if word.text not in counts]
    for word in lost:
        assert any(touches(gap, word) for gap in bench.gaps), (word, bench.gaps)
    check_updates(bench.updates)


def touches(gap: Gap, word: Said) -> bool:
    return gap.start_s * RATE_HZ - 1 < word.end and word.start < gap.end_s * RATE_HZ + 1


def one_utterance(words: int, word_s: float = 0.35, pause_s: float = 0.15) -> tuple[ScriptedSpeech, tuple[int, int]]:
    speech = ScriptedSpeech()
    speech.pause(1)
    start = speech.at - RATE_HZ // 4
    for _ in range(words):
        speech.say(word_s)
        speech.pause(pause_s)
    span = (start, speech.at + RATE_HZ // 20)
    speech.pause(1)
    return speech, span


def test_windows_stay_bounded_however_long_somebody_speaks() -> None:
    speech, span = one_utterance(240)
    bench = Bench(speech)
    take_in_turns(bench, chunks_of(speech, [span]), [1], [1.0], set())
    assert bench.words == [word.text for word in speech.words]
    assert max(end - start for start, end, _ in bench.model.passes) <= (LONGEST_WINDOW_S + 1.5) * RATE_HZ
    # Text is committed long before the utterance is over.
    waits = [update.end_s - word.end for update in bench.updates for word in update.words]
    assert max(waits) < 4.0


def test_windows_are_shorter_where_the_machine_is_slow_and_where_the_model_wants_them() -> None:
    speech, span = one_utterance(60)
    for share, longest_s, most_s in ((1 / 3, 28.0, 5.0), (0.01, 28.0, SHORTEST_WINDOW_S), (1.0, 6.0, 6.0)):
        bench = Bench(speech, settings=LiveSettings(longest_window_s=longest_s))
        take_in_turns(bench, chunks_of(speech, [span], chunk_s=0.5), [1], [share], set())
        assert bench.words == [word.text for word in speech.words]
        assert max(end - start for start, end, _ in bench.model.passes) <= (most_s + 0.5) * RATE_HZ


def test_the_last_pass_is_made_at_the_pause_and_not_again_at_the_end() -> None:
    speech, span = one_utterance(6)
    *begun, last = chunks_of(speech, [span])
    pausing = Chunk(last.chunk_id, last.start, last.samples, last.overlap)
    bench = Bench(speech)
    bench.take(*begun)
    bench.ear.paused_at = last.end
    bench.take(pausing)
    before = list(bench.model.passes)
    assert before[-1][2], "the pass at the pause is the final one"
    bench.ear.paused_at = -1
    bench.take(Chunk(99, last.end, last.samples[:0], last.samples[:0], is_final=True))
    assert bench.model.passes == before
    assert bench.words == [word.text for word in speech.words]
    assert bench.updates[-1].is_final


def test_speech_that_goes_on_after_the_pause_is_heard_with_what_came_before() -> None:
    speech, span = one_utterance(12)
    half = speech.words[5].end + 800
    first, second = chunks_of(speech, [span], [half], chunk_s=10.0)
    bench = Bench(speech)
    bench.ear.paused_at = first.end
    bench.take(first)
    bench.ear.paused_at = -1
    bench.take(second)
    assert bench.words == [word.text for word in speech.words]
    assert [(start, end) for start, end, _ in bench.model.passes] == [(first.start, half), (first.start, second.end)]
    assert sum(update.is_final for update in bench.updates) == 1


def test_tentative_text_shows_what_is_not_committed_yet() -> None:
    speech, span = one_utterance(8)
    bench = Bench(speech)
    for chunk in chunks_of(speech, [span]):
        bench.take(chunk)
        said = "".join(bench.words) + bench.updates[-1].tentative
        heard = [word.text for word in speech.words if word.end <= chunk.end]
        assert said.split()[: len(heard)] == [word.strip() for word in heard]


def test_a_final_pass_that_fails_leaves_what_was_heard_before_and_tells_the_rest_as_a_gap() -> None:
    speech, span = one_utterance(9)
    chunks = chunks_of(speech, [span])
    bench = Bench(speech, fails=lambda number: number == len(chunks))
    for chunk in chunks:
        bench.take(chunk)
    assert len(bench.model.passes) == len(chunks)
    last = bench.updates[-1]
    assert last.is_final
    (gap,) = last.gaps
    assert gap.reason == "failed"
    assert gap.end_s == chunks[-1].end / RATE_HZ
    for word in speech.words:
        assert (word.text in bench.words) != (word.end / RATE_HZ > gap.start_s), (word, gap)


def test_where_every_pass_fails_the_whole_utterance_is_a_gap() -> None:
    speech, span = one_utterance(9)
    bench = Bench(speech, fails=lambda number: True)
    take_in_turns(bench, chunks_of(speech, [span]), [1], [1.0], set())
    assert bench.words == []
    assert bench.accounts == []
    (gap,) = bench.gaps
    assert (round(gap.start_s * RATE_HZ), round(gap.end_s * RATE_HZ)) == span


def test_gaps_of_chunks_that_were_dropped_and_of_one_that_failed_behind_them_do_not_overlap() -> None:
    speech, span = one_utterance(9)
    first, dropped, last = chunks_of(speech, [span])[:3]
    bench = Bench(speech, fails=lambda number: number > 1)
    bench.take(first)
    bench.drop(dropped)
    assert len(last.overlap)
    bench.take(last)
    bench.recognition.finish()
    gaps = [gap for gap in bench.gaps if gap.start_s >= first.end / RATE_HZ]
    assert [gap.reason for gap in gaps] == ["overload", "failed"]
    assert gaps[0].end_s == gaps[1].start_s == last.start / RATE_HZ
    assert gaps[1].end_s == last.end / RATE_HZ


def test_a_gap_without_an_utterance_is_told_at_the_end() -> None:
    bench = Bench(ScriptedSpeech())
    bench.recognition.lost(Gap(1.0, 2.0, "source"))
    bench.recognition.finish()
    (update,) = bench.updates
    assert update.gaps == (Gap(1.0, 2.0, "source"),)
    bench.recognition.finish()
    assert len(bench.updates) == 1


def test_each_second_of_audio_is_accounted_for_once() -> None:
    speech, span = one_utterance(60)
    bench = Bench(speech)
    take_in_turns(bench, chunks_of(speech, [span]), [1], [1.0], set())
    assert abs(sum(account[0] for account in bench.accounts) - (span[1] - span[0]) / RATE_HZ) < 0.01
    assert len(bench.accounts) == len(bench.model.passes)


def test_the_model_is_told_the_text_so_far_only_if_that_suits_it() -> None:
    speech, _ = one_utterance(4)
    speech.pause(2)
    start = speech.at
    speech.say(0.4)
    spans = [(speech.words[0].start, speech.words[3].end), (start, speech.at)]
    for condition in (False, True):
        bench = Bench(speech, settings=LiveSettings(condition_on_previous_text=condition))
        take_in_turns(bench, chunks_of(speech, spans, chunk_s=10.0), [1], [1.0], set())
        assert bench.model.prompts[0] == ()
        assert bench.model.prompts[-1] == ((0, 1, 2, 3) if condition else ())


def test_text_sampled_at_a_high_temperature_is_not_told() -> None:
    speech, _ = one_utterance(4)
    speech.pause(2)
    start = speech.at
    speech.say(0.4)
    spans = [(speech.words[0].start, speech.words[3].end), (start, speech.at)]
    bench = Bench(speech, settings=LiveSettings(condition_on_previous_text=True))
    bench.model.temperature = 0.8
    take_in_turns(bench, chunks_of(speech, spans, chunk_s=10.0), [1], [1.0], set())
    assert bench.model.prompts[-1] == ()
