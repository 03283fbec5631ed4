"""The embeddings of a stream: those of openWakeWord, whoever asks and however often."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyopen_wakeword
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openwakeword_audio import spoken

from thoth.wake.embeddings import FRAME_SAMPLES, SpeechEmbeddings
from thoth.wake.tflite import Interpreter, folder

Values = npt.NDArray[np.float32]

COUNT = 16
STREAM = spoken("wake_alexa_0", pause_s=1.0)
FRAMES = [STREAM[at : at + FRAME_SAMPLES] for at in range(0, len(STREAM) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]
MODELS = folder() / "models"


@pytest.fixture(scope="module")
def embeddings() -> Iterator[SpeechEmbeddings]:
    made = SpeechEmbeddings(MODELS, COUNT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def each(embeddings: SpeechEmbeddings) -> list[Values]:
    """What stands after each frame."""
    embeddings.reset()
    found = []
    for frame in FRAMES:
        embeddings.push(frame)
        found.append(embeddings.last().copy())
    return found


@settings(deadline=None, max_examples=8)
@given(asked=st.sets(st.integers(0, len(FRAMES) - 1), min_size=1, max_size=10))
def test_they_are_the_same_whoever_asks_and_however_seldom(
    asked: set[int], embeddings: SpeechEmbeddings, each: list[Values]
) -> None:
    embeddings.reset()
    for number, frame in enumerate(FRAMES):
        embeddings.push(frame)
        if number in asked:
            np.testing.assert_array_equal(embeddings.last(), each[number])


def test_each_frame_adds_one_and_moves_the_others(
    each: list[Values],
) -> None:
    for before, after in itertools.pairwise(each):
        np.testing.assert_array_equal(after[:-1], before[1:])


def test_scores_are_those_of_the_package_that_the_models_come_with() -> None:
    package = pyopen_wakeword.OpenWakeWord.from_builtin(pyopen_wakeword.Model.ALEXA)
    ours = Interpreter(MODELS / "alexa.tflite")
    values = np.random.default_rng(0).normal(size=(COUNT, 96)).astype(np.float32)
    (score,) = package.process_streaming(values[np.newaxis, np.newaxis])
    assert ours.run(values[np.newaxis]).item() == pytest.approx(score, abs=1e-5)
    package.close()


def test_a_phrase_scores_as_with_the_package(
    each: list[Values],
) -> None:
    """Its frames begin elsewhere, so that single scores differ: how long the score is up does not."""
    model = Interpreter(MODELS / "alexa.tflite")
    ours = [model.run(last[np.newaxis]).item() for last in each]
    features = pyopen_wakeword.OpenWakeWordFeatures.from_builtin()
    package = pyopen_wakeword.OpenWakeWord.from_builtin(pyopen_wakeword.Model.ALEXA)
    theirs = [
        score
        for frame in FRAMES
        for found in features.process_streaming((frame * 32768).astype(np.int16).tobytes())
        for score in package.process_streaming(found)
    ]
    assert abs(sum(score > 0.5 for score in ours) - sum(score > 0.5 for score in theirs)) <= 2
    assert max(ours) == pytest.approx(max(theirs), abs=0.05)
    for made in (features, package):
        made.close()


def test_after_a_reset_nothing_is_left_of_the_stream(embeddings: SpeechEmbeddings, each: list[Values]) -> None:
    embeddings.reset()
    embeddings.push(FRAMES[0])
    np.testing.assert_array_equal(embeddings.last(), each[0])
