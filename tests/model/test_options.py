"""Options of a call: every bad value is named, nothing is guessed, nothing is kept."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, cast, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thoth
from thoth import _native
from thoth.errors import InvalidOption
from thoth.model.options import DEFAULT_TEMPERATURES, CheckedOptions, TranscribeOptions, require_whole
from thoth.model.speech import VadOptions

NAN, INF = float("nan"), float("inf")
NO_NUMBER = ("1", b"1", None, True, [1.0], 1j, NAN)
NO_WHOLE = (*NO_NUMBER, 1.5, np.float32(2), np.bool_(True))
NO_FLAG: tuple[Any, ...] = ("no", "yes", "", 0, 1, 0.0, [], np.int64(1))


def check(**options: Any) -> CheckedOptions:
    return CheckedOptions.of(cast(TranscribeOptions, options))


def named(options: dict[str, tuple[Any, ...]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in options.items() for value in values]


def but(values: tuple[Any, ...], *taken: Any) -> tuple[Any, ...]:
    return tuple(value for value in values if not any(value is one for one in taken))


BAD = {
    "language": ("xx", "EN", "", "auto", 1, True, b"en", ["en"]),
    "task": ("translation", "", None, 1, True, ["translate"]),
    "beam_size": (*NO_WHOLE, 0, 9, -1, 10**30),
    "best_of": (*NO_WHOLE, 0, 9),
    "length_penalty": (*but(NO_NUMBER, None), 0, -0.1, 10.1, INF),
    "temperature": (*but(NO_NUMBER, NO_NUMBER[4]), -0.1, 1.1, INF, [], (), "0.2", ["0"], [None], [True], {0.0}),
    "repetition_penalty": (*NO_NUMBER, 0, -1, 11, INF),
    "no_repeat_ngram_size": (*NO_WHOLE, -1, 101),
    "entropy_threshold": NO_NUMBER,
    "log_prob_threshold": NO_NUMBER,
    "no_speech_threshold": (*NO_NUMBER, -0.1, 1.1),
    "condition_on_previous_text": NO_FLAG,
    "prompt_reset_on_temperature": (*NO_NUMBER, -0.1, 2.1),
    "initial_prompt": (1, 1.5, True, b"text", "a\0b", "\udc80", [-1], [2**31], ["a"], [1.0], [True], [None], {1}),
    "hotwords": (1, True, b"text", "a\0b", "\ud800", ["a"], [1]),
    "suppress_blank": (*NO_FLAG, None),
    "suppress_tokens": (0, 1, False, "", "1", b"\x01", [-2], [2**31], ["1"], [1.0], [True], {1}, np.array([0.5])),
    "without_timestamps": (*NO_FLAG, None),
    "max_initial_timestamp": (*NO_NUMBER, 0, -0.1, 30.1),
    "word_timestamps": (*NO_FLAG, None),
    "max_new_tokens": (*but(NO_WHOLE, None), 0, -1, 10_001),
    "max_segment_length": (*but(NO_WHOLE, None), 0, -1, 10_001),
    "vad_filter": (*NO_FLAG, None),
    "vad_parameters": (True, 0, 0.5, "threshold", [0.5], {"threshold": 2}, {"speech_pad_ms": "1"}, {"pad": 1}, {1: 1}),
    "audio_context": (*NO_WHOLE, "half", "", 0, 1501, ["auto"]),
    "threads": (*but(NO_WHOLE, None), 0, -1, 257),
}

GOOD: dict[str, tuple[Any, ...]] = {
    "language": (None, "en", "de", "yue"),
    "task": ("transcribe", "translate"),
    "beam_size": (1, 8),
    "best_of": (1, 8),
    "length_penalty": (None, 0.01, 1, 0.6),
    "temperature": (0, 1, 0.5, (0.0,), (0.0, 0.5, 1.0), (0, 0.8), DEFAULT_TEMPERATURES),
    "repetition_penalty": (1, 1.1, 0.5),
    "no_repeat_ngram_size": (0, 3, 100),
    "entropy_threshold": (2.4, -INF, INF, 0),
    "log_prob_threshold": (-1, -INF, INF),
    "no_speech_threshold": (0, 0.6, 1.0),
    "condition_on_previous_text": (None, True, False),
    "prompt_reset_on_temperature": (0, 0.5, 1.0),
    "initial_prompt": (None, "Größe, 你好", (1, 2)),
    "hotwords": (None, "Thoth"),
    "suppress_blank": (True, False),
    "suppress_tokens": ((), (-1,), (-1, 5)),
    "without_timestamps": (True, False),
    "max_initial_timestamp": (0.02, 1.0, 30),
    "word_timestamps": (True, False),
    "max_new_tokens": (None, 1, 200),
    "max_segment_length": (None, 1, 42),
    "vad_filter": (True, False),
    "vad_parameters": (VadOptions(), VadOptions(threshold=0.5)),
    "audio_context": ("auto", "reduced", "full", 1, 1500),
    "threads": (None, 1, 256),
}


def test_every_option_is_documented_checked_and_tried_here() -> None:
    names = [option.name for option in fields(CheckedOptions)]
    assert list(get_type_hints(TranscribeOptions)) == names
    assert list(BAD) == list(GOOD) == names
    assert all(f"`{name}`" in str(TranscribeOptions.__doc__) for name in names)


@pytest.mark.parametrize(("name", "value"), named(BAD))
def test_a_bad_value_is_named_with_what_the_option_takes(name: str, value: object) -> None:
    with pytest.raises(InvalidOption, match=rf"^({name} takes|(no )?VAD option) .+") as error:
        check(**{name: value})
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize(("name", "value"), named(GOOD))
def test_a_good_value_is_taken_as_it_is(name: str, value: Any) -> None:
    taken = getattr(check(**{name: value}), name)
    assert taken == (value if name != "temperature" or isinstance(value, tuple) else (value,))


def test_defaults_are_the_same_with_and_without_a_word() -> None:
    assert check() == CheckedOptions()
    assert check().temperature == DEFAULT_TEMPERATURES
    assert check().vad_filter is True


@pytest.mark.parametrize("name", ["beam", "vad_filtre", "on_segment", "compression_ratio_threshold"])
def test_an_unknown_option_is_a_type_error_that_lists_the_names(name: str) -> None:
    with pytest.raises(TypeError) as error:
        check(**{name: 1})
    assert repr(name) in str(error.value)
    assert all(option.name in str(error.value) for option in fields(CheckedOptions))


def test_numpy_values_are_taken_for_what_they_stand_for() -> None:
    options = check(
        beam_size=np.int64(5),
        threads=np.uint8(2),
        no_speech_threshold=np.float32(0.5),
        word_timestamps=np.bool_(True),
        temperature=np.array([0.0, 0.5, 1.0]),
        suppress_tokens=np.array([-1, 7], np.int32),
        initial_prompt=[np.int64(3), 4],
        language=np.str_("en"),
        vad_parameters={"threshold": np.float32(0.5), "speech_pad_ms": np.int64(100)},
    )
    assert options == check(
        beam_size=5,
        threads=2,
        no_speech_threshold=0.5,
        word_timestamps=True,
        temperature=[0.0, 0.5, 1.0],
        suppress_tokens=[-1, 7],
        initial_prompt=[3, 4],
        language="en",
        vad_parameters={"threshold": 0.5, "speech_pad_ms": 100},
    )
    assert options.word_timestamps is True
    assert check(temperature=np.float64(0.5)) == check(temperature=0.5)
    assert json.loads(json.dumps(options.as_dict()))["vad_parameters"]["threshold"] == 0.5


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    require_whole("threads", np.int64(4), 1, 8)
    with pytest.raises(InvalidOption, match="threads takes a whole number from 1 to 8"):
        require_whole("threads", np.int64(9), 1, 8)


@pytest.mark.parametrize("value", [[0.0, 0.2], [0.0, 0.5], [0.0, 0.2, 0.5], [1.0, 0.5, 0.0], [0.5, 0.5], [0.0, NAN]])
def test_temperatures_that_the_core_would_not_follow_are_refused(value: list[float]) -> None:
    with pytest.raises(InvalidOption, match="temperature takes"):
        check(temperature=value)


@given(st.floats(0, 1), st.floats(0.01, 1))
def test_temperatures_reach_the_core_as_a_start_and_a_step(first: float, step: float) -> None:
    values = [first]
    while values[-1] + step <= 1.0:
        values.append(values[-1] + step)
    try:
        options = check(temperature=values)
    except InvalidOption:
        # One that ends within rounding of 1 is the core's to decide.
        assert values[-1] + step == pytest.approx(1.0, abs=2e-6)
        return
    native = options.for_engine("en", 1)
    assert native.temperature == pytest.approx(first)
    assert native.temperature_step == pytest.approx(step if len(values) > 1 else 0.0, abs=1e-6)


@pytest.mark.parametrize("name", ["initial_prompt", "hotwords"])
@pytest.mark.parametrize("blank", ["", " ", "\n\t "])
def test_blank_text_is_no_text(name: str, blank: str) -> None:
    assert check(**{name: blank}) == check()


def test_none_suppresses_no_token() -> None:
    assert check(suppress_tokens=None).suppress_tokens == ()


def test_what_the_caller_gave_is_neither_changed_nor_kept() -> None:
    tokens, temperatures, vad = [1, 2], [0.0, 0.5, 1.0], {"threshold": 0.5}
    given_options = {"suppress_tokens": tokens, "temperature": temperatures, "vad_parameters": vad}
    options = check(**given_options)
    tokens.append(3)
    temperatures.clear()
    vad["threshold"] = 0.9
    assert given_options == {"suppress_tokens": [1, 2, 3], "temperature": [], "vad_parameters": {"threshold": 0.9}}
    assert options.suppress_tokens == (1, 2)
    assert options.temperature == (0.0, 0.5, 1.0)
    assert options.vad_parameters.threshold == 0.5


def test_every_call_gets_native_options_of_its_own() -> None:
    options = check(suppress_tokens=[1])
    first, second = options.for_engine("en", 1), options.for_engine("de", 2)
    first.prompt = [1, 2]
    assert (second.prompt, second.language, second.threads) == ([], "de", 2)
    assert first.language == "en"


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        ({"task": "translate"}, "translate", True),
        ({"beam_size": 5}, "beam_size", 5),
        ({"best_of": 3}, "best_of", 3),
        ({"length_penalty": 0.5}, "length_penalty", 0.5),
        ({}, "length_penalty", -1.0),
        ({"temperature": 0.5}, "temperature_step", 0.0),
        ({"repetition_penalty": 1.5}, "repetition_penalty", 1.5),
        ({"no_repeat_ngram_size": 3}, "no_repeat_ngram_size", 3),
        ({"entropy_threshold": 2.0}, "entropy_threshold", 2.0),
        ({"log_prob_threshold": -INF}, "log_prob_threshold", -INF),
        ({"no_speech_threshold": 0.5}, "no_speech_threshold", 0.5),
        ({"suppress_blank": False}, "suppress_blank", False),
        ({"suppress_tokens": [5]}, "suppress_non_speech", False),
        ({"suppress_tokens": [-1, 5]}, "suppress_non_speech", True),
        ({"suppress_tokens": [-1, 5]}, "suppress_tokens", [-1, 5]),
        ({"without_timestamps": True}, "without_timestamps", True),
        ({"max_initial_timestamp": 2}, "max_initial_timestamp", 2.0),
        ({}, "token_timestamps", False),
        ({"word_timestamps": True}, "token_timestamps", True),
        ({"max_segment_length": 40}, "token_timestamps", True),
        ({"max_segment_length": 40}, "max_segment_length", 40),
        ({"max_new_tokens": 30}, "max_new_tokens", 30),
        ({}, "max_new_tokens", 0),
        ({}, "audio_context", _native.DecodeOptions.AUTO_CONTEXT),
        ({"audio_context": "reduced"}, "audio_context", _native.DecodeOptions.REDUCED_CONTEXT),
        ({"audio_context": "full"}, "audio_context", _native.DecodeOptions.FULL_CONTEXT),
        ({"audio_context": 500}, "audio_context", 500),
    ],
)
def test_options_reach_the_core(options: dict[str, Any], name: str, expected: object) -> None:
    assert getattr(check(**options).for_engine("en", 1), name) == expected


def test_all_options_can_be_told_as_plain_values() -> None:
    told = check(vad_parameters={"threshold": 0.5}, initial_prompt=[1]).as_dict()
    assert list(told) == [option.name for option in fields(CheckedOptions)]
    assert told["vad_parameters"]["threshold"] == 0.5
    json.dumps(told)


def test_options_hold_for_one_call(model: thoth.WhisperModel, audio: Path) -> None:
    recording = audio / "tts_13.flac"
    (before,) = model.transcribe(recording).segments
    banned = before.tokens[1]
    changed = model.transcribe(recording, word_timestamps=True, suppress_tokens=[banned])
    assert all(segment.words and banned not in segment.tokens for segment in changed.segments)
    (after,) = model.transcribe(recording).segments
    assert (after.text, after.tokens, after.words) == (before.text, before.tokens, None)
    assert banned in after.tokens
