"""What a model tells of each window it transcribed: figures for its metrics, spans for the trace."""

from __future__ import annotations

from typing import Final

from thoth import _native
from thoth.model.waiting import Priority
from thoth.observe.metrics import MetricsCollector
from thoth.observe.tracing import TraceLevel, tracer

_NS_PER_S: Final = 1e9


def note_queue(metrics: MetricsCollector, engine: _native.Engine) -> None:
    """Count who will wait now that another request is about to be made."""
    stats = engine.gate_stats
    if stats.holder is not None:
        metrics.queue_depth(stats.live.waiting + stats.batch.waiting + 1)


def note_window(
    metrics: MetricsCollector,
    result: _native.WindowResult,
    audio_s: float,
    asked_ns: int,
    priority: Priority,
    beside: int = 1,
) -> None:
    """Count a window of `audio_s` seconds that was asked for at `asked_ns`, and trace it.

    beside: how many windows ran at once, this one included; the time is shared among them, so that the times of all
        windows add up to what passed.

    Its span begins when it got its turn. Where it gave way to others its stages leave a gap.
    """
    turn_s = result.paused_s + result.ran_s
    metrics.chunk(audio_s, result.ran_s / beside, result.waited_s + turn_s)
    if not tracer.wants(TraceLevel.LIGHT):
        return
    start_ns = asked_ns + round(result.waited_s * _NS_PER_S)
    span = tracer.record(
        "chunk_process",
        start_ns,
        start_ns + round(turn_s * _NS_PER_S),
        audio_s=audio_s,
        priority=priority,
        waited_s=result.waited_s,
        preemptions=result.preemptions,
    )
    for stage, begin_s, end_s in result.stages if tracer.wants(TraceLevel.FULL) else ():
        begin_ns, end_ns = (start_ns + round(seconds * _NS_PER_S) for seconds in (begin_s, end_s))
        tracer.record(stage, begin_ns, end_ns, TraceLevel.FULL, parent_id=span)


def note_loading(engine: _native.Engine, begun_ns: int) -> None:
    """Trace the two steps of a load that began at `begun_ns`: the check of the file, the weights on their way."""
    parsed_ns = begun_ns + round(engine.parse_s * _NS_PER_S)
    tracer.record("parse", begun_ns, parsed_ns, TraceLevel.MEDIUM)
    tracer.record("transfer", parsed_ns, parsed_ns + round(engine.transfer_s * _NS_PER_S), TraceLevel.MEDIUM)
