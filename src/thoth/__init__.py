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
    from thoth.dictation.enhance.enhancer import Enhancer as Enhancer
    from thoth.dictation.enhance.text_enhancer import TextEnhancer as TextEnhancer
    from thoth.dictation.events import PipelineComplete as PipelineComplete
    from thoth.dictation.events import PipelineProgress as PipelineProgress
    from thoth.dictation.events import ShortcutPressed as ShortcutPressed
    from thoth.dictation.events import ShortcutReleased as ShortcutReleased
    from thoth.dictation.events import ShortcutTriggered as ShortcutTriggered
    from thoth.dictation.filters.chain import FilterChain as FilterChain
    from thoth.dictation.filters.chain import filters_for as filters_for
    from thoth.dictation.filters.settings import FilterSettings as FilterSettings
    from thoth.dictation.hands_free import HandsFree as HandsFree
    from thoth.dictation.history.entry import HistoryEntry as HistoryEntry
    from thoth.dictation.history.store import History as History
    from thoth.dictation.output.callable import CallableSink as CallableSink
    from thoth.dictation.output.clipboard import ClipboardSink as ClipboardSink
    from thoth.dictation.output.command import CommandSink as CommandSink
    from thoth.dictation.output.file import FileSink as FileSink
    from thoth.dictation.output.paste import PasteSink as PasteSink
    from thoth.dictation.output.sink import Sink as Sink
    from thoth.dictation.output.spec import sink_from as sink_from
    from thoth.dictation.output.stream import StreamSink as StreamSink
    from thoth.dictation.output.typing_keys import TypingSink as TypingSink
    from thoth.dictation.pipeline import Dictation as Dictation
    from thoth.dictation.result import DictationResult as DictationResult
    from thoth.dictation.shortcuts.key_listener import KeyListener as KeyListener
    from thoth.dictation.shortcuts.manager import Shortcut as Shortcut
    from thoth.dictation.shortcuts.manager import ShortcutManager as ShortcutManager
    from thoth.dictation.states import PipelineState as PipelineState
    from thoth.errors import AudioError as AudioError
    from thoth.errors import Cancelled as Cancelled
    from thoth.errors import DecodeError as DecodeError
    from thoth.errors import DeviceError as DeviceError
    from thoth.errors import DownloadError as DownloadError
    from thoth.errors import EnhancementError as EnhancementError
    from thoth.errors import HistoryError as HistoryError
    from thoth.errors import InvalidModel as InvalidModel
    from thoth.errors import InvalidOption as InvalidOption
    from thoth.errors import InvalidTransition as InvalidTransition
    from thoth.errors import ModelBusy as ModelBusy
    from thoth.errors import ModelError as ModelError
    from thoth.errors import ModelNotFound as ModelNotFound
    from thoth.errors import OutputError as OutputError
    from thoth.errors import PipelineBusy as PipelineBusy
    from thoth.errors import PipelineError as PipelineError
    from thoth.errors import ShortcutError as ShortcutError
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
    from thoth.wake.detection import Wake as Wake
    from thoth.wake.detection import WakePassFailed as WakePassFailed
    from thoth.wake.detection import WakeStats as WakeStats
    from thoth.wake.listener import WakeListener as WakeListener
    from thoth.wake.openwakeword import OpenWakeWord as OpenWakeWord
    from thoth.wake.phrase import PhraseMatcher as PhraseMatcher
    from thoth.wake.wakeword import WakeWord as WakeWord

