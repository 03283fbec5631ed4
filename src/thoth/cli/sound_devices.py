"""What `thoth doctor` tells of sound: PortAudio and the devices that can record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thoth.errors import DeviceError

if TYPE_CHECKING:
    from thoth.audio.devices import Device


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
