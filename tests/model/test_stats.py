"""What a model tells of its use: state, waits, metrics, spans."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import thoth
from thoth.audio.decode import decode
from thoth.observe.tracing import Span, tracer

DIGITS = "digits_07_4.flac"
LONG = "long_0_20s.flac"


@pytest.fixture
def own() -> Iterator[thoth.WhisperModel]:
    """A model that nobody else has used."""
    with thoth.WhisperModel("nano.en", threads=1) as loaded:
        yield loaded


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    """Tracing at the full level, and a list to put the spans in."""
    tracer.clear()
    tracer.level = "full"
    yield []
    tracer.level = "off"
    tracer.clear()


def test_each_class_is_counted_by_itself(own: thoth.WhisperModel, audio: Path) -> None:
    loaded = own.stats
    assert (loaded.windows, loaded.live.granted, loaded.holder) == (0, 0, None)
    own.transcribe_samples(decode(audio / DIGITS))
    live = own.stats
    assert (live.live.granted, live.batch.granted, live.windows) == (1, loaded.batch.granted, 1)
    own.transcribe_file(audio / DIGITS)
    own.transcribe(audio / DIGITS)
    batch = own.stats
    assert (batch.live.granted, batch.batch.granted, batch.windows) == (1, loaded.batch.granted + 2, 3)
    own.transcribe(decode(audio / DIGITS))
    own.transcribe((decode(audio / DIGITS), 16_000))
    assert own.stats.live.granted == 3
    assert own.stats.audio_context_reruns == own.audio_context_reruns


def test_prompts_and_languages_are_asked_for_in_the_class_of_the_input(own: thoth.WhisperModel, audio: Path) -> None:
    before = own.stats
    own.transcribe_samples(decode(audio / DIGITS), initial_prompt="digits", hotwords="seven")
    assert own.stats.live.granted == before.live.granted + 3
    assert own.stats.batch.granted == before.batch.granted


def test_the_holder_is_told_while_a_window_runs(own: thoth.WhisperModel, audio: Path) -> None:
    token = thoth.CancelToken()
    seen: set[str | None] = set()

    def run() -> None:
        with pytest.raises(thoth.Cancelled):
            own.transcribe_file(audio / LONG, audio_context="full", cancel=token)

    thread = threading.Thread(target=run)
    thread.start()
    while "batch" not in seen:
        seen.add(own.stats.holder)
        assert thread.is_alive()
    assert own.state == "transcribing"
    token.cancel()
    thread.join(60)
    assert own.stats.holder is None
    assert own.state == "ready"


def test_metrics_add_up_over_windows(own: thoth.WhisperModel, audio: Path) -> None:
    assert own.metrics.total_chunks == 0
    result = own.transcribe_file(audio / LONG)
    metrics = own.metrics
    assert metrics.total_chunks == own.stats.windows > 1
    assert metrics.total_audio_seconds == pytest.approx(result.info.duration_after_vad)
    assert 0 < metrics.total_processing_seconds <= result.info.elapsed_s
    assert metrics.average_rtf == pytest.approx(metrics.total_processing_seconds / metrics.total_audio_seconds)
    assert 0 < metrics.p50_latency_ms <= metrics.p99_latency_ms <= 1000 * result.info.elapsed_s
    assert (metrics.errors, metrics.chunks_dropped, metrics.queue_depth_max) == (0, 0, 0)


def test_a_window_that_fails_is_an_error_and_one_that_is_called_off_is_none(
    own: thoth.WhisperModel, audio: Path
) -> None:
    token = thoth.CancelToken()
    token.cancel()
    with pytest.raises(thoth.Cancelled):
        own.transcribe_samples(decode(audio / DIGITS), cancel=token)
    assert own.metrics.errors == 0
    with pytest.raises(thoth.InvalidOption):
        own.transcribe_samples(decode(audio / DIGITS), initial_prompt=[10**8])
    assert own.metrics.errors == 1
    assert own.metrics.total_chunks == 0


def test_a_window_is_a_span_with_its_stages_inside(own: thoth.WhisperModel, audio: Path, spans: list[Span]) -> None:
    own.transcribe_samples(decode(audio / DIGITS))
    spans += tracer.spans()
    (window,) = (span for span in spans if span.name == "chunk_process")
    assert window.attributes["priority"] == "live"
    assert window.attributes["audio_s"] == pytest.approx(own.metrics.total_audio_seconds)
    assert window.attributes["preemptions"] == 0
    stages = [span for span in spans if span.parent_id == window.span_id]
    assert [span.name for span in stages][:3] == ["mel", "encode", "decode"]
    assert all(window.start_ns <= span.start_ns <= span.end_ns <= window.end_ns for span in stages)
    held_ns = sum(span.end_ns - span.start_ns for span in stages)
    assert held_ns / 1e9 == pytest.approx(own.metrics.total_processing_seconds, rel=0.5)


def test_windows_are_traced_from_light_on_and_stages_at_the_full_level(
    own: thoth.WhisperModel, audio: Path, spans: list[Span]
) -> None:
    found = {}
    for level in ("off", "light", "medium", "full"):
        tracer.clear()
        tracer.level = level
        own.transcribe_samples(decode(audio / DIGITS))
        found[level] = {span.name for span in tracer.spans()}
    window = {"chunk_process"}
    assert found == {"off": set(), "light": window, "medium": window, "full": window | {"mel", "encode", "decode"}}


def test_loading_is_traced_in_its_steps(spans: list[Span]) -> None:
    with thoth.WhisperModel("nano.en"):
        pass
    spans += tracer.spans()
    (loading,) = (span for span in spans if span.name == "model_loading")
    assert loading.attributes["model"] == "nano.en"
    steps = sorted((span for span in spans if span.parent_id == loading.span_id), key=lambda span: span.start_ns)
    assert [span.name for span in steps] == ["fetch", "parse", "transfer"]
    assert all(loading.start_ns <= span.start_ns <= span.end_ns <= loading.end_ns for span in steps)
    assert sum(span.end_ns - span.start_ns for span in steps) > 0.5 * (loading.end_ns - loading.start_ns)


def test_a_load_that_fails_says_so_in_its_span(tmp_path: Path, spans: list[Span]) -> None:
    path = tmp_path / "broken.bin"
    path.write_bytes(b"lmgg" + bytes(100))
    with pytest.raises(thoth.InvalidModel):
        thoth.WhisperModel(path)
    spans += tracer.spans()
    (loading,) = (span for span in spans if span.name == "model_loading")
    assert str(loading.attributes["error"]).startswith("InvalidModel")
