"""Rules of the source tree that no linter knows."""

from __future__ import annotations

import re
import typing
from dataclasses import fields
from pathlib import Path

import pytest

from thoth.model.options import CheckedOptions, TranscribeOptions

ROOT = Path(__file__).resolve().parent.parent
NATIVE = ROOT / "src" / "native"

pytestmark = pytest.mark.skipif(not NATIVE.is_dir(), reason="only in a source tree")


def _sources() -> list[Path]:
    return sorted(path for path in NATIVE.rglob("*.[ch]pp"))


def test_only_the_bindings_include_python_headers() -> None:
    offenders = [
        path.relative_to(ROOT)
        for path in _sources()
        if path.parent.name != "bindings" and re.search(r'#include [<"](Python\.h|pybind11/)', path.read_text())
    ]
    assert len(_sources()) > 20
    assert offenders == []


def test_nothing_of_ours_aborts_or_prints() -> None:
    forbidden = re.compile(r"\b(abort|exit|_exit|terminate|printf|puts|fputs|cerr|cout)\b\s*[(<]")
    offenders = [
        (path.relative_to(ROOT), line)
        for path in _sources()
        for line in path.read_text().splitlines()
        if forbidden.search(line.partition("//")[0])
    ]
    assert offenders == []


def test_every_pinned_source_has_a_hash() -> None:
    lines = (ROOT / "vendor" / "sources.txt").read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)


def test_the_typed_options_and_the_checked_ones_are_the_same() -> None:
    assert set(typing.get_type_hints(TranscribeOptions)) == {option.name for option in fields(CheckedOptions)}
