"""Settings from a file, the environment and overrides: which one wins, and what every error says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from thoth.config.keys import KEYS
from thoth.config.load import config_path, load_config, load_settings
from thoth.config.schema import Config
from thoth.errors import InvalidOption


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def refusal(file: Path, text: str | bytes, **env: str) -> str:
    """What is said of a file, without its name."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidOption) as refused:
        load_config(file, env)
    return str(refused.value).replace(str(file), "FILE")


def test_without_a_file_the_defaults_are_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(None, {"THOTH_CONFIG": ""})
    assert settings.config == Config()
    assert settings.path is None
    assert settings.origins == dict.fromkeys(KEYS, "default")


def test_each_layer_overrides_the_one_below_and_says_so(file: Path) -> None:
    file.write_text(
        '# mine\n[enhance]\nurl = "http://file/v1"\nmodel = "from-file"\ntimeout_s = 3\n\n[wake]\ncooldown_s = 4.5\n'
    )
    env = {"THOTH_ENHANCE_MODEL": "from-env", "THOTH_ENHANCE_TIMEOUT_S": "5.5", "PATH": "/bin"}
    settings = load_settings(
        file, env, {"enhance.timeout_s": 7.0, "model.name": None}, flags={"enhance.timeout_s": "--enhance-timeout"}
    )
    enhance = settings.config.enhance
    assert (enhance.url, enhance.model, enhance.timeout_s) == ("http://file/v1", "from-env", 7.0)
    assert settings.config.wake.cooldown_s == 4.5
    assert settings.config.model.name == ""
    assert {key: origin for key, origin in settings.origins.items() if origin != "default"} == {
        "enhance.url": f"{file}:3",
        "enhance.model": "THOTH_ENHANCE_MODEL",
        "enhance.timeout_s": "--enhance-timeout",
        "wake.cooldown_s": f"{file}:8",
    }
    assert settings.path == file


def test_every_key_can_be_set_by_its_variable() -> None:
    texts = {
        "microphone.device": "3",
        "dictation.mode": "wake",
        "wake.detector": "openwakeword",
        "output.sinks": '["type", "file:notes.txt"]',
        "filters.dictionary": '{tote = "Thoth"}',
        "wake.phrases": "computer",
        "enhance.api_key_env": "MY_KEY",
        "enhance.model": "m",
    }
    kinds = {bool: "false", int: "7", float: "0.75", str: "words"}
    env = {}
    for path, key in KEYS.items():
        changed = "true" if key.default is False else kinds.get(type(key.default), "")
        env[key.variable] = texts.get(path, changed)
    env |= {KEYS["dictation.longest_s"].variable: "75"}
    settings = load_settings(os.devnull, env)
    for path, key in KEYS.items():
        section, name = path.split(".")
        assert getattr(getattr(settings.config, section), name) != key.default, path
        assert settings.origins[path] == key.variable
    assert settings.config.output.sinks == ("type", "file:notes.txt")
    assert settings.config.wake.phrases == ("computer",)
    assert settings.config.filters.dictionary == {"tote": "Thoth"}


