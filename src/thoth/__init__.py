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
    from thoth.errors import InvalidTransition as InvalidTransition
    from thoth.errors import ModelBusy as ModelBusy
    from thoth.errors import ModelError as ModelError
    from thoth.errors import ModelNotFound as ModelNotFound
    from thoth.errors import PipelineError as PipelineError
    from thoth.errors import ThothError as ThothError
    from thoth.errors import WorkerError as WorkerError
    from thoth.live.chunker import AdaptiveChunker as AdaptiveChunker
    from thoth.live.chunker import Chunk as Chunk
    from thoth.live.events import CatchingUp as CatchingUp
    from thoth.live.events import CaughtUp as CaughtUp
    from thoth.live.events import ChunkDropped as ChunkDropped
    from thoth.live.events import ChunkFailed as ChunkFailed
    from thoth.live.events import LoadingProgress as LoadingProgress
    from thoth.live.events import SpeechEnded as SpeechEnded
    from thoth.live.events import SpeechStarted as SpeechStarted
    from thoth.live.events import StateChanged as StateChanged
    from thoth.live.events import WorkerRestarted as WorkerRestarted
    from thoth.live.protocol import ModelLoaded as ModelLoaded
    from thoth.live.protocol import Transcribe as Transcribe
    from thoth.live.protocol import Transcription as Transcription
    from thoth.live.session import LiveSession as LiveSession
    from thoth.live.states import SessionState as SessionState
    from thoth.live.states import SessionStatus as SessionStatus
    from thoth.live.update import Gap as Gap
    from thoth.live.update import LiveTranscript as LiveTranscript
    from thoth.live.update import LiveUpdate as LiveUpdate
    from thoth.live.update import Utterance as Utterance
    from thoth.live.updates import LiveUpdates as LiveUpdates
    from thoth.live.worker import TranscriptionWorker as TranscriptionWorker
    from thoth.model.gate import Gate as Gate
    from thoth.model.options import CallOptions as CallOptions
    from thoth.model.options import TranscribeOptions as TranscribeOptions
    from thoth.model.progress import Progress as Progress
    from thoth.model.speech import VadOptions as VadOptions
    from thoth.model.stats import ClassStats as ClassStats
    from thoth.model.stats import GateStats as GateStats
    from thoth.model.stats import ModelStats as ModelStats
    from thoth.model.store import ModelStore as ModelStore
    from thoth.model.transcript import Segment as Segment
    from thoth.model.transcript import Transcript as Transcript
    from thoth.model.transcript import TranscriptionInfo as TranscriptionInfo
    from thoth.model.transcript import Word as Word
    from thoth.model.whisper import WhisperModel as WhisperModel
    from thoth.observe.events import Events as Events
    from thoth.observe.events import Subscription as Subscription
    from thoth.observe.metrics import Metrics as Metrics
    from thoth.observe.spans import Span as Span
    from thoth.observe.spans import TraceLevel as TraceLevel
    from thoth.observe.tracing import Tracer as Tracer
    from thoth.observe.tracing import tracer as tracer

