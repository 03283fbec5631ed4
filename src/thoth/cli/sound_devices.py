"""What `thoth doctor` tells of sound: PortAudio and the devices that can record."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_HINTS = {
    "linux": "install PortAudio: 'sudo apt install libportaudio2', or your distribution's package of it",
    "darwin": "install PortAudio: 'brew install portaudio'",
}
_REINSTALL = "install it again: 'pip install --force-reinstall sounddevice'"


def sound_devices() -> dict[str, Any]:
    """Tell PortAudio's version and the input devices, or what to install. Never raises."""
    try:
        with _silent_stderr():
            import sounddevice
    except ImportError:
        return _absent("sounddevice is not installed: 'pip install sounddevice'")
    except OSError as error:  # the module is there, the library it loads is not
        return _absent(f"{error}: {_HINTS.get(sys.platform, _REINSTALL)}")
    try:
        with _silent_stderr():
            devices = list(sounddevice.query_devices())
            version = sounddevice.get_portaudio_version()[1]
    except Exception as error:
        return _absent(f"PortAudio does not start: {error}")
    inputs = [_described(device) for device in devices if device["max_input_channels"] > 0]
    return {"portaudio": version, "input_devices": inputs}


def _absent(why: str) -> dict[str, Any]:
    return {"portaudio": f"not usable; {why}", "input_devices": []}


def _described(device: Any) -> str:
    return f"{device['name']} ({device['max_input_channels']} channels, {device['default_samplerate']:g} Hz)"


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep ALSA and JACK, which PortAudio asks in turn, from writing what they lack to the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
