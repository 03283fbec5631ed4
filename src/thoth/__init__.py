"""Thoth: speech to text on the machine where it is spoken.

    import thoth

    model = thoth.WhisperModel("base.en")
    print(model.transcribe("talk.mp3").text)

Everything in `__all__` is the public interface. Names are loaded when first used, so that importing the package costs
next to nothing.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

# What goes wrong is raised; the log is for whoever sets one up.
logging.getLogger("thoth").addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from thoth._native import CancelToken as CancelToken
    from thoth.audio.devices import Device as Device
    from thoth.audio.devices import devices as devices
    from thoth.audio.file_source import FileSource as FileSource
    from thoth.audio.live_input import LiveInput as LiveInput
    from thoth.audio.live_stats import InputStats as InputStats
    from thoth.audio.live_stats import Loss as Loss
    from thoth.audio.microphone import Microphone as Microphone
    from thoth.audio.recorder import Recorder as Recorder
    from thoth.audio.recorder import Recording as Recording
    from thoth.errors import AudioError as AudioError
    from thoth.errors import Cancelled as Cancelled
    from thoth.errors import DecodeError as DecodeError
    from thoth.errors import DeviceError as DeviceError
    from thoth.errors import DownloadError as DownloadError
    from thoth.errors import InvalidModel as InvalidModel
    from thoth.errors import InvalidOption as InvalidOption
    from thoth.errors import ModelBusy as ModelBusy
    from thoth.errors import ModelError as ModelError
    from thoth.errors import ModelNotFound as ModelNotFound
    from thoth.errors import ThothError as ThothError
    from thoth.model.options import CallOptions as CallOptions
    from thoth.model.options import TranscribeOptions as TranscribeOptions
    from thoth.model.progress import Progress as Progress
    from thoth.model.speech import VadOptions as VadOptions
    from thoth.model.store import ModelStore as ModelStore
    from thoth.model.transcript import Segment as Segment
    from thoth.model.transcript import Transcript as Transcript
    from thoth.model.transcript import TranscriptionInfo as TranscriptionInfo
    from thoth.model.transcript import Word as Word
    from thoth.model.whisper import WhisperModel as WhisperModel

_HOMES = {
    "AudioError": "thoth.errors",
    "CallOptions": "thoth.model.options",
    "CancelToken": "thoth._native",
    "Cancelled": "thoth.errors",
    "DecodeError": "thoth.errors",
    "Device": "thoth.audio.devices",
    "DeviceError": "thoth.errors",
    "DownloadError": "thoth.errors",
    "FileSource": "thoth.audio.file_source",
    "InputStats": "thoth.audio.live_stats",
    "InvalidModel": "thoth.errors",
    "InvalidOption": "thoth.errors",
    "LiveInput": "thoth.audio.live_input",
    "Loss": "thoth.audio.live_stats",
    "Microphone": "thoth.audio.microphone",
    "ModelBusy": "thoth.errors",
    "ModelError": "thoth.errors",
    "ModelNotFound": "thoth.errors",
    "ModelStore": "thoth.model.store",
    "Progress": "thoth.model.progress",
    "Recorder": "thoth.audio.recorder",
    "Recording": "thoth.audio.recorder",
    "Segment": "thoth.model.transcript",
    "ThothError": "thoth.errors",
    "TranscribeOptions": "thoth.model.options",
    "Transcript": "thoth.model.transcript",
    "TranscriptionInfo": "thoth.model.transcript",
    "VadOptions": "thoth.model.speech",
    "WhisperModel": "thoth.model.whisper",
    "Word": "thoth.model.transcript",
    "devices": "thoth.audio.devices",
}

__all__ = [
    "AudioError",
    "CallOptions",
    "CancelToken",
    "Cancelled",
    "DecodeError",
    "Device",
    "DeviceError",
    "DownloadError",
    "FileSource",
    "InputStats",
    "InvalidModel",
    "InvalidOption",
    "LiveInput",
    "Loss",
    "Microphone",
    "ModelBusy",
    "ModelError",
    "ModelNotFound",
    "ModelStore",
    "Progress",
    "Recorder",
    "Recording",
    "Segment",
    "ThothError",
    "TranscribeOptions",
    "Transcript",
    "TranscriptionInfo",
    "VadOptions",
    "WhisperModel",
    "Word",
    "__version__",
    "devices",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("thoth-speech")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'thoth' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
