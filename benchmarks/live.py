"""How good and how fast is live transcription? The development recordings, played in real time to a live session.

    python benchmarks/live.py [--quick] [--only accuracy | latency] [--json]

Accuracy, with the built-in model: word error rates against those of `transcribe_file` on the same audio; and the words
that a live text says twice or leaves out where one pass over all the audio of the same utterance does not, which is
what becomes of words at a seam. Latency, with that model and at tiny size (random weights that recite twelve words in
every pass, see ``reciting_model.py``), with as many threads as are free:

- first word: from the start of speech, as voice activity detection tells it, to the first committed word with the user.
- update: from the arrival of the last audio of a chunk to the making of the text for it, final texts apart.
- final: from the end of an utterance being declared, 0.6 s of silence after the last speech, to the making of its final
  text; and the same by the wall clock: from when that sample was due to when the user has the text.
- hand-over: from the making of an update to its being there for whoever iterates.

Short recordings have a second of digital silence behind them, so that their utterances end by themselves; where the
source ends first, the final text is not in the figures.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import machine
from live_runs import Heard, Recording, Run, TimedSession, percentile_ms, play, reciting, recordings, verdict

import thoth
from thoth.audio.samples import SAMPLE_RATE_HZ, Samples
from thoth.live.settings import ENDPOINT_SILENCE_S
from thoth.model.speech import FRAME_S

MOST_POINTS_LOST = 3.0
MOST_FINAL_P50_MS = 70.0
MOST_HANDOVER_P50_MS, MOST_HANDOVER_P99_MS = 10.0, 50.0
SILENCE_AFTER_S = 1.0
QUICK_EACH = 5

_ENDPOINT_S = round(ENDPOINT_SILENCE_S / FRAME_S) * FRAME_S  # in whole frames, as it is counted


@dataclass(frozen=True)
class Accuracy:
    """Over the recordings of one kind."""

    kind: str
    words: int
    live_errors: int
    batch_errors: int
    doubled: list[str]
    lost: list[str]

    @property
    def live_percent(self) -> float:
        return 100 * self.live_errors / self.words

    @property
    def batch_percent(self) -> float:
        return 100 * self.batch_errors / self.words


@dataclass(frozen=True)
class Latencies:
    """Seconds, of all updates of a session's recordings."""

    first_word: list[float]
    update: list[float]
    final: list[float]
    final_by_the_wall: list[float]
    handover: list[float]

    def rows(self) -> Iterator[tuple[str, list[float], float | None, float | None]]:
        """Name, values, and the targets of their median and 99th percentile in milliseconds."""
        yield "start of speech to first committed word", self.first_word, None, None
        yield "update", self.update, None, None
        yield "end of utterance to final text", self.final, MOST_FINAL_P50_MS, None
        yield "the same by the wall clock", self.final_by_the_wall, MOST_FINAL_P50_MS, None
        yield "hand-over", self.handover, MOST_HANDOVER_P50_MS, MOST_HANDOVER_P99_MS


def listen(model: thoth.WhisperModel, audio: Sequence[Recording]) -> list[Run]:
    """Play all recordings to one session, one after the other."""
    with TimedSession(model) as session:
        return [_checked(session, play(session, recording)) for recording in audio]


def _checked(session: TimedSession, run: Run) -> Run:
    """Stop where committed text was taken back, or audio was lost: the figures would mean something else then."""
    shown = ""
    for heard in run.heard:
        shown += heard.update.committed
        told = "".join(word.word for word in heard.update.words)
        if told.strip() != heard.update.committed.strip() or heard.update.gaps:
            raise SystemExit(f"{run.recording.name}: {heard.update}")
    kept = "".join(word.word for word in session.transcript.words)
    if not kept.endswith(shown.strip()):
        raise SystemExit(f"{run.recording.name}: {shown!r} was told, and {kept!r} is kept")
    return run