def test_the_path_is_the_variables_else_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_path({}).name == "config.toml"
    assert config_path({}).is_relative_to(tmp_path)
    assert config_path({"THOTH_CONFIG": "~/mine.toml"}) == tmp_path / "mine.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[enhance]\nurll = 'x'", "FILE:2: there is no setting enhance.urll; did you mean enhance.url?"),
        ("[enhanse]\nurl = 'x'", "FILE:1: there is no section enhanse; did you mean enhance?"),
        ("timeout_s = 3", "FILE:1: there is no section timeout_s; did you mean enhance.timeout_s?"),
        ("[model]\nqqqq = 3", "FILE:2: there is no setting model.qqqq; there are name, language, "),
        ("enhance = 3", "FILE:1: enhance is a section: write [enhance], and its keys below"),
        ("[enhance]\n\nattempts = 2.5", "FILE:3: enhance.attempts takes a whole number from 1 to 10, not 2.5"),
        ("[enhance]\nattempts = 11", "FILE:2: enhance.attempts takes a whole number from 1 to 10, not 11"),
        ("[enhance]\nattempts = true", "FILE:2: enhance.attempts takes a whole number from 1 to 10, not True"),
        ("[enhance]\ntimeout_s = nan", "FILE:2: enhance.timeout_s takes a number above 0, to 600, not nan"),
        ("[enhance]\ntimeout_s = inf", "FILE:2: enhance.timeout_s takes a number above 0, to 600, not inf"),
        ("[enhance]\nstream = 'yes'", "FILE:2: enhance.stream takes true or false, not 'yes'"),
        ("enhance.stream = 1", "FILE:1: enhance.stream takes true or false, not 1"),
        ("enhance = {stream = 1}", "FILE: enhance.stream takes true or false, not 1"),
        ("[model]\nname = 3", "FILE:2: model.name takes a text, not 3"),
        ("[output]\nsinks = []", "FILE:2: output.sinks takes a list of texts, at least one, not []"),
        ("[output]\nsinks = 'type'", "FILE:2: output.sinks takes a list of texts, at least one, not 'type'"),
        ("[output]\nsinks = [1]", "FILE:2: output.sinks takes a list of texts, at least one, not [1]"),
        (
            "[wake]\ndetector = 'siri'",
            'FILE:2: wake.detector takes "openwakeword" or "whisper", not \'siri\'',
        ),
        ("[shortcuts]\nhotkey = ''", "FILE:2: shortcuts.hotkey takes a text that is not empty, not ''"),
        ("[filters.dictionary]\na = 1", "FILE:1: filters.dictionary takes a table of texts or a list of texts, not {"),
        ("[model]\nname = ", "FILE: the file is not valid TOML: Invalid value (at end of document)"),
        ("[model]\nname == 'x'", "FILE: the file is not valid TOML: Invalid value (at line 2, column 7)"),
        ("[model]\nname = 'x'\nname = 'y'\n", "(at line 3, column"),
        (b"[model]\n# caf\xe9\n", "FILE:2: the file is not UTF-8 text, as TOML has to be; save it as UTF-8"),
        ("a = " + "[" * 5000, "FILE: the file is no"),
        ("a = " + "9" * 5000, "FILE: the file is not valid TOML"),
        (b"#" * (2**20 + 1), "FILE: larger than 1 MiB"),
        ("[enhance]\nurl = 'http://x/v1'", "FILE:2: enhance.url is set and enhance.model is not"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_by_line_and_key(file: Path, text: str | bytes, said: str) -> None:
    assert said in refusal(file, text)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "THOTH_ENHANCE_ATTEMPTS",
            "many",
            "THOTH_ENHANCE_ATTEMPTS: enhance.attempts takes a whole number from 1 to 10, not 'many'",
        ),
        ("THOTH_ENHANCE_STREAM", "perhaps", "THOTH_ENHANCE_STREAM: enhance.stream takes true or false"),
        ("THOTH_WAKE_PHRASES", "[computer]", "THOTH_WAKE_PHRASES: wake.phrases takes a list of texts, at least one"),
        ("THOTH_WAKE_PHRASES", "[1]", "THOTH_WAKE_PHRASES: wake.phrases takes a list of texts, at least one, not [1]"),
        ("THOTH_ENHANCE_URLS", "x", "did you mean THOTH_ENHANCE_URL?"),
        ("THOTH_OUTPUT_XYZ", "x", "THOTH_OUTPUT_XYZ: the environment variable names no setting; "),
    ],
)
def test_a_variable_that_cannot_be_taken_is_refused_by_name(name: str, text: str, said: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        load_config(os.devnull, {name: text})
    assert said in str(refused.value)


def test_an_override_is_refused_by_its_flag() -> None:
    with pytest.raises(InvalidOption, match=r"^--longest: dictation\.longest_s takes a number from 1 to 14400"):
        load_settings(os.devnull, {}, {"dictation.longest_s": -1}, flags={"dictation.longest_s": "--longest"})
    with pytest.raises(InvalidOption, match=r"no setting enhance\.uri; did you mean enhance\.url"):
        load_config(os.devnull, {}, {"enhance.uri": "x"})
    with pytest.raises(InvalidOption, match="no section urls"):
        load_config(os.devnull, {}, {"urls": "x"})


def test_variables_that_are_no_settings_are_left_alone() -> None:
    env = {"THOTH_MODELS": "x", "THOTH_OFFLINE": "1", "THOTH_HISTORY": "x", "THOTH_DEBUG": "1", "OTHER": "1"}
    assert load_config(os.devnull, env) == Config()


def test_a_file_that_was_asked_for_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=r"no\.toml: there is no such .*'thoth config init' writes one"):
        load_config(tmp_path / "no.toml", {})
    with pytest.raises(InvalidOption, match=r"no\.toml: THOTH_CONFIG names it, but there is no such"):
        load_config(None, {"THOTH_CONFIG": str(tmp_path / "no.toml")})


