"""The number of threads follows what the machine has free."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from thoth.model import threads


@pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="only Linux tells how many threads run at the moment")
def test_busy_processes_are_counted_out() -> None:
    cpus = os.cpu_count() or 1
    spin = "import sys\nprint('on', flush=True)\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE) for _ in range(cpus)]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        assert threads.idle_threads() == 1
    finally:
        for other in others:
            other.kill()
            other.communicate()


def test_the_load_is_read_as_the_kernel_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = tmp_path / "loadavg"
    monkeypatch.setattr(threads, "_LOAD", load)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(threads, "allowed_cpus", lambda: 8)
    for running, expected in ((1, 4), (5, 4), (6, 3), (7, 2), (8, 1), (40, 1)):
        load.write_text(f"0.50 0.40 0.30 {running}/512 12345\n")
        assert threads.idle_threads() == expected


def test_a_process_confined_to_one_cpu_gets_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "allowed_cpus", lambda: 1)
    assert threads.idle_threads() == 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("nonsense", 8)],
)
def test_a_containers_quota_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, expected: int
) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(written + "\n")
    monkeypatch.setattr(threads, "_CPU_MAX", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads.allowed_cpus() == expected
