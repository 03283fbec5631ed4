"""From samples to chunks with the real voice activity detection: speech goes on whole, silence goes nowhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from encoded_audio import Floats, recording
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.audio.samples import SAMPLE_RATE_HZ
from thoth.live.chunker import AdaptiveChunker, Chunk
from thoth.live.events import SpeechEnded, SpeechStarted
from thoth.live.listener import Listener
from thoth.model.speech import VadOptions

Manifest = dict[str, dict[str, Any]]
FRAME = 512
LONG = recording("long_0_20s")


@dataclass
class Heard:
    """A listener and what came of it."""

    endpoint_s: float = 0.6
    chunk_s: float = 1.5
    vad: VadOptions = field(default_factory=VadOptions)
    chunks: list[Chunk] = field(default_factory=list)
    happenings: list[SpeechStarted | SpeechEnded] = field(default_factory=list)
    on_put: Callable[[Chunk], Chunk | None] = lambda chunk: None

    def __post_init__(self) -> None:
        self.listener = Listener(
            AdaptiveChunker(self.chunk_s), self._put, self.vad, self.endpoint_s, self.happenings.append
        )

    def _put(self, chunk: Chunk) -> Chunk | None:
        self.chunks.append(chunk)
        return self.on_put(chunk)

    def hear(self, samples: Floats, block: int = FRAME) -> Heard:
        for start in range(0, len(samples), block):
            self.listener.hear(samples[start : start + block])
        return self

    def all_of(self, samples: Floats, block: int = FRAME) -> Heard:
        self.hear(samples, block).listener.finish()
        return self

    @property
    def utterances(self) -> list[tuple[int, int]]:
        """First and last sample of what was handed over of each utterance."""
        spans, start = [], None
        for chunk in self.chunks:
            start = chunk.start if start is None else start
            if chunk.is_final:
                spans.append((start, chunk.end))
                start = None
        assert start is None
        return spans

    @property
    def starts_s(self) -> list[float]:
        return [one.at_s for one in self.happenings if isinstance(one, SpeechStarted)]

    @property
    def ends_s(self) -> list[float]:
        return [one.at_s for one in self.happenings if isinstance(one, SpeechEnded)]


def same(one: Sequence[Chunk], other: Sequence[Chunk]) -> bool:
    def plain(chunk: Chunk) -> tuple[object, ...]:
        return chunk.chunk_id, chunk.start, chunk.samples.tobytes(), chunk.overlap.tobytes(), chunk.is_final

    return list(map(plain, one)) == list(map(plain, other))


def check_chunks(heard: Heard, stream: Floats) -> None:
    """Chunks hold the stream's own samples, each at most once, in order; an utterance is in one piece."""
    end, final = 0, True
    for number, chunk in enumerate(heard.chunks):
        assert chunk.chunk_id == number
        assert chunk.start >= end if final else chunk.start == end
        assert np.array_equal(chunk.samples, stream[chunk.start : chunk.end])
        assert np.array_equal(chunk.overlap, stream[chunk.start - len(chunk.overlap) : chunk.start])
        end, final = chunk.end, chunk.is_final
    assert final
    assert len(heard.starts_s) == len(heard.ends_s) == len(heard.utterances)


def spoken_files(manifest: Manifest) -> list[str]:
    return [name for name, entry in manifest.items() if entry["segments"]]


def test_what_is_said_is_handed_over_whole(manifest: Manifest) -> None:
    """Every stretch in which the manifest has speech lies in one utterance, but for its faint edges."""
    for name in spoken_files(manifest):
        stream = recording(name.removesuffix(".flac"))
        heard = Heard().all_of(stream)
        check_chunks(heard, stream)
        for piece in manifest[name]["segments"]:
            start, end = ((piece["start"] + 0.1) * SAMPLE_RATE_HZ, (piece["end"] - 0.15) * SAMPLE_RATE_HZ)
            holders = [span for span in heard.utterances if span[0] <= start and end <= span[1]]
            if not name.startswith("digits"):  # with pauses of more than an endpoint between the digits
                assert len(holders) == 1, (name, piece, heard.utterances)


def test_little_else_is_handed_over(manifest: Manifest) -> None:
    heard_s = said_s = 0.0
    for name in spoken_files(manifest):
        heard = Heard().all_of(recording(name.removesuffix(".flac")))
        heard_s += sum(end - start for start, end in heard.utterances) / SAMPLE_RATE_HZ
        said_s += sum(piece["end"] - piece["start"] + 0.7 for piece in manifest[name]["segments"])
    assert heard_s < 1.1 * said_s


