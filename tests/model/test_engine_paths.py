"""Ways through the engine that good audio on the built-in model does not take."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import random_model
from overflowing_model import write_overflowing_model
from python_process import PythonProcess

import thoth
from thoth import _native
from thoth.audio.decode import decode

DIGITS = "digits_07_4.flac"


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> thoth.WhisperModel:
    """A small multilingual model with random weights: it says nothing sensible, in any language."""
    path = tmp_path_factory.mktemp("multilingual") / "random.bin"
    random_model.write_model(path, random_model.Dims(64, 1, 2, 2, 51865))
    return thoth.WhisperModel(path)


def test_the_language_is_detected_once_and_told(multilingual: thoth.WhisperModel, audio: Path) -> None:
    assert multilingual.multilingual
    code, probability, everything = multilingual.detect_language(audio / DIGITS)
    assert len(everything) == 99
    assert everything[0] == (code, probability)
    assert sum(share for _, share in everything) == pytest.approx(1.0, abs=1e-3)
    assert [share for _, share in everything] == sorted((share for _, share in everything), reverse=True)
    info = multilingual.transcribe(audio / DIGITS, temperature=0.0, max_new_tokens=4, audio_context="full").info
    assert info.language == code
    assert info.language_probability == pytest.approx(probability, rel=1e-3)
    assert info.all_language_probs is not None


def test_detection_does_not_depend_on_the_run_before(multilingual: thoth.WhisperModel, audio: Path) -> None:
    """whisper.cpp keeps the audio context of the last run; detection must not inherit it."""
    before = multilingual.detect_language(audio / DIGITS)
    multilingual.transcribe(audio / DIGITS, language="de", temperature=0.0, max_new_tokens=2, audio_context=200)
    assert multilingual.detect_language(audio / DIGITS) == before


def test_a_language_and_a_task_can_be_asked_for(multilingual: thoth.WhisperModel, audio: Path) -> None:
    options = {"temperature": 0.0, "max_new_tokens": 4, "audio_context": "full", "log_prob_threshold": -100}
    german = multilingual.transcribe(audio / DIGITS, language="de", **options)
    english = multilingual.transcribe(audio / DIGITS, language="de", task="translate", **options)
    assert german.info.language == english.info.language == "de"
    assert german.info.all_language_probs is None


def test_a_result_that_looks_bad_is_run_again_at_full_width_and_counted(model: thoth.WhisperModel, audio: Path) -> None:
    before = model.audio_context_reruns
    # No text is this likely, so every window looks bad.
    doubted = model.transcribe(audio / DIGITS, log_prob_threshold=0.0, temperature=0.0, no_speech_threshold=1.0)
    assert doubted.info.audio_context_reruns == 1
    assert model.audio_context_reruns == before + 1
    assert doubted.text == "three two seven four"
    assert model.transcribe(audio / DIGITS, temperature=0.0).info.audio_context_reruns == 0


def test_a_result_that_will_be_made_again_is_not_doubted(model: thoth.WhisperModel, audio: Path) -> None:
    options = {"log_prob_threshold": 0.0, "temperature": 0.0, "no_speech_threshold": 1.0}
    once = model.transcribe(audio / DIGITS, audio_context="reduced", **options)
    assert once.info.audio_context_reruns == 0
    assert once.text == "three two seven four"


def test_sampling_leaves_nothing_behind(model: thoth.WhisperModel, audio: Path) -> None:
    """The random numbers of one run must not change the text of the next."""
    hot = {"temperature": 1.0, "audio_context": "full"}
    first = model.transcribe(audio / "tts_11.flac", **hot)
    for _ in range(3):
        model.transcribe(audio / DIGITS, **hot)
        assert model.transcribe(audio / "tts_11.flac", **hot).segments == first.segments


def test_a_beam_leaves_nothing_behind(multilingual: thoth.WhisperModel, audio: Path) -> None:
    options = {"language": "en", "temperature": 0.0, "beam_size": 3, "max_new_tokens": 8, "audio_context": "full"}
    first = multilingual.transcribe(audio / DIGITS, **options)
    for _ in range(3):
        assert multilingual.transcribe(audio / DIGITS, **options).segments == first.segments


def test_a_run_does_not_hear_the_one_before_it(model: thoth.WhisperModel, audio: Path) -> None:
    """Whatever audio context the model was used at meanwhile, the same audio gives the same, to the last bit."""
    for context in ("auto", 200, "full"):
        options = {"temperature": 0.0, "threads": 1, "vad_filter": False}
        first = model.transcribe(audio / "tts_09.flac", audio_context=context, **options)
        for other in (768, 300, "full"):
            model.transcribe(audio / "digits_16_10.flac", audio_context=other, **options)
            again = model.transcribe(audio / "tts_09.flac", audio_context=context, **options)
            assert again.segments == first.segments, (context, other)


def test_a_model_trained_without_timestamps_gets_sane_times(tmp_path: Path, audio: Path) -> None:
    """whisper.cpp turns timestamps off by itself for two-layer distilled models."""
    path = tmp_path / "distilled.bin"
    random_model.write_model(path, random_model.Dims(64, 1, 2, 2))
    with thoth.WhisperModel(path) as model:
        result = model.transcribe(
            audio / DIGITS, temperature=0.0, max_new_tokens=4, log_prob_threshold=-100, no_repeat_ngram_size=1
        )
        assert result.info.audio_context_reruns == 0
        for segment in result.segments:
            assert 0 <= segment.start <= segment.end <= result.info.duration + 0.1
        with pytest.raises(thoth.InvalidOption, match="timestamps"):
            model.transcribe(audio / DIGITS, word_timestamps=True)


def test_no_audio_has_no_language(multilingual: thoth.WhisperModel, audio: Path, tmp_path: Path) -> None:
    multilingual.detect_language(audio / DIGITS)
    with pytest.raises(thoth.AudioError, match="no audio"):
        multilingual.detect_language(np.zeros(0, np.float32))
    header = b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\x77\x01\0\x02\0\x10\0data\x02\0\0\0\0\0"
    with pytest.raises(thoth.AudioError):
        multilingual.detect_language(header)


def test_a_prompt_with_unknown_tokens_is_refused(model: thoth.WhisperModel, audio: Path) -> None:
    with pytest.raises(thoth.InvalidOption, match="initial_prompt"):
        model.transcribe(audio / DIGITS, initial_prompt=[60_000])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_told_and_can_load_its_own(audio: Path) -> None:
    code = f"""
        import os, sys, thoth
        path = {os.fspath(audio / DIGITS)!r}
        model = thoth.WhisperModel("nano.en", threads=2)
        model.transcribe(path)
        child = os.fork()
        if child == 0:
            try:
                model.transcribe(path)
            except thoth.ModelError as error:
                assert "fork" in str(error)
                own = thoth.WhisperModel("nano.en", threads=2)
                os._exit(0 if own.transcribe(path).text == {"three two seven four"!r} else 2)
            os._exit(3)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, timeout=120, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_child_token_is_cancelled_with_its_parent_and_not_the_other_way() -> None:
    parent = thoth.CancelToken()
    first, second = thoth.CancelToken(parent), thoth.CancelToken(parent)
    first.cancel()
    assert (parent.cancelled, second.cancelled) == (False, False)
    parent.cancel()
    assert second.cancelled
    assert thoth.CancelToken(parent).cancelled


