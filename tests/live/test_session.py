"""A live session as its user sees it: text, times, states, events and figures, with the real model."""

from __future__ import annotations

import gc
import logging
import os
import threading
import weakref
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from encoded_audio import at_rate, recording
from fed_input import INPUT_OVERFLOW, FedInput, Held, call_back, wait_until
from live_feeding import EventLog, feed, feed_blocks, wait_for_nothing_left
from live_updates import check_updates, read_to_error, said

import thoth
from thoth.errors import (
    AudioError,
    Cancelled,
    DecodeError,
    DeviceError,
    InvalidOption,
    InvalidTransition,
    ModelNotFound,
)
from thoth.live.events import SpeechEnded, SpeechStarted, StateChanged
from thoth.live.recognition import MOST_PROMPT_TOKENS
from thoth.live.session import LiveSession
from thoth.live.update import LiveUpdate

Manifest = dict[str, dict[str, Any]]
DIGITS, DIGITS_TEXT = recording("digits_07_4"), "three two seven four"
WAKE, WAKE_TEXT = recording("wakecmd_0"), "snowboy turn on the fan in the kitchen"
QUIET = recording("silence_0")
CAPTURE_LONG = recording("long_1_28s")


def source(audio: Path, name: str) -> thoth.FileSource:
    return thoth.FileSource(audio / f"{name}.flac", realtime=False)


# The text


def test_recordings_that_come_out_right_in_batch_come_out_right_live(
    live_runs: dict[str, Any], manifest: Manifest, exact: list[str]
) -> None:
    wrong = {name: said(live_runs[name].updates) for name in exact}
    wrong = {name: text for name, text in wrong.items() if text != manifest[name]["text"]}
    assert wrong == {}


def test_what_holds_for_updates_holds_for_every_recording(live_runs: dict[str, Any], manifest: Manifest) -> None:
    for name, run in live_runs.items():
        check_updates(run.updates)
        assert all(update.end_s <= manifest[name]["duration"] + 0.01 for update in run.updates), name
        assert [update.gaps for update in run.updates if update.gaps] == [], name
        if run.updates:
            assert run.updates[-1].is_final, name


def test_a_source_that_waits_is_transcribed_without_loss(live_runs: dict[str, Any]) -> None:
    for name, run in live_runs.items():
        assert run.after.chunks_dropped == 0, name
        assert run.after.errors == 0, name
    assert run.after.queue_depth_max <= 3


def test_words_lie_where_they_were_said(live_runs: dict[str, Any], manifest: Manifest) -> None:
    """On the stream's clock, however far into it."""
    for name in (name for name in manifest if name.startswith("long")):
        spoken = [(piece["start"] - 0.35, piece["end"] + 0.35) for piece in manifest[name]["segments"]]
        words = [word for update in live_runs[name].updates for word in update.words]
        assert words
        for word in words:
            middle = (word.start + word.end) / 2
            assert any(start <= middle <= end for start, end in spoken), (name, word)


def test_utterances_of_a_long_recording_end_one_by_one(live_runs: dict[str, Any], manifest: Manifest) -> None:
    name = "long_0_20s.flac"
    finals = [update for update in live_runs[name].updates if update.is_final]
    assert [update.utterance for update in finals] == [1, 2, 3, 4]
    for update, piece in zip(finals, manifest[name]["segments"], strict=True):
        assert update.start_s <= piece["start"]
        assert piece["end"] <= update.end_s <= piece["end"] + 0.8


def test_the_figures_agree_with_each_other_and_with_the_updates(live_runs: dict[str, Any], manifest: Manifest) -> None:
    previous = None
    for name, run in live_runs.items():
        if previous is not None:
            assert run.before == previous.after
        new = run.after.total_chunks - run.before.total_chunks
        audio_s = run.after.total_audio_seconds - run.before.total_audio_seconds
        assert new >= sum(bool(update.words) for update in run.updates)
        assert (new > 0) == bool(manifest[name]["segments"])
        assert audio_s <= manifest[name]["duration"] + 0.01
        said_s = sum(piece["end"] - piece["start"] - 0.2 for piece in manifest[name]["segments"])
        assert audio_s >= said_s
        previous = run
    last = run.after
    assert last.average_rtf == pytest.approx(last.total_processing_seconds / last.total_audio_seconds)
    assert 0 < last.p50_latency_ms <= last.p99_latency_ms
    assert set(last.as_dict()) == {
        "total_chunks",
        "total_audio_seconds",
        "total_processing_seconds",
        "average_rtf",
        "p50_latency_ms",
        "p99_latency_ms",
        "queue_depth_max",
        "chunks_dropped",
        "errors",
    }


