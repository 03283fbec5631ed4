"""`thoth bench` for real, on the built-in model; and what it makes of figures, where only those matter."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from thoth_command import ThothCommand

from thoth import InvalidOption, _native
from thoth.cli.bench.figures import MOST_REPEATS, Clock, Figure, Measurement
from thoth.cli.bench.parts import speech_like
from thoth.cli.bench.report import FORMAT, comparison, lines

pytestmark = pytest.mark.timeout(600)

PARTS = {
    "voice activity": "ms per s of audio",
    "resampler, live, 48 to 16 kHz": "ms per s of audio",
    "resampler, files, 48 to 16 kHz": "ms per s of audio",
    "ring, 480 samples, one thread": "ns per block",
    "ring, 480 samples, two threads": "ns per block",
}
OF_A_MODEL = {
    "encoder, 5 s": "ms",
    "encoder, 9 s": "ms",
    "encoder, 15 s": "ms",
    "encoder, 30 s": "ms",
    "mel, 6 s": "ms",
    "decoder, a token": "ms",
    "live speech": "of real time",
    "file": "of real time",
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run, as a file."""
    folder = tmp_path_factory.mktemp("bench")
    run = ThothCommand(folder / "models")("bench", "--seconds", "0.5", "--threads", "1", "--json")
    assert run.returncode == 0
    assert run.stderr.endswith("thoth: measuring for about 0.5 s; Ctrl-C stops\n")
    file = folder / "here.json"
    file.write_text(run.stdout, encoding="utf-8")
    return file


def test_it_measures_every_part_and_stage_and_tells_the_machine(measured: Path) -> None:
    report = json.loads(measured.read_text(encoding="utf-8"))
    rows = {(row["model"], row["threads"], row["name"]): row for row in report["figures"]}
    expected = {(None, None, name): unit for name, unit in PARTS.items()}
    expected |= {("nano.en", 1, name): unit for name, unit in OF_A_MODEL.items()}
    assert {key: row["unit"] for key, row in rows.items()} == expected
    for (_, _, name), row in rows.items():
        assert 1 <= row["repeats"] <= MOST_REPEATS
        # A token is the difference of two runs, which somebody else's work can turn round.
        assert name == "decoder, a token" or 0 < row["min"] <= row["median"]
    assert report["format"] == FORMAT
    assert report["processor"]
    assert report["cpu"]["cores"] >= 1
    assert report["cpu"]["kernels"]
    assert report["versions"]["whisper_cpp"] == "1.8.5"
    assert report["models"]["nano.en"]["file_bytes"] > 12_000_000
    assert isinstance(report["busy"], bool)
    assert report["load_average"].keys() == {"before", "after"}


def test_it_compares_with_another_run_and_says_what_it_means(thoth: ThothCommand, measured: Path) -> None:
    run = thoth("bench", "--seconds", "0.5", "--threads", "1", "--compare", measured, "-q")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("processor  ")
    assert "nano.en on 1 thread: " in run.stdout
    assert "live speech" in run.stdout
    table = run.stdout.partition("compared with ")[2]
    assert all(name in table for name in PARTS | OF_A_MODEL if name != "decoder, a token")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--threads", "0"), "--threads takes numbers from 1 to 256 with commas between, not '0'"),
        (("--threads", "1;2"), "--threads takes numbers"),
        (("--seconds", "0"), "takes seconds above 0"),
        (("--compare", "nowhere.json"), "--compare cannot read nowhere.json"),
        (("--compare", __file__), "--compare takes what 'thoth bench --json' of this version wrote"),
        (("-m", "nosuch"), "no model is called 'nosuch'"),
        (("-m", __file__), "test_bench.py"),
    ],
)
def test_bad_options_are_refused_before_anything_is_measured(
    thoth: ThothCommand, options: tuple[str, ...], says: str
) -> None:
    run = thoth("bench", *options)
    assert run.returncode in (1, 2)
    assert says in run.stderr
    assert run.stdout == ""
    assert "measuring" not in run.stderr
    assert "Traceback" not in run.stderr


