"""The one exception tree of Thoth.

    ThothError
    ├── AudioError          samples or a recording that cannot be used
    │   ├── DecodeError     a file that cannot be read as audio
    │   └── DeviceError     a sound device that cannot be opened, or that has gone
    ├── ModelError          a model that cannot be used
    │   ├── ModelNotFound   no such name in the catalogue, or not on this machine
    │   ├── InvalidModel    the file is not a well-formed Whisper model
    │   └── DownloadError   the model could not be fetched and verified
    ├── ModelBusy           the shared model was not free in the time allowed
    ├── Cancelled           the caller asked to stop
    ├── PipelineError       a session or a dictation that cannot do what it was asked
    │   ├── InvalidTransition   what was asked makes no sense in the state it is in
    │   ├── PipelineBusy        another dictation is under way
    │   ├── EnhancementError    the language model gave no usable text
    │   ├── OutputError         the text could not be put where it was wanted
    │   ├── HistoryError        the history of dictations cannot be read or written
    │   └── ShortcutError       a keyboard shortcut that cannot be had
    ├── WorkerError         the worker that runs the model failed, or takes no more work
    └── InvalidOption       an option with a value that makes no sense (also a ValueError)

An error that ends a transcription carries what was done so far as `partial`. Each message says what was wrong, with
which input, and what to do about it. The native core raises the same classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thoth.model.transcript import Transcript


class ThothError(Exception):
    """Base of every error that Thoth raises on purpose.

    `partial` is the transcript of what was finished when the error ended a transcription, else None: what was already
    turned into text is not lost with the rest.
    """

    partial: Transcript | None = None


class AudioError(ThothError):
    """Audio that cannot be used: wrong shape, dtype, rate or content."""


class DecodeError(AudioError):
    """A file, stream or byte string that cannot be decoded as audio."""


class DeviceError(AudioError):
    """A sound device that is not there, cannot be opened as asked, or stopped delivering."""


class ModelError(ThothError):
    """A model that cannot be used."""


class ModelNotFound(ModelError):
    """No model of that name or path is on this machine, or the name is unknown."""


class InvalidModel(ModelError):
    """The file is not a well-formed ggml Whisper model, or wake-word model; the message names what is at fault."""


class DownloadError(ModelError):
    """A model could not be downloaded and verified; nothing was put in its place."""


class ModelBusy(ThothError):
    """The model was in use and did not become free in the time the caller allowed."""


class Cancelled(ThothError):
    """The caller asked the run to stop."""


class PipelineError(ThothError):
    """A live session, or what is built on one, cannot do what it was asked."""


class InvalidTransition(PipelineError):
    """What was asked makes no sense in the present state; the message names the state and what can be done in it."""


class PipelineBusy(PipelineError):
    """Another dictation is under way; the message says in which state."""


class EnhancementError(PipelineError):
    """The language model could not be reached, or answered with what is no edited text; the raw text stands."""


class OutputError(PipelineError):
    """A sink did not take the text; the others, and the history, have it."""


class HistoryError(PipelineError):
    """The history of dictations cannot be read or written, or has no such entry."""


class ShortcutError(PipelineError):
    """A keyboard shortcut that cannot be registered, or keys that cannot be listened to here."""


class WorkerError(ThothError):
    """The worker that runs the model crashed, does not answer, or takes no more work."""


class InvalidOption(ThothError, ValueError):
    """An option has a value that makes no sense; the message names it and what it takes."""
