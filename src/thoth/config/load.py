"""The settings in force: defaults, under the file, under the environment, under what the caller overrides."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import platformdirs

from thoth.config.keys import KEYS, SECTIONS, VARIABLE_PREFIX, unknown_key, unknown_variable
from thoth.config.schema import Config
from thoth.config.toml_file import TomlFile
from thoth.errors import InvalidOption

CONFIG_VARIABLE: Final = "THOTH_CONFIG"
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration and where it comes from.

    - `config`: the values.
    - `origins`: for each key, such as "enhance.url", what set it: "default", "file:line", a variable, or a flag.
    - `path`: the file; None where there is none.
    """

    config: Config
    origins: Mapping[str, str]
    path: Path | None


def config_path(env: Mapping[str, str] = os.environ) -> Path:
    """Tell where the configuration file is, or would be: THOTH_CONFIG, else config.toml in the user's config folder."""
    chosen = env.get(CONFIG_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_config_path("thoth", appauthor=False) / "config.toml"


def load_config(
    path: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] | None = None,
) -> Config:
    """Return the settings in force; arguments and errors as of `load_settings`."""
    return load_settings(path, env, overrides).config


def load_settings(
    path: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] | None = None,
    *,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in force and where each comes from.

    path: the file, which then has to exist; None is the one that `config_path` tells, which may be missing unless
        THOTH_CONFIG names it.
    env: THOTH_<SECTION>_<KEY> overrides the file, as THOTH_ENHANCE_URL does `url` of `[enhance]`. Lists and tables are
        written as in TOML; a list of one may be written as its only text.
    overrides: by key, such as {"enhance.url": …}; None is not given.
    flags: how to call overrides in messages, by key.

    Raises InvalidOption, which names the file and line, the variable or the flag, and the key, for a key that does not
    exist, a value that it does not take, and a file that cannot be read.
    """
    file = _file(path, env)
    layers = [] if file is None else [_of_file(file)]
    layers.append(_of_overrides(overrides or {}, flags or {}))
    named = [value for layer in layers for key, (value, _) in layer.items() if key == "enhance.api_key_env"]
    layers.insert(-1, _of_environment(env, {KEYS["enhance.api_key_env"].default, *named}))
    values = {path: key.default for path, key in KEYS.items()}
    origins = dict.fromkeys(KEYS, DEFAULT)
    for layer in layers:
        for key, (value, origin) in layer.items():
            values[key], origins[key] = value, origin
    _require_sense(values, origins)
    return Settings(_config(values), origins, None if file is None else file.path)


_Layer = dict[str, tuple[Any, str]]  # by key: the value, and what set it


def _file(path: str | os.PathLike[str] | None, env: Mapping[str, str]) -> TomlFile | None:
    chosen = config_path(env) if path is None else Path(path).expanduser()
    try:
        return TomlFile(chosen)
    except FileNotFoundError:
        if path is None and not env.get(CONFIG_VARIABLE):
            return None
        asker = f"{CONFIG_VARIABLE} names it, but " if path is None else ""
        raise InvalidOption(
            f"{chosen}: {asker}there is no such configuration file: 'thoth config init' writes one"
        ) from None


def _of_file(file: TomlFile) -> _Layer:
    layer: _Layer = {}
    for section, settings in file.values.items():
        origin = file.origin(section)
        if section not in SECTIONS:
            raise unknown_key(origin, "", section)
        if not isinstance(settings, dict):
            raise InvalidOption(f"{origin}: {section} is a section: write [{section}], and its keys below")
        for name, given in settings.items():
            origin = file.origin(section, name)
            key = KEYS.get(f"{section}.{name}")
            if key is None:
                raise unknown_key(origin, section, name)
            layer[key.path] = key.value(given, origin), origin
    return layer


def _of_environment(env: Mapping[str, str], secrets: set[str]) -> _Layer:
    """Read the variables that name settings; `secrets` are variables that hold a key, whatever they are called."""
    layer: _Layer = {}
    by_variable = {key.variable: key for key in KEYS.values()}
    prefixes = tuple(f"{VARIABLE_PREFIX}{section}_".upper() for section in SECTIONS)
    indirect = env.get(KEYS["enhance.api_key_env"].variable)
    for name in sorted(env):
        if not name.startswith(prefixes) or name in secrets or name == indirect:
            continue
        if name not in by_variable:
            raise unknown_variable(name)
        key = by_variable[name]
        layer[key.path] = key.value_of_text(env[name], name), name
    return layer


def _of_overrides(overrides: Mapping[str, object], flags: Mapping[str, str]) -> _Layer:
    layer: _Layer = {}
    for path, given in overrides.items():
        origin = flags.get(path, "override")
        if path not in KEYS:
            section, _, name = path.partition(".")
            raise unknown_key(origin, section if name else "", name or section)
        if given is not None:
            layer[path] = KEYS[path].value(given, origin), origin
    return layer


def _require_sense(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    if values["enhance.url"] and not values["enhance.model"]:
        raise InvalidOption(
            f"{origins['enhance.url']}: enhance.url is set and enhance.model is not: name the model to ask for there"
        )


def _config(values: Mapping[str, Any]) -> Config:
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for path, value in values.items():
        sections[KEYS[path].section][KEYS[path].name] = value
    return msgspec.convert(sections, Config)
