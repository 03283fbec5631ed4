"""Events as JSON: names as programs know them, and values that any JSON parser reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import thoth
from thoth.dictation.events import PipelineComplete, PipelineProgress, ShortcutTriggered
from thoth.dictation.result import DictationResult
from thoth.errors import DeviceError
from thoth.observe.event_json import as_json
from thoth.wake.detection import Wake


def read_back(event: Any) -> Any:
    """What a strict parser makes of it."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(json.dumps(as_json(event)), parse_constant=refuse)


def test_names_are_in_kebab_case_and_fields_in_camel_case() -> None:
    assert read_back(PipelineProgress("recording", "recording")) == {
        "event": "pipeline-progress",
        "state": "recording",
        "message": "recording",
    }
    assert read_back(ShortcutTriggered("dictate", "ctrl+alt+d"))["event"] == "shortcut-triggered"


def test_a_result_is_converted_as_deep_as_it_goes() -> None:
    result = DictationResult(
        id=7,
        state="completed",
        text="où \N{MUSICAL SYMBOL G CLEF}",
        is_enhanced=True,
        audio_path=Path("/some/where.wav"),
        audio_s=2.5,
        durations={"recording": 2.5, "transcribing": 0.25},
        losses=(thoth.Loss("outage", 8000, 16_000, 1.0, 0.5),),
        error=DeviceError("unplugged"),
        problems=("one", "two"),
    )
    told = read_back(PipelineComplete(result))
    assert told["event"] == "pipeline-complete"
    assert told["result"] == {
        "id": 7,
        "state": "completed",
        "text": "où \N{MUSICAL SYMBOL G CLEF}",
        "rawText": "",
        "isEnhanced": True,
        "audioPath": "/some/where.wav",
        "audioS": 2.5,
        "durations": {"recording": 2.5, "transcribing": 0.25},
        "losses": [{"cause": "outage", "frames": 8000, "firstFrame": 16_000, "atS": 1.0, "silenceS": 0.5}],
        "error": {"type": "DeviceError", "message": "unplugged"},
        "problems": ["one", "two"],
    }


def test_a_live_update_holds_its_words() -> None:
    update = thoth.LiveUpdate(" two", "", (thoth.Word(0.1, 0.4, " two", 0.9),), (), False, 1, 0.0, 0.5, 0.01)
    told = read_back(update)
    assert told["event"] == "live-update"
    assert told["words"] == [{"start": 0.1, "end": 0.4, "word": " two", "probability": 0.9}]
    assert told["isFinal"] is False


def test_what_json_has_no_word_for_is_still_json() -> None:
    @dataclass
    class Odd:
        nan: float
        infinite: float
        numpy: Any
        count: Any
        names: frozenset[str]
        kind: type
        raw: bytes

    told = read_back(
        Odd(float("nan"), float("-inf"), np.float32(0.5), np.int64(3), frozenset({"a"}), DictationResult, b"x")
    )
    assert told == {
        "event": "odd",
        "nan": None,
        "infinite": None,
        "numpy": 0.5,
        "count": 3,
        "names": ["a"],
        "kind": str(DictationResult),
        "raw": "b'x'",
    }


def test_a_wake_scored_by_numpy_can_be_written() -> None:
    wake = Wake("alexa", np.float32(0.75), 1.0, 1.5, 1.6, "", "")  # type: ignore[arg-type]
    assert read_back(wake)["score"] == 0.75
