"""A live stream and the process around it: Ctrl-C, fork(), and an exit that stops nothing first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import encoded_audio
import pytest
from read_back import recorded

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
RECORDING = encoded_audio.RECORDINGS / "long_0_20s.flac"

BEGIN = f"""
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of fork() with threads: that is what is tested
from thoth.audio.file_source import FileSource
from thoth.errors import AudioError
source = FileSource({os.fspath(RECORDING)!r}).start()
"""


def run(script: str, limit_s: float = 90) -> str:
    """What a script prints that must end well, by itself, and without a word on standard error."""
    command = [sys.executable, "-c", BEGIN + script]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=limit_s, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    "wait", ["source.read(10**6)", "list(source)", "asyncio.run(take(source))", "source.pump.wait_while('running')"]
)
def test_ctrl_c_ends_what_waits(wait: str) -> None:
    script = f"""
import asyncio
async def take(source):
    async for block in source.async_blocks(10**6):
        pass
print("waiting", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    source.stop()
"""
    command = [sys.executable, "-c", BEGIN + script]
    child = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    with child:
        assert child.stdout.readline() == "waiting\n"
        time.sleep(0.3)  # until it waits; a signal before that does the same
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        took_s = time.monotonic() - sent
    assert child.returncode == 0
    assert took_s < 5  # the recording goes on for 20


AFTER_FORK = """
def tell(what, call):
    try:
        print(what, call(), flush=True)
    except AudioError as error:
        print(what, "AudioError:", error, flush=True)

child = os.fork()
if child == 0:
    tell("read", lambda: len(source.read(timeout_s=5.0)))
    tell("next", lambda: len(next(iter(source))))
    tell("level", lambda: source.level)
    tell("stats", lambda: source.stats.frames_lost)
    tell("stop", source.stop)
    tell("pump", lambda: FileSource(sys.argv[0] or "none").start())
    sys.exit(0)
begin = time.monotonic()
while os.waitpid(child, os.WNOHANG) == (0, 0):
    if time.monotonic() - begin > 8:
        os.kill(child, 9)
        print("the child hangs")
        break
    time.sleep(0.01)
print("parent read", len(source.read(160)))
source.stop()
"""


def test_a_forked_child_is_told_that_the_stream_is_not_its_own() -> None:
    told = run(AFTER_FORK).splitlines()
    for line, call in zip(told, ["read", "next", "level", "stats", "stop"], strict=False):
        assert line.startswith(f"{call} AudioError: this stream was opened before fork(): open one in the process")
    assert told[-1] == "parent read 160"
    assert "the child hangs" not in told


def test_a_forked_child_is_told_even_if_the_parent_has_read_before() -> None:
    told = run("source.read(160)\n" + AFTER_FORK).splitlines()
    assert told[0].startswith("read AudioError: this stream was opened before fork()")
    assert told[-1] == "parent read 160"


def test_a_forked_child_may_open_a_stream_of_its_own() -> None:
    script = f"""
child = os.fork()
with FileSource({os.fspath(RECORDING)!r}, realtime=False) as own:
    print(sum(len(block) for block in own))
if child == 0:
    sys.stdout.flush()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
source.stop()
"""
    counts = run(script).split()
    assert len(counts) == 2
    assert counts[0] == counts[1] > "0"


@pytest.mark.parametrize("realtime", [True, False])
def test_a_process_may_end_without_stopping_anything(realtime: bool) -> None:
    # Several, since what could go wrong (a thread that wants the GIL while Python is taken down) is a matter of luck.
    script = f"""
others = [FileSource({os.fspath(RECORDING)!r}, realtime={realtime}).start() for _ in range(4)]
print(sum(len(other.read(160)) for other in others))
"""
    for _ in range(5):
        begin = time.monotonic()
        assert run(script) == "640\n"
        assert time.monotonic() - begin < 15  # the recordings go on for 20


def test_a_process_may_end_while_a_daemon_thread_reads() -> None:
    script = """
threading.Thread(target=lambda: list(source.blocks(16)), daemon=True).start()
while source.stats.duration_s < 0.1:
    time.sleep(0.01)
"""
    for _ in range(3):
        run(script)


def test_ctrl_c_during_a_read_loses_no_samples() -> None:
    script = """
import signal
from fed_input import FedInput, numbered
with FedInput() as fed:
    fed.push(numbered(1_000))
    threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    try:
        fed.read(1_600)
    except KeyboardInterrupt:
        fed.push(numbered(600, first=1_000))
        print(len(fed.read(1_600, timeout_s=1.0)))
source.stop()
"""
    assert run(script) == "1600\n"


RECORD = """
from fed_input import FedInput, numbered
from thoth.audio.recorder import Recorder
source.stop()
fed = FedInput().start()
recorder = Recorder({path!r}, fed).start()
fed.push(numbered(20_000))
"""


def test_a_recording_that_nobody_stopped_is_whole_after_the_exit(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    run(RECORD.format(path=os.fspath(path)))
    assert len(recorded(path)) == 20_000


def test_a_process_may_end_while_a_daemon_thread_waits_for_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    run(RECORD.format(path=os.fspath(path)) + "threading.Thread(target=recorder.wait, daemon=True).start()")
    assert len(recorded(path)) == 20_000


def test_a_forked_child_is_told_that_the_recording_is_not_its_own(tmp_path: Path) -> None:
    script = """
child = os.fork()
if child == 0:
    for call in (lambda: recorder.wait(timeout_s=1.0), recorder.stop, recorder.pause):
        try:
            print(call(), flush=True)
        except AudioError as error:
            print("AudioError:", error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
recorder.stop()
fed.stop()
"""
    told = run(RECORD.format(path=os.fspath(tmp_path / "a.wav")) + script).splitlines()
    assert len(told) == 3
    assert all(line.startswith("AudioError: this ") and "before fork()" in line for line in told)
    assert len(recorded(tmp_path / "a.wav")) == 20_000
