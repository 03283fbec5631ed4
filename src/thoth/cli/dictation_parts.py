"""The objects that settings describe: what `thoth dictate` and `thoth listen` are put together from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thoth.cli.model_choice import ENGLISH, is_multilingual
from thoth.cli.sound_devices import device_named
from thoth.config.keys import KEYS
from thoth.errors import InvalidOption

if TYPE_CHECKING:
    from thoth.audio.live_input import LiveInput
    from thoth.config.schema import Config
    from thoth.dictation.enhance.enhancer import Enhancer
    from thoth.dictation.filters.chain import FilterChain
    from thoth.dictation.history.store import History
    from thoth.dictation.output.sink import Sink
    from thoth.dictation.pipeline import Dictation
    from thoth.model.options import TranscribeOptions
    from thoth.model.whisper import WhisperModel
    from thoth.wake.listener import WakeListener

STDOUT: Final = "stdout"

_CALLED_PREROLL_S: Final = 10.0
"""What is kept of the past where a phrase may begin a dictation: the phrase, its recognition, and what follows it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that stands in for the microphone. realtime: at its own pace."""

    path: Path
    realtime: bool


def source_of(config: Config, recording: Recording | None, *, called: bool) -> LiveInput:
    """Return what is listened to, not yet open. called: a phrase may begin a dictation."""
    from thoth.audio.live_input import PREROLL_S

    preroll_s = _CALLED_PREROLL_S if called else PREROLL_S
    if recording is not None:
        from thoth.audio.file_source import FileSource

        return FileSource(recording.path, realtime=recording.realtime, preroll_s=preroll_s)
    from thoth.audio.microphone import Microphone

    device, settings = config.microphone.device, config.microphone
    named = device_named(device or None) if isinstance(device, str) else device
    reconnect = settings.reconnect and (called or (settings.keep_open and config.dictation.mode != "once"))
    return Microphone(named, reconnect=reconnect, preroll_s=preroll_s)


def dictation_of(
    config: Config,
    model: WhisperModel | Path,
    source: LiveInput,
    sinks: Sequence[Sink],
    history: History,
    *,
    stop_after_silence_s: float | None,
) -> Dictation:
    """Return a dictation as it is configured. Raises InvalidOption."""
    from thoth.dictation.pipeline import Dictation

    return Dictation(
        model,
        source=source,
        filters=filters_of(config, model),
        enhancer=enhancer_of(config),
        sinks=sinks,
        history=history,
        longest_s=config.dictation.longest_s,
        stop_after_silence_s=stop_after_silence_s,
        **options_of(config),
    )


def bare_dictation_of(config: Config, model: WhisperModel | Path, source: LiveInput, history: History) -> Dictation:
    """Return a dictation that ends at silence, and gives its words as they were heard and to nobody."""
    from thoth.dictation.pipeline import Dictation

    return Dictation(
        model,
        source=source,
        history=history,
        longest_s=config.dictation.longest_s,
        stop_after_silence_s=config.dictation.stop_after_silence_s,
        **options_of(config),
    )


def options_of(config: Config) -> TranscribeOptions:
    """Return what the model is told; an empty text stands for nothing."""
    model = config.model
    return {
        "language": model.language or None,
        "initial_prompt": model.prompt or None,
        "hotwords": model.hotwords or None,
    }


def filters_of(config: Config, model: WhisperModel | Path) -> FilterChain:
    """Return the filters, in the language that is set, else English where the model knows nothing else.

    Where it may be any language, what depends on one stays off: German's "um" is no filler. Raises InvalidOption for a
    language or dictionary that they do not take.
    """
    from thoth.dictation.filters.chain import filters_for
    from thoth.dictation.filters.settings import FilterSettings

    chosen = config.filters
    return filters_for(
        FilterSettings(
            language=chosen.language or config.model.language or ("auto" if is_multilingual(model) else ENGLISH),
            artefacts=chosen.artefacts,
            repeats=chosen.repeats,
            fillers=chosen.fillers,
            spoken=chosen.spoken,
            casing=chosen.casing,
            dictionary=chosen.dictionary,
            terms=chosen.terms,
        )
    )


def enhancer_of(config: Config) -> Enhancer | None:
    """Return what corrects the text; None where no endpoint is set. Raises InvalidOption."""
    chosen = config.enhance
    if not chosen.url:
        return None
    from thoth.dictation.enhance.enhancer import Enhancer

    return Enhancer(
        chosen.url,
        chosen.model,
        prompt=chosen.prompt or None,
        language=config.model.language or None,
        dictionary=_own_words(config),
        api_key=_api_key(chosen.api_key_env),
        timeout_s=chosen.timeout_s,
        attempts=chosen.attempts,
        stream=chosen.stream,
        keep_words=chosen.keep_words,
        allow_plain_http=chosen.allow_plain_http,
    )


def sinks_of(config: Config, on_stdout: Callable[[str], object] | None) -> list[Sink]:
    """Return where the text goes, each place once. on_stdout: what stands in for stdout; None leaves that out.

    Raises InvalidOption and OutputError.
    """
    from thoth.dictation.output.callable import CallableSink
    from thoth.dictation.output.spec import sink_from

    sinks: list[Sink] = []
    for spec in dict.fromkeys(config.output.sinks):
        if spec != STDOUT:
            sinks.append(sink_from(spec))
        elif on_stdout is not None:
            sinks.append(CallableSink(on_stdout, STDOUT))
    return sinks


def history_of(config: Config) -> History:
    """Return the history, open. Raises HistoryError."""
    from thoth.dictation.history.store import History

    kept = config.history
    return History(
        Path(kept.folder).expanduser() if kept.folder else None,
        max_age_days=kept.max_age_days or None,
        max_bytes=kept.max_mb * 10**6 or None,
    )


@contextmanager
def listening(config: Config, model: WhisperModel | Path) -> Iterator[WakeListener]:
    """Give, and close in the end, what listens for the phrases; `model` is used where they are looked for in its text.

    Raises InvalidOption, and ThothError where the detector is not installed.
    """
    chosen = config.wake
    if chosen.detector == "openwakeword":
        from thoth.wake.openwakeword import OpenWakeWord

        threshold = {"threshold": chosen.threshold} if chosen.threshold else {}
        with OpenWakeWord(*chosen.phrases, cooldown_s=chosen.cooldown_s, **threshold) as spotter:
            yield spotter
        return
    from thoth.wake.wakeword import WakeWord

    language = config.model.language or "en"
    with WakeWord(
        *chosen.phrases,
        model=model,
        threshold=chosen.threshold or None,
        cooldown_s=chosen.cooldown_s,
        language=language,
    ) as ear:
        yield ear


def _own_words(config: Config) -> tuple[str, ...]:
    """Return the user's words as they are written."""
    dictionary = config.filters.dictionary
    written = dictionary.values() if isinstance(dictionary, dict) else dictionary
    return tuple(dict.fromkeys((*written, *config.filters.terms)))


def _api_key(variable: str) -> str | None:
    """Return the key in a variable that the user has named; None leaves it to the enhancer where to look."""
    if not variable or variable == KEYS["enhance.api_key_env"].default:
        return None
    if not os.environ.get(variable):
        raise InvalidOption(f"enhance.api_key_env names {variable}, which is not set in the environment")
    return os.environ[variable]
