from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fake_models
import misbehaving_server as bad
import pull_process
import pytest
from misbehaving_server import MisbehavingServer

from thoth.errors import DownloadError
from thoth.model.download import download, model_url, user_agent
from thoth.model.transfer import Limits

BODY = fake_models.model_bytes()
ENTRY = fake_models.entry_for(BODY)
OTHER = fake_models.model_bytes(seed=2)
HALF = len(BODY) // 2
FAST = Limits(attempts=3, first_backoff_s=0.01, longest_backoff_s=0.05, redirects=3)
IMPATIENT = replace(FAST, read_timeout_s=0.5)

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("THOTH_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def fetch(directory: Path, server: MisbehavingServer, limits: Limits = FAST, **options: object) -> Path:
    return download(ENTRY, directory, base_url=server.url, limits=limits, **options)  # type: ignore[arg-type]


def target_in(directory: Path) -> Path:
    return directory / ENTRY.file_name


def part_in(directory: Path) -> Path:
    return directory / f"{ENTRY.file_name}.part"


def refused(directory: Path, server: MisbehavingServer, limits: Limits = FAST) -> str:
    """Download, which must fail, and return the message; nothing may stand under the final name."""
    with pytest.raises(DownloadError) as caught:
        fetch(directory, server, limits)
    assert not target_in(directory).exists()
    assert f"{server.url}/{ENTRY.file_name}" in str(caught.value)
    return str(caught.value)


def test_a_download_arrives_whole_under_its_name_and_leaves_no_parts(tmp_path: Path) -> None:
    with MisbehavingServer(bad.whole(BODY, etag='"a"')) as server:
        path = fetch(tmp_path / "new" / "folder", server)
    assert path == target_in(tmp_path / "new" / "folder")
    assert path.read_bytes() == BODY
    assert sorted(file.name for file in path.parent.iterdir() if file.suffix != ".lock") == [ENTRY.file_name]
    [request] = server.requests
    assert request.path == f"/{ENTRY.file_name}"
    assert request.headers["user-agent"] == user_agent()
    assert user_agent().startswith("thoth/")
    assert "range" not in request.headers


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    target_in(tmp_path).write_bytes(BODY)
    with MisbehavingServer(bad.whole(BODY)) as server:
        assert fetch(tmp_path, server) == target_in(tmp_path)
    assert server.requests == []


def test_a_file_of_the_wrong_size_is_replaced_only_by_a_verified_one(tmp_path: Path) -> None:
    target_in(tmp_path).write_bytes(b"damaged")
    seen_meanwhile = []
    with MisbehavingServer(bad.whole(BODY)) as server:
        fetch(
            tmp_path,
            server,
            progress=lambda done, total: seen_meanwhile.append(target_in(tmp_path).read_bytes()),
        )
    assert seen_meanwhile[0] == b"damaged"
    assert seen_meanwhile[-1] == BODY


@pytest.mark.parametrize("after", [1, 3, 4, 5, 4096, HALF, len(BODY) - 1])
def test_a_download_cut_off_goes_on_from_the_byte_it_reached(tmp_path: Path, after: int) -> None:
    script = bad.cut_off(BODY, after=after, etag='"a"'), bad.whole(BODY, etag='"a"')
    with MisbehavingServer(*script) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    first, second = server.requests
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={after}-"
    assert second.headers["if-range"] == '"a"'


def test_cuts_that_bring_real_progress_do_not_use_up_the_tries(tmp_path: Path) -> None:
    body = fake_models.model_bytes(6 * 2**20)
    entry = fake_models.entry_for(body)
    with MisbehavingServer(bad.cut_off(body, after=2**20)) as server:
        path = download(entry, tmp_path, base_url=server.url, limits=FAST)
    assert path.read_bytes() == body
    assert len(server.requests) == 6 > FAST.attempts


def test_a_server_that_always_cuts_ends_in_an_error_and_the_next_run_goes_on(tmp_path: Path) -> None:
    with MisbehavingServer(bad.cut_off(BODY, after=1000)) as server:
        message = refused(tmp_path, server)
    assert len(server.requests) == FAST.attempts
    assert "run the same command again" in message
    assert part_in(tmp_path).read_bytes() == BODY[: 1000 * FAST.attempts]
    with MisbehavingServer(bad.whole(BODY)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert server.requests[0].headers["range"] == f"bytes={1000 * FAST.attempts}-"


def test_a_200_answer_to_a_range_request_starts_over(tmp_path: Path) -> None:
    with MisbehavingServer(bad.cut_off(BODY, after=HALF), bad.whole(BODY, ranges=False)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert [request.headers.get("range") for request in server.requests] == [None, f"bytes={HALF}-"]


def test_a_file_that_changed_on_the_server_is_fetched_anew(tmp_path: Path) -> None:
    with MisbehavingServer(bad.cut_off(OTHER, after=HALF, etag='"old"'), bad.whole(BODY, etag='"new"')) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert server.requests[1].headers["if-range"] == '"old"'
    assert len(server.requests) == 2


def test_a_weak_etag_is_no_condition(tmp_path: Path) -> None:
    with MisbehavingServer(bad.cut_off(BODY, after=HALF, etag='W/"a"'), bad.whole(BODY, etag='W/"a"')) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert server.requests[1].headers["range"] == f"bytes={HALF}-"
    assert "if-range" not in server.requests[1].headers


def test_a_416_answer_starts_over(tmp_path: Path) -> None:
    part_in(tmp_path).write_bytes(BODY[:HALF])
    with MisbehavingServer(bad.status(416), bad.whole(BODY)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert [request.headers.get("range") for request in server.requests] == [f"bytes={HALF}-", None]


def test_a_206_answer_with_another_range_is_not_appended(tmp_path: Path) -> None:
    part_in(tmp_path).write_bytes(BODY[:HALF])
    wrong = bad.raw(BODY[HALF:], code=206, length=len(BODY) - HALF, Content_Range=f"bytes 0-{HALF}/{len(BODY)}")
    with MisbehavingServer(wrong, bad.whole(BODY)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert "range" not in server.requests[1].headers


@pytest.mark.parametrize("left", [BODY, BODY + b"more"], ids=["complete", "too long"])
def test_a_part_that_is_complete_or_too_long_needs_no_range(tmp_path: Path, left: bytes) -> None:
    part_in(tmp_path).write_bytes(left)
    with MisbehavingServer(bad.whole(BODY)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert [request.headers.get("range") for request in server.requests] == ([] if left == BODY else [None])


def test_a_damaged_part_is_found_by_the_hash_and_fetched_anew(tmp_path: Path) -> None:
    part_in(tmp_path).write_bytes(OTHER[:HALF])
    notices: list[str] = []
    with MisbehavingServer(bad.whole(BODY)) as server:
        assert fetch(tmp_path, server, notice=notices.append).read_bytes() == BODY
    assert [request.headers.get("range") for request in server.requests] == [f"bytes={HALF}-", None]
    assert any("starting over" in line for line in notices)


def test_wrong_bytes_are_deleted_and_not_asked_for_twice(tmp_path: Path) -> None:
    with MisbehavingServer(bad.whole(OTHER)) as server:
        message = refused(tmp_path, server)
    assert "SHA-256" in message
    assert "THOTH_MODELS_URL" in message
    assert not part_in(tmp_path).exists()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            bad.raw(bad.LOGIN_PAGE, length=len(bad.LOGIN_PAGE), Content_Type="text/html; charset=utf-8"),
            "web page",
        ),
        (bad.raw(bad.LOGIN_PAGE, Content_Type="application/octet-stream"), "not a model"),
        (bad.raw(b"version https://git-lfs", length=23), "offers 23 bytes"),
        (bad.raw(BODY, length=len(BODY) - 1), "offers 299999 bytes"),
        (bad.raw(BODY, length=len(BODY) + 1), "offers 300001 bytes"),
        (bad.raw(BODY + b"more"), "more than the 300000 bytes"),
        (bad.status(404), "404"),
        (bad.status(403), "403"),
        (bad.status(204), "204"),
        (bad.redirect("ftp://127.0.0.1/model"), "protocol"),
    ],
    ids=[
        "html",
        "html unlabelled",
        "pointer",
        "too small",
        "too large",
        "endless",
        "404",
        "403",
        "204",
        "ftp",
    ],
)
def test_what_cannot_be_the_model_is_refused_at_once(tmp_path: Path, answer: bad.Behaviour, reason: str) -> None:
    with MisbehavingServer(answer) as server:
        assert reason in refused(tmp_path, server)
    assert len(server.requests) == 1
    assert not part_in(tmp_path).exists()


@pytest.mark.parametrize(
    "answer",
    [
        bad.raw(bad.LOGIN_PAGE, length=len(bad.LOGIN_PAGE), Content_Type="text/html"),
        bad.raw(bad.LOGIN_PAGE),
        bad.raw(b""),
        bad.status(404),
        bad.status(503),
    ],
    ids=["html", "html unlabelled", "nothing", "404", "503"],
)
def test_a_bad_answer_does_not_cost_what_has_arrived(tmp_path: Path, answer: bad.Behaviour) -> None:
    part_in(tmp_path).write_bytes(BODY[:HALF])
    with MisbehavingServer(answer) as server:
        refused(tmp_path, server)
    assert part_in(tmp_path).read_bytes() == BODY[:HALF]


def test_reading_stops_soon_after_the_promised_size(tmp_path: Path) -> None:
    sent = 0

    def endless(exchange: bad.Exchange) -> None:
        nonlocal sent
        exchange.head(200, {"Connection": "close"})
        exchange.hang_up()
        while not exchange.server.closing.is_set():
            exchange.body(BODY)
            sent += len(BODY)

    with MisbehavingServer(endless) as server:
        assert "more than" in refused(tmp_path, server)
    assert sent < 100 * len(BODY)


def test_no_content_length_is_fine_if_the_bytes_are_right(tmp_path: Path) -> None:
    with MisbehavingServer(bad.raw(BODY)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY


def test_no_content_length_and_too_few_bytes_goes_on_where_it_ended(tmp_path: Path) -> None:
    with MisbehavingServer(bad.raw(BODY[:HALF]), bad.whole(BODY)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert server.requests[1].headers["range"] == f"bytes={HALF}-"


def test_a_server_that_always_ends_early_without_a_length_is_given_up(tmp_path: Path) -> None:
    with MisbehavingServer(bad.raw(BODY[:HALF])) as server:
        assert f"ended after {HALF} of {len(BODY)} bytes" in refused(tmp_path, server)
    assert len(server.requests) == FAST.attempts


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_passing_error_is_tried_again_after_a_notice(tmp_path: Path, code: int) -> None:
    notices: list[str] = []
    with MisbehavingServer(bad.status(code), bad.whole(BODY)) as server:
        assert fetch(tmp_path, server, notice=notices.append).read_bytes() == BODY
    assert len(server.requests) == 2
    assert len(notices) == 1
    assert f"HTTP {code}" in notices[0]


def test_an_error_that_stays_is_given_up_after_the_allowed_tries(tmp_path: Path) -> None:
    with MisbehavingServer(bad.status(500)) as server:
        assert "HTTP 500" in refused(tmp_path, server)
    assert len(server.requests) == FAST.attempts


def test_retry_after_is_heeded_but_bounded(tmp_path: Path) -> None:
    notices: list[str] = []
    with MisbehavingServer(bad.status(503, Retry_After="86400"), bad.whole(BODY)) as server:
        fetch(tmp_path, server, notice=notices.append)
    assert f"again in {FAST.longest_backoff_s:g} s" in notices[0]


def test_redirects_are_followed_with_the_range(tmp_path: Path) -> None:
    part_in(tmp_path).write_bytes(BODY[:HALF])
    with MisbehavingServer(bad.redirect("/one"), bad.redirect("/two"), bad.whole(BODY)) as server:
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert [request.path for request in server.requests] == [f"/{ENTRY.file_name}", "/one", "/two"]
    assert server.requests[2].headers["range"] == f"bytes={HALF}-"


def test_a_redirect_loop_ends(tmp_path: Path) -> None:
    with MisbehavingServer(bad.redirect("/again")) as server:
        assert "redirects" in refused(tmp_path, server)
    assert len(server.requests) == FAST.redirects + 1


@pytest.mark.parametrize("hang", [bad.silent(), bad.stalled(BODY, after=1000)], ids=["before headers", "mid-body"])
def test_a_server_that_hangs_ends_in_an_error_in_bounded_time(tmp_path: Path, hang: bad.Behaviour) -> None:
    began = time.monotonic()
    with MisbehavingServer(hang) as server:
        assert "did not answer in time" in refused(tmp_path, server, IMPATIENT)
    assert len(server.requests) == FAST.attempts
    assert time.monotonic() - began < 10


def test_a_hang_mid_body_is_resumed(tmp_path: Path) -> None:
    with MisbehavingServer(bad.stalled(BODY, after=1000), bad.whole(BODY)) as server:
        assert fetch(tmp_path, server, IMPATIENT).read_bytes() == BODY
    assert server.requests[1].headers["range"] == "bytes=1000-"


def test_a_connection_that_trickles_is_given_up(tmp_path: Path) -> None:
    limits = Limits(read_timeout_s=0.3, slowest_bytes_per_s=10_000, attempts=1)
    with MisbehavingServer(bad.trickle(BODY, every_s=0.01)) as server:
        assert "bytes in 0.3 s" in refused(tmp_path, server, limits)


def test_nobody_listening_is_an_error_that_says_so(tmp_path: Path) -> None:
    with MisbehavingServer(bad.silent()) as server:
        pass
    assert "tried 3 times" in refused(tmp_path, server)


def test_progress_rises_to_the_total_at_ten_calls_a_second_at_most(tmp_path: Path) -> None:
    calls: list[tuple[float, int, int]] = []
    body = fake_models.model_bytes(20_000_000)
    entry = fake_models.entry_for(body)
    with MisbehavingServer(bad.whole(body)) as server:
        began = time.monotonic()
        download(
            entry,
            tmp_path,
            base_url=server.url,
            progress=lambda done, total: calls.append((time.monotonic(), done, total)),
        )
    assert calls[-1][1:] == (len(body), len(body))
    assert [done for _, done, _ in calls] == sorted(done for _, done, _ in calls)
    assert len([call for call in calls if call[1] == len(body)]) == 1
    assert 2 <= len(calls) <= 2 + (calls[-1][0] - began) / 0.1


def test_an_exception_from_a_callback_stops_it_and_keeps_what_arrived(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with MisbehavingServer(bad.stalled(BODY, after=1000)) as server, pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, server, progress=stop)
    assert part_in(tmp_path).read_bytes() == BODY[:1000]
    assert not target_in(tmp_path).exists()


def test_a_full_disk_is_noticed_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    with MisbehavingServer(bad.whole(BODY)) as server:
        message = refused(tmp_path, server)
    assert "0.0 MB are free" in message
    assert "THOTH_MODELS" in message
    assert server.requests == []


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with (
        MisbehavingServer(bad.whole(BODY)) as server,
        pytest.raises(DownloadError, match=r"/file.*THOTH_MODELS"),
    ):
        fetch(tmp_path / "file", server)
    assert server.requests == []


def test_the_mirror_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_url(ENTRY).startswith("https://huggingface.co/ggerganov/whisper.cpp/resolve/")
    with MisbehavingServer(bad.whole(BODY)) as server:
        monkeypatch.setenv("THOTH_MODELS_URL", f"{server.url}/mirror/")
        download(ENTRY, tmp_path, limits=FAST)
    assert [request.path for request in server.requests] == [f"/mirror/{ENTRY.file_name}"]


@pytest.mark.parametrize("url", ["no address", "file:///etc", "http://127.0.0.1:none", ""])
def test_a_mirror_that_is_no_web_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("THOTH_MODELS_URL", url)
    if not url:
        assert model_url(ENTRY).startswith("https://")
        return
    with pytest.raises(DownloadError, match="THOTH_MODELS_URL"):
        download(ENTRY, tmp_path, limits=FAST)


def test_the_password_of_a_mirror_is_sent_but_not_shown(tmp_path: Path) -> None:
    with MisbehavingServer(bad.status(404)) as server:
        base_url = server.url.replace("//", "//user:secret@")
        with pytest.raises(DownloadError) as caught:
            download(ENTRY, tmp_path, base_url=base_url, limits=FAST)
    assert "secret" not in str(caught.value)
    assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_the_proxy_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MisbehavingServer(bad.whole(BODY)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        path = download(ENTRY, tmp_path, base_url="http://models.invalid", limits=FAST)
    assert path.read_bytes() == BODY
    assert [request.path for request in proxy.requests] == [f"http://models.invalid/{ENTRY.file_name}"]


def test_a_proxy_that_is_no_address_is_an_error_that_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1")
    with pytest.raises(DownloadError, match="HTTP_PROXY"):
        download(ENTRY, tmp_path, base_url="http://models.invalid", limits=FAST)


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def start_pull(
    started: list[subprocess.Popen[str]], directory: Path, server: MisbehavingServer, *more: str
) -> subprocess.Popen[str]:
    arguments = [str(directory), server.url, str(ENTRY.size_bytes), ENTRY.sha256, *more]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, pull_process.__file__, *arguments]
    started.append(
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    )
    return started[-1]


def read_until(process: subprocess.Popen[str], beginning: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return line.strip()
    pytest.fail(f"the process ended without a line that begins with {beginning!r}")


def test_two_processes_at_once_make_one_download(tmp_path: Path, processes: list[subprocess.Popen[str]]) -> None:
    both_are_there = threading.Event()
    with MisbehavingServer(bad.stalled(BODY, after=1000, until=both_are_there)) as server:
        first = start_pull(processes, tmp_path, server)
        read_until(first, "progress 1000")
        second = start_pull(processes, tmp_path, server)
        assert "another process" in read_until(second, "notice")
        both_are_there.set()
        assert read_until(first, "done") == read_until(second, "done") == f"done {target_in(tmp_path)}"
    assert target_in(tmp_path).read_bytes() == BODY
    assert len(server.requests) == 1


def test_waiting_for_another_process_is_bounded(tmp_path: Path, processes: list[subprocess.Popen[str]]) -> None:
    with MisbehavingServer(bad.stalled(BODY, after=1000)) as server:
        read_until(start_pull(processes, tmp_path, server), "progress 1000")
        with pytest.raises(DownloadError, match=r"another process .* more than 0.2 s"):
            fetch(tmp_path, server, Limits(lock_timeout_s=0.2))
    assert len(server.requests) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "ctrl-c"])
def test_a_stopped_process_leaves_what_arrived_and_the_next_goes_on(
    tmp_path: Path, processes: list[subprocess.Popen[str]], number: signal.Signals
) -> None:
    with MisbehavingServer(bad.stalled(BODY, after=1000, etag='"a"'), bad.whole(BODY, etag='"a"')) as server:
        process = start_pull(processes, tmp_path, server)
        read_until(process, "progress 1000")
        process.send_signal(number)
        assert process.wait(timeout=10) != 0
        assert part_in(tmp_path).read_bytes() == BODY[:1000]
        assert not target_in(tmp_path).exists()
        assert fetch(tmp_path, server).read_bytes() == BODY
    assert server.requests[1].headers["range"] == "bytes=1000-"
    assert server.requests[1].headers["if-range"] == '"a"'


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files by RLIMIT_FSIZE")
def test_a_write_that_fails_is_an_error_and_leaves_no_model(
    tmp_path: Path, processes: list[subprocess.Popen[str]]
) -> None:
    with MisbehavingServer(bad.whole(BODY)) as server:
        process = start_pull(processes, tmp_path, server, "100000")
        message = read_until(process, "error")
    assert "File too large" in message
    assert "THOTH_MODELS" in message
    assert not target_in(tmp_path).exists()
    assert part_in(tmp_path).read_bytes() == BODY[:100_000]
