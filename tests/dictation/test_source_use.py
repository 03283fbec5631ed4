"""A source that is used by runs that may overlap."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import thoth
from thoth.dictation.source_use import SourceUse


def file_source(audio: Path) -> thoth.FileSource:
    return thoth.FileSource(audio / "long_3_58s.flac")


def test_it_runs_while_somebody_uses_it(audio: Path) -> None:
    use = SourceUse(file_source(audio))
    use.acquire()
    assert use.source.running
    use.acquire()
    use.release()
    assert use.source.running, "there is another user"
    use.release()
    assert not use.source.running
    use.acquire()
    assert use.source.running
    use.release()


def test_what_was_running_before_is_left_running(audio: Path) -> None:
    with file_source(audio) as source:
        use = SourceUse(source)
        use.acquire()
        use.release()
        assert source.running


def test_what_cannot_be_started_has_no_user(tmp_path: Path) -> None:
    use = SourceUse(thoth.FileSource(tmp_path / "nothing.wav"))
    with pytest.raises(thoth.DecodeError):
        use.acquire()
    (tmp_path / "nothing.wav").write_bytes((Path(__file__).parents[1] / "audio_files/long_3_58s.flac").read_bytes())
    use.acquire()
    use.release()
    assert not use.source.running


def test_many_threads_leave_it_stopped(audio: Path) -> None:
    use = SourceUse(file_source(audio))
    wrong: list[str] = []

    def go() -> None:
        for _ in range(30):
            use.acquire()
            if not use.source.running:
                wrong.append("not running for its user")
            use.release()

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not use.source.running
