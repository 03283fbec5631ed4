from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from thoth.errors import ModelNotFound
from thoth.model.catalog import (
    BUILTIN,
    CATALOG,
    NANO,
    CatalogEntry,
    lookup,
    suitability_of,
)
from thoth.model.store import ModelStore

OFFICIAL = [entry for entry in CATALOG.values() if not entry.builtin]


def test_every_official_size_is_there_with_its_quantized_variants() -> None:
    families = ["tiny", "tiny.en", "base", "base.en", "small", "small.en"]
    expected = {f"{family}{variant}" for family in families for variant in ("", "-q5_1", "-q8_0")}
    expected |= {f"medium{en}{variant}" for en in ("", ".en") for variant in ("", "-q5_0", "-q8_0")}
    expected |= {"large-v1", "large-v2", "large-v2-q5_0", "large-v2-q8_0", "large-v3", "large-v3-q5_0"}
    expected |= {"large-v3-turbo", "large-v3-turbo-q5_0", "large-v3-turbo-q8_0"}
    assert {entry.name for entry in OFFICIAL} == expected


def test_no_two_entries_share_a_digest_a_file_or_a_malformed_value() -> None:
    assert len({entry.sha256 for entry in CATALOG.values()}) == len(CATALOG)
    assert len({entry.file_name for entry in CATALOG.values()}) == len(CATALOG)
    for entry in CATALOG.values():
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256), entry.name
        assert entry.size_bytes > 10_000_000, entry.name
        assert entry.confirmed, entry.name


def test_known_values_of_tiny_en() -> None:
    entry = lookup("tiny.en")
    assert entry.size_bytes == 77_704_715
    assert entry.sha256 == "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f"
    assert entry.file_name == "ggml-tiny.en.bin"
    assert not entry.multilingual


@pytest.mark.parametrize("entry", OFFICIAL, ids=lambda entry: entry.name)
def test_a_quantized_file_is_smaller_and_an_english_twin_differs_by_its_vocabulary_alone(
    entry: CatalogEntry,
) -> None:
    base, _, quantization = entry.name.partition("-q")
    if quantization:
        ratio = entry.size_bytes / CATALOG[base].size_bytes
        bits = 8.5 if quantization == "8_0" else 5.5
        assert ratio == pytest.approx(bits / 16, abs=0.08)
    twin = CATALOG.get(entry.name.replace(".en", ""))
    assert twin is not None
    assert abs(entry.size_bytes - twin.size_bytes) < 20_000


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("tiny.en", "tiny.en"),
        (" Tiny.EN ", "tiny.en"),
        ("ggml-tiny.en.bin", "tiny.en"),
        ("ggml-base-q5_1.bin", "base-q5_1"),
        ("large", "large-v3"),
        ("turbo", "large-v3-turbo"),
        ("turbo-q5_0", "large-v3-turbo-q5_0"),
        ("nano", "nano.en"),
        ("ggml-nano.en-q5_1.bin", "nano.en"),
    ],
)
def test_names_are_found_as_users_write_them(written: str, name: str) -> None:
    assert lookup(written).name == name


@pytest.mark.parametrize(("written", "near"), [("tinny.en", "tiny.en"), ("large-v4", "large-v3"), ("medum", "medium")])
def test_an_unknown_name_is_refused_with_the_nearest_ones(written: str, near: str) -> None:
    with pytest.raises(ModelNotFound, match=rf"{written}.*did you mean .*{re.escape(near)}"):
        lookup(written)


@pytest.mark.parametrize("written", ["", "nano.en-q8_0", "zzz", "large-q5_1", "-q5_1", "../tiny"])
def test_a_name_that_resembles_nothing_is_refused(written: str) -> None:
    with pytest.raises(ModelNotFound, match="thoth models list"):
        lookup(written)


def test_windows_suit_the_model() -> None:
    assert BUILTIN.suitability.longest_window_s == 6.0
    assert all(entry.suitability.longest_window_s == 28.0 for entry in OFFICIAL)


def test_an_unknown_file_gets_the_usual_window_and_nano_is_known_by_name_or_content(tmp_path: Path) -> None:
    assert suitability_of(tmp_path / "ggml-nano.en.bin") == NANO
    assert suitability_of(tmp_path / "ggml-custom.bin") != NANO
    renamed = tmp_path / "mine.bin"
    shutil.copyfile(ModelStore(tmp_path).find_installed("nano.en"), renamed)
    assert suitability_of(renamed) == NANO
    with renamed.open("r+b") as file:
        file.seek(1000)
        file.write(b"other")
    assert suitability_of(renamed) != NANO


def test_neither_catalogue_nor_store_loads_the_http_client_or_the_terminal() -> None:
    heavy = ("httpx", "filelock", "rich", "typer")
    code = f"import sys, thoth.model.store; print([name for name in {heavy} if name in sys.modules])"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
