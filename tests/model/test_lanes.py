"""Two windows side by side: the same text as one after the other, and everything that may come in between."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import soundfile
from python_process import PythonProcess

import thoth
from thoth import _native
from thoth.audio.decode import decode
from thoth.model import memory
from thoth.model.lanes import SPARE_BYTES, lanes, state_bytes

LONG = "long_2_42s.flac"
DIGITS = "digits_07_4.flac"
ONE: Final[dict[str, Any]] = {"temperature": 0.0, "threads": 1}
TWO: Final[dict[str, Any]] = {"temperature": 0.0, "threads": 2}


@pytest.fixture
def fresh() -> Iterator[thoth.WhisperModel]:
    """The built-in model with nobody who has talked to it."""
    with thoth.WhisperModel("nano.en") as loaded:
        yield loaded
        assert loaded._engine.most_inside == 1
        assert loaded.state == "ready"


def _windows(audio: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    samples = decode(audio / LONG)
    return samples[: 5 * 16_000], samples[5 * 16_000 : 10 * 16_000]


def _options(threads: int = 1) -> _native.DecodeOptions:
    options = _native.DecodeOptions()
    options.threads = threads
    return options


def _texts(results: list[_native.WindowResult]) -> list[str]:
    return ["".join(part.text.decode() for part in result.segments) for result in results]


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )


def _wav(samples: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def file(audio: Path) -> bytes:
    """Some windows of speech, as a WAV file."""
    return _wav(decode(audio / LONG))


@pytest.fixture(scope="module")
def two_windows(audio: Path) -> bytes:
    """Little more than one window: where they run in turn on two threads of a busy machine, that takes its time."""
    return _wav(decode(audio / LONG)[: 8 * 16_000])


def test_two_lanes_give_what_one_gives_over_all_recordings(
    fresh: thoth.WhisperModel, audio: Path, exact: list[str]
) -> None:
    everything = _wav(np.concatenate([decode(audio / name) for name in exact]))
    one = fresh.transcribe_file(everything, **ONE)
    assert fresh._engine.pairs == 0
    two = fresh.transcribe_file(everything, **TWO)
    assert fresh._engine.pairs > 5
    assert two.segments == one.segments


@pytest.mark.parametrize(
    "options",
    [{"word_timestamps": True, "beam_size": 2}, {"temperature": 0.8, "best_of": 2}, {"vad_filter": False}],
    ids=["beam", "sampled", "no vad"],
)
def test_two_lanes_give_what_one_gives_to_the_last_bit(
    fresh: thoth.WhisperModel, file: bytes, options: dict[str, Any]
) -> None:
    told: list[thoth.Segment] = []
    one = fresh.transcribe_file(file, **{**ONE, **options})
    assert fresh._engine.pairs == 0
    two = fresh.transcribe_file(file, on_segment=told.append, **{**TWO, **options})
    assert fresh._engine.pairs > 1
    assert two.segments == one.segments == tuple(told)
    assert two.info.duration_after_vad == one.info.duration_after_vad
    assert fresh.metrics.total_chunks == fresh.stats.windows


def test_more_threads_are_shared_out(fresh: thoth.WhisperModel) -> None:
    for threads, expected in ((1, None), (2, (1, 1)), (3, (2, 1)), (4, (2, 2))):
        assert lanes(fresh._engine, threads, "batch", independent=True) == expected


def test_windows_that_depend_on_each_other_and_live_ones_run_alone(
    fresh: thoth.WhisperModel, two_windows: bytes
) -> None:
    assert lanes(fresh._engine, 2, "batch", independent=False) is None
    assert lanes(fresh._engine, 2, "live", independent=True) is None
    fresh.transcribe_file(two_windows, condition_on_previous_text=True, **TWO)
    fresh.transcribe_file(two_windows, priority="live", **TWO)
    assert fresh.stats.windows >= 4
    assert fresh._engine.pairs == 0


def test_text_of_a_stream_does_not_wait_for_what_is_still_to_come(fresh: thoth.WhisperModel, file: bytes) -> None:
    heard = threading.Event()
    reading, writing = os.pipe()

    def speak() -> None:
        with os.fdopen(writing, "wb") as pipe:
            first_s = 6.5  # an utterance, a pause, and some of the next one
            pipe.write(file[: round(first_s * 32_000)])
            pipe.flush()
            came_by_itself.append(heard.wait(60))
            pipe.write(file[round(first_s * 32_000) :])

    came_by_itself: list[bool] = []
    speaker = threading.Thread(target=speak)
    speaker.start()
    with os.fdopen(reading, "rb") as pipe:
        streamed = fresh.transcribe_file(pipe, on_segment=lambda _: heard.set(), **TWO)
    speaker.join()
    assert came_by_itself == [True]
    assert fresh._engine.pairs == 0
    assert streamed.segments == fresh.transcribe_file(file, **TWO).segments
    assert fresh._engine.pairs > 1


def test_a_live_request_comes_between_and_has_the_file_to_itself_for_a_while(
    fresh: thoth.WhisperModel, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _wav(decode(audio / LONG)[: 20 * 16_000])
    monkeypatch.setattr("thoth.model.lanes.QUIET_S", 3600.0)  # a busy machine may take longer than the real one
    alone = fresh.transcribe_file(file, **ONE)
    engine, live = fresh._engine, decode(audio / DIGITS)
    begun, answers, pairs = threading.Event(), [], []

    def talk() -> None:
        begun.wait()
        answers.append(engine.transcribe(live, _options(), priority="live"))
        pairs.append(engine.pairs)

    talker = threading.Thread(target=talk)
    talker.start()
    beside = fresh.transcribe_file(file, on_segment=lambda _: begun.set(), **TWO)
    talker.join()
    assert beside.segments == alone.segments
    assert _texts(answers) == [" three two seven four"]
    # The pair that was under way came to its end, and none began since.
    assert 1 <= engine.pairs <= pairs[0] + 1
    assert lanes(engine, 2, "batch", independent=True) is None
    monkeypatch.setattr("thoth.model.lanes.QUIET_S", 0.0)
    assert lanes(engine, 2, "batch", independent=True) == (1, 1)


def test_both_lanes_stand_still_while_live_runs(fresh: thoth.WhisperModel, audio: Path) -> None:
    engine, live = fresh._engine, decode(audio / DIGITS)[:8_000]
    first, second = _windows(audio)
    alone = [engine.transcribe(samples, _options()) for samples in (first, second)]
    said = _texts([engine.transcribe(live, _options())])
    stop, turns = threading.Event(), []

    def talk() -> None:
        while not stop.is_set():
            turns.append(_texts([engine.transcribe(live, _options(), priority="live")]) == said)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        found = engine.transcribe_pair(first, _options(), second, _options())
    finally:
        stop.set()
        talker.join()
    found.finish()
    assert _texts(found.windows) == _texts(alone)
    assert all(turns)
    assert found.windows[0].preemptions > 0
    assert found.windows[0].paused_s > 0


@pytest.mark.parametrize("failing", [0, 1], ids=["first", "second"])
def test_a_failure_leaves_what_came_before_it(fresh: thoth.WhisperModel, audio: Path, failing: int) -> None:
    engine, windows = fresh._engine, list(_windows(audio))
    alone = _texts([engine.transcribe(windows[0], _options())])
    windows[failing] = np.full_like(windows[failing], np.nan)
    found = engine.transcribe_pair(windows[0], _options(), windows[1], _options())
    assert _texts(found.windows) == alone[:failing]
    with pytest.raises(thoth.InvalidModel, match="NaN"):
        found.finish()
    assert engine.pairs == 1
    found = engine.transcribe_pair(windows[1 - failing], _options(), windows[1 - failing], _options())
    found.finish()
    assert len(set(_texts(found.windows))) == 1


def test_what_the_first_lane_gave_reaches_the_partial_transcript(fresh: thoth.WhisperModel, file: bytes) -> None:
    """A file that breaks while the second window is read: the first has been heard, and its text is there."""

    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > len(file) // 3:
                raise OSError("the disk is gone")
            return super().read(size)

    whole = fresh.transcribe_file(file, **ONE)
    broken: dict[int, tuple[thoth.Segment, ...]] = {}
    for threads in (1, 2):
        with pytest.raises(thoth.ThothError) as caught:
            fresh.transcribe_file(Breaks(file), temperature=0.0, threads=threads)
        assert caught.value.partial is not None
        broken[threads] = caught.value.partial.segments
    assert fresh._engine.pairs > 0
    assert broken[2] == broken[1] == whole.segments[: len(broken[1])] != ()


def test_cancelling_ends_both_lanes(fresh: thoth.WhisperModel, file: bytes) -> None:
    token = thoth.CancelToken()
    told: list[thoth.Segment] = []

    def stop(segment: thoth.Segment) -> None:
        told.append(segment)
        threading.Timer(0.02, token.cancel).start()

    with pytest.raises(thoth.Cancelled) as caught:
        fresh.transcribe_file(file, cancel=token, on_segment=stop, **TWO)
    assert caught.value.partial is not None
    assert caught.value.partial.segments == tuple(told)
    whole = fresh.transcribe_file(file, **ONE)
    assert whole.segments[: len(told)] == tuple(told)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_both_lanes(audio: Path) -> None:
    code = f"""
        import signal, threading, numpy, thoth
        from thoth import _native
        from thoth.audio.decode import decode
        signal.signal(signal.SIGINT, signal.default_int_handler)
        model = thoth.WhisperModel("nano.en")
        samples = decode({os.fspath(audio / LONG)!r})
        short, long, options = samples[:16_000], samples[: 29 * 16_000], _native.DecodeOptions()
        # The window on the main thread is over long before the other: the wait for that is what is interrupted.
        options.beam_size = 5
        try:
            print("on", flush=True)
            while True:
                model._engine.transcribe_pair(short, options, long, options).finish()
        except KeyboardInterrupt:
            print("interrupted", model.state, model._engine.gate_stats.holder, threading.active_count(), flush=True)
    """
    with PythonProcess(code) as process:
        assert process.line() == "on"
        process.interrupt()
        _, out, err = process.outcome()
    assert out.splitlines()[-1] == "interrupted ready None 1"
    assert err == ""


def test_no_second_lane_where_memory_is_short(
    fresh: thoth.WhisperModel, two_windows: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = state_bytes(fresh._engine.info) + SPARE_BYTES
    info = tmp_path / "meminfo"
    monkeypatch.setattr(memory, "_MEMINFO", info)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    info.write_text(f"MemTotal: 99999999 kB\nMemAvailable: {wanted // 1024 - 1} kB\n")
    assert lanes(fresh._engine, 2, "batch", independent=True) is None
    fresh.transcribe_file(two_windows, **TWO)
    assert fresh._engine.pairs == 0
    info.write_text(f"MemAvailable: {wanted // 1024 + 1} kB\n")
    assert lanes(fresh._engine, 2, "batch", independent=True) == (1, 1)


def test_the_least_of_what_machine_and_control_group_leave_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemAvailable: 4000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", info)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available_bytes() == 4_096_000
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("2500000\n")
    (tmp_path / "memory.stat").write_text("anon 2000000\nactive_file 100000\ninactive_file 200000\n")
    assert memory.available_bytes() == 800_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_bytes() == 4_096_000
    info.unlink()
    assert memory.available_bytes() == memory.UNKNOWN_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the address space")
def test_a_limit_of_the_address_space_leaves_one_lane_and_the_whole_text(tmp_path: Path, two_windows: bytes) -> None:
    (tmp_path / "two.wav").write_bytes(two_windows)
    path = os.fspath(tmp_path / "two.wav")
    code = f"""
        import resource, thoth
        from thoth.model.memory import available_bytes
        model = thoth.WhisperModel("nano.en")
        whole = model.transcribe_file({path!r}, temperature=0.0, threads=1)
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 400_000_000, resource.RLIM_INFINITY))
        print(available_bytes() <= 400_000_000)
        print(model.transcribe_file({path!r}, temperature=0.0, threads=2).segments == whole.segments)
        print(model._engine.pairs)
    """
    done = _python(code)
    assert (done.stdout.split(), done.stderr) == (["True", "True", "0"], "")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the address space")
def test_a_second_state_that_is_not_to_be_had_makes_it_one_after_the_other(audio: Path) -> None:
    path = os.fspath(audio / LONG)
    code = f"""
        import resource, thoth
        from thoth import _native
        from thoth.audio.decode import decode
        engine, options = thoth.WhisperModel("nano.en")._engine, _native.DecodeOptions()
        samples = decode({path!r})
        first, second = samples[:80_000], samples[80_000:160_000]
        alone = [engine.transcribe(window, options) for window in (first, second)]
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 60_000_000, resource.RLIM_INFINITY))
        pair = engine.transcribe_pair(first, options, second, options)
        pair.finish()
        texts = [[part.text for part in result.segments] for result in pair.windows]
        print(texts == [[part.text for part in result.segments] for result in alone], engine.pairs)
    """
    done = _python(code)
    assert (done.stdout.split(), done.stderr) == (["True", "0"], "")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_second_state_takes_no_more_than_estimated(audio: Path) -> None:
    code = f"""
        import resource, thoth
        from thoth import _native
        from thoth.audio.decode import decode
        from thoth.model.lanes import state_bytes
        def resident():
            return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
        engine, options = thoth.WhisperModel("nano.en")._engine, _native.DecodeOptions()
        options.audio_context = 1472
        window = decode({os.fspath(audio / LONG)!r})[: 28 * 16_000]
        engine.transcribe(window, options)
        before = resident()
        engine.transcribe_pair(window, options, window, options).finish()
        grown = resident() - before
        for _ in range(3):
            engine.transcribe_pair(window, options, window, options).finish()
        print(grown, resident() - before, state_bytes(engine.info))
    """
    done = _python(code)
    assert done.stderr == ""
    grown, after_four, estimate = map(int, done.stdout.split())
    assert 0 < grown < estimate
    assert after_four < estimate
