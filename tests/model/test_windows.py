"""Windows of samples: what block sizes may not change, what is kept, and what is forgotten."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth import _native
from thoth.audio.decode import decode
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.model.speech import FRAME_SAMPLES, VadOptions
from thoth.model.store import ASSETS
from thoth.model.windows import Piece, SpeechProbability, Window, always_speech, speech_windows

RECORDINGS = Path(__file__).parent.parent / "audio_files"
EVERYTHING = VadOptions(min_speech_duration_ms=0, speech_pad_ms=0)


def silero() -> SpeechProbability:
    """Load the detector anew: it carries state from frame to frame."""
    return _native.Vad(os.fsencode(ASSETS / "ggml-silero-v6.2.0.bin")).process


def loudness(samples: Samples) -> Samples:
    """Take loud frames for speech: the whole of a partial one counts."""
    padded = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
    loud: Samples = (np.abs(padded).max(axis=1) > 0.1).astype(np.float32)
    return loud


def split(samples: Samples, lengths: list[int]) -> Iterator[Samples]:
    """Cut into blocks of these lengths, over and over."""
    start = 0
    for length in itertools.cycle(lengths):
        yield samples[start : start + length]
        start += length
        if start >= len(samples):
            return


def plain(found: Iterator[Window]) -> list[tuple[tuple[Piece, ...], bytes, float]]:
    return [(window.pieces, window.samples.tobytes(), window.speech_end_s) for window in found]


def places(window: Window) -> list[slice]:
    """Where in the stream the window's pieces lie, in samples."""
    starts = [round(piece.stream_s * SAMPLE_RATE_HZ) for piece in window.pieces]
    lengths = [round(piece.duration_s * SAMPLE_RATE_HZ) for piece in window.pieces]
    return [slice(start, start + length) for start, length in zip(starts, lengths, strict=True)]


def place(window: Window) -> slice:
    (only,) = places(window)
    return only