# Ways in


def test_fed_samples_give_the_text_when_the_session_stops(session: LiveSession) -> None:
    feed(session, DIGITS)
    updates = session.updates()
    session.stop()
    got = list(updates)
    assert said(got) == DIGITS_TEXT
    assert got[-1].is_final
    check_updates(got)
    assert session.state == "ready"


@pytest.mark.parametrize("block", [1, 7, 511, 4001, len(DIGITS)])
def test_blocks_of_any_length_give_the_same_text(session: LiveSession, block: int) -> None:
    samples = DIGITS if block > 1 else DIGITS[4000:30_000]
    feed(session, samples, block=block)
    session.stop()
    assert said(list(session.updates())) == (DIGITS_TEXT if block > 1 else "three two")


@pytest.mark.parametrize(
    ("rate_hz", "convert"),
    [
        (8_000, lambda samples: samples),
        (44_100, lambda samples: (samples * 32767).astype(np.int16)),
        (48_000, lambda samples: np.stack((samples, samples), axis=1)),
        (22_050, lambda samples: samples.astype(np.float64)),
        (96_000, lambda samples: (samples * 2**31 * 0.999).astype(np.int32)),
    ],
)
def test_any_rate_dtype_and_number_of_channels_gives_the_text(
    session: LiveSession, rate_hz: int, convert: Callable[[Any], Any]
) -> None:
    samples = convert(at_rate(DIGITS, rate_hz))
    cuts = np.random.default_rng(1).integers(0, len(samples), 40)
    feed_blocks(session, np.split(samples, np.sort(cuts)), rate_hz)
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT
    assert session.transcript.words[-1].end < len(DIGITS) / 16_000


def test_samples_and_rate_may_come_as_a_pair(session: LiveSession) -> None:
    feed_blocks(session, [(block, 48_000) for block in np.array_split(at_rate(DIGITS, 48_000), 50)])
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT


def test_bad_samples_are_refused_and_the_recording_goes_on(session: LiveSession) -> None:
    feed(session, DIGITS[:20_000])
    for bad in ([0.0], np.array([np.nan], np.float32), np.array([3e4]), np.zeros((2, 2, 2))):
        with pytest.raises(AudioError):
            session.feed(bad)
    with pytest.raises(InvalidOption):
        session.feed(DIGITS, 44_100)
    with pytest.raises(InvalidOption):
        session.feed(DIGITS, -1)
    feed(session, DIGITS[20_000:])
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT


def test_bad_samples_begin_no_recording(session: LiveSession) -> None:
    for bad, rate in (([0.0], None), (DIGITS, -1)):
        with pytest.raises((AudioError, InvalidOption)):
            session.feed(bad, rate)
    assert session.state == "ready"
    feed(session, at_rate(DIGITS, 48_000), rate=48_000)
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT


def test_another_recording_may_have_another_rate(session: LiveSession) -> None:
    for rate_hz in (48_000, 16_000, 44_100):
        feed(session, at_rate(DIGITS, rate_hz), rate=rate_hz)
        session.stop()
        assert said(list(session.updates())) == DIGITS_TEXT


def test_a_source_that_runs_already_is_left_running(session: LiveSession) -> None:
    with FedInput(lossless=True) as fed, fed.pushing(np.concatenate((DIGITS, QUIET))):
        updates = session.run(fed)
        while not (got := next(updates)).is_final:
            pass
        session.stop()
        assert fed.running
        assert got.words[-1].word == " four"


