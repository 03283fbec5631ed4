"""Blocks of a user's own, of any rate, dtype and length, as one stream."""

from __future__ import annotations

import numpy as np
import pytest
from encoded_audio import Floats, at_rate, recording
from hypothesis import given, settings
from hypothesis import strategies as st

from thoth.audio.samples import as_samples
from thoth.errors import AudioError, InvalidOption
from thoth.live.conversion import Conversion

SPEECH = recording("digits_02_2")
RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 11_000.5]


def in_blocks(samples: Floats, rate_hz: float, cuts: list[int]) -> Floats:
    conversion = Conversion(rate_hz)
    converted = [conversion.convert(block, rate_hz) for block in np.split(samples, sorted(cuts))]
    return np.concatenate([*converted, conversion.finish()])


@pytest.mark.parametrize("rate_hz", RATES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_blocks_give_what_the_whole_gives(rate_hz: float, data: st.DataObject) -> None:
    samples = at_rate(SPEECH, round(rate_hz)) if rate_hz != 16_000 else SPEECH
    cuts = data.draw(st.lists(st.integers(0, len(samples)), max_size=12))
    whole = in_blocks(samples, rate_hz, [])
    assert np.array_equal(in_blocks(samples, rate_hz, cuts), whole)
    assert whole.dtype == np.float32
    assert abs(len(whole) - len(SPEECH)) <= 2 if rate_hz == round(rate_hz) else len(whole) > 0


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_a_converted_stream_lies_where_the_recording_lies(rate_hz: int) -> None:
    """Sample for sample, so that the times of words are those of what was fed."""
    converted = in_blocks(at_rate(SPEECH, rate_hz), rate_hz, [100, 5000])
    frames = min(len(converted), len(SPEECH))
    reference = at_rate(at_rate(SPEECH, rate_hz), 16_000) if rate_hz == 16_000 else SPEECH
    if rate_hz == 8_000:  # half of the band is gone
        spectra = np.fft.rfft(reference[:frames], 2 * frames).conj() * np.fft.rfft(converted[:frames], 2 * frames)
        assert int(np.argmax(np.fft.irfft(spectra))) == 0
    else:
        error = converted[:frames] - reference[:frames]
        assert float(np.sqrt(np.mean(error**2))) < 0.01 * float(np.sqrt(np.mean(reference**2)))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float64, np.uint8])
def test_every_dtype_and_channels_come_out_as_they_do_in_a_transcription(dtype: type) -> None:
    if np.issubdtype(dtype, np.floating):
        samples = SPEECH.astype(dtype)
    else:
        info = np.iinfo(dtype)
        middle = 0 if info.min else 128
        samples = np.clip(np.round(SPEECH * float(info.max - middle)) + middle, info.min, info.max).astype(dtype)
    stereo = np.stack((samples, samples), axis=1)
    for shaped in (samples, stereo):
        conversion = Conversion(16_000)
        got = np.concatenate([conversion.convert(block, 16_000) for block in np.array_split(shaped, 7)])
        assert np.array_equal(got, as_samples(shaped))


def test_a_stream_at_16_khz_is_passed_on_without_delay() -> None:
    conversion = Conversion(16_000)
    assert len(conversion.convert(SPEECH[:7], 16_000)) == 7
    assert len(conversion.convert(SPEECH[:0], 16_000)) == 0
    assert len(conversion.finish()) == 0


def test_a_stream_cannot_change_its_rate_and_goes_on_at_its_own() -> None:
    conversion = Conversion(48_000)
    conversion.convert(np.zeros(480, np.float32), 48_000)
    with pytest.raises(InvalidOption, match=r"48000 Hz.*44100 Hz"):
        conversion.convert(np.zeros(480, np.float32), 44_100)
    conversion.convert(np.zeros(480, np.float32), 48_000)


@pytest.mark.parametrize("rate_hz", [0, -1, float("nan"), 1e9, "16000", True])
def test_a_rate_that_makes_no_sense_is_refused(rate_hz: float) -> None:
    with pytest.raises(InvalidOption):
        Conversion(rate_hz)


@pytest.mark.parametrize("bad", [[0.0], np.array([np.nan], np.float32), np.zeros((2, 2, 2)), np.array([3e4])])
def test_a_bad_block_is_refused_and_harms_none_of_the_others(bad: object) -> None:
    conversion = Conversion(48_000)
    samples = at_rate(SPEECH, 48_000)
    pieces = [conversion.convert(samples[:1000], 48_000)]
    with pytest.raises(AudioError):
        conversion.convert(bad, 48_000)
    pieces += [conversion.convert(samples[1000:], 48_000), conversion.finish()]
    assert np.array_equal(np.concatenate(pieces), in_blocks(samples, 48_000, []))
