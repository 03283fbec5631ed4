"""Token ids in the vocabulary of Whisper's English-only models."""

from __future__ import annotations

from typing import Final

END_OF_TEXT: Final = 50256
START_OF_TRANSCRIPT: Final = 50257
TRANSLATE: Final = 50357
TRANSCRIBE: Final = 50358
START_OF_MODEL: Final = 50359
START_OF_PREVIOUS: Final = 50360
NO_SPEECH: Final = 50361
NO_TIMESTAMPS: Final = 50362
FIRST_TIMESTAMP: Final = 50363
VOCABULARY: Final = 51864
