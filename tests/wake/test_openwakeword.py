"""The second wake-phrase detector, with its real models, on people's recordings."""

from __future__ import annotations

import itertools
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoded_audio import Floats, recording
from hypothesis import given, settings
from hypothesis import strategies as st
from openwakeword_audio import BEFORE_S, RATE_HZ, as_wav, quiet, spoken
from python_process import PythonProcess

import thoth
from thoth.errors import InvalidModel, InvalidOption, InvalidTransition, ModelError, ModelNotFound
from thoth.wake.openwakeword import OpenWakeWord
from thoth.wake.tflite import folder

Manifest = dict[str, dict[str, Any]]
ALEXAS = ("wake_alexa_0", "wake_alexa_1", "wake_alexa_2")
LOOKBACK_S = 2.1
STREAM = spoken("wake_alexa_0", "digits_02_2", pause_s=0.3)


@pytest.fixture(scope="module")
def listener() -> Iterator[OpenWakeWord]:
    with OpenWakeWord("alexa") as made:
        yield made


@pytest.fixture(autouse=True)
def _afresh(listener: OpenWakeWord) -> None:
    listener.reset()


@pytest.mark.parametrize("name", ALEXAS)
def test_a_phrase_is_told_when_its_end_is_heard(name: str, listener: OpenWakeWord, manifest: Manifest) -> None:
    (wake,) = listener.feed(spoken(name))
    (segment,) = manifest[f"{name}.flac"]["segments"]
    said = BEFORE_S + segment["start"], BEFORE_S + segment["end"]
    assert wake.phrase == "alexa"
    assert 0.5 <= wake.score <= 1
    assert said[0] - LOOKBACK_S <= wake.start_s <= said[0]
    assert abs(wake.end_s - said[1]) < 0.4
    assert wake.decided_s - said[1] < 0.4
    assert wake.text == wake.rest == ""


def test_a_command_right_behind_the_phrase_does_not_hide_it(listener: OpenWakeWord, manifest: Manifest) -> None:
    commands = [entry for entry in manifest.values() if entry["file"].startswith("wakecmd")]
    for entry in commands:
        listener.reset()
        wakes = listener.feed(np.concatenate((quiet(BEFORE_S), recording(Path(entry["file"]).stem), quiet(1.0))))
        assert len(wakes) == entry["text"].startswith("alexa")
        for wake in wakes:
            assert wake.end_s < BEFORE_S + entry["duration"] / 2, "the command counts as part of the phrase"


def test_other_speech_other_phrases_noise_and_silence_wake_nothing(listener: OpenWakeWord, manifest: Manifest) -> None:
    for file, entry in manifest.items():
        if "alexa" not in entry["text"] and not file.startswith(("digits", "tts", "long")):
            assert listener.feed(spoken(Path(file).stem)) == [], file


@settings(deadline=None, max_examples=6)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_how_the_stream_is_cut_into_blocks_makes_no_difference(cuts: list[int]) -> None:
    with OpenWakeWord("alexa") as listener:
        at_once = listener.feed(STREAM)
        listener.reset()
        edges = [0, *sorted(cuts), len(STREAM)]
        in_blocks = [wake for first, end in itertools.pairwise(edges) for wake in listener.feed(STREAM[first:end])]
        assert in_blocks == at_once
        assert len(at_once) == 1


def test_blocks_of_a_single_sample_do_no_harm(listener: OpenWakeWord) -> None:
    stream = spoken(ALEXAS[0])
    first, end = (round((BEFORE_S + at_s) * RATE_HZ) for at_s in (0.9, 1.2))
    wakes = listener.feed(stream[:first])
    wakes += [wake for at in range(first, end) for wake in listener.feed(stream[at : at + 1])]
    assert len(wakes + listener.feed(stream[end:])) == 1


@pytest.mark.parametrize(("cooldown_s", "wakes"), [(0.0, 2), (2.0, 2), (4.0, 1)])
def test_a_phrase_said_again_within_the_cooldown_is_one_call(cooldown_s: float, wakes: int) -> None:
    with OpenWakeWord("alexa", cooldown_s=cooldown_s) as listener:
        heard = listener.feed(spoken(ALEXAS[0], ALEXAS[2], pause_s=0.2))  # their ends are 2.9 s apart
        assert len(heard) == wakes


def test_a_reset_between_the_halves_of_a_phrase_leaves_none(listener: OpenWakeWord, manifest: Manifest) -> None:
    (segment,) = manifest[f"{ALEXAS[0]}.flac"]["segments"]
    stream = spoken(ALEXAS[0])
    middle = round((BEFORE_S + (segment["start"] + segment["end"]) / 2) * RATE_HZ)
    assert listener.feed(stream[:middle]) == []
    listener.reset()
    assert listener.feed(stream[middle:]) == []
    listener.reset()
    assert len(listener.feed(stream)) == 1


def test_times_are_on_the_clock_of_the_source(listener: OpenWakeWord) -> None:
    stream = np.concatenate((quiet(3.0), spoken(ALEXAS[0], ALEXAS[2])))
    fed = listener.feed(stream)
    heard = list(listener.listen(thoth.FileSource(as_wav(stream), realtime=False)))
    assert [wake.phrase for wake in heard] == ["alexa", "alexa"]
    for wake, same in zip(heard, fed, strict=True):
        assert wake.start_s == pytest.approx(same.start_s, abs=0.1)
        assert wake.end_s == pytest.approx(same.end_s, abs=0.1)


