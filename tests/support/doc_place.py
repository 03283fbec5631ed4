"""A fresh folder in which the examples of the documentation find what they name: recordings, models, a `thoth`.

What stands in, and for what:

- files of sound that an example names (talk.mp3, interview.m4a, …): a test recording, really encoded so;
- names of the catalogue (base.en, small, …): the built-in model, put into the text in their place, since nothing is
  downloaded here; a path of a model of one's own (…bin): a copy of the built-in model under that path;
- http://localhost:11434: a server that speaks the same protocol and takes the dictation's word "um" out;
- wl-copy, notify-send: programs that write what they get into a file.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Final

import av
import soundfile
from encoded_audio import encode, encode_video, recording
from thoth_command import RECORDINGS, ThothCommand

from thoth.dictation.history.store import History
from thoth.model.catalog import BUILTIN, CATALOG
from thoth.model.store import ASSETS

ENDPOINT: Final = "http://localhost:11434"
SPEECH: Final = "digits_03_2"
"""What the files that an example names hold."""

_SOUND: Final = re.compile(r"[\w./-]*\b[\w-]+\.(?:wav|mp3|m4a|mp4|flac|ogg|opus|webm|mkv)\b")
_MODEL: Final = re.compile(r"[\w./-]*\b[\w.-]+\.bin\b")
_CODECS: Final = {
    "wav": ("pcm_s16le", 16_000),
    "mp3": ("libmp3lame", 44_100),
    "m4a": ("aac", 44_100),
    "flac": ("flac", 44_100),
    "ogg": ("libvorbis", 44_100),
    "opus": ("libopus", 48_000),
    "webm": ("libopus", 48_000),
}
_MADE_BY_EXAMPLES: Final = re.compile(r"(?:Recorder\(\"|--save |record [^\n]*-o )([\w.-]+)")


@cache
def _catalogue_names() -> re.Pattern[str]:
    """A name of the catalogue where a model is named: in quotes, after -m or --model, and for `thoth models`."""
    names = "|".join(sorted(map(re.escape, CATALOG), key=len, reverse=True))
    options = "|".join(f"(?<={word} )" for word in ("-m", "--model", "pull"))
    return re.compile(rf"(?<=[\"'])(?:{names})(?=[\"'])|(?:{options})(?:{names})\b(?![-.])")


def with_stand_ins(text: str, endpoint: str) -> str:
    """The example with the built-in model for those of the catalogue, and a server that is there."""
    return _catalogue_names().sub(BUILTIN.name, text).replace(ENDPOINT, endpoint)


class DocPlace:
    """The folder, and the environment in which examples run there. Made anew for each page or block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stand_ins = folder / ".stand-ins"
        self.stand_ins.mkdir()
        (folder / "tests").mkdir()
        (folder / "tests" / "audio_files").symlink_to(RECORDINGS)
        self._put_program("thoth", f'exec "{sys.executable}" -m thoth "$@"')
        self._put_program("python", f'exec "{sys.executable}" "$@"')
        self._put_program("python3", f'exec "{sys.executable}" "$@"')
        for name in ("wl-copy", "notify-send"):
            self._put_program(name, f'{{ echo "$@"; cat; }} >> "{self.stand_ins}/{name}.got"')
        inherited = ThothCommand(folder / ".models").environment
        home = {name: os.fspath(folder / ".home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        self.environment = {
            **inherited,
            **home,
            "THOTH_HISTORY": os.fspath(folder / ".history"),
            "PATH": f"{self.stand_ins}{os.pathsep}{inherited['PATH']}",
            "COLUMNS": "100",
            "NO_PROXY": "127.0.0.1",
        }
        for variable in ("DISPLAY", "WAYLAND_DISPLAY", "CI"):
            self.environment.pop(variable, None)

    def furnish(self, text: str) -> None:
        """Put the files there that `text` names."""
        made = set(_MADE_BY_EXAMPLES.findall(text))
        for name in set(_SOUND.findall(text)) - made - {"missing.mp3"}:
            self._put_sound(self.folder / name)
        for name in set(_MODEL.findall(text)):
            path = self.folder / name
            if not path.is_absolute() or path.is_relative_to(self.folder):
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    shutil.copy(ASSETS / BUILTIN.file_name, path)
        if "history" in text:
            self._put_history()

    def _put_sound(self, path: Path) -> None:
        if path.exists() or not path.is_relative_to(self.folder):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        extension = path.suffix[1:]
        if extension in ("mp4", "mkv"):
            encode_video(path, recording(SPEECH))
        else:
            codec, rate_hz = _CODECS[extension]
            encode(path, recording(SPEECH), codec=codec, rate_hz=rate_hz)
        with av.open(str(path)) as container:
            assert container.streams.audio

    def _put_history(self) -> None:
        """17 dictations, as the examples count them: the last one failed, and its recording is there."""
        if (self.folder / ".history").exists():
            return
        with History(self.folder / ".history") as history:
            for number in range(1, 18):
                entry = history.begin(model=BUILTIN.name)
                assert entry.audio_path is not None
                soundfile.write(entry.audio_path, recording(SPEECH), 16_000)
                failed = number == 17
                history.finish(
                    entry.id,
                    "failed" if failed else "completed",
                    text="" if failed else "Three eight",
                    error="the model file was damaged" if failed else None,
                )

    def _put_program(self, name: str, body: str) -> None:
        path = self.stand_ins / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
