"""A PulseAudio daemon with a microphone that plays what tests give it, apart from anything of the user's.

PortAudio reads its environment when it starts, so a process that shall see these devices is given `PulseServer.env` at
its start, or sets `PulseServer.variables` before sounddevice is imported (`tests/audio/conftest.py` does, once per
session).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pytest

MICROPHONE: Final = "desk_microphone"
"""The device that hears what is played; "default" is the same."""
SECOND_MICROPHONE: Final = "room_microphone"
"""Hears the same."""
ABSENT_MICROPHONE: Final = "absent_source"
"""Is listed, and opens at no rate."""
SPEAKER: Final = "desk_speaker"
"""Only plays."""

_PROGRAMS: Final = ("pulseaudio", "pactl", "paplay")
_LONGEST_START_S: Final = 20.0
_POLL_S: Final = 0.02
_SINK: Final = "vmic"

_SPEAKER: Final = f"""
ctl.!default {{ type pulse }}
pcm.{SPEAKER} {{ type asym playback.pcm {{ type pulse device {_SINK} }} }}
"""
_SPEAKER_ALONE: Final = f"""{_SPEAKER}
pcm.!default {{ type asym playback.pcm {{ type pulse device {_SINK} }} }}
"""
_ALL_DEVICES: Final = f"""{_SPEAKER}
pcm.!default {{ type pulse }}
pcm.{MICROPHONE} {{ type pulse device mic }}
pcm.{SECOND_MICROPHONE} {{ type pulse device {_SINK}.monitor }}
pcm.{ABSENT_MICROPHONE} {{ type pulse device nowhere }}
"""


class PulseServer:
    """One daemon; what is played into its sink is what its microphones hear. A context manager; starts when made.

    folder: an empty folder for all its files. rate_hz: the sink's rate. microphones: False leaves only
    the speaker.

    A test that needs it is skipped where PulseAudio is not installed, except on CI, where it fails.
    """

    def __init__(self, folder: Path, *, rate_hz: int = 48_000, microphones: bool = True) -> None:
        _require_programs()
        self._folder = folder
        self._rate_hz = rate_hz
        self._daemon: subprocess.Popen[bytes] | None = None
        folder.chmod(0o700)  # PulseAudio insists on it
        (folder / "asound.conf").write_text(_ALL_DEVICES if microphones else _SPEAKER_ALONE)
        (folder / "client.conf").write_text("autospawn = no\n")
        self.start()

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables by which PortAudio, and PulseAudio's programs, find this daemon and no other."""
        return {
            "PULSE_RUNTIME_PATH": os.fspath(self._folder / "pulse"),
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_CLIENTCONFIG": os.fspath(self._folder / "client.conf"),
            "PULSE_COOKIE": os.fspath(self._folder / "cookie"),
            "ALSA_CONFIG_PATH": os.fspath(self._folder / "asound.conf"),
        }

    @property
    def env(self) -> dict[str, str]:
        """A whole environment for child processes."""
        desktop = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
        return {name: value for name, value in os.environ.items() if name not in desktop} | self.variables

    @property
    def _socket(self) -> Path:
        return self._folder / "native"

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        self._socket.unlink(missing_ok=True)
        home = {name: os.fspath(self._folder) for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_STATE_PATH")}
        nothing = subprocess.DEVNULL
        self._daemon = subprocess.Popen(
            self._command(), env=self.env | home, stdin=nothing, stdout=nothing, stderr=nothing
        )
        deadline_s = time.monotonic() + _LONGEST_START_S
        while self._pactl("info").returncode != 0:
            if self._daemon.poll() is not None or time.monotonic() > deadline_s:
                self.stop()
                pytest.fail(f"PulseAudio does not start: {(self._folder / 'log').read_text()}")
            time.sleep(_POLL_S)

    def _command(self) -> list[str]:
        # Without norewinds the sink works in blocks of 2 s, and what is recorded begins that late.
        modules = (
            f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
            f"module-null-sink sink_name={_SINK} rate={self._rate_hz} norewinds=1",
            f"module-remap-source source_name=mic master={_SINK}.monitor",
        )
        options = ("-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes")
        log = f"--log-target=file:{self._folder / 'log'}"
        return ["pulseaudio", *options, log, *(f"--load={module}" for module in modules)]

    def play(self, path: Path, *, block: bool = True) -> subprocess.Popen[bytes]:
        """Play a sound file into the microphones; with `block` to its end, else give the running player."""
        player = subprocess.Popen(["paplay", f"--device={_SINK}", os.fspath(path)], env=self.env)
        if block and player.wait():
            pytest.fail(f"paplay ended with {player.returncode} on {path}")
        return player

    def remove_sink(self) -> None:
        """Take the sink, and with it the sources, out of the running daemon: its way of unplugging."""
        run = self._pactl("unload-module", "module-null-sink")
        assert run.returncode == 0, run.stderr

    def recording_streams(self) -> int:
        """How many streams record from the daemon now."""
        run = self._pactl("list", "short", "source-outputs")
        assert run.returncode == 0, run.stderr
        # The remapped source is itself a stream of its master's.
        return sum("module-remap-source" not in line for line in run.stdout.decode().splitlines())

    def pause(self) -> None:
        """Freeze the daemon: it answers nothing, and keeps all connections."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen daemon go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the daemon at once, without goodbyes."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    stop = kill  # there is nothing that it should save

    def restart(self) -> None:
        """Kill the daemon, if it runs, and start it with the same devices in the same place."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _signal(self, number: int) -> None:
        assert self._daemon is not None
        self._daemon.send_signal(number)

    def _pactl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["pactl", *arguments], env=self.env, capture_output=True, timeout=_LONGEST_START_S)


def _require_programs() -> None:
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if not missing:
        return
    why = f"{', '.join(missing)} not found: install pulseaudio, pulseaudio-utils and libasound2-plugins"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
