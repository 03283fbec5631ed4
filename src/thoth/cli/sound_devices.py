"""Sound devices: how commands are given one, and what `thoth doctor` tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from thoth.errors import DeviceError

if TYPE_CHECKING:
    from thoth.audio.devices import Device

DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Index, name or part of one, as `thoth devices` lists them.")
]


def device_named(given: str | None) -> int | str | None:
    """Return what `thoth.Microphone` takes for the value of a `DeviceOption`."""
    return int(given) if given is not None and given.isascii() and given.isdigit() else given


def sound_devices() -> dict[str, Any]:
    """Tell PortAudio's version and the input devices, or what to install. Never raises."""
    try:
        return _facts()
    except Exception as error:
        why = error if isinstance(error, DeviceError) else f"PortAudio does not start: {error}"
        return {"portaudio": f"not usable; {why}", "input_devices": []}


def _facts() -> dict[str, Any]:
    from thoth.audio import portaudio
    from thoth.audio.devices import devices

    found = devices(probe=False)
    version = portaudio.sounddevice().get_portaudio_version()[1]
    return {"portaudio": version, "input_devices": list(map(_described, found))}


def _described(device: Device) -> str:
    return f"{device.name} ({device.channels} channels, {device.default_rate_hz:g} Hz)"
