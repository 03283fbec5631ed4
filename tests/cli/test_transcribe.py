from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded_audio import encode, encode_video, recording
from fake_models import entry_for
from misbehaving_server import MisbehavingServer, whole
from thoth_command import RECORDINGS, TRUE_TEXTS, ThothCommand, read_terminal, screen_after, words

from thoth.model.store import ASSETS

EXACT = "tts_00.flac"
OTHER_EXACT = "digits_07_4.flac"
TALK = RECORDINGS / EXACT
MANY_UTTERANCES = RECORDINGS / "long_0_20s.flac"
# One thread is as fast for short windows and does not slow down when the tests have neighbours.
TRANSCRIBE = ("transcribe", "--threads", "1")
FORMATS = ("txt", "srt", "vtt", "json", "tsv", "lrc")

pytestmark = pytest.mark.timeout(120)
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture
def thoth(tmp_path_factory: pytest.TempPathFactory) -> ThothCommand:
    return ThothCommand(tmp_path_factory.mktemp("models"))


def assert_one_error_line(run: subprocess.CompletedProcess[str], code: int, words_in_it: str) -> None:
    assert run.returncode == code
    assert run.stdout == ""
    assert run.stderr.startswith("thoth: error: ")
    assert run.stderr.count("\n") == 1
    assert words_in_it in run.stderr


def test_texts_go_to_stdout_in_order_and_all_else_to_stderr(thoth: ThothCommand) -> None:
    run = thoth(*TRANSCRIBE, TALK, RECORDINGS / OTHER_EXACT, RECORDINGS / "silence_0.flac")
    assert run.returncode == 0
    assert words(run.stdout) == words(f"{TRUE_TEXTS[EXACT]} {TRUE_TEXTS[OTHER_EXACT]}")
    assert run.stdout.endswith("\n")
    assert run.stderr.count("the built-in nano.en is used") == 1
    summary = [line for line in run.stderr.splitlines() if "RTF" in line]
    assert [line.split(":")[0] for line in summary] == [
        str(RECORDINGS / name) for name in (EXACT, OTHER_EXACT, "silence_0.flac")
    ]
    assert "\x1b" not in run.stderr


def test_quiet_leaves_the_text_alone_and_verbose_shows_the_log(thoth: ThothCommand) -> None:
    assert thoth(*TRANSCRIBE, "-q", TALK).stderr == ""
    assert "thoth: debug: whisper" in thoth(*TRANSCRIBE, "-vv", TALK).stderr


def test_every_format_is_written_to_the_folder_under_the_files_name(thoth: ThothCommand, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    run = thoth(*TRANSCRIBE, "-m", "nano.en", "-f", "all", "-o", folder, "--word-timestamps", TALK)
    assert (run.returncode, run.stdout) == (0, "")
    assert {path.name for path in folder.iterdir()} == {f"tts_00.{name}" for name in FORMATS}
    assert all(f"wrote {folder / 'tts_00'}.{name}" in run.stderr for name in FORMATS)
    assert "built-in" not in run.stderr
    document = json.loads((folder / "tts_00.json").read_text(encoding="utf-8"))
    assert words(document["text"]) == words(TRUE_TEXTS[EXACT])
    said = " ".join(word["word"] for segment in document["segments"] for word in segment["words"])
    assert words(said) == words(TRUE_TEXTS[EXACT])
    assert (folder / "tts_00.srt").read_text(encoding="utf-8").startswith("1\n00:00:0")
    assert (folder / "tts_00.vtt").read_text(encoding="utf-8").startswith("WEBVTT\n")
    assert (folder / "tts_00.lrc").read_text(encoding="utf-8").startswith("[re:Thoth]\n")
    assert (folder / "tts_00.tsv").read_text(encoding="utf-8").startswith("start\tend\ttext\n")
    assert words((folder / "tts_00.txt").read_text(encoding="utf-8")) == words(TRUE_TEXTS[EXACT])


def test_another_format_and_json_lines_go_to_stdout(thoth: ThothCommand) -> None:
    assert " --> " in thoth(*TRANSCRIBE, "-f", "srt", TALK).stdout
    lines = thoth(*TRANSCRIBE, "-f", "json", TALK, RECORDINGS / OTHER_EXACT).stdout.splitlines()
    assert [words(json.loads(line)["text"]) for line in lines] == [
        words(TRUE_TEXTS[EXACT]),
        words(TRUE_TEXTS[OTHER_EXACT]),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-f", "doc", "talk.wav"), "-f takes txt, srt"),
        (("-f", "srt", "-f", "vtt", "talk.wav"), "give one with -o"),
        (("-f", "all", "talk.wav"), "give one with -o"),
        (("-f", "srt", "one.wav", "two.wav"), "several files as srt"),
        (("-o", "out", "a/talk.wav", "b/talk.mp3"), "a/talk.wav and b/talk.mp3 would both be written to out/talk.txt"),
        (("-o", ".", "talk.txt"), "is one of the inputs"),
        (("-", "-"), "once only"),
        (("-l", "klingon", "talk.wav"), "language takes"),
        (("--beam-size", "9", "talk.wav"), "beam_size takes"),
        (("--threads", "0", "talk.wav"), "threads takes"),
        (("--temperature", "7", "talk.wav"), "temperature takes"),
        (("--audio-context", "half", "talk.wav"), "audio_context takes"),
        (("-l", "de", str(TALK)), "knows English only"),
        (("-o", str(TALK), "talk.wav"), "-o takes a folder"),
    ],
)
def test_what_cannot_work_is_refused_with_exit_code_2(
    thoth: ThothCommand, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert_one_error_line(thoth(*TRANSCRIBE, "-q", *arguments, cwd=tmp_path), 2, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("transcribe",), ("transcribe", "--bogus", "x.wav"), ("frobnicate",)])