def accuracy(kind: str, runs: Sequence[Run], model: thoth.WhisperModel) -> Accuracy:
    """Compare with the same model on the same audio at once."""
    words = live_errors = batch_errors = 0
    doubled: list[str] = []
    lost: list[str] = []
    for run in runs:
        said, live = _words(run.recording.said), _words(run.text)
        batch = _words(model.transcribe_file(run.recording.as_wav()).text)
        words += len(said)
        live_errors += sum(a != b for a, b in aligned(said, live))
        batch_errors += sum(a != b for a, b in aligned(said, batch))
        for text, samples in _utterances(run):
            whole = model.transcribe_samples(samples, vad_filter=False, word_timestamps=True)
            pairs = aligned(_words(whole.text), _words(text))
            doubled += [f"{word} ({run.recording.name})" for word in _doubled(pairs)]
            lost += [f"{word} ({run.recording.name})" for word, heard in pairs if word is not None and heard is None]
    return Accuracy(kind, words, live_errors, batch_errors, doubled, lost)


def _utterances(run: Run) -> Iterator[tuple[str, Samples]]:
    """The text of each utterance, and the audio that was listened to for it."""
    for _, group in itertools.groupby(run.heard, lambda heard: heard.update.utterance):
        updates = [heard.update for heard in group]
        first, last = (round(at_s * SAMPLE_RATE_HZ) for at_s in (updates[0].start_s, updates[-1].end_s))
        yield "".join(update.committed for update in updates), run.recording.samples[first:last]


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _doubled(pairs: Sequence[tuple[str | None, str | None]]) -> list[str]:
    """Words too many that stand next to themselves."""
    found = []
    for at, (known, heard) in enumerate(pairs):
        beside = [pairs[other][1] for other in (at - 1, at + 1) if 0 <= other < len(pairs)]
        if known is None and heard is not None and heard in beside:
            found.append(heard)
    return found


