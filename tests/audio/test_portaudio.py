from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulse_audio import ABSENT_MICROPHONE, MICROPHONE, PulseServer
from python_process import PythonProcess

from thoth.audio import portaudio
from thoth.audio.devices import find_device
from thoth.errors import DeviceError

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("pulse")]
ABI = Path(__file__).parents[2] / "src/native/audio/portaudio_abi.hpp"


@pytest.fixture
def own_pulse(tmp_path: Path) -> Iterator[PulseServer]:
    """A daemon to pause and kill, for a process of its own."""
    with PulseServer(tmp_path) as server:
        yield server


def open_stream(name: str = MICROPHONE, *, rate_hz: int = 48_000, channels: int = 1) -> Any:
    stream = portaudio.sounddevice().RawInputStream
    settings = {"device": find_device(name).index, "samplerate": rate_hz, "channels": channels, "dtype": "float32"}
    return portaudio.call(lambda: stream(**settings), failure=f"{name} cannot be opened")


def test_the_callback_interface_is_what_the_core_was_built_for() -> None:
    module = portaudio.sounddevice()
    ffi, lib = module._ffi, module._lib
    text = ABI.read_text()
    fields = re.findall(r"double (\w+);", text)
    assert fields == ["inputBufferAdcTime", "currentTime", "outputBufferDacTime"]
    assert [(name, ffi.offsetof("PaStreamCallbackTimeInfo", name)) for name in fields] == [
        (name, 8 * place) for place, name in enumerate(fields)
    ]
    assert all(field.type is ffi.typeof("double") for _, field in ffi.typeof("PaStreamCallbackTimeInfo").fields)
    assert ffi.sizeof("PaStreamCallbackTimeInfo") == 24
    constants = {name: int(value) for name, value in re.findall(r"constexpr .*?(pa_\w+) = (\d+);", text)}
    assert {"pa_input_underflow", "pa_input_overflow", "pa_continue"} <= set(constants)
    for name, value in constants.items():
        assert getattr(lib, re.sub("_(.)", lambda found: found[1].upper(), name)) == value
    callback = ffi.typeof("PaStreamCallback *")
    assert [argument.cname for argument in callback.args] == [
        "void *",
        "void *",
        "unsigned long",
        "struct PaStreamCallbackTimeInfo *",
        "unsigned long",
        "void *",
    ]
    assert callback.result is ffi.typeof("int")