def test_wrong_usage_is_exit_code_2(thoth: ThothCommand, arguments: tuple[str, ...]) -> None:
    run = thoth(*arguments)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("model", "said"),
    [("no/such/model.bin", "no file"), ("tinny.en", "did you mean tiny.en"), ("tiny.en", "downloads are off")],
)
def test_a_model_that_cannot_be_had_ends_it_before_any_file(thoth: ThothCommand, model: str, said: str) -> None:
    assert_one_error_line(thoth(*TRANSCRIBE, "--offline", "-m", model, TALK, TALK), 1, said)


def test_a_model_file_that_is_none_is_one_line(thoth: ThothCommand, tmp_path: Path) -> None:
    page = tmp_path / "page.bin"
    page.write_text("<!DOCTYPE html><html><body>log in first</body></html>")
    assert_one_error_line(thoth(*TRANSCRIBE, "-m", page, TALK), 1, str(page))


def bad_inputs(folder: Path) -> dict[Path, str]:
    """Unusable recordings, each with a word that its error must hold."""
    noise = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    (folder / "empty.wav").touch()
    (folder / "page.wav").write_text("<html></html>")
    (folder / "cut.m4a").write_bytes(b"\0\0\0\x18ftypM4A \0\0\0\0")
    soundfile.write(folder / "none.wav", noise[:0], 16_000)
    soundfile.write(folder / "nan.wav", np.where(noise > 2, np.nan, noise), 16_000, subtype="FLOAT")
    encode_video(folder / "silent.mp4", None)
    return {
        folder / "absent.wav": "no such file",
        folder / "*.ogg": "no such file",
        folder: "is a directory",
        folder / "empty.wav": "the file is empty",
        folder / "page.wav": "not an audio file",
        folder / "cut.m4a": "damaged",
        folder / "none.wav": "not one sample",
        folder / "nan.wav": "nan",
        folder / "silent.mp4": "no audio stream",
        folder / ("x" * 300): "name too long",
    }


def test_each_bad_file_is_one_line_with_its_name_and_the_rest_go_on(thoth: ThothCommand, tmp_path: Path) -> None:
    bad = bad_inputs(tmp_path)
    run = thoth(*TRANSCRIBE, *bad, TALK)
    assert run.returncode == 1
    assert words(run.stdout) == words(TRUE_TEXTS[EXACT])
    errors = [line for line in run.stderr.splitlines() if line.startswith("thoth: error: ")]
    assert len(errors) == len(bad)
    for line, (path, said) in zip(errors, bad.items(), strict=True):
        assert line.startswith(f"thoth: error: {path}")
        assert said in line.lower()
    assert "Traceback" not in run.stderr
    assert "https://" not in thoth(*TRANSCRIBE, "-q", "https://example.org/a.mp3").stdout


