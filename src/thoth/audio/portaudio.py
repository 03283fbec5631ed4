"""PortAudio through sounddevice: loaded on first use, one caller at a time, and never waited for without end.

PortAudio's own functions are not thread-safe, and several of them wait for the sound server without a limit: while a
PulseAudio daemon is frozen, opening, aborting and closing a stream hang, and so does PortAudio's first start. `call` is
therefore the way to them all, and `close` to end a stream.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, TypeVar

from thoth.errors import DeviceError

T = TypeVar("T")

LONGEST_CALL_S: Final = 5.0
"""A Bluetooth microphone takes up to three seconds to open; what takes longer hangs."""

LONGEST_CLOSE_S: Final = 1.0
"""Closing takes a few milliseconds unless it hangs."""

INVALID_SAMPLE_RATE: Final = -9997
INVALID_CHANNEL_COUNT: Final = -9998

_LIST = "`thoth devices` lists what there is"
_ADVICE: Final = {
    INVALID_SAMPLE_RATE: f"Choose another sample rate, or none for the device's own; {_LIST}",
    INVALID_CHANNEL_COUNT: f"Ask for fewer channels; {_LIST}",
    -9996: f"The device is gone, or has no inputs; {_LIST}",  # paInvalidDevice
    -9985: "End the program that uses it, or choose another device",  # paDeviceUnavailable
    -9993: "Check that the sound server (PulseAudio, PipeWire) runs",  # what ALSA gives when it cannot reach the server
}
_OTHER_ADVICE: Final = f"Check that it is plugged in and that no other program holds it; {_LIST}"
_HANGS: Final = "Restart the sound server (PulseAudio, PipeWire), or plug the device in again"

_LIBRARY_HINTS: Final = {
    "linux": "install PortAudio: 'sudo apt install libportaudio2', or your distribution's package of it",
    "darwin": "install PortAudio: 'brew install portaudio'",
}
_REINSTALL: Final = "install it again: 'pip install --force-reinstall sounddevice'"

_lock = threading.Lock()
"""Held while PortAudio works; a call that hangs keeps it until the sound server answers."""

_module: ModuleType | None = None


def sounddevice() -> Any:
    """Give the sounddevice module, imported and started on first use. Any thread.

    Raises DeviceError with what to install where it, or the PortAudio library, is missing.
    """
    global _module
    if _module is None:
        _module = _waited_for(_in_turn(_import, quiet=False), "PortAudio does not start", LONGEST_CALL_S)
    return _module


def call(
    action: Callable[[], T],
    *,
    failure: str,
    timeout_s: float = LONGEST_CALL_S,
    discard: Callable[[T], object] | None = None,
) -> T:
    """Run `action`, which uses PortAudio, in a thread of its own and return its result. Any thread; calls take turns.

    failure: begins the message if it fails: which device, and what could not be done.
    timeout_s: after this long, waiting for its turn included, the call is given up and left to itself.
    discard: what to do with a result that comes after the caller gave up, as closing a stream opened too late.

    What anything writes to file descriptor 2 meanwhile is lost. `action` must not come back here: the lock is not
    re-entrant.

    Raises DeviceError for PortAudio's errors, and when time is up: then the process will end without terminating
    PortAudio, which would hang as well. Memory that PortAudio was given must be kept from then on: a stream may still
    come to life.
    """
    module = sounddevice()
    try:
        return _waited_for(_in_turn(action), failure, timeout_s, discard)
    except module.PortAudioError as error:
        raise _device_error(failure, error) from error.with_traceback(None)


def close(stream: Any, *, failure: str, timeout_s: float = LONGEST_CLOSE_S) -> None:
    """Abort a stream, running or not, and close it. Any thread, once per stream.

    Raises DeviceError when that hangs; as with `call`, the callback may then still come to life.
    """

    def abort_and_close() -> None:
        stream.abort()  # touches this stream alone, so it need not wait for a call that hangs
        with _lock:
            stream.close()

    _waited_for(abort_and_close, failure, timeout_s)


def refresh() -> bool:
    """List the devices anew, which PortAudio can only do from its start; tell whether that was possible.

    It is not while any stream of this process is open, be it Thoth's or another sounddevice user's. Device indexes may
    change. Raises DeviceError. Any thread.
    """
    module = sounddevice()
    failure = "the sound devices cannot be listed"
    try:
        return _waited_for(_in_turn(lambda: _restart(module), quiet=False), failure, LONGEST_CALL_S)
    except module.PortAudioError as error:
        raise _device_error(failure, error) from error.with_traceback(None)


def error_code(error: DeviceError) -> int | None:
    """Give PortAudio's number of the error behind `error`, such as INVALID_SAMPLE_RATE; None if there is none."""
    return _code(error.__cause__)