def test_several_recordings_follow_each_other_and_each_has_its_own_updates(session: LiveSession, audio: Path) -> None:
    kept = []
    for name, text in (("digits_07_4", DIGITS_TEXT), ("silence_0", ""), ("wakecmd_0", WAKE_TEXT)):
        updates = session.run(source(audio, name))
        assert session.updates() is updates
        got = list(updates)
        assert said(got) == text
        check_updates(got)
        kept += got
        assert list(updates) == []
    assert session.transcript.text == f"{DIGITS_TEXT}\n{WAKE_TEXT}"
    assert "".join(word.word for word in session.transcript.words).split() == f"{DIGITS_TEXT} {WAKE_TEXT}".split()


def test_each_recording_counts_its_own_chunks(session: LiveSession, audio: Path) -> None:
    counts = []
    for _ in range(2):
        got = list(session.run(source(audio, "digits_07_4")))
        assert session.status.received == len(got)
        counts.append(session.status.sent)
    assert counts[0] == counts[1] > 1


def test_a_recording_can_begin_the_moment_the_one_before_is_over(session: LiveSession) -> None:
    """The state says so; whoever looks at it need not have read the updates."""
    for _ in range(25):
        with FedInput(lossless=True) as fed:
            updates = session.run(fed)
            fed.push(QUIET[:1600])
            fed.finish()
            while session.state != "ready":
                pass
            session.feed(DIGITS[:1600])
            assert session.updates() is not updates
            assert not session.updates().finished
            session.stop()
            assert session.updates().finished


def test_a_source_that_is_lossy_is_transcribed_at_its_own_pace(session: LiveSession, audio: Path) -> None:
    updates = list(session.run(thoth.FileSource(audio / "digits_00_1.flac")))
    assert said(updates) == "five"


# Callbacks