@on_posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_one_line(thoth: ThothCommand, tmp_path: Path) -> None:
    locked = tmp_path / "locked.wav"
    locked.touch(mode=0o000)
    assert_one_error_line(thoth(*TRANSCRIBE, "-q", locked), 1, "no permission")


def test_a_file_that_is_cut_off_gives_what_it_has_and_a_warning(thoth: ThothCommand, tmp_path: Path) -> None:
    whole_file = encode(tmp_path / "whole.mp3", recording("long_0_20s"), codec="mp3", rate_hz=16_000)
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole_file.read_bytes()[: whole_file.stat().st_size // 4])
    run = thoth(*TRANSCRIBE, cut)
    assert run.returncode == 0
    assert words(run.stdout)[:3] == words(TRUE_TEXTS["long_0_20s.flac"])[:3]
    assert f"thoth: warning: {cut}" in run.stderr


@on_posix
def test_odd_file_names_are_taken_and_stay_on_one_line(thoth: ThothCommand, tmp_path: Path) -> None:
    names = ["-dash.flac", "two\nlines.flac", "\x1b[31mred.flac", os.fsdecode(b"latin\xe9.flac")]
    for name in names:
        (tmp_path / name).write_bytes(TALK.read_bytes())
    run = thoth(*TRANSCRIBE, "-o", "out", "--", *names, "no\nsuch.flac", cwd=tmp_path)
    assert run.returncode == 1
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {Path(name).stem for name in names}
    assert "\x1b" not in run.stderr
    about_files = [line for line in run.stderr.splitlines() if ".flac" in line]
    assert len(about_files) == len(names) + 1
    assert "two\\nlines.flac: " in run.stderr


def test_an_existing_file_is_kept_unless_told_otherwise(thoth: ThothCommand, tmp_path: Path) -> None:
    kept = tmp_path / "tts_00.txt"
    kept.write_text("mine")
    run = thoth(*TRANSCRIBE, "-o", tmp_path, TALK, RECORDINGS / OTHER_EXACT)
    assert run.returncode == 1
    assert f"thoth: error: {TALK}: {kept} exists" in run.stderr
    assert not any(line.startswith(f"{TALK}: 0:") for line in run.stderr.splitlines()), "it was transcribed in vain"
    assert kept.read_text() == "mine"
    assert words((tmp_path / "digits_07_4.txt").read_text()) == words(TRUE_TEXTS[OTHER_EXACT])
    assert thoth(*TRANSCRIBE, "-o", tmp_path, "--overwrite", TALK).returncode == 0
    assert words(kept.read_text()) == words(TRUE_TEXTS[EXACT])


@on_posix
def test_a_transcript_that_no_file_takes_goes_to_stdout(thoth: ThothCommand, tmp_path: Path) -> None:
    # A limit on the size of files does what a full disk does.
    thoth.argv = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *ThothCommand.argv)
    run = thoth(*TRANSCRIBE, "-q", "-f", "srt", "-o", tmp_path, TALK)
    assert run.returncode == 1
    assert words(run.stdout) == words(TRUE_TEXTS[EXACT])
    assert run.stderr.startswith(f"thoth: error: {TALK}: cannot write {tmp_path / 'tts_00.srt'}: ")
    assert run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that takes no files even from root")
def test_a_folder_that_takes_no_files_is_told_before_any_work(thoth: ThothCommand) -> None:
    assert_one_error_line(thoth(*TRANSCRIBE, "-q", "-o", "/proc/self", TALK), 1, "into the folder /proc/self")


def test_dash_reads_standard_input(thoth: ThothCommand, tmp_path: Path) -> None:
    run = thoth(*TRANSCRIBE, "-o", tmp_path, "-", stdin=TALK.read_bytes())
    assert run.returncode == 0
    assert words((tmp_path / "stdin.txt").read_text()) == words(TRUE_TEXTS[EXACT])
    assert_one_error_line(thoth(*TRANSCRIBE, "-q", "-"), 1, "standard input: the file is empty")


