"""The microphone: a PortAudio device as a live stream."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import Final

from thoth._native import Capture, Pump
from thoth.audio import portaudio
from thoth.audio.checks import checked_count, checked_seconds
from thoth.audio.device_stream import DeviceStream
from thoth.audio.live_input import PREROLL_S, LiveInput
from thoth.audio.samples import MAX_CHANNELS, MAX_RATE_HZ
from thoth.errors import AudioError, DeviceError

_log = logging.getLogger(__name__)

LATENCY_S: Final = 0.1
"""What PortAudio is asked to buffer: the time for which a busy machine may keep it from running.

It delivers in quarters of this, so that a sample waits some 12 ms on average."""

BUFFER_S: Final = 10.0
"""Thoth's own buffer behind the callback; 2 MB a channel at 48 kHz."""

STALL_S: Final = 0.75
"""A device that delivers nothing for so long is gone. PortAudio does not say so."""

_MOST_LATENCY_S: Final = 10.0
_RETRY_S: Final = 0.5
_LOOK_S: Final = 1.0
_LONGEST_JOIN_S: Final = 0.5


class Microphone(LiveInput):
    """A sound device as a live stream of 16 kHz mono samples.

    device: an index, a name or part of one as `thoth.devices()` lists them; None is the system's default.
    rate_hz, channels: what to open it with. None is the device's own rate; one channel. Where the device does not take
        what was asked for, its own is used. Channels are averaged, any rate is resampled to 16 kHz.
    preroll_s: how much of the past is kept for readers and recordings to come, 0 to 600 s.
    latency_s: what the system buffers, at most; less is quicker, and loses audio when the machine is busy.
    reconnect: when the device goes, keep the stream open and wait for it to come back; the time without is a `Loss` of
        cause "outage". Else the stream ends, and `read()` raises DeviceError after all that came before.

    The audio callback is native: it takes no lock, makes no system call and never waits for Python. What it could not
    store, because the machine was too busy for 10 s, is counted to the frame (`stats`). A device that delivers nothing
    for 0.75 s is gone; after opening it has 5 s to begin.

    Threads: as LiveInput. Keeps two threads of its own while it runs, PortAudio's and the core's, and one more with
    `reconnect`.
    """

    def __init__(
        self,
        device: int | str | None = None,
        *,
        rate_hz: int | None = None,
        channels: int = 1,
        preroll_s: float = PREROLL_S,
        latency_s: float = LATENCY_S,
        reconnect: bool = False,
    ) -> None:
        super().__init__(preroll_s=preroll_s)
        self._device = device
        self._rate_hz = None if rate_hz is None else checked_count("rate_hz", rate_hz, most=MAX_RATE_HZ)
        self._channels = checked_count("channels", channels, most=MAX_CHANNELS)
        self._latency_s = checked_seconds("latency_s", latency_s, most=_MOST_LATENCY_S, above_zero=True)
        self._reconnects = reconnect
        self._stream: DeviceStream | None = None
        self._last_stream: DeviceStream | None = None
        self._reconnector: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """The device's name, once it was opened."""
        if self._last_stream is not None:
            return self._last_stream.device.name
        return "the default microphone" if self._device is None else f"microphone {self._device!r}"

    def _new_pump(self) -> Pump:
        return Pump(self._preroll_s, stall_s=STALL_S, reconnects=self._reconnects)

    def _open(self, pump: Pump) -> None:
        self._stopping = threading.Event()
        self._connect(pump, self._device)
        if self._reconnects:
            self._reconnector = threading.Thread(
                target=_keep_connected,
                args=(weakref.ref(self), pump, self._stopping),
                name="thoth-reconnect",
                daemon=True,
            )
            self._reconnector.start()

    def _connect(self, pump: Pump, wanted: int | str | None) -> DeviceStream:
        stream = DeviceStream(
            wanted, rate_hz=self._rate_hz, channels=self._channels, latency_s=self._latency_s, buffer_s=BUFFER_S
        )
        try:
            pump.attach(stream.capture)
            stream.start()
        except BaseException:
            stream.close()
            if pump.state != "ended":
                pump.detach()
            raise
        self._stream = self._last_stream = stream
        return stream

    def _close(self) -> None:
        self._stopping.set()
        self._disconnect()

    def stop(self) -> None:
        """End the stream and free the device, within 2 s. What readers were given can still be read."""
        super().stop()
        if self._reconnector is not None:  # has seen that the stream has ended
            self._reconnector.join(_LONGEST_JOIN_S)

    def _disconnect(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _reconnect(self, pump: Pump, stopping: threading.Event) -> None:
        """Take the place of a stream that has stalled, as soon as its device is back."""
        _log.warning("%s: %s; waiting for it to come back", self.name, pump.failure)
        self._disconnect()
        pump.detach()
        while not stopping.is_set() and pump.state != "ended":
            try:
                # Of a device that comes back only the name is sure to be the same; another one shall not slip in.
                stream = self._connect(pump, self.name)
            except AudioError as error:
                _log.debug("%s is not back: %s", self.name, error)
                stopping.wait(_RETRY_S)
                _list_anew()
            else:
                _log.warning("%s is open again", self.name)
                if stopping.is_set():  # while it was being opened
                    stream.close()
                return

    def _capture(self) -> Capture:
        assert self._last_stream is not None  # there is no pump without one
        return self._last_stream.capture

    def _source_latency_s(self) -> float:
        assert self._last_stream is not None
        return self._last_stream.latency_s

    def _error(self, failure: str) -> AudioError:
        return DeviceError(
            f"{self.name}: {failure}: probably it was unplugged or switched off, or the sound server stopped. "
            "Start again when it is back, or choose another one of thoth.devices()"
        )


def _list_anew() -> None:
    try:
        portaudio.refresh()
    except DeviceError as error:
        _log.debug("%s", error)


def _keep_connected(forgettable: weakref.ref[Microphone], pump: Pump, stopping: threading.Event) -> None:
    """Reconnect the microphone whenever its stream stalls, until it ends or nobody has the microphone any more."""
    while not stopping.is_set():
        has_changed = pump.wait_while("running", _LOOK_S)
        microphone = forgettable()
        if microphone is None or pump.state == "ended":
            return
        if has_changed:
            microphone._reconnect(pump, stopping)
        del microphone