@pytest.mark.parametrize(
    ("settings", "code", "advice"),
    [
        ({"rate_hz": 500_000}, portaudio.INVALID_SAMPLE_RATE, "Invalid sample rate.*another sample rate"),
        ({"channels": 33}, portaudio.INVALID_CHANNEL_COUNT, "Invalid number of channels.*fewer channels"),
        ({"name": ABSENT_MICROPHONE}, -9999, r".+ \((host error -5|PortAudio error -9999)\).*plugged in"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(
    settings: dict[str, Any], code: int, advice: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeviceError, match=f"^{settings.get('name', MICROPHONE)} cannot be opened: {advice}") as info:
        open_stream(**settings)
    assert portaudio.error_code(info.value) == code
    assert capfd.readouterr() == ("", "")  # PortAudio and ALSA would


def test_what_is_no_error_of_portaudio_passes_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        portaudio.call(lambda: 1 // 0, failure="arithmetic")
    assert portaudio.error_code(DeviceError("of our own")) is None


def test_stderr_works_during_and_after_calls_that_are_not_silent(capfd: pytest.CaptureFixture[str]) -> None:
    portaudio.call(lambda: os.write(2, b"hidden"), failure="writing")
    portaudio.refresh()
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_the_list_is_not_renewed_under_an_open_stream() -> None:
    stream = open_stream()
    try:
        assert portaudio.refresh() is False
        stream.start()
        assert stream.active
    finally:
        portaudio.close(stream, failure="the stream cannot be closed")
    assert stream.closed
    assert portaudio.refresh() is True


def test_a_strangers_stream_keeps_the_list_too() -> None:
    with portaudio.sounddevice().InputStream(device=find_device(MICROPHONE).index, channels=1):
        assert portaudio.refresh() is False
    assert portaudio.refresh() is True


def test_a_stream_that_failed_to_open_does_not_keep_the_list() -> None:
    with pytest.raises(DeviceError) as kept:
        open_stream(rate_hz=500_000)
    assert portaudio.refresh() is True
    assert kept.value.__cause__ is not None


def test_calls_from_many_threads_take_turns() -> None:
    inside, most = 0, 0

    def action() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.002)
        inside -= 1

    threads = [threading.Thread(target=portaudio.call, args=(action,), kwargs={"failure": ""}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


HELPERS = f"""
    import sys, threading, time
    from thoth.audio import portaudio
    from thoth.errors import DeviceError

    def go_on(line):
        print(line, flush=True)
        input()

    def until(condition):
        while not condition(): time.sleep(0.01)

    def wait_for_workers():
        until(lambda: not [t for t in threading.enumerate() if t.name == "thoth-portaudio"])

    def refused(call, *arguments, **options):
        try: call(*arguments, **options)
        except DeviceError as error: print(error, flush=True)
        else: print("no error", flush=True)

    def opened(name={MICROPHONE!r}):
        return portaudio.sounddevice().RawInputStream(
            device=name, samplerate=48000, channels=1, dtype="float32", callback=lambda *_: blocks.append(1)
        )
    blocks = []
    closed = []
"""


def test_closing_under_a_frozen_sound_server_is_bounded_and_so_is_the_exit(own_pulse: PulseServer) -> None:
    script = """
    stream = portaudio.call(opened, failure="")
    portaudio.call(stream.start, failure="")
    until(lambda: blocks)
    go_on("running")
    begin = time.monotonic()
    refused(portaudio.close, stream, failure="it cannot be closed", timeout_s=0.5)
    print(time.monotonic() - begin < 5)
    """
    with PythonProcess(HELPERS + script, own_pulse.env) as process:
        assert process.line() == "running"
        own_pulse.pause()
        process.go_on()
        code, out, err = process.outcome(30)
    assert re.fullmatch(r"it cannot be closed: the sound system did not answer within 0.5 s\. Restart .*\nTrue\n", out)
    assert (code, err) == (0, "")


def test_a_stream_that_opens_too_late_is_closed_and_the_next_one_opens(own_pulse: PulseServer) -> None:
    script = """
    portaudio.sounddevice()
    go_on("ready")
    discard = lambda late: (late.close(), closed.append(late))
    refused(portaudio.call, opened, failure="it cannot be opened", timeout_s=0.3, discard=discard)
    refused(portaudio.call, opened, failure="nor again", timeout_s=0.3, discard=discard)
    print("stderr works", file=sys.stderr, flush=True)
    go_on("frozen")
    until(lambda: len(closed) == 2)
    wait_for_workers()
    stream = portaudio.call(opened, failure="")
    portaudio.call(stream.start, failure="")
    until(lambda: blocks)
    portaudio.close(stream, failure="")
    print(portaudio.refresh())
    """
    with PythonProcess(HELPERS + script, own_pulse.env) as process:
        assert process.line() == "ready"
        own_pulse.pause()
        process.go_on()
        assert process.line().startswith("it cannot be opened: the sound system did not answer within 0.3 s")
        assert process.line().startswith("nor again: the sound system did not answer")
        assert process.line() == "frozen"
        own_pulse.resume()
        process.go_on()
        assert process.outcome() == (0, "True\n", "stderr works\n")


def test_a_start_under_a_frozen_sound_server_is_bounded(own_pulse: PulseServer) -> None:
    script = """
    refused(portaudio.sounddevice)
    print("stderr works", file=sys.stderr, flush=True)
    go_on("frozen")
    wait_for_workers()
    print(len(portaudio.sounddevice().query_devices()))
    print("still", file=sys.stderr, flush=True)
    """
    own_pulse.pause()
    with PythonProcess(HELPERS + script, own_pulse.env) as process:
        assert process.line().startswith("PortAudio does not start: the sound system did not answer within 5 s")
        assert process.line() == "frozen"
        own_pulse.resume()
        process.go_on()
        code, out, err = process.outcome()
    # In between, PortAudio goes on starting, no longer silenced: what it writes cannot be told from what others do.
    assert (code, out) == (0, "5\n")
    assert re.fullmatch(r"stderr works\n(.*\n)*still\n", err)


@pytest.mark.parametrize("loss", ["kill", "remove_sink"])
def test_a_device_that_goes_can_be_closed_and_opened_again(own_pulse: PulseServer, loss: str) -> None:
    script = f"""
    stream = portaudio.call(opened, failure="")
    portaudio.call(stream.start, failure="")
    until(lambda: blocks)
    go_on("running")
    until(lambda: not stream.active)
    portaudio.close(stream, failure="it cannot be closed")
    refused(portaudio.call, opened, failure="it is gone") if {loss!r} == "kill" else print("skipped", flush=True)
    go_on("gone")
    blocks.clear()
    stream = portaudio.call(opened, failure="")
    portaudio.call(stream.start, failure="")
    until(lambda: blocks)
    portaudio.close(stream, failure="")
    print("heard again")
    """
    with PythonProcess(HELPERS + script, own_pulse.env) as process:
        assert process.line() == "running"
        getattr(own_pulse, loss)()
        process.go_on()
        assert re.match(r"it is gone: .*\. Check that the sound server|skipped", process.line())
        assert process.line() == "gone"
        own_pulse.restart()
        process.go_on()
        code, out, err = process.outcome()
    assert (code, out) == (0, "heard again\n")
    assert re.fullmatch("(Expression .*\n)*", err)  # PortAudio's own thread says so, whenever that may be
