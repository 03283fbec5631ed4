"""A worker in a process of its own: it may crash, hang, or be killed for its memory, and its owner goes on."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from thoth.errors import WorkerError
from thoth.live.channel import Channel
from thoth.live.protocol import Answer, ModelLoading, Question, Shutdown, Transcribe
from thoth.live.remote_spans import add_spans
from thoth.live.servant import OnLoading
from thoth.live.shared_audio import SharedAudio
from thoth.observe.tracing import Span, TraceLevel, tracer

_LOG: Final = logging.getLogger("thoth.worker")

_SEND_LIMIT_S: Final = 5.0
"""A message is a few kilobytes, and its reader waits for it."""
_SHUTDOWN_LIMIT_S: Final = 2.0
"""To free a model and end; a process that takes longer is killed."""
_KILL_LIMIT_S: Final = 10.0
"""A killed process ends as soon as the system comes to it."""
_LONGEST_LINE: Final = 2000

_CALMER: Final = {
    "GGML_NO_BACKTRACE": "1",  # where memory runs out, ggml would run a debugger
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's, which are not needed and take a tenth of the start
}
_REMEDY: Final = "restart() starts another"
_NO_AUDIO: Final = np.zeros(0, np.float32)


class ProcessVessel:
    """See `Vessel`: asks a process running `thoth.live.worker_process`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupted = False
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._audio: SharedAudio | None = None
        self._output: threading.Thread | None = None
        self._last_line = ""
        self._idle = False

    @property
    def pid(self) -> int | None:
        """The process, once it is there."""
        return None if self._process is None else self._process.pid

    def launch(self, limit_s: float, on_death: Callable[[], object]) -> None:
        """Start the process and wait until it says that it is ready."""
        audio = self._audio = SharedAudio()
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        with tracer.span("spawn", TraceLevel.MEDIUM), theirs, self._lock:
            if self._interrupted:
                raise WorkerError("the worker was ended before its process was started")
            process = self._process = _started(theirs.fileno(), audio.descriptor)
        self._output = threading.Thread(
            target=self._forward_output, args=(process, on_death), name="thoth-worker-output", daemon=True
        )
        self._output.start()
        with tracer.span("engine", TraceLevel.MEDIUM):
            self._receive(limit_s)  # that it is ready
        self._idle = True

    def ask(self, message: Question, limit_s: float, on_loading: OnLoading) -> Answer:
        """Send `message` and wait for the answer; each report of a load counts as a sign of life."""
        assert self._audio is not None
        samples = 0
        if isinstance(message, Transcribe):
            samples = len(message.audio)
            self._audio.write(message.audio)
            message = replace(message, audio=_NO_AUDIO)
        self._idle = False
        self._send((message, samples, tracer.level))
        while isinstance(reply := self._receive(limit_s), ModelLoading):
            on_loading(reply)
        answer, spans = reply
        add_spans(spans, self.pid or 0)
        self._idle = True
        return answer

    def interrupt(self) -> None:
        """Kill the process."""
        with self._lock:
            self._interrupted = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        """End the process, if need be by killing it, and give back what was shared with it."""
        with contextlib.ExitStack() as shared:
            if self._audio is not None:
                shared.callback(self._audio.close)
            if self._channel is not None:
                shared.callback(self._channel.close)
            if self._process is not None:
                self._end_process(self._process)
            if self._output is not None:
                self._output.join(_KILL_LIMIT_S)

    def cause_of_death(self) -> WorkerError:
        """Tell how the process ended, with the last that it wrote."""
        assert self._process is not None
        self._wait_or_kill(self._process)
        if self._output is not None:
            self._output.join(_KILL_LIMIT_S)
        last = f". The last it wrote: {self._last_line}" if self._last_line else ""
        return WorkerError(
            f"the worker process {self._process.pid} {_ending(self._process.returncode)}; {_REMEDY}{last}"
        )

    def _send(self, message: object) -> None:
        assert self._channel is not None
        try:
            self._channel.send(message, _SEND_LIMIT_S)
        except EOFError:
            raise self.cause_of_death() from None
        except TimeoutError:
            raise self._hung(_SEND_LIMIT_S) from None

    def _receive(self, limit_s: float) -> ModelLoading | tuple[Answer, list[Span]]:
        assert self._channel is not None
        try:
            reply: ModelLoading | tuple[Answer, list[Span]] = self._channel.receive(limit_s)
        except EOFError:
            raise self.cause_of_death() from None
        except TimeoutError:
            raise self._hung(limit_s) from None
        return reply

    def _hung(self, limit_s: float) -> WorkerError:
        self.interrupt()
        return WorkerError(f"the worker process {self.pid} was killed: no answer within {limit_s:.3g} s; {_REMEDY}")

    def _end_process(self, process: subprocess.Popen[bytes]) -> None:
        if self._idle and self._channel is not None:
            with contextlib.suppress(EOFError, TimeoutError):
                self._channel.send(Shutdown(), _SHUTDOWN_LIMIT_S)
        else:
            process.kill()
        self._wait_or_kill(process)

    def _wait_or_kill(self, process: subprocess.Popen[bytes]) -> None:
        for limit_s in (_SHUTDOWN_LIMIT_S, _KILL_LIMIT_S):
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
            else:
                return
        raise WorkerError(f"the worker process {process.pid} was killed and did not end")

    def _forward_output(self, process: subprocess.Popen[bytes], on_death: Callable[[], object]) -> None:
        """Log what the process writes, on a thread of its own, until it ends."""
        assert process.stdout is not None
        dying = False
        with process.stdout as output:
            while line := output.readline(_LONGEST_LINE):
                text = line.decode("utf-8", "replace").rstrip()
                _LOG.warning("process %d: %s", process.pid, text)
                # What faulthandler writes then is for the log; the line before tells more.
                dying = dying or text.startswith("Fatal Python error")
                if not dying:
                    self._last_line = text
        on_death()


def _started(socket_descriptor: int, memory_descriptor: int) -> subprocess.Popen[bytes]:
    """Start the process on this interpreter, with this import path, out of the reach of the terminal's Ctrl-C.

    Not by multiprocessing: it would import the user's script again in the new process.
    """
    command = [sys.executable, "-P", "-X", "faulthandler", "-m", "thoth.live.worker_process"]
    import_path = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    numbers = (socket_descriptor, memory_descriptor, os.getpid())
    try:
        return subprocess.Popen(
            [*command, *map(str, numbers)],
            env={**_CALMER, **os.environ, "PYTHONPATH": import_path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(socket_descriptor, memory_descriptor),
            start_new_session=True,
        )
    except OSError as error:
        raise WorkerError(f"a worker process could not be started with {sys.executable!r}: {error}") from error


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    names = {known.value: known.name for known in signal.Signals}
    hint = ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
    return f"was ended by {names.get(-code, f'signal {-code}')}{hint}"
