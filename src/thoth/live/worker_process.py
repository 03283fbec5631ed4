"""The process that a worker may have for itself: `python -m thoth.live.worker_process SOCKET MEMORY OWNER`.

SOCKET and MEMORY are inherited descriptors, OWNER the process that it works for and ends with. What it writes to
stdout and stderr, its owner logs.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import threading
from dataclasses import replace

from thoth.live.channel import Channel


def main(socket_descriptor: int, memory_descriptor: int, owner: int) -> None:
    """Answer messages until the owner says so, or is gone."""
    channel = Channel(socket.socket(fileno=socket_descriptor))
    # First of all, since loading what the engine needs takes a while.
    threading.Thread(target=_end_with, args=(channel, owner), daemon=True).start()
    for descriptor in (socket_descriptor, memory_descriptor):
        os.set_inheritable(descriptor, False)
    with contextlib.suppress(EOFError):  # the owner is gone, so nobody wants to hear more
        _serve(channel, memory_descriptor)


def _serve(channel: Channel, memory_descriptor: int) -> None:
    import logging

    from thoth._native import CancelToken
    from thoth.live.protocol import Ready, Shutdown, Transcribe
    from thoth.live.remote_spans import take_spans
    from thoth.live.servant import Servant
    from thoth.live.shared_audio import SharedAudio
    from thoth.observe.tracing import tracer

    logging.basicConfig(format="%(name)s: %(message)s")
    audio = SharedAudio(memory_descriptor)
    servant = Servant(CancelToken())
    channel.send((Ready(), take_spans()))
    while not isinstance(message := channel.receive(), Shutdown):
        question, samples, tracer.level = message
        if isinstance(question, Transcribe):
            question = replace(question, audio=audio.read(samples))
        answer = servant.answer(question, channel.send)
        channel.send((answer, take_spans()))
    servant.close()


def _end_with(channel: Channel, owner: int) -> None:
    """End this process when the owner has closed its end, or is dead while a process forked from it keeps that open."""
    end = select.poll()
    end.register(channel.fileno(), 0)  # no event but the hang-up
    with contextlib.suppress(AttributeError, OSError):  # not Linux, or gone: the latter shows below
        end.register(os.pidfd_open(owner), select.POLLIN)
    if os.getppid() == owner:
        end.poll()
    os._exit(0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
