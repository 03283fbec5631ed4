"""What a transcription gives back: words in segments, facts about the run, and the whole as one text.

The fields of `Word`, `Segment` and `TranscriptionInfo` bear the names and meanings that users know from
faster-whisper (https://github.com/SYSTRAN/faster-whisper, `transcribe.py`); sequences are tuples, since
nothing here changes after it was made. All times are finite float seconds from the beginning of the input.
Every object may be read from any number of threads at once, and can be pickled if the transcription options
it carries can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from thoth.model import formats

# Scripts written without spaces between words: Thai to Myanmar, Khmer, CJK symbols with kana and bopomofo,
# the Han blocks, full-width forms, Han in the supplementary planes. Hangul is absent: Korean puts spaces.
_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3000-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
    "\U00020000-\U0003ffff]"
)
_CLINGS_TO_LEFT = frozenset(".,;:!?…%)]}»\N{RIGHT SINGLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}")
_CLINGS_TO_RIGHT = frozenset("([{¿¡«\N{LEFT SINGLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a segment with its place in the audio.

    - `start`, `end`: seconds.
    - `word`: its text as the model gave it, mostly with a leading space, and with its punctuation.
    - `probability`: the mean probability of its tokens, 0 to 1.
    """

    start: float
    end: float
    word: str
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech that the model closed with timestamps; about one subtitle.

    - `id`: counts from 1 through the transcript.
    - `seek`: frame of 10 ms at which the model's window began.
    - `start`, `end`: seconds.
    - `text`: as the model gave it, mostly with a leading space.
    - `tokens`: the model's token ids, timestamps among them.
    - `avg_logprob`: mean natural log-probability of the tokens.
    - `compression_ratio`: the text's UTF-8 size over its size under zlib; much repetition makes it high.
    - `no_speech_prob`: how likely the model held it that the window has no speech, 0 to 1.
    - `words`: None unless word timestamps were asked for.
    - `temperature`: the one at which the text was sampled; None where it is not known.
    """

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[Word, ...] | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionInfo:
    """Facts about one transcription as a whole.

    - `language`: the code of the language spoken ("en"), given or detected.
    - `language_probability`: 0 to 1; 1 when the language was given.
    - `duration`: seconds of audio put in.
    - `duration_after_vad`: seconds of it that reached the model.
    - `all_language_probs`: each language with its probability if it was detected, else None.
    - `transcription_options`: the options in force, by name.
    - `model`: name or path of the model.
    - `elapsed_s`: wall time of the processing.
    - `audio_context_reruns`: windows encoded at a reduced width, found wanting and run again at full width.
    - `problems`: one message for each damaged part of the input that was skipped.
    """

    language: str
    language_probability: float
    duration: float
    duration_after_vad: float
    all_language_probs: tuple[tuple[str, float], ...] | None = None
    transcription_options: Mapping[str, Any] = field(default_factory=dict)
    model: str
    elapsed_s: float
    audio_context_reruns: int = 0
    problems: tuple[str, ...] = ()

    @property
    def rtf(self) -> float:
        """Real-time factor: processing over audio time, below 1 if faster than speech; 0 for no audio."""
        return self.elapsed_s / self.duration if self.duration > 0 else 0.0


class Transcript(NamedTuple):
    """The result of a transcription: its segments, facts about it, and the same in every file format.

    It is a pair, so that `segments, info = model.transcribe(…)` and `model.transcribe(…)[0]` work as with
    faster-whisper and each part keeps its own type under a type checker. The segments are no generator
    as they are there, but all at hand, to be read as often as wanted.
    """

    segments: tuple[Segment, ...]
    info: TranscriptionInfo

    @property
    def text(self) -> str:
        """Everything said, as one string without white space at its ends."""
        return joined(segment.text for segment in self.segments)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all segments in order; empty unless word timestamps were asked for."""
        return tuple(word for segment in self.segments for word in segment.words or ())

    def to_txt(self) -> str:
        """As plain text, one segment a line: see `thoth.model.formats.to_txt`."""
        return formats.to_txt(self)

    def to_srt(self) -> str:
        """As SubRip subtitles: see `thoth.model.formats.to_srt`."""
        return formats.to_srt(self)

    def to_vtt(self) -> str:
        """As WebVTT subtitles: see `thoth.model.formats.to_vtt`."""
        return formats.to_vtt(self)

    def to_json(self) -> str:
        """As JSON with every field: see `thoth.model.formats.to_json`."""
        return formats.to_json(self)

    def to_tsv(self) -> str:
        """As a table of milliseconds and text: see `thoth.model.formats.to_tsv`."""
        return formats.to_tsv(self)

    def to_lrc(self) -> str:
        """As LRC timed lyrics: see `thoth.model.formats.to_lrc`."""
        return formats.to_lrc(self)


def joined(texts: Iterable[str]) -> str:
    """Put texts that follow each other in a row with exactly one space wherever one belongs.

    A space that either side brought stays. Where both lack it, as happens at the beginning of a window, one
    is put in unless the script writes none or a neighbour is punctuation that clings.
    """
    pieces: list[str] = []
    space_before = False
    for text in texts:
        piece = text.strip()
        if piece:
            if pieces and (space_before or text[0].isspace() or _parted(pieces[-1][-1], piece[0])):
                pieces.append(" ")
            pieces.append(piece)
            space_before = text[-1].isspace()
    return "".join(pieces)


def _parted(left: str, right: str) -> bool:
    """Whether a space belongs between two characters that end one text and begin the next."""
    clinging = left in _CLINGS_TO_RIGHT or right in _CLINGS_TO_LEFT
    return not clinging and not _UNSPACED.match(left) and not _UNSPACED.match(right)