def test_the_times_told_are_those_of_the_speech(manifest: Manifest) -> None:
    for name in (name for name in spoken_files(manifest) if name.startswith("long")):
        heard = Heard().all_of(recording(name.removesuffix(".flac")))
        pieces = manifest[name]["segments"]
        for start_s, end_s in zip(heard.starts_s, heard.ends_s, strict=True):
            assert start_s < end_s
            assert min(abs(start_s - piece["start"]) for piece in pieces) < 0.4, (name, start_s)
            assert min(abs(end_s - piece["end"]) for piece in pieces) < 0.4, (name, end_s)


@pytest.mark.parametrize("name", ["silence_0", "noise_0"])
def test_silence_and_noise_give_no_chunk(name: str) -> None:
    heard = Heard().all_of(np.tile(recording(name), 3))
    assert heard.chunks == []
    assert heard.happenings == []


def test_what_is_kept_of_silence_does_not_grow() -> None:
    heard = Heard().hear(np.tile(recording("silence_0"), 10), block=1600)
    assert len(heard.listener._held) <= SAMPLE_RATE_HZ // 2


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, len(LONG)), max_size=20))
def test_blocks_of_any_lengths_give_the_same_chunks(cuts: list[int]) -> None:
    whole = Heard().all_of(LONG, len(LONG))
    cut = Heard()
    for block in np.split(LONG, sorted(cuts)):
        cut.listener.hear(block)
    cut.listener.finish()
    assert same(cut.chunks, whole.chunks)
    assert cut.happenings == whole.happenings


@pytest.mark.parametrize("block", [1, 160, 511, 512, 513, 1600])
def test_blocks_as_they_come_give_the_same_chunks(block: int) -> None:
    stream = LONG[: (2 if block == 1 else 20) * SAMPLE_RATE_HZ]
    assert same(Heard().all_of(stream, block).chunks, Heard().all_of(stream, len(stream)).chunks)


def test_speech_at_the_very_end_is_handed_over_to_its_last_sample() -> None:
    speech = recording("digits_07_4")
    for end in range(20_000, 20_700, 97):
        heard = Heard().all_of(speech[:end])
        check_chunks(heard, speech)
        assert heard.chunks[-1].is_final
        assert heard.chunks[-1].end == end


@pytest.mark.parametrize("endpoint_s", [0.2, 0.6, 2.0, 10.0])
def test_an_utterance_ends_after_the_silence_that_was_asked_for(endpoint_s: float) -> None:
    speech = recording("digits_07_4")
    gap = np.zeros(round((endpoint_s + 1.0) * SAMPLE_RATE_HZ), np.float32)
    stream = np.concatenate((speech, gap, speech, gap))
    heard = Heard(endpoint_s)
    ended: list[int] = []
    for start in range(0, len(stream), FRAME):
        heard.listener.hear(stream[start : start + FRAME])
        if len(heard.ends_s) > len(ended):
            ended.append(heard.listener.position)
    heard.listener.finish()
    check_chunks(heard, stream)
    if endpoint_s >= 0.6:
        assert len(ended) == 2
    for position, end_s in zip(ended, heard.ends_s, strict=True):
        assert position / SAMPLE_RATE_HZ - end_s == pytest.approx(endpoint_s, abs=0.033 + 0.032)


def test_the_last_speech_is_handed_over_at_the_first_sign_of_silence() -> None:
    """A fifth of a second after it, long before the end is certain: so the final pass can begin."""
    stream = np.concatenate((recording("digits_07_4"), np.zeros(2 * SAMPLE_RATE_HZ, np.float32)))
    heard = Heard(endpoint_s=2.0)
    paused_at = None
    for start in range(0, len(stream), FRAME):
        heard.listener.hear(stream[start : start + FRAME])
        if paused_at is None and heard.listener.paused_at >= 0 and start > 38_000:
            paused_at = heard.listener.position
            assert heard.listener.paused_at == heard.chunks[-1].end == paused_at
    heard.listener.finish()
    (end_s,) = heard.ends_s
    assert paused_at is not None
    assert paused_at / SAMPLE_RATE_HZ - end_s == pytest.approx(0.2, abs=0.04)
    assert heard.chunks[-1].is_final
    assert len(heard.chunks[-1].samples) == 0
    assert heard.listener.paused_at == -1


def test_a_pause_that_was_none_is_handed_over_with_what_follows() -> None:
    speech = recording("wake_alexa_0")
    stream = np.concatenate((speech, np.zeros(SAMPLE_RATE_HZ, np.float32), speech))
    heard = Heard(endpoint_s=5.0).all_of(stream)
    check_chunks(heard, stream)
    assert len(heard.utterances) == 1


