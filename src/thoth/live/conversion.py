"""A user's own blocks of samples, of any rate, as one stream of 16 kHz mono."""

from __future__ import annotations

import numpy as np

from thoth._native import FirResampler, Resampler
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples, as_samples
from thoth.errors import InvalidOption


class Conversion:
    """Converts block after block as if they were one. One thread at a time.

    rate_hz: of all blocks. Raises InvalidOption for one that makes no sense.
    """

    def __init__(self, rate_hz: float) -> None:
        as_samples(np.empty(0, np.float32), rate_hz)  # refuses what is no rate
        self.rate_hz = rate_hz
        self._resampler: FirResampler | Resampler | None = None
        if rate_hz != SAMPLE_RATE_HZ:
            fir = FirResampler.supports(rate_hz, SAMPLE_RATE_HZ)
            self._resampler = (FirResampler if fir else Resampler)(rate_hz, SAMPLE_RATE_HZ)

    def convert(self, block: object, rate_hz: float) -> Samples:
        """Return what a block gives by now; a little is held back.

        Raises AudioError for samples that cannot be used, InvalidOption for another rate.
        """
        if rate_hz != self.rate_hz:
            raise InvalidOption(
                f"the stream began at {self.rate_hz:g} Hz and cannot go on at {rate_hz:g} Hz: stop() first"
            )
        mono = as_samples(block)
        return mono if self._resampler is None else self._resampler.process(mono)

    def finish(self) -> Samples:
        """Return what was held back."""
        return np.empty(0, np.float32) if self._resampler is None else self._resampler.flush()
