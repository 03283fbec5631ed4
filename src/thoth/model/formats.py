r"""A transcript as the text of a file: txt, srt, vtt, json, tsv, lrc.

Pure functions from a transcript to a string with `\n` line ends, meant to be written as UTF-8; they touch no
file and may be called from any thread. What holds for all but JSON, which keeps everything as it is:

- A segment becomes one line: its text is stripped, line breaks and tabs turn into spaces, control characters
  are removed, and a segment of which nothing is left is dropped. No text can break the structure of a file.
- Cues come in the order of their starts. Times are rounded to whole milliseconds before they are split into
  hours, minutes and seconds, negative ones become 0, and no end is before its start. Overlaps stay.
- An empty transcript gives a valid file without cues.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from thoth.model.transcript import Segment, Transcript

_WHITE_SPACE = re.compile(r"\s+")
_LINE_BREAK = re.compile("[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029]")
# C0 and C1 controls, and the byte order mark, which a reader would take for one at the start of a file.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufeff]")
# Half a UTF-16 pair has no UTF-8 form; Python puts them into file names that are not UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")
_SRT_ARROW = re.compile("--+>")
_LRC_TIME_TAG = re.compile(r"[\[<](\d+:\d+(?:[.:]\d+)*)[\]>]")


def to_txt(transcript: Transcript) -> str:
    """Plain text: one segment a line."""
    return "".join(f"{cue.text}\n" for cue in _cues(transcript))


def line_of(segment: Segment) -> str:
    """Return what `segment` adds to plain text: one line, or nothing if it has nothing to show."""
    text = _one_line(segment.text)
    return f"{text}\n" if text else ""


def to_srt(transcript: Transcript) -> str:
    """SubRip subtitles, after https://www.matroska.org/technical/subtitles.html#srt-subtitles.

    Numbered from 1, `HH:MM:SS,mmm`, hours grow past 99. SubRip has no way to escape text: an arrow `-->`, by
    which players find the times, is shortened to `->`.
    """
    return "".join(
        f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{_SRT_ARROW.sub('->', cue.text)}\n\n"
        for number, cue in enumerate(_cues(transcript), start=1)
    )


def to_vtt(transcript: Transcript) -> str:
    """WebVTT subtitles, after the W3C's specification (https://www.w3.org/TR/webvtt1/, section 4.1).

    `HH:MM:SS.mmm`, with `&`, `<` and `>` escaped, and thereby `-->`. The specification wants each end to be
    later than its start, so a cue lasts at least 1 ms.
    """
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start_ms, '.')} --> {_clock(max(cue.end_ms, cue.start_ms + 1), '.')}\n"
        f"{html.escape(cue.text, quote=False)}\n\n"
        for cue in _cues(transcript)
    )


def to_tsv(transcript: Transcript) -> str:
    """Tab-separated table as openai-whisper writes it (`WriteTSV` in its `whisper/utils.py`).

    The header `start end text`, then a row for each segment with its times in whole milliseconds.
    """
    return "start\tend\ttext\n" + "".join(f"{cue.start_ms}\t{cue.end_ms}\t{cue.text}\n" for cue in _cues(transcript))


def to_lrc(transcript: Transcript) -> str:
    """LRC timed lyrics (https://en.wikipedia.org/wiki/LRC_(file_format)), the simple form without word times.

    The ID tags `re` (the program) and `length`, then `[mm:ss.xx]` lines in hundredths of a second; minutes
    grow past 99. What would read as one more time tag within a text, `[00:12.00]` or `<00:12.00>`, gets round
    brackets.
    """
    minutes, seconds = divmod(round(max(transcript.info.duration, 0.0)), 60)
    return f"[re:Thoth]\n[length:{minutes:02d}:{seconds:02d}]\n" + "".join(
        f"[{_lyrics_clock(cue.start_ms)}]{_without_time_tags(cue.text)}\n" for cue in _cues(transcript)
    )


def to_json(transcript: Transcript) -> str:
    """JSON (RFC 8259) with every field, on one line: several documents after one another are JSON Lines.

    The object's keys, in this order: `text`, `language` and `segments`, where openai-whisper has them, and
    `info`, with the fields of `TranscriptionInfo`. Each of `segments` has the fields of `Segment`; its
    `words` is null or has objects with the fields of `Word`. Fields keep their names and order, times are
    seconds, tuples are arrays, `all_language_probs` holds `[code, probability]` pairs. A number that is not
    finite is null; an option for which JSON has no form is its `str()`. Texts are as the model gave them,
    not escaped to ASCII; unpaired surrogates become U+FFFD.
    """
    document = {
        "text": transcript.text,
        "language": transcript.info.language,
        "segments": transcript.segments,
        "info": transcript.info,
    }
    return json.dumps(_plain(document), ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Transcript], str]] = MappingProxyType(
    {"txt": to_txt, "srt": to_srt, "vtt": to_vtt, "json": to_json, "tsv": to_tsv, "lrc": to_lrc}
)
"""Each format's function by the name of the format, which is also the suffix of its files."""


class _Cue(NamedTuple):
    start_ms: int
    end_ms: int
    text: str


def _cues(transcript: Transcript) -> list[_Cue]:
    """Give the segments that have something to show, in the order of their starts."""
    cues = []
    for segment in transcript.segments:
        text = _one_line(segment.text)
        if text:
            start_ms = _milliseconds(segment.start)
            cues.append(_Cue(start_ms, max(start_ms, _milliseconds(segment.end)), text))
    return sorted(cues, key=lambda cue: cue.start_ms)


def _one_line(text: str) -> str:
    line = _WHITE_SPACE.sub(lambda run: " " if _LINE_BREAK.search(run[0]) else run[0], text)
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", line)).strip()


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _clock(time_ms: int, decimal_mark: str) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{decimal_mark}{milliseconds:03d}"


def _lyrics_clock(time_ms: int) -> str:
    seconds, hundredths = divmod((time_ms + 5) // 10, 100)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes:02d}:{seconds:02d}.{hundredths:02d}"


def _without_time_tags(text: str) -> str:
    return _LRC_TIME_TAG.sub(r"(\1)", text)


def _plain(value: Any) -> Any:
    """Give the value in JSON's types, dataclasses as objects."""
    if isinstance(value, Mapping):
        return {_plain_scalar(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> str | int | float | None:
    """Give the value in JSON's scalar types; NumPy's numbers are registered as Integral and Real."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    return _SURROGATE.sub("\ufffd", str(value))
