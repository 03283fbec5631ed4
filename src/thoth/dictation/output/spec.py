"""Sinks by the words of a command line or a settings file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from thoth.dictation.output.clipboard import ClipboardSink
from thoth.dictation.output.command import CommandSink
from thoth.dictation.output.file import FileSink
from thoth.dictation.output.paste import PasteSink
from thoth.dictation.output.sink import Sink
from thoth.dictation.output.stream import StreamSink
from thoth.dictation.output.typing_keys import TypingSink
from thoth.errors import InvalidOption

_ALONE: Final[dict[str, Callable[[], Sink]]] = {
    "stdout": StreamSink,
    "clipboard": ClipboardSink,
    "paste": PasteSink,
    "type": TypingSink,
}
_WITH_REST: Final[dict[str, tuple[str, Callable[[str], Sink]]]] = {
    "paste": ("KEYS", lambda keys: PasteSink(keys=keys)),
    "file": ("PATH", FileSink),
    "command": ("COMMAND LINE", CommandSink),
}


def sink_from(spec: str) -> Sink:
    """Make the sink that `spec` names.

    "stdout", "clipboard", "paste", "paste:KEYS" (as "paste:ctrl+shift+v"), "type", "file:PATH" and
    "command:COMMAND LINE", which is split as a shell would, without one. Raises InvalidOption for anything else, and
    OutputError, before anything is said, where the sink could not work: a package, a program, the display or a folder
    is missing.
    """
    kind, colon, rest = spec.partition(":")
    if not colon and kind in _ALONE:
        return _ALONE[kind]()
    if rest.strip() and kind in _WITH_REST:
        return _WITH_REST[kind][1](rest)
    forms = [*_ALONE, *(f"{name}:{what}" for name, (what, _) in _WITH_REST.items())]
    raise InvalidOption(f"output must be one of {', '.join(forms)}, not {spec!r}")