def test_a_callback_gets_every_update_and_harms_nobody_by_raising(
    model: thoth.WhisperModel, audio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[LiveUpdate] = []

    def on_update(update: LiveUpdate) -> None:
        got.append(update)
        raise RuntimeError("a user's mistake")

    with caplog.at_level(logging.CRITICAL), LiveSession(model, on_update=on_update) as session:
        updates = list(session.run(source(audio, "digits_07_4")))
        assert said(updates) == DIGITS_TEXT
    assert said(got) == DIGITS_TEXT


def test_a_session_started_again_calls_back_once_for_each_update(model: thoth.WhisperModel, audio: Path) -> None:
    got: list[LiveUpdate] = []
    session = LiveSession(model, on_update=got.append)
    for _ in range(2):
        with session:
            list(session.run(source(audio, "digits_00_1")))
    assert [update.is_final for update in got].count(True) == 2


# Pause, resume, stop


def test_what_comes_in_a_pause_goes_by_and_time_goes_on(session: LiveSession) -> None:
    updates = session.updates()
    with EventLog(session) as log:
        feed(session, DIGITS)
        session.pause()
        assert session.state == "paused"
        feed(session, WAKE)
        session.resume()
        assert session.state == "recording"
        feed(session, DIGITS)
        session.stop()
        got = list(updates)
        log.wait_for_state("paused")
    assert said(got) == f"{DIGITS_TEXT} {DIGITS_TEXT}"
    check_updates(got)
    first, second = (update for update in got if update.is_final)
    offset_s = (len(DIGITS) + len(WAKE)) / 16_000
    assert second.start_s >= offset_s
    for before, after in zip(first.words or got[0].words, second.words, strict=False):
        assert after.start > before.start
    words = [word for update in got for word in update.words]
    for before, after in zip(words[:4], words[4:], strict=True):
        assert after.start - before.start == pytest.approx(offset_s, abs=0.2)


def test_a_pause_ends_the_utterance_at_once(session: LiveSession) -> None:
    updates = session.updates()
    feed(session, DIGITS[:36_000])
    session.pause()
    while not next(updates).is_final:
        pass
    session.resume()
    session.stop()
    assert list(updates) == []


def test_a_session_can_be_stopped_in_a_pause(session: LiveSession) -> None:
    feed(session, DIGITS)
    session.pause()
    session.stop()
    assert session.state == "ready"
    assert said(list(session.updates())) == DIGITS_TEXT
    feed(session, DIGITS)
    assert session.state == "recording"
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT


def test_what_makes_no_sense_in_a_state_is_refused_and_changes_nothing(model: thoth.WhisperModel, audio: Path) -> None:
    session = LiveSession(model)
    for refused in (session.pause, session.resume):
        with pytest.raises(InvalidTransition, match="uninitialized"):
            refused()
    with session:
        for refused in (session.pause, session.resume, session.start):
            with pytest.raises(InvalidTransition, match="ready"):
                refused()
        feed(session, DIGITS[:1600])
        for refused in (session.resume, session.start, lambda: session.run(source(audio, "digits_00_1"))):
            with pytest.raises(InvalidTransition, match="recording"):
                refused()
        session.pause()
        for refused in (session.pause, session.start, lambda: session.run(source(audio, "digits_00_1"))):
            with pytest.raises(InvalidTransition):
                refused()
        assert session.state == "paused"
        session.stop()
        with FedInput(lossless=True) as fed:
            session.run(fed)
            with pytest.raises(InvalidTransition, match="source"):
                session.feed(DIGITS)
            session.stop()
    session.stop()
    session.close()
    assert session.state == "uninitialized"


@pytest.mark.parametrize(
    ("cut", "text"),
    [
        (16_000, "three"),
        (24_000, "three two"),
        (30_000, "three two"),
        (36_000, "three two seven"),
        (len(DIGITS), DIGITS_TEXT),
    ],
)
def test_stopping_flushes_what_was_said_so_far(session: LiveSession, cut: int, text: str) -> None:
    feed(session, DIGITS[:cut])
    session.stop()
    got = list(session.updates())
    assert said(got) == text
    assert got[-1].is_final
    assert got[-1].end_s == pytest.approx(cut / 16_000, abs=0.7)


def test_stopping_without_a_recording_does_nothing(session: LiveSession) -> None:
    session.stop()
    assert session.state == "ready"
    updates = session.updates()
    assert not updates.ended
    feed(session, DIGITS)
    session.stop()
    assert said(list(updates)) == DIGITS_TEXT


def test_leaving_the_loop_early_leaves_nothing_behind(model: thoth.WhisperModel, audio: Path) -> None:
    held = Held.now()
    with LiveSession(model) as session:
        for update in session.run(source(audio, "long_0_20s")):
            if update.is_final:
                break
    wait_for_nothing_left(held)
    assert session.state == "uninitialized"


def test_an_exception_in_the_loop_comes_out_at_once(model: thoth.WhisperModel, audio: Path) -> None:
    held = Held.now()

    def stumble(update: LiveUpdate) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), LiveSession(model) as session:
        stumble(next(session.run(source(audio, "long_0_20s"))))
    wait_for_nothing_left(held)


# Sources that fail


def test_a_file_that_breaks_ends_the_text_with_its_error(session: LiveSession, tmp_path: Path) -> None:
    """A float file with an infinity in it: decoding must end there."""
    samples = np.concatenate((DIGITS, DIGITS))
    samples[len(DIGITS) + 4000] = np.inf
    soundfile.write(tmp_path / "broken.wav", samples, 16_000, subtype="FLOAT")
    updates = session.run(thoth.FileSource(tmp_path / "broken.wav", realtime=False))
    got, error = read_to_error(updates)
    assert isinstance(error, DecodeError)
    assert "damaged" in str(error)
    assert said(got) == DIGITS_TEXT
    assert got[-1].is_final
    assert session.state == "ready"


def test_a_device_that_goes_away_ends_the_text_with_its_error(session: LiveSession) -> None:
    with FedInput(lossless=True) as fed:
        updates = session.run(fed)
        fed.push(DIGITS)
        fed.finish("the cable was pulled")
        got, error = read_to_error(updates)
        assert isinstance(error, DeviceError)
        assert "cable" in str(error)
        with pytest.raises(DeviceError, match="cable"):
            next(updates)
    assert said(got) == DIGITS_TEXT
    assert got[-1].is_final
    assert session.state == "ready"


