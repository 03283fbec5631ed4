"""The settings one by one: how each is called where, what it takes, and values as such."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import inspect as shapes

from thoth.config.schema import Config
from thoth.errors import InvalidOption

VARIABLE_PREFIX: Final = "THOTH_"

_LONGEST_SHOWN: Final = 60
_SECRETS: Final = re.compile(r"(api_?key|token|secret|password|passwd)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    type: what msgspec converts a value to. shape: the same, to be read.
    """

    section: str
    name: str
    type: Any
    shape: shapes.Type
    default: Any
    help: str

    @property
    def path(self) -> str:
        """Its name in messages and overrides, such as "enhance.url"."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it, such as "THOTH_ENHANCE_URL"."""
        return f"{VARIABLE_PREFIX}{self.section}_{self.name}".upper()

    @property
    def takes(self) -> str:
        """What it takes, in words."""
        return _takes(self.shape)

    def value(self, given: Any, origin: str) -> Any:
        """Return what was given as what it takes. Raises InvalidOption, which begins with `origin`."""
        try:
            return msgspec.convert(given, self.type)
        except msgspec.ValidationError:
            shown = "" if self.shown_never else f", not {_shown(given)}"
            raise InvalidOption(f"{origin}: {self.path} takes {self.takes}{shown}") from None

    def value_of_text(self, text: str, origin: str) -> Any:
        """As `value`, for an environment variable: lists and tables as in TOML, a list of one as its only text."""
        try:
            if not _has_items(self.shape):
                return msgspec.convert(text, self.type, strict=False)
            given = tomllib.loads(f"value = {text}")["value"] if text.lstrip().startswith(("[", "{")) else [text]
        except msgspec.ValidationError:
            given = text
        except ValueError as error:
            raise InvalidOption(f"{origin}: {self.path} takes {self.takes}, as in TOML: {error}") from None
        return self.value(given, origin)

    @property
    def limits(self) -> str:
        """What it takes, in words, where that is more than its kind of value."""
        kinds = self.shape.types if isinstance(self.shape, shapes.UnionType) else (self.shape,)
        limited = any(isinstance(kind, (shapes.IntType, shapes.FloatType, shapes.LiteralType)) for kind in kinds)
        return self.takes if limited and len(kinds) == 1 else ""

    @property
    def shown_never(self) -> bool:
        """Whether people put secrets here by mistake, so that a wrong value had better not stand in a message."""
        return self.name == "api_key_env"


def _all_keys() -> dict[str, Key]:
    found = {}
    for section in msgspec.structs.fields(Config):
        settings = shapes.type_info(section.type)
        assert isinstance(settings, shapes.StructType)
        for field, shape in zip(msgspec.structs.fields(section.type), settings.fields, strict=True):
            described = shape.type
            assert isinstance(described, shapes.Metadata)
            text = (described.extra_json_schema or {})["description"]
            default = getattr(section.default, field.name)
            key = Key(section.name, field.name, field.type, described.type, default, text)
            found[key.path] = key
    return found


KEYS: Final[dict[str, Key]] = _all_keys()
SECTIONS: Final[dict[str, str]] = {
    section.name: " ".join((section.type.__doc__ or "").split()) for section in msgspec.structs.fields(Config)
}
"""What each section is for."""


def unknown_key(origin: str, section: str, name: str) -> InvalidOption:
    """Return the error for a key that does not exist, which names the nearest that does."""
    path = f"{section}.{name}" if section else name
    if _SECRETS.search(name):
        return InvalidOption(
            f"{origin}: {path} is not taken, secrets do not belong into this file: put the key into the environment "
            "variable that enhance.api_key_env names, or into the system's keyring, under the service thoth"
        )
    here = [key.name for key in KEYS.values() if key.section == section] or list(SECTIONS)
    elsewhere = [key.path for key in KEYS.values() if key.name == name]
    close = [f"{section}.{near}" if section else near for near in get_close_matches(name, here, 1)]
    near = (elsewhere or close or [""])[0]
    known = f"did you mean {near}?" if near else f"there are {', '.join(here)}"
    what = "setting" if section else "section"
    return InvalidOption(f"{origin}: there is no {what} {path}; {known}")


def unknown_variable(name: str) -> InvalidOption:
    """Return the error for an environment variable that begins like a section's and names no setting."""
    variables = [key.variable for key in KEYS.values()]
    section = next(one for one in SECTIONS if name.startswith(f"{VARIABLE_PREFIX}{one.upper()}_"))
    here = [key.variable for key in KEYS.values() if key.section == section]
    near = get_close_matches(name, variables, 1)
    known = f"did you mean {near[0]}?" if near else f"there are {', '.join(here)}"
    return InvalidOption(f"{name}: the environment variable names no setting; {known}")


def _has_items(shape: shapes.Type) -> bool:
    members = shape.types if isinstance(shape, shapes.UnionType) else (shape,)
    return any(isinstance(member, (shapes.VarTupleType, shapes.DictType)) for member in members)


def _takes(shape: shapes.Type) -> str:
    match shape:
        case shapes.UnionType():
            return " or ".join(map(_takes, shape.types))
        case shapes.BoolType():
            return "true or false"
        case shapes.IntType():
            return f"a whole number{_range(shape)}"
        case shapes.FloatType():
            return f"a number{_range(shape)}"
        case shapes.LiteralType():
            return " or ".join(f'"{value}"' for value in sorted(map(str, shape.values)))
        case shapes.VarTupleType():
            return f"a list of texts{', at least one' if shape.min_length else ''}"
        case shapes.DictType():
            return "a table of texts"
        case shapes.StrType() if shape.pattern:
            return "the name of an environment variable in capitals, never the key itself"
        case _:
            return "a text that is not empty" if getattr(shape, "min_length", None) else "a text"


def _range(shape: shapes.IntType | shapes.FloatType) -> str:
    if shape.le is None:
        return ""
    most = f"{shape.le:.12g}"
    return f" from {shape.ge:.12g} to {most}" if shape.ge is not None else f" above {shape.gt:.12g}, to {most}"


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 1]}…"
