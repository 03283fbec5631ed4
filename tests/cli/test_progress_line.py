from __future__ import annotations

import pytest

from thoth.cli.terminal.progress_line import PLAIN_INTERVAL_S, PlainProgress, clock, progress_text
from thoth.model.progress import Progress


def test_plain_lines_come_at_a_bounded_rate(capsys: pytest.CaptureFixture[str]) -> None:
    line = PlainProgress("talk.wav")
    for tenth in range(1, 10 * 100):
        line.update(Progress(done_s=float(tenth), duration_s=10_000, elapsed_s=tenth / 10))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 99 // PLAIN_INTERVAL_S
    assert shown.err.splitlines()[0] == "talk.wav: 1:40 of 2:46:40 (1%), RTF 0.10, 16:30 left"


def test_what_is_not_known_is_not_told() -> None:
    assert progress_text(Progress(done_s=0, duration_s=None, elapsed_s=1)) == "0:00"
    assert progress_text(Progress(done_s=10, duration_s=None, elapsed_s=1)) == "0:10, RTF 0.10"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599.6, "1:00:00"), (36_061, "10:01:01")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
