from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from thoth.cli.transcribe import outputs
from thoth.cli.transcribe.outputs import Job, NotWritten, OutputError
from thoth.model.transcript import Segment, Transcript, TranscriptionInfo


def transcript(text: str) -> Transcript:
    info = TranscriptionInfo(
        language="en", language_probability=1, duration=1, duration_after_vad=1, model="m", elapsed_s=1
    )
    segment = Segment(1, 0, 0, 1, text, (), -0.1, 1, 0)
    return Transcript((segment,), info)


def job_in(folder: Path, stem: str = "talk") -> Job:
    return Job(f"{stem}.wav", {"txt": folder / f"{stem}.txt"})


def test_a_file_that_appears_during_the_work_is_kept_and_the_transcript_too(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    outputs.check_free(job, overwrite=False)
    (tmp_path / "talk.txt").write_text("theirs")
    with pytest.raises(OutputError, match=r"talk\.new\.txt"):
        outputs.write(job, transcript("ours"), overwrite=False)
    assert (tmp_path / "talk.txt").read_text() == "theirs"
    assert (tmp_path / "talk.new.txt").read_text() == "ours\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_that_leads_nowhere_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").symlink_to(tmp_path / "absent")
    with pytest.raises(OutputError, match="exists"):
        outputs.check_free(job_in(tmp_path), overwrite=False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX modes")
def test_files_have_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        outputs.write(job_in(tmp_path), transcript("text"), overwrite=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "talk.txt").stat().st_mode) == 0o640


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        outputs.check_free(job_in(tmp_path), overwrite=True)
    with pytest.raises(NotWritten, match=r"cannot write .*talk\.txt"):
        outputs.write(job_in(tmp_path), transcript("text"), overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["talk.txt"]


def test_without_hard_links_a_taken_name_is_still_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert outputs.write(job_in(tmp_path), transcript("one"), overwrite=False) == [tmp_path / "talk.txt"]
    with pytest.raises(OutputError):
        outputs.write(job_in(tmp_path), transcript("two"), overwrite=False)
    assert (tmp_path / "talk.txt").read_text() == "one\n"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="-o takes a folder"):
        outputs.make_directory(tmp_path / "file" / "below")
