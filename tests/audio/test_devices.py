from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pulse_audio import ABSENT_MICROPHONE, MICROPHONE, SECOND_MICROPHONE, SPEAKER, PulseServer
from python_process import PythonProcess

from thoth.audio import portaudio
from thoth.audio.devices import CANDIDATE_RATES_HZ, NO_INPUTS, Device, devices, find_device
from thoth.errors import DeviceError, InvalidOption

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("pulse")]


def by_name(found: tuple[Device, ...]) -> dict[str, Device]:
    return {device.name: device for device in found}


def test_the_list_has_what_records_and_not_what_plays() -> None:
    found = by_name(devices(probe=False))
    assert set(found) == {"default", MICROPHONE, SECOND_MICROPHONE, ABSENT_MICROPHONE}
    assert [name for name, device in found.items() if device.is_default] == ["default"]
    for device in found.values():
        assert device.host_api == "ALSA"
        assert device.channels == 32
        assert device.default_rate_hz == 44_100
        assert device.rates_hz is None


def test_rates_are_those_that_really_open() -> None:
    found = by_name(devices())
    assert found[MICROPHONE].rates_hz == CANDIDATE_RATES_HZ
    assert found[ABSENT_MICROPHONE].rates_hz == ()


def test_probing_leaves_no_stream_open_and_writes_nothing(
    pulse: PulseServer, capfd: pytest.CaptureFixture[str]
) -> None:
    devices()
    assert pulse.recording_streams() == 0
    assert capfd.readouterr() == ("", "")


def test_a_device_is_a_value() -> None:
    device = devices(probe=False)[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        device.index = 7  # type: ignore[misc]
    assert not hasattr(device, "__dict__")


def test_no_device_named_is_the_default() -> None:
    assert find_device().is_default
    assert find_device(None).name == "default"


@pytest.mark.parametrize(
    "wanted", [MICROPHONE, "desk_micro", "DESK_Micro", f"{MICROPHONE}, alsa", "k_microphone, ALSA", " desk_micro "]
)
def test_a_name_or_part_of_it_in_any_case_finds_the_device(wanted: str) -> None:
    assert find_device(wanted).name == MICROPHONE


@pytest.mark.parametrize("number", [int, np.int64])
def test_an_index_finds_its_device(number: type) -> None:
    for device in devices(probe=False):
        assert find_device(number(device.index)) == device


def test_an_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(DeviceError, match=f"'microphone' may be any of .*{MICROPHONE}.*{SECOND_MICROPHONE}") as info:
        find_device("microphone")
    assert f"{find_device(MICROPHONE).index} ({MICROPHONE}, ALSA)" in str(info.value)
    assert ABSENT_MICROPHONE not in str(info.value)


@pytest.mark.parametrize("wanted", ["trombone", 77])
def test_what_is_not_there_lists_what_is(wanted: str | int) -> None:
    with pytest.raises(DeviceError, match=f"{wanted!r} is not there: choose one of .*{MICROPHONE}"):
        find_device(wanted)


def test_what_only_plays_is_named_as_such() -> None:
    with pytest.raises(DeviceError, match=f"{SPEAKER!r} only plays and has no inputs"):
        find_device(SPEAKER)


def test_the_index_of_what_only_plays_is_named_as_such() -> None:
    listed = portaudio.sounddevice().query_devices()
    speaker = next(entry["index"] for entry in listed if entry["name"] == SPEAKER)
    with pytest.raises(DeviceError, match=f"{speaker} only plays"):
        find_device(speaker)


@pytest.mark.parametrize("wanted", [True, -1, 1.0, "", "  ", b"mic", [0]])
def test_what_cannot_mean_a_device_is_refused(wanted: object) -> None:
    with pytest.raises(InvalidOption, match="give an index from 0, a name"):
        find_device(wanted)  # type: ignore[arg-type]


def test_a_system_without_microphones_says_what_to_do(tmp_path: Path) -> None:
    code = """
        import thoth.audio.devices as d, thoth.errors as e
        print(d.devices())
        try: d.find_device()
        except e.DeviceError as error: print(error)
    """
    with PulseServer(tmp_path, microphones=False) as server, PythonProcess(code, server.env) as process:
        assert process.outcome() == (0, f"()\n{NO_INPUTS}\n", "")


def test_devices_that_come_later_are_found(tmp_path: Path) -> None:
    code = f"""
        import thoth.audio.devices as d
        print(d.devices(probe=False), flush=True)
        input()
        print(d.find_device({MICROPHONE!r}).name)
    """
    with PulseServer(tmp_path) as server:
        server.kill()
        with PythonProcess(code, server.env) as process:
            assert process.line() == "()"
            server.start()
            process.go_on()
            assert process.outcome() == (0, f"{MICROPHONE}\n", "")
