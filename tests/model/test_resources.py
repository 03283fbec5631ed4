from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import memory
import pytest

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="the bound holds for glibc's and musl's allocators"),
]


@pytest.fixture(scope="module")
def growth() -> dict[str, dict[str, Any]]:
    """What a process of its own holds: this one's memory moves with all that other tests did in it."""
    result = subprocess.run(
        [sys.executable, str(Path(memory.__file__)), "--json"], stdout=subprocess.PIPE, check=True, text=True
    )
    return {found["subject"]: found for found in json.loads(result.stdout)}


@pytest.mark.parametrize("subject", ["200 transcriptions", "50 loads"])
def test_resident_memory_grows_by_less_than_2_mb(growth: dict[str, dict[str, Any]], subject: str) -> None:
    assert growth[subject]["bytes"] < memory.MOST_GROWTH_BYTES


@pytest.mark.parametrize("subject", ["200 transcriptions", "50 loads"])
def test_no_thread_or_file_descriptor_is_left(growth: dict[str, dict[str, Any]], subject: str) -> None:
    first_threads, last_threads = growth[subject]["threads"]
    first_files, last_files = growth[subject]["files"]
    assert (last_threads, last_files) == (first_threads, first_files)