def _import() -> ModuleType:
    try:
        import sounddevice
    except ImportError as error:
        raise DeviceError("sounddevice is not installed: 'pip install sounddevice'") from error
    except OSError as error:  # the module is there, the library it loads is not
        raise DeviceError(f"{error}: {_LIBRARY_HINTS.get(sys.platform, _REINSTALL)}") from error
    except Exception as error:  # its PortAudioError, whose class cannot be had then
        raise DeviceError(f"PortAudio does not start: {error}. {_REINSTALL}") from error
    return sounddevice  # type: ignore[no-any-return]


def _restart(module: Any) -> bool:
    if _has_open_streams(module):
        return False
    depth = module._initialized
    for _ in range(depth):
        module._terminate()
    for _ in range(max(depth, 1)):  # 0 after a start that failed
        module._initialize()
    return True


def _has_open_streams(module: Any) -> bool:
    """Look for streams among all objects: terminating PortAudio would free them under their users' feet."""
    return any(issubclass(type(found), module._StreamBase) and not found.closed for found in gc.get_objects())


def _waited_for(
    action: Callable[[], T], failure: str, timeout_s: float, discard: Callable[[T], object] | None = None
) -> T:
    future: Future[T] = Future()
    threading.Thread(target=_settle, args=(action, future), name="thoth-portaudio", daemon=True).start()
    try:
        in_time = bool(wait([future], timeout_s).done)
    except BaseException:  # Ctrl-C
        _abandon(future, discard)
        raise
    if not in_time:
        _abandon(future, discard)
        raise DeviceError(f"{failure}: the sound system did not answer within {timeout_s:g} s. {_HANGS}")
    return future.result()


def _in_turn(action: Callable[[], T], *, quiet: bool = True) -> Callable[[], T]:
    def run() -> T:
        with _lock, _stderr.silent() if quiet else _stderr.kept():
            return action()

    return run


def _settle(action: Callable[[], T], future: Future[T]) -> None:
    try:
        result = action()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def _abandon(future: Future[T], discard: Callable[[T], object] | None) -> None:
    """Leave a call to itself: nothing of it may stay in the way, at the latest when the process ends."""
    _stderr.give_back()
    loaded = sys.modules.get("sounddevice")
    if (at_exit := getattr(loaded, "_exit_handler", None)) is not None:
        atexit.unregister(at_exit)

    def dispose(late: Future[T]) -> None:
        if discard is not None and late.exception() is None:
            with _lock:
                discard(late.result())

    future.add_done_callback(dispose)


def _device_error(failure: str, error: Exception) -> DeviceError:
    """Put PortAudio's error into words.

    Who raises it strips the original of its traceback, which keeps a half-made stream alive: it passes for an open one.
    """
    advice = _ADVICE.get(_code(error) or 0, _OTHER_ADVICE)
    return DeviceError(f"{failure}: {_reason(error)}. {advice}")


def _reason(error: Exception) -> str:
    """Say it as PortAudio does, without what sounddevice puts before, and as the host API does if it had a say.

    ALSA's say reaches PortAudio only from the thread that started it, and is empty otherwise.
    """
    host = error.args[2] if len(error.args) > 2 else None
    if host and host[2]:
        return f"{host[2]} (host error {host[1]})"
    text = str(error.args[0]).rpartition(": ")[2]
    return f"{text} (PortAudio error {_code(error)})"


def _code(error: BaseException | None) -> int | None:
    code = error.args[1] if error is not None and len(error.args) > 1 else None
    return code if isinstance(code, int) else None


class _Stderr:
    """File descriptor 2, where ALSA, JACK and PortAudio itself write what they lack, past Python.

    `silent` and `kept` are for the holder of PortAudio's lock, `give_back` for any thread. `kept` is for what silences
    stderr itself, as sounddevice does when PortAudio starts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._original: int | None = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        with self.kept():
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                if self._original is not None:
                    os.dup2(nowhere, 2)
            finally:
                os.close(nowhere)
            yield

    @contextmanager
    def kept(self) -> Iterator[None]:
        try:
            self._original = os.dup(2)
        except OSError:  # a process without one
            self._original = None
        try:
            yield
        finally:
            self.give_back()
            with self._lock:
                original, self._original = self._original, None
            if original is not None:
                os.close(original)

    def give_back(self) -> None:
        """Let stderr be what it was, even while a call that silenced it still hangs."""
        with self._lock:
            if self._original is not None:
                os.dup2(self._original, 2)


_stderr: Final = _Stderr()