def synthetic(seed: int, n: int) -> Samples:
    """Make bursts of noise between near-silences, of random lengths."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 0.01, n).astype(np.float32)
    edges = np.sort(rng.integers(0, n + 1, 12)).tolist()
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        samples[start:end] += rng.uniform(-0.8, 0.8, end - start).astype(np.float32)
    return samples


BLOCK_LENGTHS = st.lists(st.integers(0, 5000), min_size=1, max_size=6).filter(any)


PACKING = VadOptions(max_gap_ms=30_000)
OPTIONS = st.sampled_from([VadOptions(), PACKING])


@pytest.mark.parametrize("options", [VadOptions(), PACKING], ids=["default", "packing"])
@pytest.mark.parametrize("name", ["long_0_20s.flac", "long_3_58s.flac", "wakecmd_0.flac", "noise_0.flac"])
def test_block_sizes_make_no_difference_to_a_recording(name: str, options: VadOptions) -> None:
    samples = decode(RECORDINGS / name)
    at_once = plain(speech_windows([samples], silero(), 6.0, options))
    for lengths in ([160], [512], [1, 700, 4096], [SAMPLE_RATE_HZ], [10 * SAMPLE_RATE_HZ]):
        assert plain(speech_windows(split(samples, lengths), silero(), 6.0, options)) == at_once
    assert bool(at_once) == (name != "noise_0.flac")


@given(st.integers(0, 99), st.integers(0, 60_000), BLOCK_LENGTHS, st.sampled_from([0.256, 1.0, 6.0]), OPTIONS)
def test_block_sizes_make_no_difference_to_noise(
    seed: int, n: int, lengths: list[int], longest_s: float, options: VadOptions
) -> None:
    samples = synthetic(seed, n)
    at_once = plain(speech_windows([samples], loudness, longest_s, options))
    assert plain(speech_windows(split(samples, lengths), loudness, longest_s, options)) == at_once


@given(st.integers(0, 99), st.integers(1, 60_000), BLOCK_LENGTHS, OPTIONS)
def test_windows_hold_the_samples_of_the_stream_at_their_times(
    seed: int, n: int, lengths: list[int], options: VadOptions
) -> None:
    samples = synthetic(seed, n)
    end = 0
    for window in speech_windows(split(samples, lengths), loudness, 1.0, options):
        for piece in places(window):
            assert end <= piece.start
            end = piece.stop
        assert window.samples.dtype == np.float32
        assert window.samples.tobytes() == b"".join(samples[piece].tobytes() for piece in places(window))
        assert 0 < window.speech_end_s <= window.duration_s <= 1.0


@given(st.integers(0, 99), st.integers(1, 60_000), OPTIONS)
def test_each_sample_of_a_window_has_its_own_time_in_the_stream(seed: int, n: int, options: VadOptions) -> None:
    for window in speech_windows([synthetic(seed, n)], loudness, 1.0, options):
        own = [index for piece in places(window) for index in range(n)[piece]]
        checked = [*range(0, len(own), 100), len(own) - 1]
        told = [window.stream_time((i + 0.5) / SAMPLE_RATE_HZ) * SAMPLE_RATE_HZ - 0.5 for i in checked]
        assert told == pytest.approx([own[i] for i in checked])
        assert window.start_s == window.stream_time(-1.0) == own[0] / SAMPLE_RATE_HZ
        assert window.end_s == window.stream_time(100.0) == pytest.approx((own[-1] + 1) / SAMPLE_RATE_HZ)


def test_a_pause_of_a_packed_window_is_cut_to_a_joint() -> None:
    speech, pause = np.full(SAMPLE_RATE_HZ, 0.5, np.float32), np.zeros(20 * SAMPLE_RATE_HZ, np.float32)
    samples = np.concatenate([speech, pause, speech])
    (window,) = speech_windows(split(samples, [SAMPLE_RATE_HZ]), loudness, 28.0, PACKING)
    assert [piece.duration_s for piece in window.pieces] == pytest.approx([1.5, 1.5], abs=0.06)
    assert window.stream_time(1.2) == pytest.approx(1.2)
    assert window.stream_time(window.duration_s - 0.5) == pytest.approx(21.5)
    assert window.speech_end_s == window.duration_s
    apart = speech_windows([samples], loudness, 28.0, VadOptions())
    assert [len(window.pieces) for window in apart] == [1, 1]


@given(st.integers(0, 99), st.integers(1, 60_000), BLOCK_LENGTHS, st.sampled_from([None, 30_000]))
def test_all_loud_samples_are_kept(seed: int, n: int, lengths: list[int], max_gap_ms: int | None) -> None:
    samples = synthetic(seed, n)
    options = VadOptions(min_speech_duration_ms=0, max_gap_ms=max_gap_ms)
    kept = np.zeros(n, bool)
    for window in speech_windows(split(samples, lengths), loudness, 1.0, options):
        for piece in places(window):
            kept[piece] = True
    assert kept[np.abs(samples) > 0.1].all()


@given(st.integers(0, 60_000), BLOCK_LENGTHS, st.sampled_from([0.256, 1.0, 28.0]))
def test_without_detection_the_windows_are_the_stream(n: int, lengths: list[int], longest_s: float) -> None:
    samples = np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    found = [window.samples for window in speech_windows(split(samples, lengths), always_speech, longest_s, EVERYTHING)]
    assert np.concatenate([*found, np.empty(0, np.float32)]).tobytes() == samples.tobytes()


def test_the_last_partial_frame_is_kept() -> None:
    samples = np.full(3 * FRAME_SAMPLES + 7, 0.5, np.float32)
    (window,) = speech_windows([samples], loudness, 6.0, VadOptions())
    assert len(window.samples) == len(samples)
    assert window.speech_end_s == window.duration_s == len(samples) / SAMPLE_RATE_HZ


def test_a_single_sample_is_a_window_where_everything_counts() -> None:
    (window,) = speech_windows([np.ones(1, np.float32)], always_speech, 6.0, EVERYTHING)
    assert (window.start_s, window.samples.tolist(), window.speech_end_s) == (0.0, [1.0], 1 / SAMPLE_RATE_HZ)


@pytest.mark.parametrize("blocks", [[], [np.empty(0, np.float32)]])
def test_a_stream_without_samples_has_no_windows(blocks: list[Samples]) -> None:
    assert list(speech_windows(blocks, silero(), 6.0, VadOptions())) == []


@pytest.mark.parametrize("recording", ["silence_0.flac", "noise_0.flac"])
def test_silence_and_kitchen_noise_have_no_windows(recording: str) -> None:
    assert list(speech_windows([decode(RECORDINGS / recording)], silero(), 28.0, VadOptions())) == []


@pytest.mark.parametrize("options", [VadOptions(), PACKING], ids=["default", "packing"])
def test_all_annotated_speech_of_the_long_recordings_is_in_windows(
    manifest: dict[str, dict[str, Any]], options: VadOptions
) -> None:
    long = [entry for name, entry in manifest.items() if name.startswith("long_")]
    assert long
    for entry in long:
        samples = decode(RECORDINGS / entry["file"])
        kept = np.zeros(len(samples), bool)
        for window in speech_windows(split(samples, [16_000]), silero(), 6.0, options):
            for piece in places(window):
                kept[piece] = True
        for segment in entry["segments"]:
            said = slice(int(segment["start"] * SAMPLE_RATE_HZ), int(segment["end"] * SAMPLE_RATE_HZ))
            assert kept[said].all(), (entry["file"], segment)
        assert kept.mean() < 0.9


def test_a_window_comes_as_soon_as_it_is_decided() -> None:
    speech, silence = np.full(8000, 0.5, np.float32), np.zeros(8000, np.float32)
    read: list[str] = []

    def blocks() -> Iterator[Samples]:
        for name, block in [("speech", speech), *[("pause", silence)] * 20]:
            read.append(name)
            yield block

    window = next(speech_windows(blocks(), loudness, 6.0, VadOptions(max_gap_ms=1000)))
    assert place(window) == slice(0, 16 * 512 + 8 * 512)
    # 1 s may be bridged; the frame after it ends in the third half second.
    assert read == ["speech", "pause", "pause", "pause"]


def test_a_window_stays_as_it_is_when_the_stream_goes_on() -> None:
    samples = synthetic(1, 60_000)
    stream = speech_windows(split(samples, [700]), loudness, 1.0, VadOptions())
    first = next(stream)
    before = first.samples.tobytes()
    assert len(list(stream)) > 1
    assert first.samples.tobytes() == before


def test_an_hour_of_a_word_now_and_then_needs_memory_for_a_window_only() -> None:
    speech, silence = np.full(SAMPLE_RATE_HZ, 0.5, np.float32), np.zeros(SAMPLE_RATE_HZ, np.float32)
    held: list[int] = []

    def an_hour() -> Iterator[Samples]:
        for second in range(3600):
            tape = sys._getframe(1).f_locals["tape"]
            held.append(tape._store.nbytes + sum(piece.nbytes for piece in tape._kept.values()))
            yield silence if second % 20 else speech

    found = list(speech_windows(an_hour(), loudness, 28.0, PACKING))
    # With its joint each takes two seconds: fourteen to a window, the last a word behind the others' edges.
    assert sum(len(window.pieces) for window in found) == 180
    assert 12 <= len(found) <= 15
    assert max(held) <= 2 * 28 * SAMPLE_RATE_HZ * np.float32().nbytes


@pytest.mark.parametrize("level", [0.0, 0.5], ids=["silence", "speech"])
@pytest.mark.parametrize("block_s", [1, 10])
def test_an_hour_needs_memory_for_a_window_only(level: float, block_s: int) -> None:
    held: list[int] = []

    def an_hour() -> Iterator[Samples]:
        for _ in range(3600 // block_s):
            tape = sys._getframe(1).f_locals["tape"]  # of speech_windows, which asks for the next block
            held.append(tape._store.nbytes)
            yield np.full(block_s * SAMPLE_RATE_HZ, level, np.float32)

    found = speech_windows(an_hour(), loudness, 28.0, VadOptions(max_gap_ms=60_000))
    assert sum(window.duration_s for window in found) == pytest.approx(3600 if level else 0)
    # Room is doubled as it runs short.
    assert max(held) <= 2 * (28 + block_s) * SAMPLE_RATE_HZ * np.float32().nbytes