@pytest.mark.parametrize("name", ["nowhere.flac", "notes.flac"])
def test_a_source_that_cannot_be_opened_ends_the_iteration_with_its_error(
    session: LiveSession, tmp_path: Path, name: str
) -> None:
    (tmp_path / "notes.flac").write_text("no audio")
    with pytest.raises(AudioError, match=name):
        list(session.run(thoth.FileSource(tmp_path / name, realtime=False)))
    assert session.state == "ready"
    feed(session, DIGITS)
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT


def test_what_a_source_loses_is_a_gap_at_its_place(session: LiveSession) -> None:
    """Its reader was too slow, or its device lost samples: here the latter, told by PortAudio's own flag."""
    with FedInput(waits=False) as fed:
        updates = session.run(fed)
        while not session.position_s:  # what comes before it is read at all has no place
            call_back(fed.capture, QUIET[:160])
            fed.settle()
        for start in range(0, len(DIGITS), 1600):
            call_back(fed.capture, DIGITS[start : start + 1600], flags=INPUT_OVERFLOW if start == 16_000 else 0)
            fed.settle()
        fed.finish()
        got = list(updates)
        losses = fed.stats.losses
    gaps = [gap for update in got for gap in update.gaps]
    assert [gap.reason for gap in gaps] == ["source"] * len(losses)
    assert len(losses) == 1
    check_updates(got)
    assert said(got) == DIGITS_TEXT


# The model


def test_a_model_that_is_not_there_is_told_at_once_and_the_session_can_be_closed(tmp_path: Path) -> None:
    session = LiveSession(tmp_path / "no.bin")
    with pytest.raises(ModelNotFound):
        session.start()
    assert session.state in ("error", "uninitialized")
    session.close()
    assert session.state == "uninitialized"


def test_the_built_in_model_is_the_default(audio: Path) -> None:
    with LiveSession() as session:
        assert said(list(session.run(source(audio, "digits_07_4")))) == DIGITS_TEXT


def test_running_a_source_starts_the_session(model: thoth.WhisperModel, audio: Path) -> None:
    session = LiveSession(model)
    assert said(list(session.run(source(audio, "digits_07_4")))) == DIGITS_TEXT
    assert session.state == "ready"
    session.close()