_HOMES = {
    "AdaptiveChunker": "thoth.live.chunker",
    "AudioError": "thoth.errors",
    "CallOptions": "thoth.model.options",
    "CancelToken": "thoth._native",
    "Cancelled": "thoth.errors",
    "CatchingUp": "thoth.live.events",
    "CaughtUp": "thoth.live.events",
    "Chunk": "thoth.live.chunker",
    "ChunkDropped": "thoth.live.events",
    "ChunkFailed": "thoth.live.events",
    "ClassStats": "thoth.model.stats",
    "DecodeError": "thoth.errors",
    "Device": "thoth.audio.devices",
    "DeviceError": "thoth.errors",
    "DownloadError": "thoth.errors",
    "Events": "thoth.observe.events",
    "FileSource": "thoth.audio.file_source",
    "Gap": "thoth.live.update",
    "Gate": "thoth.model.gate",
    "GateStats": "thoth.model.stats",
    "InputStats": "thoth.audio.live_stats",
    "InvalidModel": "thoth.errors",
    "InvalidOption": "thoth.errors",
    "InvalidTransition": "thoth.errors",
    "LiveInput": "thoth.audio.live_input",
    "LiveSession": "thoth.live.session",
    "LiveTranscript": "thoth.live.update",
    "LiveUpdate": "thoth.live.update",
    "LiveUpdates": "thoth.live.updates",
    "LoadingProgress": "thoth.live.events",
    "Loss": "thoth.audio.live_stats",
    "Metrics": "thoth.observe.metrics",
    "Microphone": "thoth.audio.microphone",
    "ModelBusy": "thoth.errors",
    "ModelError": "thoth.errors",
    "ModelLoaded": "thoth.live.protocol",
    "ModelNotFound": "thoth.errors",
    "ModelStats": "thoth.model.stats",
    "ModelStore": "thoth.model.store",
    "PipelineError": "thoth.errors",
    "Progress": "thoth.model.progress",
    "Recorder": "thoth.audio.recorder",
    "Recording": "thoth.audio.recorder",
    "Segment": "thoth.model.transcript",
    "SessionState": "thoth.live.states",
    "SessionStatus": "thoth.live.states",
    "Span": "thoth.observe.spans",
    "SpeechEnded": "thoth.live.events",
    "SpeechStarted": "thoth.live.events",
    "StateChanged": "thoth.live.events",
    "Subscription": "thoth.observe.events",
    "ThothError": "thoth.errors",
    "TraceLevel": "thoth.observe.spans",
    "Tracer": "thoth.observe.tracing",
    "Transcribe": "thoth.live.protocol",
    "TranscribeOptions": "thoth.model.options",
    "Transcript": "thoth.model.transcript",
    "Transcription": "thoth.live.protocol",
    "TranscriptionInfo": "thoth.model.transcript",
    "TranscriptionWorker": "thoth.live.worker",
    "Utterance": "thoth.live.update",
    "VadOptions": "thoth.model.speech",
    "WhisperModel": "thoth.model.whisper",
    "Word": "thoth.model.transcript",
    "WorkerError": "thoth.errors",
    "WorkerRestarted": "thoth.live.events",
    "devices": "thoth.audio.devices",
    "tracer": "thoth.observe.tracing",
}

__all__ = [
    "AdaptiveChunker",
    "AudioError",
    "CallOptions",
    "CancelToken",
    "Cancelled",
    "CatchingUp",
    "CaughtUp",
    "Chunk",
    "ChunkDropped",
    "ChunkFailed",
    "ClassStats",
    "DecodeError",
    "Device",
    "DeviceError",
    "DownloadError",
    "Events",
    "FileSource",
    "Gap",
    "Gate",
    "GateStats",
    "InputStats",
    "InvalidModel",
    "InvalidOption",
    "InvalidTransition",
    "LiveInput",
    "LiveSession",
    "LiveTranscript",
    "LiveUpdate",
    "LiveUpdates",
    "LoadingProgress",
    "Loss",
    "Metrics",
    "Microphone",
    "ModelBusy",
    "ModelError",
    "ModelLoaded",
    "ModelNotFound",
    "ModelStats",
    "ModelStore",
    "PipelineError",
    "Progress",
    "Recorder",
    "Recording",
    "Segment",
    "SessionState",
    "SessionStatus",
    "Span",
    "SpeechEnded",
    "SpeechStarted",
    "StateChanged",
    "Subscription",
    "ThothError",
    "TraceLevel",
    "Tracer",
    "Transcribe",
    "TranscribeOptions",
    "Transcript",
    "Transcription",
    "TranscriptionInfo",
    "TranscriptionWorker",
    "Utterance",
    "VadOptions",
    "WhisperModel",
    "Word",
    "WorkerError",
    "WorkerRestarted",
    "__version__",
    "devices",
    "tracer",
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
