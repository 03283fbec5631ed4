from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import random_model
from random_model import SMALLEST, Dims, Model, write_model

from thoth import _native
from thoth.errors import InvalidModel

HUGE = 2**31 - 1
SIZES = list(random_model.build_model(SMALLEST).sizes)
HEADER = [
    "magic",
    *SIZES,
    "mel filters n_mel",
    "mel filters n_fft",
    "mel filters data",
    "vocabulary size",
    "vocabulary word",
]
TENSORS = [name for name, _, _ in random_model.tensor_shapes(SMALLEST)]
CONV = "encoder.conv1.weight"
QUERY = "encoder.blocks.0.attn.query.weight"

Corrupt = Callable[[Model], None]


def refusal(path: Path) -> str:
    with pytest.raises(InvalidModel) as caught:
        _native.check_model(str(path))
    message = str(caught.value)
    assert path.name in message
    return message


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, bytes]:
    path = tmp_path_factory.mktemp("sound") / "sound.bin"
    return write_model(path), path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spoilt model.bin"


def spoil(path: Path, corrupt: Corrupt, dtype: str = "f16") -> str:
    write_model(path, SMALLEST, dtype, corrupt=corrupt)
    return refusal(path)


def overwrite(path: Path, sound: tuple[Model, bytes], mark: str, number: int, skip: int = 0) -> str:
    model, data = sound
    at = model.marks[mark] + skip
    path.write_bytes(data[:at] + struct.pack("<I", number & 0xFFFFFFFF) + data[at + 4 :])
    return refusal(path)


def end_of(model: Model, mark: str) -> int:
    return min(offset for offset in model.marks.values() if offset > model.marks[mark])


# Sound models pass


@pytest.mark.parametrize("dtype", ["f16", "q5_0", "q5_1", "q8_0"])
def test_a_sound_model_passes_and_tells_its_sizes(path: Path, dtype: str) -> None:
    model = write_model(path, SMALLEST, dtype)
    info = _native.check_model(str(path))
    sizes = {name: info[name] for name in model.sizes}
    assert sizes == model.sizes | {"ftype": model.sizes["ftype"] % 1000}
    assert info["weight_type"] == dtype
    assert info["n_tensors"] == len(model.tensors)
    assert info["file_bytes"] == path.stat().st_size
    assert info["multilingual"] is False


@pytest.mark.parametrize("dims", [Dims(64, 8, 2, 1, 51865), Dims(64, 1, 1, 2, 51866, 128)], ids=["v2", "v3"])
def test_multilingual_layouts_pass(path: Path, dims: Dims) -> None:
    write_model(path, dims)
    assert _native.check_model(str(path))["multilingual"] is True


def test_tensors_may_come_in_any_order(path: Path) -> None:
    write_model(path, corrupt=lambda model: model.tensors.reverse())
    assert _native.check_model(str(path))["n_tensors"] == len(TENSORS)


def test_the_bundled_model_passes() -> None:
    assert _native.check_model(str(random_model.bundled_model()))["n_vocab"] == 51864


# Files that are cut off


@pytest.mark.parametrize("field", HEADER)
def test_a_file_cut_in_its_header_names_the_field(path: Path, sound: tuple[Model, bytes], field: str) -> None:
    model, data = sound
    start, end = model.marks[field], end_of(model, field)
    for cut in {start, start + 1, end - 1}:
        path.write_bytes(data[:cut])
        assert field in refusal(path)


@pytest.mark.parametrize("index", range(len(TENSORS)), ids=TENSORS)
def test_a_file_cut_in_a_tensor_names_the_field(path: Path, sound: tuple[Model, bytes], index: int) -> None:
    model, data = sound
    path.write_bytes(data)
    for part in ("data", "name", "dims", "type", "name length", "n_dims"):
        mark = f"tensor {index} {part}"
        start, end = model.marks[mark], end_of(model, mark)
        named = f"'{TENSORS[index]}' data" if part == "data" else mark
        for cut in (end - 1, start + 1, start):
            os.truncate(path, cut)
            if cut > model.marks[f"tensor {index} n_dims"]:
                assert named in refusal(path)


@pytest.mark.parametrize("index", range(1, len(TENSORS)), ids=TENSORS[1:])
def test_a_file_cut_between_tensors_names_the_missing_one(path: Path, sound: tuple[Model, bytes], index: int) -> None:
    model, data = sound
    path.write_bytes(data[: model.marks[f"tensor {index} n_dims"]])
    message = refusal(path)
    assert "missing" in message
    assert f"after {index} tensors" in message


# Sizes that whisper.cpp would believe