def test_options_that_make_no_sense_are_refused_when_the_session_is_made(model: thoth.WhisperModel) -> None:
    for options in (
        {"chunk_s": 0.4},
        {"chunk_s": 11},
        {"endpoint_silence_s": 0.1},
        {"endpoint_silence_s": float("nan")},
        {"isolation": "fork"},
        {"beam_size": 0},
        {"vad_parameters": {"threshold": 2}},
        {"vad_parameters": {"no": 1}},
    ):
        with pytest.raises(InvalidOption):
            LiveSession(model, **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        LiveSession(model, no_such_option=1)  # type: ignore[call-arg]


def test_options_hold_in_every_pass(model: thoth.WhisperModel) -> None:
    """A shorter endpoint splits what a longer one keeps together; a strict threshold hears nothing."""
    finals = {}
    stream = np.concatenate((DIGITS, np.zeros(12_800, np.float32), DIGITS))
    for endpoint_s in (0.3, 3.0):
        with LiveSession(model, endpoint_silence_s=endpoint_s) as session:
            feed(session, stream)
            session.stop()
            got = list(session.updates())
        finals[endpoint_s] = sum(update.is_final for update in got)
    assert finals[3.0] == 1 < finals[0.3]
    with LiveSession(model, vad_parameters={"threshold": 0.999999, "min_speech_duration_ms": 60_000}) as session:
        feed(session, DIGITS)
        session.stop()
        assert list(session.updates()) == []


@pytest.mark.parametrize("chunk_s", [0.5, 10.0])
def test_chunks_of_any_length_give_the_text(model: thoth.WhisperModel, audio: Path, chunk_s: float) -> None:
    with LiveSession(model, chunk_s=chunk_s) as session:
        for name, text in (("digits_07_4", DIGITS_TEXT), ("wakecmd_0", WAKE_TEXT)):
            assert said(list(session.run(source(audio, name)))) == text


@pytest.mark.parametrize("conditioned", [True, False])
def test_a_prompt_and_the_text_so_far_are_given_to_the_model(
    audio: Path, monkeypatch: pytest.MonkeyPatch, conditioned: bool
) -> None:
    """The real model works; what its passes are called with is noted on the way."""
    given: list[dict[str, Any]] = []
    with thoth.WhisperModel() as model:
        transcribe = model.transcribe_samples

        def noted(samples: Any, **options: Any) -> thoth.Transcript:
            given.append(options)
            return transcribe(samples, **options)

        monkeypatch.setattr(model, "transcribe_samples", noted)
        options: Any = {"initial_prompt": [7, 8], "hotwords": "seven", "condition_on_previous_text": conditioned}
        with LiveSession(model, **options) as session:
            updates = list(session.run(source(audio, "long_0_20s")))
    check_updates(updates)
    assert said(updates)
    assert {one["hotwords"] for one in given} == {"seven"}
    prompts = [tuple(one["initial_prompt"]) for one in given]
    assert prompts[0] == (7, 8)
    assert all(prompt[:2] == (7, 8) for prompt in prompts)
    recent = [prompt[2:] for prompt in prompts if len(prompt) > 2]
    assert bool(recent) == conditioned
    if conditioned:
        assert prompts[-1][2:], "of the last utterance, behind three others"
        assert all(len(prompt) <= MOST_PROMPT_TOKENS for prompt in recent)


def test_options_that_do_not_suit_the_model_fail_the_start(model: thoth.WhisperModel) -> None:
    session = LiveSession(model, language="de")
    with pytest.raises(InvalidOption, match="English"):
        session.start()
    assert session.state == "error"
    with pytest.raises(InvalidOption, match="English"):
        session.feed(DIGITS)
    session.close()


def test_two_sessions_and_batch_share_one_model(model: thoth.WhisperModel, audio: Path, manifest: Manifest) -> None:
    texts: dict[str, str] = {}
    failures: list[BaseException] = []

    def live(key: str, name: str) -> None:
        try:
            with LiveSession(model) as session:
                for turn in range(2):
                    texts[f"{key}{turn}"] = said(list(session.run(source(audio, name))))
        except BaseException as error:
            failures.append(error)

    def batch() -> None:
        try:
            for turn in range(4):
                texts[f"batch{turn}"] = model.transcribe(audio / "long_0_20s.flac").text
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=live, args=("a", "digits_07_4")),
        threading.Thread(target=live, args=("b", "wakecmd_0")),
        threading.Thread(target=batch),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert failures == []
    long = manifest["long_0_20s.flac"]["text"]
    assert texts == {
        **dict.fromkeys(("a0", "a1"), DIGITS_TEXT),
        **dict.fromkeys(("b0", "b1"), WAKE_TEXT),
        **{f"batch{turn}": long for turn in range(4)},
    }


# States and events


def test_the_states_are_passed_in_order_and_told(model: thoth.WhisperModel) -> None:
    session = LiveSession(model)
    with EventLog(session) as log:
        session.start()
        feed(session, DIGITS)
        session.pause()
        session.resume()
        session.stop()
        session.close()
    changes = log.of(StateChanged)
    assert log.states == [
        "initializing_worker",
        "loading_model",
        "ready",
        "recording",
        "paused",
        "recording",
        "ready",
        "uninitialized",
    ]
    assert all(one.after.state == other.before.state for one, other in pairwise(changes))


def test_speech_is_told_when_it_begins_and_ends_on_the_streams_clock(session: LiveSession, manifest: Manifest) -> None:
    with EventLog(session) as log:
        feed(session, recording("long_0_20s"))
        session.stop()
        log.wait_for_state("ready")
    pieces = manifest["long_0_20s.flac"]["segments"]
    starts, ends = log.of(SpeechStarted), log.of(SpeechEnded)
    assert [one.at_s for one in starts] == pytest.approx([piece["start"] for piece in pieces], abs=0.4)
    assert [one.at_s for one in ends] == pytest.approx([piece["end"] for piece in pieces], abs=0.4)
    order = [type(event) for event in log.events if isinstance(event, SpeechStarted | SpeechEnded)]
    assert order == [SpeechStarted, SpeechEnded] * 4