_HOMES = {
    "AdaptiveChunker": "thoth.live.chunker",
    "AudioError": "thoth.errors",
    "CallOptions": "thoth.model.options",
    "CallableSink": "thoth.dictation.output.callable",
    "CancelToken": "thoth._native",
    "Cancelled": "thoth.errors",
    "CatchingUp": "thoth.live.events",
    "CaughtUp": "thoth.live.events",
    "Chunk": "thoth.live.chunker",
    "ChunkDropped": "thoth.live.events",
    "ChunkFailed": "thoth.live.events",
    "ClassStats": "thoth.model.stats",
    "ClipboardSink": "thoth.dictation.output.clipboard",
    "CommandSink": "thoth.dictation.output.command",
    "DecodeError": "thoth.errors",
    "Device": "thoth.audio.devices",
    "DeviceError": "thoth.errors",
    "Dictation": "thoth.dictation.pipeline",
    "DictationResult": "thoth.dictation.result",
    "DownloadError": "thoth.errors",
    "EnhancementError": "thoth.errors",
    "Enhancer": "thoth.dictation.enhance.enhancer",
    "Events": "thoth.observe.events",
    "FileSink": "thoth.dictation.output.file",
    "FileSource": "thoth.audio.file_source",
    "FilterChain": "thoth.dictation.filters.chain",
    "FilterSettings": "thoth.dictation.filters.settings",
    "Gap": "thoth.live.update",
    "Gate": "thoth.model.gate",
    "GateStats": "thoth.model.stats",
    "HandsFree": "thoth.dictation.hands_free",
    "History": "thoth.dictation.history.store",
    "HistoryEntry": "thoth.dictation.history.entry",
    "HistoryError": "thoth.errors",
    "InputStats": "thoth.audio.live_stats",
    "InvalidModel": "thoth.errors",
    "InvalidOption": "thoth.errors",
    "InvalidTransition": "thoth.errors",
    "KeyListener": "thoth.dictation.shortcuts.key_listener",
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
    "OpenWakeWord": "thoth.wake.openwakeword",
    "OutputError": "thoth.errors",
    "PasteSink": "thoth.dictation.output.paste",
    "PhraseMatcher": "thoth.wake.phrase",
    "PipelineBusy": "thoth.errors",
    "PipelineComplete": "thoth.dictation.events",
    "PipelineError": "thoth.errors",
    "PipelineProgress": "thoth.dictation.events",
    "PipelineState": "thoth.dictation.states",
    "Progress": "thoth.model.progress",
    "Recorder": "thoth.audio.recorder",
    "Recording": "thoth.audio.recorder",
    "Segment": "thoth.model.transcript",
    "SessionState": "thoth.live.states",
    "SessionStatus": "thoth.live.states",
    "Shortcut": "thoth.dictation.shortcuts.manager",
    "ShortcutError": "thoth.errors",
    "ShortcutManager": "thoth.dictation.shortcuts.manager",
    "ShortcutPressed": "thoth.dictation.events",
    "ShortcutReleased": "thoth.dictation.events",
    "ShortcutTriggered": "thoth.dictation.events",
    "Sink": "thoth.dictation.output.sink",
    "Span": "thoth.observe.spans",
    "SpeechEnded": "thoth.live.events",
    "SpeechStarted": "thoth.live.events",
    "StateChanged": "thoth.live.events",
    "StreamSink": "thoth.dictation.output.stream",
    "Subscription": "thoth.observe.events",
    "TextEnhancer": "thoth.dictation.enhance.text_enhancer",
    "ThothError": "thoth.errors",
    "TraceLevel": "thoth.observe.spans",
    "Tracer": "thoth.observe.tracing",
    "Transcribe": "thoth.live.protocol",
    "TranscribeOptions": "thoth.model.options",
    "Transcript": "thoth.model.transcript",
    "Transcription": "thoth.live.protocol",
    "TranscriptionInfo": "thoth.model.transcript",
    "TranscriptionWorker": "thoth.live.worker",
    "TypingSink": "thoth.dictation.output.typing_keys",
    "Utterance": "thoth.live.update",
    "VadOptions": "thoth.model.speech",
    "Wake": "thoth.wake.detection",
    "WakeListener": "thoth.wake.listener",
    "WakePassFailed": "thoth.wake.detection",
    "WakeStats": "thoth.wake.detection",
    "WakeWord": "thoth.wake.wakeword",
    "WhisperModel": "thoth.model.whisper",
    "Word": "thoth.model.transcript",
    "WorkerError": "thoth.errors",
    "WorkerRestarted": "thoth.live.events",
    "devices": "thoth.audio.devices",
    "filters_for": "thoth.dictation.filters.chain",
    "sink_from": "thoth.dictation.output.spec",
    "tracer": "thoth.observe.tracing",
}

__all__ = [
    "AdaptiveChunker",
    "AudioError",
    "CallOptions",
    "CallableSink",
    "CancelToken",
    "Cancelled",
    "CatchingUp",
    "CaughtUp",
    "Chunk",
    "ChunkDropped",
    "ChunkFailed",
    "ClassStats",
    "ClipboardSink",
    "CommandSink",
    "DecodeError",
    "Device",
    "DeviceError",
    "Dictation",
    "DictationResult",
    "DownloadError",
    "EnhancementError",
    "Enhancer",
    "Events",
    "FileSink",
    "FileSource",
    "FilterChain",
    "FilterSettings",
    "Gap",
    "Gate",
    "GateStats",
    "HandsFree",
    "History",
    "HistoryEntry",
    "HistoryError",
    "InputStats",
    "InvalidModel",
    "InvalidOption",
    "InvalidTransition",
    "KeyListener",
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
    "OpenWakeWord",
    "OutputError",
    "PasteSink",
    "PhraseMatcher",
    "PipelineBusy",
    "PipelineComplete",
    "PipelineError",
    "PipelineProgress",
    "PipelineState",
    "Progress",
    "Recorder",
    "Recording",
    "Segment",
    "SessionState",
    "SessionStatus",
    "Shortcut",
    "ShortcutError",
    "ShortcutManager",
    "ShortcutPressed",
    "ShortcutReleased",
    "ShortcutTriggered",
    "Sink",
    "Span",
    "SpeechEnded",
    "SpeechStarted",
    "StateChanged",
    "StreamSink",
    "Subscription",
    "TextEnhancer",
    "ThothError",
    "TraceLevel",
    "Tracer",
    "Transcribe",
    "TranscribeOptions",
    "Transcript",
    "Transcription",
    "TranscriptionInfo",
    "TranscriptionWorker",
    "TypingSink",
    "Utterance",
    "VadOptions",
    "Wake",
    "WakeListener",
    "WakePassFailed",
    "WakeStats",
    "WakeWord",
    "WhisperModel",
    "Word",
    "WorkerError",
    "WorkerRestarted",
    "__version__",
    "devices",
    "filters_for",
    "sink_from",
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
