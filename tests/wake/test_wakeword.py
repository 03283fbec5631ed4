"""Wake phrases by the shared model, on people's recordings: heard, not made up, and no word lost behind them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoded_audio import Floats, recording
from fed_input import FedInput, wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from overflowing_model import write_overflowing_model

import thoth
from thoth.errors import InvalidOption, ModelError
from thoth.model.store import ASSETS
from thoth.wake.detection import Wake, WakePassFailed
from thoth.wake.phrase import PhraseMatcher
from thoth.wake.vocabulary import NANO_WORDS
from thoth.wake.wakeword import WakeWord

Manifest = dict[str, dict[str, Any]]

RATE_HZ = 16_000
PHRASES = ("alexa", "computer", "jarvis", "smart mirror", "snowboy", "view glass")
SAID = [f"wake_{phrase.replace(' ', '_')}_{number}" for phrase in PHRASES for number in range(3)]
COMMANDS = [f"wakecmd_{number}" for number in range(4)]
OTHERS = ["silence_0", "noise_0", "long_0_20s", *(f"tts_{number:02}" for number in range(15))]


@pytest.fixture(scope="module")
def listener(model: thoth.WhisperModel) -> WakeWord:
    return WakeWord(*PHRASES, "hey thoth", model=model)


@pytest.fixture(autouse=True)
def _afresh(listener: WakeWord) -> None:
    listener.reset()


def quiet(duration_s: float, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(scale=1e-4, size=round(duration_s * RATE_HZ)).astype(np.float32)


def one(wakes: list[Wake]) -> Wake:
    (wake,) = wakes
    return wake


@pytest.mark.parametrize("name", SAID)
def test_a_phrase_is_heard_by_whomever_it_is_said(name: str, listener: WakeWord, manifest: Manifest) -> None:
    (said,) = manifest[f"{name}.flac"]["segments"]
    wake = one(listener.feed(np.concatenate((recording(name), quiet(0.5)))))
    assert wake.phrase == wake.text == said["text"]
    assert wake.rest == ""
    assert listener.threshold <= wake.score <= 1
    assert wake.start_s <= said["start"]
    assert wake.start_s < wake.end_s <= wake.decided_s
    assert abs(wake.end_s - said["end"]) < 0.6
    assert wake.decided_s - said["end"] < 0.8


@pytest.mark.parametrize("name", COMMANDS)
def test_a_recording_from_the_wake_on_has_every_word_of_the_command(
    name: str, listener: WakeWord, model: thoth.WhisperModel, manifest: Manifest
) -> None:
    utterance = recording(name)
    wake = one(listener.feed(utterance))
    (said,) = manifest[f"{name}.flac"]["segments"]
    assert said["text"].startswith(wake.phrase)
    assert wake.start_s <= said["start"]
    matcher = PhraseMatcher([wake.phrase])
    from_wake = model.transcribe(utterance[round(wake.start_s * RATE_HZ) :]).text
    # As well as the model hears the whole of it, which may have a word wrong.
    assert matcher.without_phrase(from_wake) == matcher.without_phrase(model.transcribe(utterance).text)
    assert matcher.without_phrase(from_wake).startswith(said["text"].removeprefix(wake.phrase).split()[0])


def test_what_was_said_behind_the_phrase_so_far_is_its_rest(model: thoth.WhisperModel) -> None:
    # A phrase of one word that is told late, since the threshold is met by longer windows only.
    listener = WakeWord("turn", model=model, threshold=0.9)
    utterance = recording("wakecmd_0")
    start = round(1.05 * RATE_HZ)
    wake = one(listener.feed(np.concatenate((quiet(0.5), utterance[start:], quiet(0.5)))))
    assert wake.text.startswith("turn")
    assert wake.rest == wake.text.removeprefix("turn").strip()


@pytest.mark.parametrize("name", OTHERS)
def test_other_speech_noise_and_silence_wake_nobody(name: str, listener: WakeWord) -> None:
    assert listener.feed(np.concatenate((recording(name), quiet(0.5)))) == []


def test_another_phrase_does_not_wake(model: thoth.WhisperModel) -> None:
    listener = WakeWord("computer", model=model)
    others = [name for name in SAID if name.endswith("_0") and "computer" not in name]
    assert listener.feed(np.concatenate([recording(name) for name in others])) == []


def test_a_phrase_is_heard_after_other_speech_and_a_breath(listener: WakeWord) -> None:
    before = recording("tts_13")
    wake = one(listener.feed(np.concatenate((before, recording("wake_jarvis_0"), quiet(0.5)))))
    assert wake.phrase == "jarvis"
    assert wake.start_s > len(before) / RATE_HZ


@pytest.fixture(scope="module")
def whole(listener: WakeWord) -> tuple[Floats, Wake]:
    """A stream, and the wake in it where it is fed at once."""
    stream = np.concatenate((recording("wake_snowboy_1"), quiet(0.5)))
    listener.reset()
    return stream, one(listener.feed(stream))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3 * RATE_HZ), max_size=40))
def test_blocks_of_any_size_tell_the_same(listener: WakeWord, whole: tuple[Floats, Wake], cuts: list[int]) -> None:
    stream, wake = whole
    listener.reset()
    told = [wake for block in np.split(stream, sorted(cuts)) for wake in listener.feed(block)]
    assert one(told) == wake


def test_a_phrase_within_the_cooldown_is_none_and_one_behind_it_is(model: thoth.WhisperModel) -> None:
    said = recording("wake_computer_0")
    listener = WakeWord("computer", model=model, cooldown_s=5.0)
    wakes = listener.feed(np.concatenate((said, said, said, quiet(0.5))))
    assert [round(wake.end_s / (len(said) / RATE_HZ)) for wake in wakes] == [1, 3]


def test_the_model_is_not_run_while_nobody_speaks_and_that_costs_little(model: thoth.WhisperModel) -> None:
    listener = WakeWord("computer", model=model)
    stream = quiet(60.0)
    began_s = time.process_time()
    for block in np.split(stream, 600):
        listener.feed(block)
    assert time.process_time() - began_s < 0.05 * 60
    assert listener.stats.passes == 0
    assert listener.stats.heard_s == 60.0


def test_passes_stop_where_a_phrase_could_not_begin_any_more(listener: WakeWord) -> None:
    before = listener.stats.passes
    listener.feed(recording("tts_13"))  # 2 s of one utterance
    assert 0 < listener.stats.passes - before <= 6


def test_a_live_source_is_followed_on_its_clock(model: thoth.WhisperModel, manifest: Manifest) -> None:
    told: list[Wake] = []
    with FedInput() as source:
        source.push(quiet(4.0))
        source.settle()
        listener = WakeWord("alexa", model=model)
        thread = threading.Thread(target=lambda: told.extend(listener.listen(source)))
        source.push(recording("wake_alexa_0")[: RATE_HZ // 2])
        source.settle()
        thread.start()
        wait_until(lambda: listener.stats.heard_s > 0)  # of the second that the source keeps
        source.push(np.concatenate((recording("wake_alexa_0")[RATE_HZ // 2 :], quiet(1.0))))
        source.finish()
        thread.join()
    (segment,) = manifest["wake_alexa_0.flac"]["segments"]
    assert abs(one(told).end_s - (4.0 + segment["end"])) < 0.6


def test_two_wake_words_and_a_live_session_share_a_source_and_a_model(model: thoth.WhisperModel) -> None:
    utterance = np.concatenate((recording("wakecmd_0"), quiet(1.5)))
    listeners = [WakeWord("snowboy", model=model), WakeWord("computer", model=model)]
    told: list[list[Wake]] = [[], []]
    with FedInput(speed=1.0) as source, thoth.LiveSession(model) as session:
        threads = [
            threading.Thread(target=lambda n=n: told[n].extend(listeners[n].listen(source)))  # type: ignore[misc]
            for n in range(2)
        ]
        for thread in threads:
            thread.start()
        source.push(quiet(0.5))
        wait_until(lambda: all(listener.stats.heard_s > 0 for listener in listeners))
        with source.pushing(utterance) as pushing:
            updates = session.run(source)
            finishing = threading.Thread(target=lambda: (pushing.join(), source.finish()))
            finishing.start()
            text = "".join(update.committed for update in updates)
            finishing.join()
        for thread in threads:
            thread.join()
    assert [[wake.phrase for wake in wakes] for wakes in told] == [["snowboy"], []]
    assert PhraseMatcher(["snowboy"]).without_phrase(text) == "turn on the fan in the kitchen"


def test_a_pass_that_fails_is_told_and_listening_goes_on(tmp_path: Path) -> None:
    with thoth.WhisperModel(write_overflowing_model(tmp_path / "huge.bin")) as broken:
        listener = WakeWord("hey thoth", model=broken)
        failures: list[Any] = []
        with listener.events.subscribe(failures.append, WakePassFailed):
            assert listener.feed(np.concatenate((recording("wakecmd_0"), quiet(0.5)))) == []
            wait_until(lambda: len(failures) == listener.stats.failures)
        assert listener.stats.failures == listener.stats.passes > 1
        assert 0 <= failures[0].start_s < failures[0].end_s
        assert failures[0].message


def test_a_closed_model_ends_listening() -> None:
    listener = WakeWord("computer", model="nano.en")
    listener.close()
    with pytest.raises(ModelError, match="closed"):
        listener.feed(np.concatenate((recording("wake_computer_0"), quiet(0.5))))


def test_a_model_that_was_given_stays_open(model: thoth.WhisperModel) -> None:
    with WakeWord("computer", model=model):
        pass
    assert model.state != "unloaded"


def test_a_pause_in_the_midst_of_audio_runs_no_more_passes(model: thoth.WhisperModel) -> None:
    listener = WakeWord("computer", model=model)
    stream = np.concatenate([recording("tts_13")] * 40)
    feeding = threading.Thread(target=listener.feed, args=(stream,))
    feeding.start()
    wait_until(lambda: listener.stats.passes > 0)
    listener.pause()
    feeding.join()
    assert listener.stats.passes < 40


def test_the_words_of_the_built_in_model_are_those_of_its_card() -> None:
    card = (ASSETS / "nano.en.md").read_text()
    quoted = " ".join(line[1:] for line in card.splitlines() if line.startswith(">"))
    assert frozenset(re.findall("[a-z]+", quoted)) == NANO_WORDS
    assert len(NANO_WORDS) == 151


@pytest.mark.parametrize("phrase", ["hey bob", "okay google", "7"])
def test_a_phrase_that_the_built_in_model_cannot_write_is_refused(phrase: str, model: thoth.WhisperModel) -> None:
    with pytest.raises(InvalidOption, match=rf"{phrase.split()[-1]}.*another model"):
        WakeWord("computer", phrase, model=model)


@pytest.mark.parametrize(
    "make",
    [
        lambda model: WakeWord(model=model),
        lambda model: WakeWord("computer", model=model, threshold=1.5),
        lambda model: WakeWord("computer", model=model, longest_window_s=100.0),
        lambda model: WakeWord("computer", model=model, longest_window_s=0.5),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[Any], WakeWord], model: thoth.WhisperModel) -> None:
    with pytest.raises(InvalidOption):
        make(model)