def test_events_carry_the_updates_too(session: LiveSession) -> None:
    with EventLog(session) as log:
        feed(session, DIGITS)
        session.stop()
        log.wait_for(LiveUpdate, lambda update: update.is_final)
    assert said(log.of(LiveUpdate)) == DIGITS_TEXT


def test_a_slow_subscriber_does_not_slow_the_session(session: LiveSession) -> None:
    free = threading.Event()
    session.events.subscribe(lambda event: free.wait(60))
    feed(session, DIGITS)
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT
    free.set()


def test_the_position_is_the_streams_clock(session: LiveSession) -> None:
    assert session.position_s == 0
    feed(session, DIGITS[:16_000])
    assert session.position_s == 1.0
    session.pause()
    feed(session, DIGITS[:8_000])
    assert session.position_s == 1.5
    session.resume()
    feed(session, DIGITS[:123])
    assert session.position_s == pytest.approx(1.5 + 123 / 16_000)
    session.stop()
    assert session.position_s == pytest.approx(1.5 + 123 / 16_000)
    assert session.queue_depth == 0
    session.feed(DIGITS[:1600])
    assert session.position_s == 0.1


def test_the_real_time_factor_is_that_of_the_latest_pass(session: LiveSession) -> None:
    assert session.rtf == 0
    updates = session.updates()
    feed(session, DIGITS)
    next(updates)
    assert 0 < session.rtf < 50
    assert repr(session) == "<LiveSession recording>"
    session.stop()


# The end


@pytest.mark.parametrize("state", ["uninitialized", "ready", "recording", "paused", "reading"])
def test_closing_from_another_thread_in_any_state_frees_everything(
    model: thoth.WhisperModel, audio: Path, state: str
) -> None:
    held = Held.now()
    session = LiveSession(model)
    ended: list[object] = []

    def read() -> None:
        try:
            ended.append(said(list(session.updates())))
        except Cancelled as error:
            ended.append(error)

    reader = threading.Thread(target=read)
    if state != "uninitialized":
        session.start()
    if state in ("recording", "paused"):
        feed(session, CAPTURE_LONG[:64_000])
    if state == "paused":
        session.pause()
    if state == "reading":
        session.run(thoth.FileSource(audio / "long_1_28s.flac"))
    if state in ("recording", "paused", "reading"):
        reader.start()
    closer = threading.Thread(target=session.close)
    closer.start()
    closer.join(30)
    assert not closer.is_alive()
    if reader.ident is not None:
        reader.join(30)
        assert len(ended) == 1
    assert session.state == "uninitialized"
    session.close()
    wait_for_nothing_left(held)


def test_closing_while_it_starts_ends_the_start(model: thoth.WhisperModel) -> None:
    """At any moment of it; what comes out is Cancelled, or a session that was up first."""
    for n in range(20):
        session = LiveSession(model)
        began = threading.Event()
        outcome: list[BaseException | None] = []

        def start(session: LiveSession = session, began: threading.Event = began, outcome: Any = outcome) -> None:
            began.set()
            try:
                session.start()
                outcome.append(None)
            except BaseException as error:
                outcome.append(error)

        thread = threading.Thread(target=start)
        thread.start()
        began.wait(10)
        if n % 2:
            wait_until(lambda session=session: session.state != "uninitialized")  # type: ignore[misc]
        session.close()
        thread.join(30)
        assert not thread.is_alive()
        assert outcome[0] is None or isinstance(outcome[0], Cancelled), outcome
        session.close()
        assert session.state == "uninitialized"


def test_of_two_threads_that_start_a_session_one_does(model: thoth.WhisperModel) -> None:
    for _ in range(10):
        session = LiveSession(model)
        barrier = threading.Barrier(4)
        refused: list[InvalidTransition] = []

        def start(session: LiveSession = session, barrier: threading.Barrier = barrier, refused: Any = refused) -> None:
            barrier.wait()
            try:
                session.start()
            except InvalidTransition as error:
                refused.append(error)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(refused) == 3
        assert session.state == "ready"
        feed(session, DIGITS[:32_000])
        session.stop()
        assert said(list(session.updates())).startswith("three two")
        session.close()