@pytest.mark.parametrize("value", [-1, 0, 49, HUGE, -HUGE - 1])
@pytest.mark.parametrize("field", SIZES)
def test_a_size_out_of_range_is_named(path: Path, sound: tuple[Model, bytes], field: str, value: int) -> None:
    message = overwrite(path, sound, field, value)
    assert f"{field} is {value} at byte {sound[0].marks[field]}" in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_vocab", 51863),
        ("n_vocab", 51867),
        ("n_audio_ctx", 1501),
        ("n_audio_state", 48),
        ("n_audio_head", 3),
        ("n_audio_head", 8),
        ("n_text_state", 64),
        ("n_text_head", 2),
        ("n_text_ctx", 449),
        ("n_mels", 96),
        ("ftype", 0),
        ("ftype", 4),
        ("ftype", 9),
        ("ftype", 24),
        ("ftype", 1009),
        ("ftype", 2010),
        ("ftype", 3001),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(
    path: Path, sound: tuple[Model, bytes], field: str, value: int
) -> None:
    assert f"{field} is {value}" in overwrite(path, sound, field, value)


@pytest.mark.parametrize(("field", "expected"), [("n_audio_layer", "missing"), ("n_text_layer", "missing")])
def test_more_layers_than_there_are_is_refused(
    path: Path, sound: tuple[Model, bytes], field: str, expected: str
) -> None:
    assert expected in overwrite(path, sound, field, 2)


def test_a_model_that_is_f32_throughout_is_refused(path: Path) -> None:
    write_model(path, SMALLEST, "f32")
    assert "ftype is 0" in refusal(path)


@pytest.mark.parametrize("value", [0x6C6D6767, 0, 0xFFFFFFFF])
def test_a_wrong_magic_is_named(path: Path, sound: tuple[Model, bytes], value: int) -> None:
    assert "magic" in overwrite(path, sound, "magic", value)


@pytest.mark.parametrize("value", [-1, 0, 79, 128, HUGE])
@pytest.mark.parametrize("field", ["mel filters n_mel", "mel filters n_fft"])
def test_mel_filters_of_another_size_are_refused(
    path: Path, sound: tuple[Model, bytes], field: str, value: int
) -> None:
    assert f"{field} is {value}" in overwrite(path, sound, field, value)


@pytest.mark.parametrize("value", [-1, 0, 50255, 51865, HUGE])
def test_a_vocabulary_of_a_wrong_size_is_refused(path: Path, sound: tuple[Model, bytes], value: int) -> None:
    assert f"vocabulary size is {value}" in overwrite(path, sound, "vocabulary size", value)


@pytest.mark.parametrize("value", [1025, HUGE, 2**32 - 1])
def test_a_word_of_a_wrong_length_is_refused(path: Path, sound: tuple[Model, bytes], value: int) -> None:
    assert f"vocabulary word 0 length is {value}" in overwrite(path, sound, "vocabulary word", value)


def test_a_vocabulary_without_a_space_is_refused(path: Path) -> None:
    def corrupt(model: Model) -> None:
        model.words[model.words.index(b" ")] = b"_"

    assert "vocabulary is without the word ' '" in spoil(path, corrupt)


# Tensors


@pytest.mark.parametrize(
    ("part", "value"),
    [(part, value) for part in ("n_dims", "name length") for value in (-1, 0, 5000, HUGE)] + [("n_dims", 5)],
)
def test_a_tensor_header_out_of_range_is_named(path: Path, sound: tuple[Model, bytes], part: str, value: int) -> None:
    assert f"tensor 7 {part} is {value}" in overwrite(path, sound, f"tensor 7 {part}", value)


@pytest.mark.parametrize(
    "dims",
    [
        [3, 32, 80],
        [3, 80],
        [3 * 80, 32],
        [3, 80, 32, 2],
        [-3, -80, 32],
        [65536, 65536, 1],
        [HUGE, HUGE, HUGE],
        [0, 80, 32],
        [3 * 80 * 32],
    ],
    ids=str,
)
def test_a_tensor_of_another_shape_is_named(path: Path, dims: list[int]) -> None:
    def corrupt(model: Model) -> None:
        model.tensor(CONV).dims = dims

    assert f"'{CONV}' shape is [" in spoil(path, corrupt)


@pytest.mark.parametrize("type_id", [0, 2, 8, 30, 99, -1, HUGE])
def test_a_tensor_of_another_type_is_named(path: Path, type_id: int) -> None:
    def corrupt(model: Model) -> None:
        model.tensor(QUERY).type_id = type_id

    assert f"'{QUERY}' type is {type_id}" in spoil(path, corrupt)


@pytest.mark.parametrize("name", TENSORS)
def test_a_missing_tensor_is_named(path: Path, name: str) -> None:
    message = spoil(path, lambda model: model.tensors.remove(model.tensor(name)))
    assert f"tensor '{name}' is missing" in message


def test_a_tensor_in_place_of_another_is_named(path: Path) -> None:
    def corrupt(model: Model) -> None:
        model.tensors[-1] = model.tensor("decoder.ln.weight")

    message = spoil(path, corrupt)
    assert "'decoder.ln.weight'" in message
    assert "once" in message


