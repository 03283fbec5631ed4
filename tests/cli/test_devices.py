from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulse_audio import ABSENT_MICROPHONE, MICROPHONE, SECOND_MICROPHONE, SPEAKER, PulseServer
from thoth_command import NO_LIBRARY, RUN_MAIN, ThothCommand

from thoth.audio.devices import CANDIDATE_RATES_HZ, NO_INPUTS

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    with PulseServer(tmp_path_factory.mktemp("pulse")) as server:
        yield server


@pytest.fixture
def command(tmp_path: Path, server: PulseServer) -> ThothCommand:
    command = ThothCommand(tmp_path / "models")
    command.environment |= server.variables
    return command


def test_the_table_is_aligned_and_marks_the_default(command: ThothCommand) -> None:
    run = command("devices")
    assert (run.returncode, run.stderr) == (0, "")
    header, *lines = run.stdout.splitlines()
    assert header.split() == ["INDEX", "NAME", "HOST", "API", "CHANNELS", "RATES", "(kHz)"]
    rates = "8 11.025 16 22.05 24 32 44.1 48 88.2 96 176.4 192"
    rows = {line[header.index("NAME") :].split()[0]: line for line in lines}
    assert set(rows) == {"default", MICROPHONE, SECOND_MICROPHONE, ABSENT_MICROPHONE}
    assert [name for name, line in rows.items() if line.startswith("*")] == ["default"]
    for name, line in rows.items():
        assert line[header.index("HOST API") :].startswith("ALSA ")
        assert line[: header.index("NAME")].strip("* ").isdecimal()
        assert line[header.index("RATES") :] == ("does not open" if name == ABSENT_MICROPHONE else rates)
        assert line[: header.index("RATES")].rstrip().endswith(" 32")


def test_json_tells_the_same(command: ThothCommand) -> None:
    run = command("devices", "--json")
    assert (run.returncode, run.stderr) == (0, "")
    found = {entry["name"]: entry for entry in json.loads(run.stdout)}
    assert SPEAKER not in found
    assert found[MICROPHONE] == {
        "index": found[MICROPHONE]["index"],
        "name": MICROPHONE,
        "host_api": "ALSA",
        "channels": 32,
        "default_rate_hz": 44100.0,
        "is_default": False,
        "rates_hz": list(CANDIDATE_RATES_HZ),
    }
    assert found[ABSENT_MICROPHONE]["rates_hz"] == []
    assert found["default"]["is_default"]


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_no_microphone_is_one_line_and_exit_code_1(
    command: ThothCommand, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / "pulse"
    folder.mkdir()
    with PulseServer(folder, microphones=False) as without:
        run = command("devices", *arguments, **without.variables)
    assert (run.returncode, run.stdout, run.stderr) == (1, "", f"thoth: error: {NO_INPUTS}\n")


def test_a_missing_portaudio_is_one_line_that_says_what_to_install(command: ThothCommand) -> None:
    command.argv = (sys.executable, "-c", NO_LIBRARY + RUN_MAIN)
    run = command("devices")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("thoth: error: PortAudio library not found: install")
    assert run.stderr.count("\n") == 1


def test_the_doctor_tells_of_the_same_devices(command: ThothCommand) -> None:
    sound = json.loads(command("doctor", "--json").stdout)["sound"]
    assert sound["portaudio"].startswith("PortAudio V19")
    assert f"{MICROPHONE} (32 channels, 44100 Hz)" in sound["input_devices"]
    assert not any(SPEAKER in line for line in sound["input_devices"])
