"""The sound devices that can record: what they are, what they take, and which one a user means."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, Final

from thoth.audio import portaudio
from thoth.errors import DeviceError, InvalidOption

CANDIDATE_RATES_HZ: Final = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000)

NO_INPUTS: Final = (
    "no sound device can record: plug in a microphone, or check that the sound server (PulseAudio, PipeWire) runs "
    "and that this user may use it"
)
"""What to say where `devices` gives ()."""


@dataclass(frozen=True, slots=True)
class Device:
    """A sound device with inputs.

    index: PortAudio's, good until the devices are listed anew.
    name, host_api: as PortAudio tells them. The same device may be there under several host APIs.
    channels: how many it records at most.
    default_rate_hz: what it runs at by itself.
    rates_hz: the rates at which a stream really opened; () if at none, as while another program holds the device; None
        if that was not tried.
    is_default: whether it is the system's default input.
    """

    index: int
    name: str
    host_api: str
    channels: int
    default_rate_hz: float
    is_default: bool
    rates_hz: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return f"{self.index} ({self.name}, {self.host_api})"


def devices(*, probe: bool = True) -> tuple[Device, ...]:
    """List the sound devices that can record, in PortAudio's order; () if there is none. Any thread.

    probe: find out `rates_hz` by opening each device, one channel of float32, at twelve rates from 8 to 192 kHz,
        without starting it. 10 to 30 ms a device under PulseAudio; hardware may take longer.

    The system is asked anew each time, unless a stream is open in this process: PortAudio keeps its list then.

    Raises DeviceError if PortAudio is missing, does not start, or hangs.
    """
    portaudio.refresh()
    found = _listed()
    return tuple(replace(device, rates_hz=_rates_that_open(device)) for device in found) if probe else found


def find_device(device: int | str | None = None) -> Device:
    """Find the input device that is meant, without opening it: `rates_hz` is None. Any thread.

    device: None is the system's default input, a number an index. A name is looked for as it stands, then, in any
        case, as part of "name, host API". Of several that match, the one of the system's preferred host API is taken.

    What is not found is looked for once more in a new list, unless a stream is open in this process.

    Raises DeviceError if there is no such device, if several match, or if it has no inputs; the message lists the
    candidates. InvalidOption for anything that cannot mean a device.
    """
    wanted = _checked(device)
    try:
        return _find(wanted)
    except DeviceError:
        if not portaudio.refresh():
            raise
        return _find(wanted)


def _checked(device: object) -> int | str | None:
    if device is None or (isinstance(device, str) and device.strip()):
        return device
    try:
        index = -1 if isinstance(device, bool | str) else operator.index(device)  # type: ignore[arg-type]
    except TypeError:
        index = -1
    if index < 0:
        raise InvalidOption(f"device is {device!r}: give an index from 0, a name or part of one, or None")
    return index


def _find(wanted: int | str | None) -> Device:
    inputs = _listed()
    if not inputs:
        raise DeviceError(NO_INPUTS)
    if wanted is None:
        return _default_of(inputs)
    return _by_index(wanted, inputs) if isinstance(wanted, int) else _by_name(wanted, inputs)


def _default_of(inputs: tuple[Device, ...]) -> Device:
    for device in inputs:
        if device.is_default:
            return device
    raise DeviceError(f"the system has no default input device: choose one of {_joined(inputs)}")


def _by_index(index: int, inputs: tuple[Device, ...]) -> Device:
    for device in inputs:
        if device.index == index:
            return device
    raise _not_found(f"{index}", index in _output_names(), inputs)


def _by_name(name: str, inputs: tuple[Device, ...]) -> Device:
    part = name.strip().casefold()
    found = [device for device in inputs if device.name == name] or [
        device for device in inputs if part in f"{device.name}, {device.host_api}".casefold()
    ]
    if len(found) > 1:
        found = _preferred(found)
    if len(found) > 1:
        raise DeviceError(f"{name!r} may be any of {_joined(found)}: give more of the name, or the index")
    if not found:
        raise _not_found(repr(name), any(part in output.casefold() for output in _output_names().values()), inputs)
    return found[0]


def _preferred(found: list[Device]) -> list[Device]:
    """Narrow it down to the host API that PortAudio takes the default device from, if that leaves one."""
    api = portaudio.call(_default_host_api, failure="the sound devices cannot be listed")
    there = [device for device in found if device.host_api == api]
    return there if len(there) == 1 else found


def _not_found(wanted: str, only_plays: bool, inputs: tuple[Device, ...]) -> DeviceError:
    why = "only plays and has no inputs" if only_plays else "is not there"
    return DeviceError(f"sound device {wanted} {why}: choose one of {_joined(inputs)}")


def _joined(found: list[Device] | tuple[Device, ...]) -> str:
    return ", ".join(map(str, found))


def _listed() -> tuple[Device, ...]:
    return portaudio.call(_list, failure="the sound devices cannot be listed")


def _list() -> tuple[Device, ...]:
    module = portaudio.sounddevice()
    apis = [api["name"] for api in module.query_hostapis()]
    default = module._lib.Pa_GetDefaultInputDevice()
    return tuple(
        Device(
            index=entry["index"],
            name=entry["name"],
            host_api=apis[entry["hostapi"]],
            channels=entry["max_input_channels"],
            default_rate_hz=entry["default_samplerate"],
            is_default=entry["index"] == default,
        )
        for entry in module.query_devices()
        if entry["max_input_channels"] > 0
    )


def _output_names() -> dict[int, str]:
    """Name the devices that only play, by index."""
    module = portaudio.sounddevice()
    entries: Any = portaudio.call(module.query_devices, failure="the sound devices cannot be listed")
    return {entry["index"]: entry["name"] for entry in entries if entry["max_input_channels"] == 0}


def _default_host_api() -> str:
    module = portaudio.sounddevice()
    name: str = module.query_hostapis(module._lib.Pa_GetDefaultHostApi())["name"]
    return name


def _rates_that_open(device: Device) -> tuple[int, ...]:
    return portaudio.call(
        lambda: tuple(rate for rate in CANDIDATE_RATES_HZ if _opens(device.index, rate)),
        failure=f"the rates of sound device {device} cannot be found out",
    )


def _opens(index: int, rate_hz: int) -> bool:
    """Open a stream and close it. PortAudio's check of the settings opens the device as well, and takes as long."""
    module = portaudio.sounddevice()
    try:
        module.RawInputStream(device=index, samplerate=rate_hz, channels=1, dtype="float32").close()
    except module.PortAudioError:
        return False
    return True