@pytest.mark.parametrize(
    "name",
    [
        b"encoder.blocks.1.attn.query.weight",
        b"encoder.conv1.weigh",
        b"encoder.conv1.weight\0",
        b"\xff\x1b[31m",
    ],
)
def test_an_unknown_tensor_is_named(path: Path, name: bytes) -> None:
    def corrupt(model: Model) -> None:
        model.tensor(CONV).name = name

    message = spoil(path, corrupt)
    assert "tensor 1 name is '" in message
    assert message.isprintable()


def test_a_model_without_tensors_is_refused(path: Path) -> None:
    assert "number of tensors is 0" in spoil(path, lambda model: model.tensors.clear())


@pytest.mark.parametrize("count", [1, 11, 12, 5000])
def test_bytes_behind_the_last_tensor_are_refused(path: Path, count: int) -> None:
    def corrupt(model: Model) -> None:
        model.tail = bytes(count)

    assert f"what follows the last tensor is {count} bytes" in spoil(path, corrupt)


def test_a_tensor_twice_is_refused(path: Path) -> None:
    assert "what follows the last tensor" in spoil(path, lambda model: model.tensors.append(model.tensors[0]))


# Numbers that turn every text into garbage


def spoil_number(model: Model, name: str, index: int, number: float, dtype: str) -> None:
    tensor = model.tensor(name)
    make = tensor.data

    def data() -> bytes:
        values = np.frombuffer(make(), dtype).copy()
        values[index] = number
        return values.tobytes()

    tensor.data = data


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "dtype", "index"),
    [
        ("encoder.positional_embedding", "<f4", 0),
        (CONV, "<f2", 17),
        (QUERY, "<f2", 32 * 32 - 1),
        ("decoder.token_embedding.weight", "<f2", 32 * 51864 - 1),
        ("decoder.token_embedding.weight", "<f2", 300_000),
        ("decoder.ln.bias", "<f4", 31),
    ],
)
def test_a_weight_that_is_no_number_is_named(path: Path, name: str, dtype: str, index: int, number: float) -> None:
    message = spoil(path, lambda model: spoil_number(model, name, index, number, dtype))
    assert f"tensor '{name}' value {index} is NaN or infinite" in message


@pytest.mark.parametrize(
    ("weights", "block_bytes", "scale_at"),
    [("q8_0", 34, 0), ("q5_0", 22, 0), ("q5_1", 24, 0), ("q5_1", 24, 2)],
)
def test_a_scale_that_is_no_number_is_named(path: Path, weights: str, block_bytes: int, scale_at: int) -> None:
    block = 20
    index = (block * block_bytes + scale_at) // 2
    message = spoil(path, lambda model: spoil_number(model, QUERY, index, np.nan, "<f2"), weights)
    assert f"tensor '{QUERY}' scale of values from {32 * block} is NaN" in message


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_mel_filter_that_is_no_number_is_named(path: Path, number: float) -> None:
    def corrupt(model: Model) -> None:
        filters = np.frombuffer(model.filters, "<f4").copy()
        filters[777] = number
        model.filters = filters.tobytes()

    assert "mel filters data[777] is NaN or infinite" in spoil(path, corrupt)


# Things that are no model at all


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"", "0 bytes"),
        (b"<!DOCTYPE html>\n<html><head>", "web page"),
        (b"\xef\xbb\xbf\r\n <HTML lang='en'>", "web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "web page"),
        (b"GGUF\x03\x00\x00\x00", "GGUF"),
        (b"PK\x03\x04archive/data.pkl", "PyTorch"),
        (b"\x80\x02}q\x00", "PyTorch"),
        (struct.pack("<Q", 90) + b'{"__metadata__":{}}', "safetensors"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS"),
        (b"lmgg\x0a\x00\x00\x00silero-16k", "voice activity"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b'{"error": "Repository not found"}', "magic"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "magic"),
        (bytes(5_000_000), "magic"),
    ],
    ids=range(14),
)
def test_a_file_of_another_kind_is_told_by_its_magic(path: Path, data: bytes, hint: str) -> None:
    path.write_bytes(data)
    message = refusal(path)
    assert hint in message
    assert "magic" in message


def test_a_missing_file_is_refused(path: Path) -> None:
    assert "no such file" in refusal(path)


def test_a_directory_is_refused(path: Path) -> None:
    path.mkdir()
    assert "a directory" in refusal(path)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.timeout(10)
def test_a_pipe_is_refused_and_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    assert "a pipe" in refusal(path)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX devices")
@pytest.mark.timeout(10)
def test_an_endless_device_is_refused() -> None:
    assert "a device" in refusal(Path("/dev/zero"))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_file_that_may_not_be_read_is_refused(path: Path, sound: tuple[Model, bytes]) -> None:
    path.write_bytes(sound[1])
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be opened" in refusal(path)