def test_a_session_closed_in_the_midst_of_a_stream_begins_another_one_afresh(model: thoth.WhisperModel) -> None:
    session = LiveSession(model).start()
    feed(session, at_rate(WAKE, 48_000)[:100_000], rate=48_000)
    session.close()
    with session:
        feed(session, at_rate(DIGITS, 44_100), rate=44_100)
        session.stop()
        assert said(list(session.updates())) == DIGITS_TEXT
        assert session.transcript.utterances[-1].text == DIGITS_TEXT


def test_a_closed_session_is_not_brought_up_by_what_comes_late(model: thoth.WhisperModel, audio: Path) -> None:
    with LiveSession(model) as session:
        feed(session, DIGITS)
    for late in (lambda: session.feed(DIGITS), lambda: session.run(source(audio, "digits_00_1"))):
        with pytest.raises(InvalidTransition, match="closed"):
            late()
    assert session.state == "uninitialized"


def test_feeding_a_session_that_another_thread_closes_ends_and_leaves_nothing(model: thoth.WhisperModel) -> None:
    """A closed session is not brought up again by a thread that did not know."""
    held = Held.now()
    session = LiveSession(model).start()
    stop = threading.Event()
    errors: list[BaseException] = []

    def keep_feeding() -> None:
        try:
            while not stop.is_set():
                session.feed(QUIET[:1600])
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=keep_feeding)
    thread.start()
    wait_until(lambda: session.position_s > 1)
    session.close()
    for _ in range(100):
        if not thread.is_alive():
            break
        stop.wait(0.01)
    stop.set()
    thread.join(10)
    assert session.state == "uninitialized"
    assert all(isinstance(error, thoth.ThothError) for error in errors)
    wait_for_nothing_left(held)


def test_many_sessions_leave_no_thread_and_no_file_open(model: thoth.WhisperModel, audio: Path) -> None:
    with LiveSession(model) as session:
        list(session.run(source(audio, "digits_00_1")))
    held = Held.now()
    for _ in range(10):
        with LiveSession(model, on_update=lambda update: None) as session:
            assert said(list(session.run(source(audio, "digits_00_1")))) == "five"
    wait_for_nothing_left(held)


def test_a_session_that_is_forgotten_is_freed(model: thoth.WhisperModel) -> None:
    with LiveSession(model) as session:
        feed(session, DIGITS)
        session.stop()
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_session_that_is_forgotten_without_being_closed_is_freed_with_its_worker(
    model: thoth.WhisperModel, isolation: Any
) -> None:
    held = Held.now()
    sessions = [LiveSession(model, isolation=isolation).start() for _ in range(3)]
    feed(sessions[0], DIGITS)
    sessions[0].stop()
    assert said(list(sessions[0].updates())) == DIGITS_TEXT
    gone = [weakref.ref(session) for session in sessions]
    sessions.clear()
    gc.collect()
    assert [one() for one in gone] == [None] * 3
    wait_for_nothing_left(held)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_told_that_the_session_is_not_its_own(session: LiveSession) -> None:
    """Instead of waiting for threads that stayed in the parent; the parent's goes on."""
    feed(session, DIGITS[:20_000])
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            outcome = b""
            for act in (
                lambda: session.feed(DIGITS),
                session.stop,
                lambda: list(session.updates()),
                lambda: session.run(thoth.FileSource(b"")),
            ):
                try:
                    act()
                    outcome += b"."
                except thoth.ThothError:
                    outcome += b"E"
            os.write(write_end, outcome)
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        import select

        ready, _, _ = select.select([pipe], [], [], 20)
        answer = pipe.read() if ready else b"hangs"
    if not ready:
        os.kill(child, 9)
    os.waitpid(child, 0)
    assert answer.startswith(b"E")
    assert b"hangs" not in answer
    feed(session, DIGITS[20_000:])
    session.stop()
    assert said(list(session.updates())) == DIGITS_TEXT