def test_of_several_phrases_the_one_that_was_said_is_told() -> None:
    with OpenWakeWord("hey mycroft", "Alexa", "hey_jarvis") as listener:
        assert listener.phrases == ("hey mycroft", "Alexa", "hey_jarvis")
        assert [wake.phrase for wake in listener.feed(spoken(ALEXAS[0]))] == ["Alexa"]


def test_a_higher_threshold_waits_for_a_higher_score(listener: OpenWakeWord) -> None:
    (wake,) = listener.feed(spoken("wake_alexa_1"))
    with OpenWakeWord("alexa", threshold=0.999) as strict:
        (surer,) = strict.feed(spoken("wake_alexa_1"))
    assert wake.score < 0.999 <= surer.score
    assert wake.decided_s < surer.decided_s


def test_silence_runs_no_model_and_costs_less_than_a_twentieth_of_a_core(listener: OpenWakeWord) -> None:
    passes, began_s = listener.stats.passes, time.process_time()
    listener.feed(quiet(20.0))
    assert (time.process_time() - began_s) / 20.0 < 0.05
    assert listener.stats.passes == passes
    listener.feed(spoken(ALEXAS[0]))
    assert listener.stats.passes > passes


def test_a_model_of_ones_own_is_told_by_its_name(tmp_path: Path) -> None:
    own = tmp_path / "my_own_word.tflite"
    shutil.copy(folder() / "models" / "alexa.tflite", own)
    for path in (own, str(own)):
        with OpenWakeWord(path) as listener:
            assert [wake.phrase for wake in listener.feed(spoken(ALEXAS[0]))] == ["my own word"]


@pytest.mark.parametrize("phrases", [(), ("hey computer",), ("alexa", "embedding model"), ("",)])
def test_a_phrase_without_a_model_is_refused_with_those_there_are(phrases: tuple[str, ...]) -> None:
    with pytest.raises(InvalidOption, match=r"'alexa', 'hey jarvis', 'hey mycroft'.*\.tflite"):
        OpenWakeWord(*phrases)


@pytest.mark.parametrize("threshold", [0, -1, 1.01, float("nan"), True, "0.5", None])
def test_a_threshold_out_of_range_is_refused(threshold: Any) -> None:
    with pytest.raises(InvalidOption, match="threshold"):
        OpenWakeWord("alexa", threshold=threshold)


def test_models_of_something_else_are_refused() -> None:
    for name in ("embedding_model", "melspectrogram"):
        with pytest.raises(InvalidModel, match=name):
            OpenWakeWord(folder() / "models" / f"{name}.tflite")


def test_a_missing_model_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.tflite").mkdir()
    for name in ("none.tflite", "folder.tflite"):
        with pytest.raises(ModelNotFound, match=name):
            OpenWakeWord(tmp_path / name)


def test_a_closed_listener_hears_nothing_more() -> None:
    listener = OpenWakeWord("alexa")
    listener.close()
    listener.close()
    with pytest.raises(ModelError, match="closed"):
        listener.feed(spoken(ALEXAS[0]))


def test_a_listener_is_not_closed_while_it_listens(listener: OpenWakeWord) -> None:
    heard = listener.listen(thoth.FileSource(as_wav(spoken(ALEXAS[0])), realtime=False))
    next(heard)
    with pytest.raises(InvalidTransition):
        listener.close()
    heard.close()
    assert len(listener.feed(spoken(ALEXAS[0]))) == 1


def test_closing_ends_the_listening_of_another_thread() -> None:
    listening = threading.Event()
    ends: list[int] = []

    def listen() -> None:
        for _ in listener.listen(source):
            listening.set()
        ends.append(1)

    listener = OpenWakeWord("alexa")
    with thoth.FileSource(as_wav(np.concatenate((spoken(ALEXAS[0]), quiet(60.0)))), realtime=True) as source:
        thread = threading.Thread(target=listen)
        thread.start()
        assert listening.wait(30)
        listener.close()
        thread.join(30)
    assert ends == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_listeners_leave_no_memory_and_no_threads_behind() -> None:
    code = """
        import ctypes, gc, os, threading
        from thoth.wake.openwakeword import OpenWakeWord

        def resident():
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)  # what is free, and only kept for reuse
            with open("/proc/self/statm") as sizes:
                return int(sizes.read().split()[1]) * os.sysconf("SC_PAGESIZE")

        def use(times, closed):
            for _ in range(times):
                listener = OpenWakeWord("alexa")
                if closed:
                    listener.close()

        use(5, True)
        before, tasks = resident(), len(os.listdir("/proc/self/task"))
        use(60, True)
        use(60, False)
        print(resident() - before, len(os.listdir("/proc/self/task")) - tasks)
    """
    with PythonProcess(code) as process:
        code_, out, err = process.outcome()
    assert code_ == 0, err
    grown, threads = map(int, out.split())
    assert grown < 20e6, "120 listeners at 3 MB of weights"
    assert threads == 0


def test_speech_at_full_scale_and_beyond_still_wakes(listener: OpenWakeWord) -> None:
    loud: Floats = spoken(ALEXAS[0])
    loud *= 1.5 / np.abs(loud).max()
    assert len(listener.feed(loud)) == 1
