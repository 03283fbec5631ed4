"""The public names, pinned: a change here is a change of the interface."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import thoth

PUBLIC = [
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


def test_the_public_names_are_these() -> None:
    assert thoth.__all__ == PUBLIC
    assert dir(thoth) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(thoth, name) is not None


def test_the_version_is_the_distributions() -> None:
    assert thoth.__version__ == importlib.metadata.version("thoth-speech")


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(thoth, "WisperModel")


def test_the_exception_tree() -> None:
    tree = {
        "AudioError": "ThothError",
        "DecodeError": "AudioError",
        "DeviceError": "AudioError",
        "ModelError": "ThothError",
        "ModelNotFound": "ModelError",
        "InvalidModel": "ModelError",
        "DownloadError": "ModelError",
        "ModelBusy": "ThothError",
        "Cancelled": "ThothError",
        "InvalidOption": "ThothError",
        "PipelineError": "ThothError",
        "InvalidTransition": "PipelineError",
        "PipelineBusy": "PipelineError",
        "EnhancementError": "PipelineError",
        "OutputError": "PipelineError",
        "HistoryError": "PipelineError",
        "ShortcutError": "PipelineError",
        "WorkerError": "ThothError",
    }
    for name, parent in tree.items():
        assert getattr(thoth, name).__bases__[0] is getattr(thoth, parent)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, thoth; print(sorted({name.partition('.')[0] for name in sys.modules} & heavy))"
    names = ("numpy", "av", "httpx", "typer", "rich", "sounddevice", "asyncio", "pynput", "rapidfuzz", "sqlite3")
    heavy = f"heavy = {set(names)}; "
    done = subprocess.run([sys.executable, "-c", heavy + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