def aligned(known: Sequence[str], heard: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Pair the words with the fewest errors (Levenshtein); None stands for a word too many or one that is missing."""
    cost = [[row + column for column in range(len(heard) + 1)] for row in range(len(known) + 1)]
    for row, word in enumerate(known, 1):
        for column, other in enumerate(heard, 1):
            instead = cost[row - 1][column - 1] + (word != other)
            cost[row][column] = min(instead, cost[row - 1][column] + 1, cost[row][column - 1] + 1)
    pairs: list[tuple[str | None, str | None]] = []
    row, column = len(known), len(heard)
    while row or column:
        here = cost[row][column]
        if row and column and here == cost[row - 1][column - 1] + (known[row - 1] != heard[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((known[row], heard[column]))
        elif row and here == cost[row - 1][column] + 1:
            row -= 1
            pairs.append((known[row], None))
        else:
            column -= 1
            pairs.append((None, heard[column]))
    return pairs[::-1]


def latencies(runs: Sequence[Run]) -> Latencies:
    """What the updates of all runs took."""
    found = Latencies([], [], [], [], [])
    for run in runs:
        found.first_word.extend(_first_words(run))
        for heard in run.heard:
            found.handover.append(heard.received_s - heard.made_s)
            if not heard.update.is_final:
                found.update.append(heard.update.delay_s)
            elif (declared_s := _declared_s(run, heard)) is not None:
                found.final.append(heard.update.delay_s)
                found.final_by_the_wall.append(heard.received_s - run.zero_s - declared_s)
    return found


def _first_words(run: Run) -> Iterator[float]:
    for start_s, next_s in itertools.pairwise([*run.starts_s, float("inf")]):
        for heard in run.heard:
            words = heard.update.words
            if words and start_s - 0.5 <= words[0].start < next_s - 0.5:
                yield heard.received_s - run.zero_s - start_s
                break


def _declared_s(run: Run, final: Heard) -> float | None:
    """When in the recording the end of this utterance was declared; None where that was the recording's own end."""
    end_s = max((end_s for end_s in run.ends_s if end_s <= final.update.end_s + FRAME_S), default=None)
    if end_s is None or end_s + _ENDPOINT_S > run.recording.duration_s:
        return None
    return end_s + _ENDPOINT_S


def main() -> None:
    arguments = _arguments()
    audio = recordings(silence_after_s=SILENCE_AFTER_S)
    if arguments.quick:
        audio = [recording for number, recording in enumerate(audio) if number % QUICK_EACH == 0]
    load = machine.load()
    accuracies: list[Accuracy] = []
    timings: dict[str, Latencies] = {}
    if arguments.only != "latency":
        with thoth.WhisperModel() as model:
            runs = listen(model, audio)
            for kind, of_kind in (("short", False), ("long", True)):
                accuracies.append(accuracy(kind, [run for run in runs if run.recording.is_long == of_kind], model))
            timings["built-in"] = latencies(runs)
    if arguments.only != "accuracy":
        with reciting("tiny.en", arguments.type) as model:
            timings[f"tiny {arguments.type}"] = latencies(listen(model, audio))
    if arguments.json:
        print(json.dumps(_plain(accuracies, timings)))
        return
    seconds = sum(recording.duration_s for recording in audio)
    print(f"Live transcription, {len(audio)} recordings, {seconds:.0f} s, in real time\nmachine: {machine.describe()}")
    print(f"load average at start: {load}, at end: {machine.load()}")
    if accuracies:
        _print_accuracy(accuracies)
    headers = ["model", "what", "n", "p50", "p99", "max", "target"]
    rows = [row for name, found in timings.items() for row in _latency_rows(name, found)]
    print(machine.table("Milliseconds", headers, rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one recording out of five")
    parser.add_argument("--only", choices=["accuracy", "latency"], help="the built-in model alone, or tiny size alone")
    parser.add_argument("--type", default="q8_0", help="weight type at tiny size: f16, q5_0, q5_1, q8_0")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    return parser.parse_args()


def _print_accuracy(found: Sequence[Accuracy]) -> None:
    rows = []
    for kind in found:
        points = kind.live_percent - kind.batch_percent
        target = f"< {MOST_POINTS_LOST:g}: {verdict(points < MOST_POINTS_LOST)}"
        seams = verdict(not (kind.doubled or kind.lost))
        rates = [f"{kind.live_percent:.1f}", f"{kind.batch_percent:.1f}", f"{points:+.1f}", target]
        rows.append([kind.kind, str(kind.words), *rates, str(len(kind.doubled)), str(len(kind.lost)), seams])
    headers = ["recordings", "words", "live, %", "batch, %", "points", "target", "doubled", "lost", "none of both"]
    print(machine.table("Word error rate of the built-in model; committed text never changed", headers, rows))
    for kind in found:
        for what, words in (("doubled", kind.doubled), ("lost", kind.lost)):
            if words:
                print(f"{what}, {kind.kind}: {', '.join(words)}")


def _latency_rows(name: str, found: Latencies) -> Iterator[list[str]]:
    for what, values, p50_ms, p99_ms in found.rows():
        targets = [
            f"p{percent} < {most:g}: {verdict(percentile_ms(values, percent) < most)}"
            for percent, most in ((50, p50_ms), (99, p99_ms))
            if most is not None
        ]
        figures = [f"{percentile_ms(values, percent):.1f}" for percent in (50, 99, 100)]
        yield [name, what, str(len(values)), *figures, ", ".join(targets)]


def _plain(accuracies: Sequence[Accuracy], timings: dict[str, Latencies]) -> dict[str, object]:
    return {
        "accuracy": [
            {**vars(kind), "live_percent": kind.live_percent, "batch_percent": kind.batch_percent}
            for kind in accuracies
        ],
        "latency_ms": {
            name: {
                what: {f"p{percent}": percentile_ms(values, percent) for percent in (50, 99, 100)}
                for what, values, _, _ in found.rows()
            }
            for name, found in timings.items()
        },
    }


if __name__ == "__main__":
    main()
