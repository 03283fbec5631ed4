"""Every setting: its section, its key, what it takes, what it is for, and its default.

This is the only place where settings are listed. What `thoth config init` writes and what errors say is made from it.
A setting that is left out has its default; an empty text and 0 stand for "not set" where the text below says so, since
TOML has no word for nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Mode = Literal["keys", "once", "hotkey", "push-to-talk", "wake"]
Detector = Literal["whisper", "openwakeword"]


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The speech model and how it listens."""

    name: Annotated[
        str,
        Meta(description="Catalogue name, as `thoth models list` shows them, or a path; empty: the best installed."),
    ] = ""
    language: Annotated[
        str, Meta(description="Language spoken, such as en; empty: the model finds out, which takes longer.")
    ] = ""
    prompt: Annotated[str, Meta(description="Text put before what is said: style, names, spelling.")] = ""
    hotwords: Annotated[str, Meta(description="Words to expect.")] = ""
    offline: Annotated[bool, Meta(description="Never download a model.")] = False


class MicrophoneSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is listened to."""

    device: Annotated[
        int | str,
        Meta(description="Index, name or part of one, as `thoth devices` lists them; empty: the default one."),
    ] = ""
    keep_open: Annotated[
        bool,
        Meta(
            description="Keep it open between dictations, so that the words spoken just before the key are there. "
            "false opens it with each dictation, and the first word may be cut."
        ),
    ] = True
    reconnect: Annotated[
        bool, Meta(description="Wait for a device that is gone and go on when it is back; with keep_open.")
    ] = True


class DictationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How `thoth dictate` begins and ends a dictation."""

    mode: Annotated[
        Mode,
        Meta(
            description="What begins one: keys of the terminal (Enter or Space), once (at once, and only one), hotkey, "
            "push-to-talk, or wake (a phrase)."
        ),
    ] = "keys"
    longest_s: Annotated[float, Meta(ge=1, le=14_400, description="It ends by itself after so long.")] = 600.0
    stop_after_silence_s: Annotated[
        float, Meta(ge=0.2, le=10, description="With once and wake, silence of this length after speech ends it.")
    ] = 1.5


class FilterSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to the text before it is put out; the raw text stays in the history."""

    language: Annotated[
        str, Meta(description="Whose filler words and spoken commands; empty: the model's language, else en.")
    ] = ""
    artefacts: Annotated[bool, Meta(description="Take out [BLANK_AUDIO], music marks and the like.")] = True
    repeats: Annotated[bool, Meta(description="Take out phrases that the model repeats in a loop.")] = True
    fillers: Annotated[bool, Meta(description="Take out um, uh and their kin.")] = True
    spoken: Annotated[bool, Meta(description='Obey "comma", "new line", "new paragraph", "delete that" …')] = True
    casing: Annotated[bool, Meta(description="Mend capitals at sentence starts, and spaces.")] = True
    dictionary: Annotated[
        dict[str, str] | tuple[str, ...],
        Meta(description='What is heard and what to write for it, such as {"tote" = "Thoth"}; or a list as of terms.'),
    ] = {}
    terms: Annotated[
        tuple[str, ...],
        Meta(description='Your words and names, such as ["Thoth", "Grafana"]: what sounds like one becomes it.'),
    ] = ()


class EnhanceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A language model that corrects the text. Whatever fails here, the uncorrected text is put out."""

    url: Annotated[
        str,
        Meta(description="OpenAI-compatible endpoint, such as http://127.0.0.1:11434/v1 for Ollama; empty: none."),
    ] = ""
    model: Annotated[str, Meta(description="The model to ask for at that endpoint.")] = ""
    prompt: Annotated[str, Meta(description="Instructions in place of Thoth's own, with {text} in them.")] = ""
    api_key_env: Annotated[
        str,
        Meta(
            pattern="^([A-Z_][A-Z0-9_]*)?$",
            description="The environment variable that holds the API key, which does not belong into this file. "
            "Else the system's keyring is asked, for the service thoth and the endpoint's host as its user "
            '(extra "keyring").',
        ),
    ] = "THOTH_ENHANCE_API_KEY"
    timeout_s: Annotated[float, Meta(gt=0, le=600, description="For all attempts together.")] = 20.0
    attempts: Annotated[int, Meta(ge=1, le=10, description="How often to try.")] = 3
    stream: Annotated[bool, Meta(description="Take the answer as it is written.")] = True
    keep_words: Annotated[
        bool, Meta(description="false for a prompt that asks for more than corrections, such as a translation.")
    ] = True
    allow_plain_http: Annotated[
        bool, Meta(description="Send the API key unencrypted to another machine, in a network that you trust.")
    ] = False


class OutputSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the text goes."""

    sinks: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            description="One or several of stdout, clipboard, paste or paste:KEYS (into the window with the focus; the "
            "clipboard is put back), type (the same, key by key), file:PATH (appended), command:COMMAND LINE (on "
            "its standard input).",
        ),
    ] = ("stdout",)


class ShortcutSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that work in every window; they need a display (X11, Windows, macOS)."""

    hotkey: Annotated[str, Meta(min_length=1, description="With mode hotkey: begins and ends a dictation.")] = (
        "ctrl+alt+d"
    )
    push_to_talk: Annotated[
        str, Meta(min_length=1, description="With mode push-to-talk: held down while you speak.")
    ] = "ctrl+alt+space"


class WakeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The phrase that is listened for, by `thoth listen` and with mode wake."""

    phrases: Annotated[tuple[str, ...], Meta(min_length=1, description="One or several.")] = ("hey thoth",)
    detector: Annotated[
        Detector,
        Meta(
            description="whisper knows any phrase; openwakeword the ones it was trained for (alexa, hey jarvis, "
            'hey mycroft …), for less work (extra "wake").'
        ),
    ] = "whisper"
    threshold: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="How sure it has to be: higher misses more and is wrong less; 0: what suits the detector.",
        ),
    ] = 0.0
    cooldown_s: Annotated[float, Meta(ge=0, le=600, description="Deaf to the phrase for so long after it.")] = 2.0
    run: Annotated[
        str, Meta(description="The command that `thoth listen` runs at each; what follows the phrase is on its stdin.")
    ] = ""


class HistorySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of earlier dictations, their recordings included."""

    folder: Annotated[str, Meta(description="Empty: THOTH_HISTORY, else the user's data folder.")] = ""
    max_age_days: Annotated[float, Meta(ge=0, le=100_000, description="Older ones go; 0: they stay.")] = 90.0
    max_mb: Annotated[
        int, Meta(ge=0, le=10_000_000, description="The oldest go when it is larger, in MB; 0: they stay.")
    ] = 2048


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings, each with its value; made by `thoth.config.load.load_config`."""

    model: ModelSettings = ModelSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    dictation: DictationSettings = DictationSettings()
    filters: FilterSection = FilterSection()
    enhance: EnhanceSettings = EnhanceSettings()
    output: OutputSettings = OutputSettings()
    shortcuts: ShortcutSettings = ShortcutSettings()
    wake: WakeSettings = WakeSettings()
    history: HistorySettings = HistorySettings()