def test_weights_that_overflow_are_an_error_and_not_garbage(tmp_path: Path, audio: Path) -> None:
    path = write_overflowing_model(tmp_path / "huge.bin")
    with thoth.WhisperModel(path) as model:
        for options in ({}, {"beam_size": 4, "threads": 2}):
            with pytest.raises(thoth.InvalidModel, match="NaN"):
                model.transcribe(audio / DIGITS, **options)


def test_a_window_that_is_too_long_is_refused_by_the_engine(model: thoth.WhisperModel) -> None:
    engine = model._engine
    with pytest.raises(thoth.AudioError, match="at most 480000"):
        engine.transcribe(np.zeros(480_001, np.float32), _native.DecodeOptions())


def test_the_engine_takes_only_what_it_can_use_without_a_copy(model: thoth.WhisperModel) -> None:
    for wrong in (np.zeros(100), np.zeros((10, 10), np.float32)):
        with pytest.raises((TypeError, ValueError)):
            model._engine.transcribe(wrong, _native.DecodeOptions())


def test_the_log_of_whisper_cpp_goes_to_logging_and_nowhere_else(audio: Path) -> None:
    code = f"""
        import logging, thoth
        lines = []
        class Keep(logging.Handler):
            def emit(self, record): lines.append(record)
        logging.getLogger("thoth.whisper").addHandler(Keep())
        logging.getLogger("thoth.whisper").setLevel(logging.DEBUG)
        with thoth.WhisperModel("nano.en") as model:
            model.transcribe({os.fspath(audio / DIGITS)!r})
        assert any("n_audio_state" in line.getMessage() for line in lines)
        assert {{line.name for line in lines}} == {{"thoth.whisper"}}
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_a_run_in_the_main_thread(audio: Path) -> None:
    code = f"""
        import sys, time, numpy, thoth
        from thoth.audio.decode import decode
        model = thoth.WhisperModel("nano.en")
        samples = numpy.tile(decode({os.fspath(audio / "long_2_42s.flac")!r}), 100)
        try:
            model.transcribe(samples, on_segment=lambda _: print("on", flush=True))
        except KeyboardInterrupt:
            print("interrupted", model.state, flush=True)
    """
    with PythonProcess(code) as process:
        assert process.line() == "on"
        process.interrupt()
        _, out, err = process.outcome()
    assert out.splitlines()[-1] == "interrupted ready"
    assert err == ""


def test_an_error_in_mid_file_carries_what_was_done(model: thoth.WhisperModel, audio: Path) -> None:
    samples = decode(audio / DIGITS)

    class Breaks:
        """A file object that fails after its first half."""

        def __init__(self, data: bytes) -> None:
            self._data, self._at = data, 0

        def read(self, size: int) -> bytes:
            if self._at > len(self._data) // 2:
                raise OSError("the disk is gone")
            piece = self._data[self._at : self._at + size]
            self._at += len(piece)
            return piece

    long = np.tile(np.concatenate([samples, np.zeros(32_000, np.float32)]), 12)
    header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\xff\xff\xff\xff"
    with pytest.raises(thoth.DecodeError, match="disk is gone") as caught:
        model.transcribe(Breaks(header + (long * 32767).astype("<i2").tobytes()))
    partial = caught.value.partial
    assert partial is not None
    assert 3 <= len(partial.segments) <= 7
    assert all(segment.text.strip() == "three two seven four" for segment in partial.segments)
