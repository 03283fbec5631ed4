"""How a live session listens, checked once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from thoth.audio.checks import checked_seconds
from thoth.errors import InvalidOption
from thoth.model.speech import VadOptions

CHUNK_S: Final = 1.5
LEAST_CHUNK_S: Final = 0.5
MOST_CHUNK_S: Final = 10.0
ENDPOINT_SILENCE_S: Final = 0.6
LEAST_ENDPOINT_SILENCE_S: Final = 0.2
MOST_ENDPOINT_SILENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What holds for a session's recordings.

    - `chunk_s`: how often text is renewed while somebody speaks.
    - `endpoint_silence_s`: silence that ends an utterance.
    - `vad`: how speech is told from silence.
    - `longest_window_s`: as it suits the model.
    - `condition_on_previous_text`: whether the model is given the text so far.

    Raises InvalidOption for what is out of range.
    """

    chunk_s: float = CHUNK_S
    endpoint_silence_s: float = ENDPOINT_SILENCE_S
    vad: VadOptions = field(default_factory=VadOptions)
    longest_window_s: float = 28.0
    condition_on_previous_text: bool = False

    def __post_init__(self) -> None:
        checked_seconds("chunk_s", self.chunk_s, most=MOST_CHUNK_S)
        checked_seconds("endpoint_silence_s", self.endpoint_silence_s, most=MOST_ENDPOINT_SILENCE_S)
        if self.chunk_s < LEAST_CHUNK_S:
            raise InvalidOption(f"chunk_s takes seconds from {LEAST_CHUNK_S:g}, not {self.chunk_s!r}")
        if self.endpoint_silence_s < LEAST_ENDPOINT_SILENCE_S:
            raise InvalidOption(
                f"endpoint_silence_s takes seconds from {LEAST_ENDPOINT_SILENCE_S:g}, not {self.endpoint_silence_s!r}"
            )

    @property
    def least_chunk_s(self) -> float:
        """How short chunks become where the machine is slow."""
        return min(LEAST_CHUNK_S, self.chunk_s)
