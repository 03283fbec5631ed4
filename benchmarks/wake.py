"""How often do the wake-phrase detectors miss, wake for nothing, how late are they, and what do they cost?

    python benchmarks/wake.py [--quick] [--only openwakeword | wakeword] [--recordings FOLDER] [--json]

Both listeners are fed as a microphone would feed them: in blocks of 96 ms, each recording of a phrase with a quiet room
around it, speech without a wake phrase and noise for as long as there are. WakeWord runs on the built-in model, whose
vocabulary has six phrases of the recordings; openWakeWord has models for "alexa" and for "hey jarvis", while the
people on the recordings say "jarvis" alone: what it makes of that is shown, and is no measure of it.

- miss: a recording in which the phrase is not told; wrong: a wake that tells another phrase than was said.
- false alarms: wakes in speech without a phrase and in noise, per hour. Where there were none in so many hours, up to
  3 in as many cannot be ruled out (95 %).
- latency: from the end of the phrase, as voice activity detection tells it, to when `feed()` has returned the wake. It
  may come before that end.
- core: processor time of the whole process over the duration of the audio, at the pace of the audio and as fast as it
  goes.

The sweep makes a listener for each threshold; what did not wake at a lower one is not fed again at a higher one.

FOLDER holds wake/, other-speech/ and noise/, the first two with a manifest.jsonl; without it the few recordings of the
tests are taken. The figures in docs/architecture.md are on Picovoice's wake-word-benchmark and its
speech-to-intent-benchmark.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
import numpy as np
from live_runs import percentile_ms, verdict
from wake_audio import Material, Stream, material, room

import thoth
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.wake.detection import Wake
from thoth.wake.listener import BLOCK_SAMPLES, WakeListener
from thoth.wake.openwakeword import THRESHOLD as OPENWAKEWORD_THRESHOLD
from thoth.wake.openwakeword import OpenWakeWord
from thoth.wake.wakeword import WakeWord

MOST_CORE_IN_SILENCE = 0.05
QUICK_EACH = 12
RULE_OF_THREE = 3.0


@dataclass(frozen=True)
class Contender:
    """A detector, and what of the recordings it is for.

    - `said`: the phrase that is told where a recording has this one.
    - `apart`: phrases of the recordings that it is not made for, though it has one that is close.
    """

    name: str
    make: Callable[[float], WakeListener]
    said: dict[str, str]
    threshold: float
    thresholds: tuple[float, ...]
    apart: tuple[str, ...] = ()


@dataclass
class Heard:
    """What a listener made of one stream: the wakes, and for each how long after `Stream.end_s` it was told."""

    stream: Stream
    wakes: list[Wake] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """What a contender made of everything, at one threshold."""

    threshold: float
    phrases: list[Heard]
    speech: list[Heard]
    noise: list[Heard]

    @property
    def all(self) -> list[Heard]:
        return [*self.phrases, *self.speech, *self.noise]


@dataclass(frozen=True)
class Cost:
    """Shares of one core."""

    what: str
    at_its_pace: float
    fast: float


def contenders(only: str | None, model: thoth.WhisperModel, phrases: Sequence[str]) -> Iterator[Contender]:
    """The detectors to compare."""
    if only != "wakeword":
        said = {"alexa": "alexa", "jarvis": "hey jarvis"}
        yield Contender(
            "openWakeWord",
            lambda threshold: OpenWakeWord(*said.values(), threshold=threshold),
            said,
            OPENWAKEWORD_THRESHOLD,
            (0.1, 0.3, 0.7, 0.9),
            apart=("jarvis",),
        )
    if only != "openwakeword":
        yield Contender(
            "WakeWord, nano.en",
            lambda threshold: WakeWord(*phrases, model=model, threshold=threshold),
            {phrase: phrase for phrase in phrases},
            WakeWord(*phrases, model=model).threshold,
            (0.5, 0.8, 0.9),
        )


def listen(listener: WakeListener, stream: Stream) -> Heard:
    """Feed a stream from its beginning, as fast as it goes."""
    listener.reset()
    heard = Heard(stream)
    for first in range(0, len(stream.samples), BLOCK_SAMPLES):
        block = stream.samples[first : first + BLOCK_SAMPLES]
        begun_s = time.perf_counter()
        wakes = listener.feed(block)
        took_s = time.perf_counter() - begun_s
        for wake in wakes:
            heard.wakes.append(wake)
            heard.delays_s.append((first + len(block)) / SAMPLE_RATE_HZ - stream.end_s + took_s)
    return heard


def sweep(contender: Contender, audio: Material) -> list[Found]:
    """Feed everything at each threshold, from the lowest on."""
    found: list[Found] = []
    for threshold in sorted({*contender.thresholds, contender.threshold}):
        silent = {heard.stream.name for heard in found[-1].all if not heard.wakes} if found else set()
        kinds = (audio.phrases, audio.speech, audio.noise)
        with contender.make(threshold) as listener:
            found.append(Found(threshold, *(_listen_to(listener, streams, silent) for streams in kinds)))
    return found


def _listen_to(listener: WakeListener, streams: Sequence[Stream], silent: Collection[str]) -> list[Heard]:
    return [Heard(stream) if stream.name in silent else listen(listener, stream) for stream in streams]


def costs(contender: Contender, audio: Material, seconds: float) -> Iterator[Cost]:
    """Measure what listening takes of a core."""
    for what, samples in (
        ("a quiet room", room(10 * seconds)),
        ("noise", _joined(audio.noise)),
        ("speech", _joined(audio.speech)),
    ):
        at_its_pace = _core(contender, samples[: round(seconds * SAMPLE_RATE_HZ)], in_real_time=True)
        yield Cost(what, at_its_pace, _core(contender, samples[: round(10 * seconds * SAMPLE_RATE_HZ)]))


def _joined(streams: Sequence[Stream]) -> Samples:
    return np.concatenate([stream.samples for stream in streams])


def _core(contender: Contender, samples: Samples, *, in_real_time: bool = False) -> float:
    with contender.make(contender.threshold) as listener:
        listener.feed(room(1.0))
        begun_s, cpu_s = time.monotonic(), time.process_time()
        for first in range(0, len(samples), BLOCK_SAMPLES):
            wait_s = begun_s + first / SAMPLE_RATE_HZ - time.monotonic()
            if in_real_time and wait_s > 0:
                time.sleep(wait_s)
            listener.feed(samples[first : first + BLOCK_SAMPLES])
    return (time.process_time() - cpu_s) * SAMPLE_RATE_HZ / len(samples)


def main() -> None:
    arguments = _arguments()
    load = machine.load()
    audio = material(arguments.recordings, QUICK_EACH if arguments.quick else 1)
    phrases = sorted({str(stream.phrase) for stream in audio.phrases})
    seconds = {kind: sum(stream.duration_s for stream in streams) for kind, streams in vars(audio).items()}
    result: dict[str, Any] = {}
    with thoth.WhisperModel("nano.en") as model:
        for contender in contenders(arguments.only, model, phrases):
            found = sweep(contender, audio)
            cost = list(costs(contender, audio, 5.0 if arguments.quick else 30.0))
            result[contender.name] = _plain(contender, found, cost)
            if not arguments.json:
                print(f"\n{contender.name}: threshold {contender.threshold:g}")
                _print(contender, found, cost)
    if arguments.json:
        print(json.dumps(result))
        return
    told = ", ".join(f"{kind} {second:.0f} s" for kind, second in seconds.items())
    print(f"\n{len(audio.phrases)} recordings of {len(phrases)} phrases; with the quiet around them: {told}")
    print(f"machine: {machine.describe()}\nload average at start: {load}, at end: {machine.load()}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"one recording out of {QUICK_EACH}")
    parser.add_argument("--only", choices=["openwakeword", "wakeword"], help="one of the detectors")
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="wake/, other-speech/, noise/")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    return parser.parse_args()


def _print(contender: Contender, found: Sequence[Found], cost: Sequence[Cost]) -> None:
    at_its_own = next(one for one in found if one.threshold == contender.threshold)
    print(
        machine.table("Phrases", ["said", "recordings", "missed", "%", ""], list(_phrase_rows(contender, at_its_own)))
    )
    headers = ["threshold", "missed", "of", "%", "wrong", "in speech", "per hour", "in noise", "per hour"]
    print(machine.table("Thresholds", headers, [_threshold_row(contender, one) for one in found]))
    meant = [heard for heard in at_its_own.phrases if heard.stream.phrase not in contender.apart]
    delays_s = [delay_s for heard in meant for delay_s in heard.delays_s[:1]]
    row = [str(len(delays_s)), *(f"{percentile_ms(delays_s, percent):.0f}" for percent in (50, 99, 100))]
    print(machine.table("End of the phrase to the wake, ms", ["wakes", "p50", "p99", "max"], [row]))
    print(machine.table("Share of one core", ["in", "at its pace", "as fast as it goes", "target"], _cost_rows(cost)))


def _phrase_rows(contender: Contender, found: Found) -> Iterator[list[str]]:
    for said, told in contender.said.items():
        missed, of = missed_of(found, said, told)
        note = f"it waits for {told!r}" if said in contender.apart else ""
        yield [said, str(of), str(missed), f"{100 * missed / max(of, 1):.1f}", note]


def _threshold_row(contender: Contender, found: Found) -> list[str]:
    counts = [missed_of(found, said, told) for said, told in contender.said.items() if said not in contender.apart]
    missed, of = (sum(column) for column in zip(*counts, strict=True))
    is_its_own = "*" if found.threshold == contender.threshold else ""
    row = [f"{found.threshold:g}{is_its_own}", str(missed), str(of), f"{100 * missed / max(of, 1):.1f}"]
    row.append(str(wrong(contender, found)))
    for kind in (found.speech, found.noise):
        row += [str(_wakes(kind)), per_hour(kind)]
    return row


def missed_of(found: Found, said: str, told: str) -> tuple[int, int]:
    """In how many recordings of a phrase it was not told, and of how many."""
    of = [heard for heard in found.phrases if heard.stream.phrase == said]
    return sum(told not in {wake.phrase for wake in heard.wakes} for heard in of), len(of)


def wrong(contender: Contender, found: Found) -> int:
    """Wakes in recordings of a phrase that tell another one."""
    return sum(
        wake.phrase != contender.said.get(str(heard.stream.phrase)) for heard in found.phrases for wake in heard.wakes
    )


def per_hour(kind: Sequence[Heard]) -> str:
    """False alarms per hour, or below which they are in all probability where there was none."""
    hours = sum(heard.stream.duration_s for heard in kind) / 3600
    count = _wakes(kind)
    return f"{count / hours:.1f}" if count else f"0, < {RULE_OF_THREE / hours:.1f}"


def _wakes(kind: Sequence[Heard]) -> int:
    return sum(len(heard.wakes) for heard in kind)


def _cost_rows(cost: Sequence[Cost]) -> list[list[str]]:
    rows = []
    for one in cost:
        met = one.what != "a quiet room" or verdict(one.at_its_pace < MOST_CORE_IN_SILENCE)
        target = "" if met is True else f"< {100 * MOST_CORE_IN_SILENCE:g} %: {met}"
        rows.append([one.what, f"{100 * one.at_its_pace:.2f} %", f"{100 * one.fast:.2f} %", target])
    return rows


def _plain(contender: Contender, found: Sequence[Found], cost: Sequence[Cost]) -> dict[str, Any]:
    return {
        "threshold": contender.threshold,
        "thresholds": [
            {
                "threshold": one.threshold,
                "missed": {said: missed_of(one, said, told) for said, told in contender.said.items()},
                "wrong": wrong(contender, one),
                "false_alarms": {"speech": _wakes(one.speech), "noise": _wakes(one.noise)},
                "false_alarms_per_hour": {"speech": per_hour(one.speech), "noise": per_hour(one.noise)},
            }
            for one in found
        ],
        "cost": [vars(one) for one in cost],
    }


if __name__ == "__main__":
    main()