def test_ctrl_c_ends_it_with_one_line(thoth: ThothCommand) -> None:
    run = thoth.start("bench", "--seconds", "600", "--threads", "1")
    assert run.stderr is not None
    while b"measuring" not in (line := run.stderr.readline()):
        assert line, "it ended before it measured"
    run.send_signal(signal.SIGINT)
    out, errors = run.communicate(timeout=300)
    assert (run.returncode, out, errors) == (130, b"", b"thoth: error: interrupted\n")


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ((10, 20, 1, 1), "that fits into it"),
        ((10, 0, 1, 1), "at least one sample"),
        ((10, 5, 0, 2), "at least one block"),
        ((10, 5, 1, 3), "1 thread or 2"),
    ],
)
def test_a_ring_that_cannot_be_timed_is_refused(sizes: tuple[int, int, int, int], says: str) -> None:
    with pytest.raises(InvalidOption, match=says):
        _native.time_ring(*sizes)


def test_resampling_without_blocks_is_refused() -> None:
    with pytest.raises(InvalidOption, match="at least one sample"):
        _native.time_resampling(speech_like(0.1), 48_000, 16_000, 0, live=True)


def test_what_takes_longer_than_its_share_is_made_once() -> None:
    calls: list[str] = []

    def once(name: str) -> dict[str, float]:
        calls.append(name)
        return {name: float(len(calls))}

    measurements = [Measurement(lambda name=name: once(name), "ms") for name in ("a", "b")]  # type: ignore[misc]
    found = list(Clock(0.0).figures(measurements))
    assert found == [Figure("a", "ms", 1.0, 1.0, 1), Figure("b", "ms", 2.0, 2.0, 1)]


def test_repeats_leave_out_the_first_run_and_end_at_their_most() -> None:
    values = iter([1000.0, *range(1, MOST_REPEATS + 1)])
    (figure,) = Clock(3600.0).figures([Measurement(lambda: {"a": next(values)}, "ms", "m", 2)])
    assert figure == Figure("a", "ms", 1.0, (1 + MOST_REPEATS) / 2, MOST_REPEATS, "m", 2)
    assert next(values, None) is None


def test_the_sound_is_the_same_every_time() -> None:
    assert (speech_like(1.0) == speech_like(1.0)).all()
    assert 0.29 < abs(speech_like(2.0)).max() <= 0.3


@pytest.mark.parametrize(
    ("share", "says"),
    [
        (0.25, "m on 2 threads: follows live speech, in 25 % of the time; speech from a file 10.0x as fast"),
        (0.9, "m on 2 threads: just follows live speech, in 90 % of the time, with shorter chunks"),
        (1.5, "m on 2 threads: too slow for live speech, which takes 1.5 times as long as it lasts"),
    ],
)
def test_it_says_whether_the_machine_keeps_up(share: float, says: str) -> None:
    assert any(line.startswith(says) for line in lines(_report(live=share, file=0.1)))


def test_a_ratio_above_one_means_that_this_machine_is_faster() -> None:
    told = "\n".join(comparison(_report(live=0.2, file=0.1), _report(live=0.6, file=0.3)))
    assert told.startswith("compared with a processor")
    assert told.count("3.00") == 3


def test_reports_that_share_nothing_are_not_compared() -> None:
    other = _report(live=0.6, file=0.3)
    for row in other["figures"]:
        row["threads"] = 7
    assert list(comparison(_report(live=0.2, file=0.1), other))[1].startswith("nothing was measured on both")


def _report(**shares: float) -> dict[str, Any]:
    names = {"live": "live speech", "file": "file"}
    figures = [Figure(names[key], "of real time", value, value, 3, "m", 2) for key, value in shares.items()]
    return {
        "format": FORMAT,
        "processor": "a processor",
        "cpu": {"cores": 2, "threads_now": 2, "features": ["AVX2"]},
        "versions": {"thoth": "1", "whisper_cpp": "1", "python": "CPython 3"},
        "load_average": {"before": None, "after": None},
        "figures": [figure.as_json() for figure in figures],
    }
