from __future__ import annotations

import os
from pathlib import Path

import fake_models
import filelock
import misbehaving_server as bad
import pytest
from misbehaving_server import MisbehavingServer

from thoth.errors import DownloadError, InvalidModel, ModelError, ModelNotFound
from thoth.model.catalog import BUILTIN, CATALOG, lookup
from thoth.model.store import ModelStore, is_offline, models_directory

BODY = fake_models.model_bytes()

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("THOTH_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    """Name a small model that the catalogue knows during the test."""
    entry = fake_models.entry_for(BODY)
    monkeypatch.setitem(CATALOG, entry.name, entry)
    return entry.name


def pretend_installed(store: ModelStore, name: str) -> Path:
    """Put a file of the right size there, without using disk for it."""
    entry = lookup(name)
    store.directory.mkdir(exist_ok=True)
    with store.path_of(entry).open("wb") as file:
        file.truncate(entry.size_bytes)
    return store.path_of(entry)


def install(store: ModelStore, name: str, content: bytes = BODY) -> Path:
    store.directory.mkdir(exist_ok=True)
    path = store.path_of(lookup(name))
    path.write_bytes(content)
    return path


def test_the_folder_is_the_one_of_the_environment_else_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert models_directory().is_absolute()
    assert "thoth" in models_directory().parts
    monkeypatch.setenv("THOTH_MODELS", str(tmp_path))
    assert ModelStore().directory == tmp_path
    monkeypatch.setenv("THOTH_MODELS", "~/speech")
    assert models_directory() == Path.home() / "speech"


@pytest.mark.parametrize(
    ("value", "offline"),
    [("1", True), ("yes", True), ("", False), ("0", False), ("False", False), ("off", False)],
)
def test_offline_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, offline: bool) -> None:
    monkeypatch.setenv("THOTH_OFFLINE", value)
    assert is_offline() is offline


def test_the_built_in_model_is_there_and_is_what_the_catalogue_says(store: ModelStore) -> None:
    assert store.installed() == [BUILTIN]
    assert store.verify("nano.en") == store.find("nano.en") == store.find_installed("nano")


def test_without_any_other_model_the_built_in_one_is_taken_with_an_honest_line(store: ModelStore) -> None:
    choice = store.default_model()
    assert choice.entry is BUILTIN
    assert choice.path == store.find("nano.en")
    assert choice.note is not None
    assert "151 English words" in choice.note
    assert "thoth models pull" in choice.note
    assert "\n" not in choice.note


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["tiny.en", "base-q5_1", "tiny"], "base-q5_1"),
        (["small.en", "small"], "small"),
        (["tiny-q5_1", "tiny-q8_0"], "tiny-q8_0"),
        (["large-v3-turbo-q5_0", "medium"], "large-v3-turbo-q5_0"),
        (["large-v3-q5_0", "large-v3-turbo", "large-v2"], "large-v3-q5_0"),
    ],
)
def test_the_best_installed_model_is_taken_without_a_note(store: ModelStore, names: list[str], best: str) -> None:
    for name in names:
        path = pretend_installed(store, name)
        assert store.find(name) == path
    choice = store.default_model()
    assert (choice.entry.name, choice.note) == (best, None)
    assert choice.path == store.path_of(lookup(best))
    assert {entry.name for entry in store.installed()} == {*names, "nano.en"}


def test_partial_and_damaged_files_are_not_installed(store: ModelStore) -> None:
    path = pretend_installed(store, "small")
    path.rename(f"{path}.part")
    install(store, "base", b"too short")
    store.path_of(lookup("tiny")).mkdir()
    assert store.installed() == [BUILTIN]
    assert store.default_model().entry is BUILTIN
    with pytest.raises(ModelNotFound, match="is damaged"):
        store.find_installed("base")


def test_a_path_is_used_as_it_is(store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.bin"
    mine.write_bytes(BODY)
    monkeypatch.chdir(tmp_path)
    for name in (mine, str(mine), "./mine.bin", "mine.bin"):
        assert store.find(name).resolve() == mine
    (tmp_path / "ggml-tiny.en.bin").write_bytes(BODY)
    assert store.find("ggml-tiny.en.bin").resolve() == tmp_path / "ggml-tiny.en.bin"


def test_a_file_called_like_a_model_does_not_hide_the_model(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pretend_installed(store, "tiny.en")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.en").write_bytes(BODY)
    assert store.find("tiny.en") == path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("./no.bin", "there is no file"),
        (Path("no.bin"), "there is no file"),
        ("../", "is a folder"),
        ("no", "no model is called"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_to_do(
    store: ModelStore, name: str | Path, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound, match=f"{reason}.*"):
        store.find(name)


def test_a_name_that_is_not_installed_is_downloaded_once(
    store: ModelStore, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    with MisbehavingServer(bad.whole(BODY)) as server:
        monkeypatch.setenv("THOTH_MODELS_URL", server.url)
        path = store.find(small, progress=lambda done, total: calls.append(done))
        assert store.find(small) == store.find_installed(small) == store.verify(small) == path
    assert path.read_bytes() == BODY
    assert calls[-1] == len(BODY)
    assert len(server.requests) == 1


@pytest.mark.parametrize("by_environment", [True, False])
def test_offline_never_touches_the_network(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    with MisbehavingServer(bad.status(404)) as server:
        monkeypatch.setenv("THOTH_MODELS_URL", server.url)
        with pytest.raises(DownloadError):
            store.find("tiny.en")
        assert len(server.requests) == 1
        if by_environment:
            monkeypatch.setenv("THOTH_OFFLINE", "1")
        with pytest.raises(ModelNotFound, match=r"thoth models pull tiny.en.*THOTH_OFFLINE"):
            store.find("tiny.en", offline=not by_environment)
        assert len(server.requests) == 1


def test_only_find_may_touch_the_network(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with MisbehavingServer(bad.whole(BODY)) as server:
        monkeypatch.setenv("THOTH_MODELS_URL", server.url)
        store.default_model()
        store.installed()
        for refuse in (store.find_installed, store.verify, store.remove):
            with pytest.raises(ModelNotFound, match=r"thoth models pull tiny.en"):
                refuse("tiny.en")
    assert server.requests == []


def test_verify_finds_a_wrong_size_and_a_wrong_byte(store: ModelStore, small: str) -> None:
    path = install(store, small)
    assert store.verify(small) == path
    path.write_bytes(BODY[:-1])
    with pytest.raises(InvalidModel, match=r"299999 bytes where test.en has 300000.*pull test.en"):
        store.verify(small)
    path.write_bytes(BODY[:-1] + bytes([BODY[-1] ^ 1]))
    with pytest.raises(InvalidModel, match=r"SHA-256 .*pull test.en"):
        store.verify(small)


def test_remove_deletes_the_model_and_what_had_arrived_of_it(store: ModelStore, small: str) -> None:
    path = install(store, small)
    part, etag = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.etag")
    part.write_bytes(b"lmgg")
    etag.write_text('"a"')
    assert store.remove(small) == path
    assert not path.exists()
    assert not part.exists()
    assert not etag.exists()
    part.write_bytes(b"lmgg")
    store.remove(small)
    assert not part.exists()
    with pytest.raises(ModelNotFound, match="is not installed"):
        store.remove(small)


def test_the_built_in_model_cannot_be_removed(store: ModelStore) -> None:
    with pytest.raises(ModelError, match="part of the installation"):
        store.remove("nano.en")
    assert store.verify("nano.en").is_file()


def test_a_model_that_is_being_downloaded_cannot_be_removed(store: ModelStore, small: str) -> None:
    path = install(store, small)
    with filelock.FileLock(f"{path}.lock"), pytest.raises(ModelError, match="being downloaded"):
        store.remove(small)
    assert path.exists()
