"""An open PortAudio input stream that drives a native Capture."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Final

from thoth._native import Capture
from thoth.audio import portaudio
from thoth.audio.devices import Device, find_device
from thoth.audio.samples import MAX_CHANNELS
from thoth.errors import DeviceError

_log = logging.getLogger(__name__)

_REFUSED_FORMATS: Final = (portaudio.INVALID_SAMPLE_RATE, portaudio.INVALID_CHANNEL_COUNT)

_in_use: set[Capture] = set()
"""PortAudio holds a bare address, and goes on using it if a close hangs: whatever Python forgets, these stay."""


class _Renumbered(DeviceError):
    """The list of devices was made anew since the device was found."""


class DeviceStream:
    """One opening of a device: float32, in blocks of whatever length the system likes.

    device: as `find_device` takes it.
    rate_hz, channels: what to ask for; where the device does not take that, its own is used. None is the device's own
        rate.
    latency_s: what the system buffers, at most. buffer_s: what the Capture holds behind it.

    Raises DeviceError, and InvalidOption for numbers out of range. Threads: one at a time.
    """

    def __init__(
        self, device: int | str | None, *, rate_hz: int | None, channels: int, latency_s: float, buffer_s: float
    ) -> None:
        self._latency_s = latency_s
        self.device = find_device(device)
        try:
            self.capture, self._stream = self._open(rate_hz, channels, buffer_s)
        except _Renumbered:
            self.device = find_device(device)
            self.capture, self._stream = self._open(rate_hz, channels, buffer_s)
        _in_use.add(self.capture)
        # Also of a stream that was forgotten: the device would stay open.
        self._finalizer = weakref.finalize(self, _close_later, self._stream, self.capture, self.device.name)
        self._finalizer.atexit = False  # PortAudio then closes what is open by itself

    @property
    def latency_s(self) -> float:
        """From the air to the callback, as PortAudio states it."""
        return float(self._stream.latency)

    def start(self) -> None:
        """Let the device run. Raises DeviceError."""
        portaudio.call(self._stream.start, failure=f"{self.device.name} does not start")

    def close(self) -> None:
        """Stop and close, within a second. When that hangs, it is logged and left behind. May be called again."""
        if self._finalizer.detach() is not None:
            _close(self._stream, self.capture, self.device.name)

    def _open(self, rate_hz: int | None, channels: int, buffer_s: float) -> tuple[Capture, Any]:
        refusal: DeviceError | None = None
        for rate, count in _formats(self.device, rate_hz, channels):
            capture = Capture(rate, count, buffer_s)
            try:
                return capture, self._open_on(capture)
            except DeviceError as error:
                if portaudio.error_code(error) not in _REFUSED_FORMATS:
                    raise
                refusal = refusal or error
        assert refusal is not None
        raise refusal

    def _open_on(self, capture: Capture) -> Any:
        sounddevice = portaudio.sounddevice()
        ffi = sounddevice._ffi

        def open_it() -> Any:
            # In one turn with the opening: a list made anew in between gives the number to another device.
            if sounddevice.query_devices(self.device.index)["name"] != self.device.name:
                raise _Renumbered(f"{self.device.name} is not where it was: list the devices again")
            return sounddevice._StreamBase(
                kind="input",
                device=self.device.index,
                samplerate=capture.rate_hz,
                channels=capture.channels,
                dtype="float32",
                latency=self._latency_s,
                # The system's own blocks: a fixed size is put together by PortAudio, and then comes in bursts.
                blocksize=0,
                callback=ffi.cast("PaStreamCallback*", capture.callback_address),
                userdata=ffi.cast("void*", capture.userdata_address),
                wrap_callback=None,
            )

        return portaudio.call(
            open_it,
            failure=f"{self.device.name} cannot be opened at {capture.rate_hz:g} Hz with {capture.channels} channel(s)",
            discard=lambda stream: stream.close(),
        )


def _formats(device: Device, rate_hz: int | None, channels: int) -> Iterator[tuple[float, int]]:
    """Yield rates and channel counts to try: what was asked for, then with the device's own in place of either."""
    own = device.default_rate_hz
    asked = own if rate_hz is None else rate_hz
    yield from dict.fromkeys(
        (rate, count) for count in (channels, min(device.channels, MAX_CHANNELS)) for rate in (asked, own)
    )


def _close_later(stream: Any, capture: Capture, name: str) -> None:
    """Close a stream that was forgotten; without waiting, since whoever collects garbage may be inside PortAudio."""
    threading.Thread(target=_close, args=(stream, capture, name), name="thoth-close", daemon=True).start()


def _close(stream: Any, capture: Capture, name: str) -> None:
    try:
        portaudio.close(stream, failure=f"{name} cannot be closed")
    except DeviceError as error:
        _log.warning("%s", error)  # what it has captured is there all the same
    else:
        _in_use.discard(capture)