@pytest.mark.parametrize("piped", [True, False], ids=["piped", "redirected"])
def test_an_mp4_comes_through_stdin_too(thoth: ThothCommand, tmp_path: Path, piped: bool) -> None:
    path = encode(tmp_path / "talk.m4a", recording("tts_00"), codec="aac", rate_hz=44_100)
    with path.open("rb") as file:
        run = thoth(*TRANSCRIBE, "-q", "-", stdin=file.read() if piped else file)
    assert (run.returncode, run.stderr) == (0, "")
    assert words(run.stdout) == words(TRUE_TEXTS[EXACT])


@on_posix
def test_a_named_pipe_is_read_as_it_comes(thoth: ThothCommand, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with thoth.start(*TRANSCRIBE, "-q", pipe) as run:
        pipe.write_bytes(TALK.read_bytes())
        text, errors = run.communicate()
    assert (run.returncode, errors) == (0, b"")
    assert words(text.decode()) == words(TRUE_TEXTS[EXACT])


@on_posix
@pytest.mark.parametrize("also_stdout", [False, True], ids=["stderr", "stdout and stderr"])
def test_a_terminal_shows_a_bar_and_whole_lines_of_text(thoth: ThothCommand, also_stdout: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    streams = {"stderr": theirs} | ({"stdout": theirs} if also_stdout else {})
    with thoth.start(*TRANSCRIBE, MANY_UTTERANCES, **streams) as run:
        os.close(theirs)
        drawn = read_terminal(ours)
        text = "" if run.stdout is None else run.stdout.read().decode()
    assert run.returncode == 0
    assert "━" in drawn
    assert "RTF 0." in drawn
    assert " left" in drawn
    left = screen_after(drawn)
    assert not any("━" in line for line in left), "the bar stays on the screen"
    once = thoth(*TRANSCRIBE, "-q", MANY_UTTERANCES).stdout.splitlines()
    assert len(once) > 1
    assert [line for line in left if line in once] == (once if also_stdout else [])
    assert text.splitlines() == ([] if also_stdout else once)


def test_downloading_a_named_model_shows_progress_and_then_it_is_used(thoth: ThothCommand) -> None:
    body = (ASSETS / "ggml-nano.en-q5_1.bin").read_bytes()
    entry = entry_for(body)
    code = f"""
from thoth.cli.main import main
from thoth.model.catalog import CATALOG, CatalogEntry, Suitability
CATALOG["{entry.name}"] = {entry!r}
main()
"""
    thoth.argv = (sys.executable, "-c", code)
    with MisbehavingServer(whole(body)) as server:
        run = thoth(*TRANSCRIBE, "-m", entry.name, TALK, THOTH_MODELS_URL=server.url)
    assert run.returncode == 0
    assert words(run.stdout) == words(TRUE_TEXTS[EXACT])
    assert f"{entry.name}: 100 %" in run.stderr


def test_help_and_version_load_nothing_heavy(thoth: ThothCommand) -> None:
    heavy = ("numpy", "av", "httpx", "sounddevice", "thoth._native")
    for argument in ("--help", "--version"):
        code = f"""
import sys
from thoth.cli.main import main
sys.argv[1:] = ["{argument}"]
try:
    main()
finally:
    print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""
        thoth.argv = (sys.executable, "-c", code)
        run = thoth()
        assert (run.returncode, run.stderr) == (0, "[]\n")
    thoth.argv = ThothCommand.argv
    assert "130" in thoth("--help").stdout
    assert thoth("--version").stdout.startswith("thoth ")


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_fault_of_our_own_is_one_line_unless_debugging(thoth: ThothCommand, debug: str) -> None:
    code = """
from thoth.cli import main
from thoth.model import store
def broken(self): raise RuntimeError("broken")
store.ModelStore.default_model = broken
main.main()
"""
    thoth.argv = (sys.executable, "-c", code)
    run = thoth(*TRANSCRIBE, TALK, THOTH_DEBUG=debug)
    assert run.returncode == 1
    assert "RuntimeError: broken" in run.stderr
    assert ("Traceback" in run.stderr) == bool(debug)