def test_a_folder_and_an_unreadable_file_are_said_to_be_that(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="a folder stands where"):
        load_config(tmp_path, {})
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(InvalidOption, match="cannot be read"):
        load_config(loop, {})


@pytest.mark.parametrize("name", ["api_key", "apikey", "token", "password", "API_KEY"])
def test_a_secret_in_the_file_is_refused_with_the_remedy_and_not_shown(file: Path, name: str) -> None:
    said = refusal(file, f"[enhance]\n{name} = 'sk-hidden'")
    assert said.startswith(f"FILE:2: enhance.{name} is not taken, secrets do not belong into this file")
    assert "enhance.api_key_env" in said
    assert "hidden" not in said


def test_a_key_in_the_place_of_its_variable_is_refused_and_not_shown(file: Path) -> None:
    said = refusal(file, "[enhance]\napi_key_env = 'sk-hidden'")
    assert said == (
        "FILE:2: enhance.api_key_env takes the name of an environment variable in capitals, never the key itself"
    )
    assert "hidden" not in refusal(file, "", THOTH_ENHANCE_API_KEY_ENV="sk-hidden")


def test_the_variable_that_holds_the_key_is_no_unknown_setting(file: Path) -> None:
    file.write_text("[enhance]\napi_key_env = 'THOTH_ENHANCE_SECRET'")
    load_config(file, {"THOTH_ENHANCE_SECRET": "sk-hidden", "THOTH_ENHANCE_API_KEY": "sk-hidden"})
    load_config(os.devnull, {"THOTH_ENHANCE_API_KEY_ENV": "THOTH_ENHANCE_OTHER", "THOTH_ENHANCE_OTHER": "sk-hidden"})


def test_lines_are_right_amid_texts_of_several_lines_and_quoted_keys(file: Path) -> None:
    file.write_text(
        '[enhance] # mine\nprompt = """\n[wake]\nattempts = 1\n"""\n'
        "'attempts' = 4\n\"stream\" = false\n[wake]\nrun='x'\n"
    )
    origins = load_settings(file, {}).origins
    assert [origins[f"enhance.{key}"].rpartition(":")[2] for key in ("prompt", "attempts", "stream")] == ["2", "6", "7"]
    assert origins["wake.run"] == f"{file}:9"


def test_lines_of_a_long_dictionary_behind_a_text_of_several_lines_are_found_at_once(file: Path) -> None:
    words = "".join(f"w{number} = 'W'\n" for number in range(3000))
    file.write_text(
        f'[enhance]\nprompt = """\n[wake]\n"""\n[filters.dictionary]\n{words}[wake]\nrun = "x"\ncooldown_s = 3\n'
    )
    begun_s = time.process_time()
    origins = load_settings(file, {}).origins
    assert time.process_time() - begun_s < 5  # with the file parsed anew for each line it is a minute
    assert (origins["filters.dictionary"], origins["wake.cooldown_s"]) == (f"{file}:5", f"{file}:3008")


def test_what_an_editor_on_windows_writes_is_taken(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[wake]\r\nrun = 'x'\r\n")
    settings = load_settings(file, {})
    assert settings.config.wake.run == "x"
    assert settings.origins["wake.run"] == f"{file}:2"


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config().enhance.url = "x"  # type: ignore[misc]