def test_a_block_hands_over_no_more_than_the_queue_takes_however_long_the_pause_before_it_was() -> None:
    """What is fed in blocks of real time must not be dropped because a speaker paused."""
    speech = recording("wake_alexa_0")
    stream = np.concatenate((speech, np.zeros(7 * SAMPLE_RATE_HZ, np.float32), speech))
    for endpoint_s, chunk_s in ((10.0, 1.5), (10.0, 0.5), (2.0, 0.5)):
        heard = Heard(endpoint_s, chunk_s)
        most = 0
        for start in range(0, len(stream), FRAME):
            before = len(heard.chunks)
            heard.listener.hear(stream[start : start + FRAME])
            most = max(most, len(heard.chunks) - before)
        assert most <= 3, (endpoint_s, chunk_s)


def test_listening_goes_on_where_the_stream_is_after_samples_were_skipped() -> None:
    speech = recording("digits_07_4")
    heard = Heard()
    heard.all_of(speech)
    heard.listener.skip(5 * SAMPLE_RATE_HZ)
    heard.listener.skip(1234)
    heard.all_of(speech)
    offset = len(speech) + 5 * SAMPLE_RATE_HZ + 1234
    stream = np.concatenate((speech, np.zeros(offset - len(speech), np.float32), speech))
    check_chunks(heard, stream)
    first, second = heard.utterances[0], heard.utterances[-1]
    assert (first[0] + offset, first[1] + offset) == second
    assert heard.starts_s[-1] == pytest.approx(heard.starts_s[0] + offset / SAMPLE_RATE_HZ)
    assert heard.listener.position == len(stream)


def test_what_was_skipped_is_in_no_overlap() -> None:
    speech = recording("digits_07_4")
    heard = Heard().all_of(speech)
    before = len(heard.chunks)
    heard.listener.skip(100)
    heard.all_of(speech[5_000:])
    assert len(heard.chunks[before].overlap) == 0


def test_the_end_can_be_told_twice_and_in_silence() -> None:
    heard = Heard()
    heard.listener.finish()
    heard.all_of(recording("silence_0"))
    heard.listener.finish()
    assert heard.chunks == []
    assert heard.listener.position == len(recording("silence_0"))


def test_a_stricter_threshold_hears_less_and_padding_is_kept_before_speech() -> None:
    speech = recording("digits_07_4")
    plain = Heard().all_of(speech)
    padded = Heard(vad=VadOptions(speech_pad_ms=100)).all_of(speech)
    assert padded.starts_s == plain.starts_s
    assert padded.utterances[0][0] - plain.utterances[0][0] == round(0.15 * SAMPLE_RATE_HZ)
    burst = Heard(vad=VadOptions(min_speech_duration_ms=60_000)).all_of(speech)
    assert burst.chunks == []


def test_each_chunk_has_an_arrival_once_and_none_is_kept_of_what_was_dropped() -> None:
    waiting: list[Chunk] = []

    def keep_two(chunk: Chunk) -> Chunk | None:
        waiting.append(chunk)
        return waiting.pop(0) if len(waiting) > 2 else None

    heard = Heard(on_put=keep_two, chunk_s=0.5).all_of(LONG)
    assert len(heard.chunks) > 4
    ages = [heard.listener.arrival(chunk).age_s for chunk in waiting]
    assert all(0 <= age < 60 for age in ages)
    assert heard.listener._arrivals == {}


def test_the_model_being_slow_makes_chunks_shorter() -> None:
    heard = Heard()
    assert heard.listener.chunk_share == 1.0
    heard.listener.note_rtf(1.5, 3.0)
    heard.listener.note_rtf(1.0, 3.0)
    assert heard.listener.chunk_share < 0.5
    # A short rest before a pause costs a whole pass, and says nothing about the machine.
    heard = Heard()
    heard.listener.note_rtf(0.05, 0.5)
    assert heard.listener.chunk_share == 1.0


def test_what_others_read_may_be_read_while_it_listens() -> None:
    heard = Heard()
    done = threading.Event()
    seen: list[tuple[int, int, float]] = []

    def watch() -> None:
        while not done.is_set():
            seen.append((heard.listener.position, heard.listener.paused_at, heard.listener.chunk_share))

    thread = threading.Thread(target=watch)
    thread.start()
    heard.all_of(LONG)
    done.set()
    thread.join()
    positions = [position for position, _, _ in seen]
    assert positions == sorted(positions)
