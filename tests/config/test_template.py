"""The file that `thoth config init` writes."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth.config.keys import KEYS, SECTIONS
from thoth.config.load import load_settings
from thoth.config.schema import Config
from thoth.config.template import template, write_template
from thoth.config.toml_text import toml_value
from thoth.errors import InvalidOption

UNCOMMENTED = re.sub(r"(?m)^#(?=\S)", "", template())


def test_as_it_is_and_with_every_key_in_force_it_says_exactly_the_defaults() -> None:
    for text in (template(), UNCOMMENTED):
        assert msgspec.convert(tomllib.loads(text), Config) == Config()


def test_it_names_every_key_in_its_section_and_tells_what_it_is_for() -> None:
    parsed = tomllib.loads(UNCOMMENTED)
    assert [f"{section}.{name}" for section, keys in parsed.items() for name in keys] == list(KEYS)
    assert list(parsed) == list(SECTIONS)
    lines = template().splitlines()
    for number, line in enumerate(lines):
        assert len(line) <= 120
        if line.startswith("#") and not line.startswith("# "):
            assert lines[number - 1].startswith("# ")
    assert "Takes a number from 1 to 14400." in template()


def test_it_is_written_for_its_owner_alone_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "config.toml"
    write_template(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    settings = load_settings(path, {})
    assert settings.config == Config()
    assert set(settings.origins.values()) == {"default"}


def test_a_file_that_exists_is_replaced_only_when_asked_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "config.toml", tmp_path / "link.toml"
    path.write_text("mine")
    link.symlink_to(path)
    with pytest.raises(InvalidOption, match="exists and was left as it is: --force replaces it"):
        write_template(link)
    assert path.read_text() == "mine"
    write_template(link, overwrite=True)
    assert link.is_symlink()
    assert path.read_text() == template()
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidOption, match="a file stands where the folder"):
        write_template(tmp_path / "file" / "config.toml")
    with pytest.raises(InvalidOption, match="cannot be written: "):
        write_template(tmp_path / "file" / "no" / "config.toml")
    with pytest.raises(InvalidOption, match="cannot be written: "):
        write_template(tmp_path / ("long" * 100))


_texts = st.text(st.characters(exclude_categories=["Cs"]))
_plain = st.one_of(_texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))


@given(st.one_of(_plain, st.lists(_texts), st.dictionaries(_texts, _texts)))
def test_values_are_written_so_that_they_read_the_same(value: object) -> None:
    assert tomllib.loads(f"value = {toml_value(value)}")["value"] == value
