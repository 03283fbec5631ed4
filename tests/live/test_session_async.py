"""A live session in an asyncio program: the same text, an event loop that goes on, and tasks that may be cancelled."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from encoded_audio import recording
from fed_input import FedInput, Held
from live_feeding import wait_for_nothing_left
from live_updates import check_updates, said

import thoth
from thoth.errors import AudioError, DeviceError
from thoth.live.session import LiveSession
from thoth.live.update import LiveUpdate

DIGITS, DIGITS_TEXT = recording("digits_07_4"), "three two seven four"
LONG_TEXT = "three nine four zero zero eight zero three six continue recording volume up"


def source(audio: Path, name: str) -> thoth.FileSource:
    return thoth.FileSource(audio / f"{name}.flac", realtime=False)


def test_async_for_gives_what_for_gives(session: LiveSession, audio: Path) -> None:
    async def read() -> list[LiveUpdate]:
        return [update async for update in session.run(source(audio, "long_0_20s"))]

    updates = asyncio.run(read())
    assert said(updates) == LONG_TEXT
    check_updates(updates)
    assert session.state == "ready"


def test_the_event_loop_goes_on_while_the_model_works(session: LiveSession, audio: Path) -> None:
    async def read() -> tuple[str, list[float]]:
        pauses: list[float] = []

        async def tick() -> None:
            last = time.perf_counter()
            while True:
                await asyncio.sleep(0.005)
                now = time.perf_counter()
                pauses.append(now - last)
                last = now

        ticking = asyncio.create_task(tick())
        updates = [update async for update in session.run(source(audio, "long_0_20s"))]
        ticking.cancel()
        return said(updates), pauses

    text, pauses = asyncio.run(read())
    assert text == LONG_TEXT
    # A blocked loop would stand still for whole passes; half of the ticks are on time even on a busy machine.
    assert len(pauses) > 10
    assert sorted(pauses)[len(pauses) // 2] < 0.1


def test_two_sessions_are_read_by_one_loop(model: thoth.WhisperModel, audio: Path) -> None:
    async def read(session: LiveSession, name: str) -> str:
        return said([update async for update in session.run(source(audio, name))])

    async def both(one: LiveSession, other: LiveSession) -> list[str]:
        return await asyncio.gather(read(one, "digits_07_4"), read(other, "wakecmd_0"))

    with LiveSession(model) as one, LiveSession(model) as other:
        assert asyncio.run(both(one, other)) == [DIGITS_TEXT, "snowboy turn on the fan in the kitchen"]


def test_a_cancelled_task_loses_no_update(session: LiveSession, audio: Path) -> None:
    async def read() -> list[LiveUpdate]:
        updates = session.run(source(audio, "long_0_20s"))
        got: list[LiveUpdate] = []

        async def reader() -> None:
            async for update in updates:
                got.append(update)  # noqa: PERF401

        while not updates.ended:
            task = asyncio.create_task(reader())
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return got

    updates = asyncio.run(read())
    assert said(updates) == LONG_TEXT


def test_a_time_limit_ends_the_wait_for_an_update_and_not_the_recording(session: LiveSession) -> None:
    async def read(fed: FedInput) -> str:
        updates = session.run(fed)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(updates), 0.05)
        with fed.pushing(DIGITS):
            pass
        fed.finish()
        return said([update async for update in updates])

    with FedInput(lossless=True) as fed:
        assert asyncio.run(read(fed)) == DIGITS_TEXT


def test_errors_of_a_source_come_behind_the_text(session: LiveSession) -> None:
    async def read(fed: FedInput) -> tuple[list[LiveUpdate], str]:
        updates = session.run(fed)
        fed.push(DIGITS)
        fed.finish("the cable was pulled")
        got = []
        try:
            async for update in updates:
                got.append(update)  # noqa: PERF401
        except DeviceError as error:
            return got, str(error)
        return got, ""

    with FedInput(lossless=True) as fed:
        got, error = asyncio.run(read(fed))
    assert said(got) == DIGITS_TEXT
    assert "cable" in error


def test_a_source_that_cannot_be_opened_is_told(session: LiveSession, tmp_path: Path) -> None:
    async def read() -> None:
        async for _ in session.run(thoth.FileSource(tmp_path / "nowhere.flac")):
            pass

    with pytest.raises(AudioError, match="nowhere"):
        asyncio.run(read())
    assert session.state == "ready"


def test_nothing_is_left_of_a_loop_that_ends_early(model: thoth.WhisperModel, audio: Path) -> None:
    held = Held.now()

    async def read(session: LiveSession) -> None:
        async for update in session.run(source(audio, "long_0_20s")):
            if update.is_final:
                break

    with LiveSession(model) as session:
        asyncio.run(read(session))
    wait_for_nothing_left(held)
