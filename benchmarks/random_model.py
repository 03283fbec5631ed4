"""Writes ggml Whisper models with random weights, of any size and weight type.

Speed does not depend on the values of the weights, so a model made here at an official size stands in for
the real one in benchmarks, with nothing downloaded. Tests make small ones and spoil them (see ``corrupt``).
The words and the mel filters come from the model that the package carries.

    python benchmarks/random_model.py tiny.en -o tiny.en.bin --type q5_1 --seed 1

The layout is that of whisper.cpp's ``convert-pt-to-ggml.py``; files of official sizes differ from the real
ones in length by the vocabulary only. whisper.cpp 1.8.5 loads f32 models but cannot run them: that type
serves as input for quantizers.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from ggml_blocks import WEIGHT_TYPES, Floats, WeightType

ASSETS = Path(__file__).resolve().parent.parent / "src" / "thoth" / "assets"
MAGIC = 0x67676D6C
SPECTRUM_BINS = 201


@dataclass(frozen=True)
class Dims:
    """The sizes in a model's header. Widths and heads are the same in encoder and decoder."""

    state: int
    head: int
    audio_layer: int
    text_layer: int
    vocab: int = 51864
    mels: int = 80
    audio_ctx: int = 1500
    text_ctx: int = 448


OFFICIAL = {
    "tiny": Dims(384, 6, 4, 4, 51865),
    "tiny.en": Dims(384, 6, 4, 4),
    "base": Dims(512, 8, 6, 6, 51865),
    "base.en": Dims(512, 8, 6, 6),
    "small": Dims(768, 12, 12, 12, 51865),
    "small.en": Dims(768, 12, 12, 12),
    "medium": Dims(1024, 16, 24, 24, 51865),
    "medium.en": Dims(1024, 16, 24, 24),
    "large-v1": Dims(1280, 20, 32, 32, 51865),
    "large-v2": Dims(1280, 20, 32, 32, 51865),
    "large-v3": Dims(1280, 20, 32, 32, 51866, 128),
    "large-v3-turbo": Dims(1280, 20, 32, 4, 51866, 128),
}
SMALLEST = Dims(32, 1, 1, 1)
"""The smallest sizes that pass the model check (about 4 MB as f16)."""


@dataclass
class Tensor:
    """One tensor of the file: ``dims`` innermost first, ``data`` called only when it is written."""

    name: bytes
    type_id: int
    dims: list[int]
    data: Callable[[], bytes]


@dataclass
class Model:
    """A model in the order of its file. Change anything before ``write``: counts go out as they stand."""

    magic: int
    sizes: dict[str, int]
    filter_shape: list[int]
    filters: bytes
    word_count: int
    words: list[bytes]
    tensors: list[Tensor]
    tail: bytes = b""
    marks: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the file; ``marks`` then tells where each field starts ("end" is the file's size)."""
        with path.open("wb") as file:
            for name, piece in self._pieces():
                self.marks[name] = file.tell()
                file.write(piece)
            self.marks["end"] = file.tell()

    def tensor(self, name: str) -> Tensor:
        """The tensor of this name, to be changed."""
        return next(tensor for tensor in self.tensors if tensor.name == name.encode())

    def _pieces(self) -> Iterator[tuple[str, bytes]]:
        yield "magic", struct.pack("<I", self.magic)
        for name, size in self.sizes.items():
            yield name, struct.pack("<i", size)
        yield "mel filters n_mel", struct.pack("<i", self.filter_shape[0])
        yield "mel filters n_fft", struct.pack("<i", self.filter_shape[1])
        yield "mel filters data", self.filters
        yield "vocabulary size", struct.pack("<i", self.word_count)
        yield "vocabulary word", b"".join(struct.pack("<I", len(word)) + word for word in self.words)
        for index, tensor in enumerate(self.tensors):
            yield f"tensor {index} n_dims", struct.pack("<i", len(tensor.dims))
            yield f"tensor {index} name length", struct.pack("<i", len(tensor.name))
            yield f"tensor {index} type", struct.pack("<i", tensor.type_id)
            yield f"tensor {index} dims", struct.pack(f"<{len(tensor.dims)}i", *tensor.dims)
            yield f"tensor {index} name", tensor.name
            yield f"tensor {index} data", tensor.data()
        yield "tail", self.tail


def write_model(
    path: Path,
    dims: Dims = SMALLEST,
    dtype: str = "f16",
    seed: int = 0,
    *,
    corrupt: Callable[[Model], None] | None = None,
) -> Model:
    """Write a model with random weights to ``path`` and return it with its ``marks``.

    ``dtype`` is one of ``WEIGHT_TYPES``. ``corrupt`` may change the model in any way before it is written.
    """
    model = build_model(dims, dtype, seed)
    if corrupt is not None:
        corrupt(model)
    model.write(path)
    return model


def build_model(dims: Dims, dtype: str = "f16", seed: int = 0) -> Model:
    """A sound model with random weights, which are drawn only when it is written."""
    weight_type = WEIGHT_TYPES[dtype]
    donor = read_donor()
    filters = donor.filters if dims.mels == 80 else mel_filters(dims.mels).tobytes()
    return Model(
        magic=MAGIC,
        sizes=_sizes(dims, weight_type),
        filter_shape=[dims.mels, SPECTRUM_BINS],
        filters=filters,
        word_count=len(donor.words),
        words=list(donor.words),
        tensors=list(_tensors(dims, weight_type, seed)),
    )


def _sizes(dims: Dims, weight_type: WeightType) -> dict[str, int]:
    return {
        "n_vocab": dims.vocab,
        "n_audio_ctx": dims.audio_ctx,
        "n_audio_state": dims.state,
        "n_audio_head": dims.head,
        "n_audio_layer": dims.audio_layer,
        "n_text_ctx": dims.text_ctx,
        "n_text_state": dims.state,
        "n_text_head": dims.head,
        "n_text_layer": dims.text_layer,
        "n_mels": dims.mels,
        "ftype": weight_type.ftype,
    }


@dataclass(frozen=True)
class Donor:
    filters: bytes
    words: list[bytes]


@cache
def read_donor() -> Donor:
    """The 80 mel filters and the words of the model in the package."""
    with bundled_model().open("rb") as file:
        file.seek(4 * 12)
        mels, bins = struct.unpack("<2i", file.read(8))
        filters = file.read(4 * mels * bins)
        (count,) = struct.unpack("<i", file.read(4))
        return Donor(filters, [_read_word(file) for _ in range(count)])


def _read_word(file: BinaryIO) -> bytes:
    (length,) = struct.unpack("<I", file.read(4))
    return file.read(length)


def bundled_model() -> Path:
    """The nano.en model in the source tree's assets."""
    models = sorted(ASSETS.glob("ggml-nano.en*.bin"))
    if not models:
        raise FileNotFoundError(f"no ggml-nano.en*.bin in {ASSETS}")
    return models[0]


def mel_filters(mels: int, rate_hz: int = 16000) -> Floats:
    """Slaney-style mel filters, float32 (mels, 201), equal to librosa's for 16 kHz and n_fft 400.

    The mel scale is linear up to 1 kHz (15 mel) and logarithmic above (Slaney, Auditory Toolbox, 1998).
    """
    linear_hz_per_mel = 200 / 3
    log_step = np.log(6.4) / 27
    top_mel = 15 + np.log(rate_hz / 2 / 1000) / log_step
    mel = np.linspace(0, top_mel, mels + 2)
    edges_hz = np.where(mel < 15, mel * linear_hz_per_mel, 1000 * np.exp(log_step * (mel - 15)))
    bins_hz = np.linspace(0, rate_hz / 2, SPECTRUM_BINS)
    widths = np.diff(edges_hz)[:, None]
    ramps = edges_hz[:, None] - bins_hz[None, :]
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]))
    area = 2 / (edges_hz[2:] - edges_hz[:-2])
    return np.asarray(triangles * area[:, None], np.float32)


def _tensors(dims: Dims, weight_type: WeightType, seed: int) -> Iterator[Tensor]:
    for index, (name, shape, kind) in enumerate(tensor_shapes(dims)):
        rng_seed = (seed, index)
        if kind == "matrix":
            stored = weight_type
        elif kind == "conv" and weight_type.type_id != 0:
            stored = WEIGHT_TYPES["f16"]
        else:
            stored = WEIGHT_TYPES["f32"]
        yield Tensor(name.encode(), stored.type_id, shape, _maker(name, shape, rng_seed, stored))


def _maker(name: str, shape: list[int], rng_seed: tuple[int, int], stored: WeightType) -> Callable[[], bytes]:
    return lambda: stored.encode(_values(name, shape, rng_seed))


def tensor_shapes(dims: Dims) -> Iterator[tuple[str, list[int], str]]:
    """Name, dims (innermost first) and kind (matrix, conv, small) of each tensor, in file order."""
    state = dims.state
    yield "encoder.positional_embedding", [state, dims.audio_ctx], "small"
    yield "encoder.conv1.weight", [3, dims.mels, state], "conv"
    yield "encoder.conv1.bias", [1, state], "small"
    yield "encoder.conv2.weight", [3, state, state], "conv"
    yield "encoder.conv2.bias", [1, state], "small"
    for layer in range(dims.audio_layer):
        yield from _block_shapes(f"encoder.blocks.{layer}", state, ["attn"])
    yield from _norm_shapes("encoder.ln_post", state)
    yield "decoder.positional_embedding", [state, dims.text_ctx], "small"
    yield "decoder.token_embedding.weight", [state, dims.vocab], "matrix"
    for layer in range(dims.text_layer):
        yield from _block_shapes(f"decoder.blocks.{layer}", state, ["attn", "cross_attn"])
    yield from _norm_shapes("decoder.ln", state)


def _block_shapes(block: str, state: int, attentions: list[str]) -> Iterator[tuple[str, list[int], str]]:
    for attention in attentions:
        for part in ("query", "key", "value", "out"):
            yield f"{block}.{attention}.{part}.weight", [state, state], "matrix"
            if part != "key":
                yield f"{block}.{attention}.{part}.bias", [state], "small"
        yield from _norm_shapes(f"{block}.{attention}_ln", state)
    yield f"{block}.mlp.0.weight", [state, 4 * state], "matrix"
    yield f"{block}.mlp.0.bias", [4 * state], "small"
    yield f"{block}.mlp.2.weight", [4 * state, state], "matrix"
    yield f"{block}.mlp.2.bias", [state], "small"
    yield from _norm_shapes(f"{block}.mlp_ln", state)


def _norm_shapes(name: str, state: int) -> Iterator[tuple[str, list[int], str]]:
    yield f"{name}.weight", [state], "small"
    yield f"{name}.bias", [state], "small"


def _values(name: str, shape: list[int], rng_seed: tuple[int, int]) -> Floats:
    """Values that keep a signal's size through the network, so that nothing overflows: float32, C order."""
    rows = tuple(reversed(shape))
    if name == "encoder.positional_embedding":
        return _sinusoids(*rows)
    if name.endswith(("_ln.weight", ".ln.weight", "ln_post.weight")):
        return np.ones(rows, np.float32)
    if name.endswith(".bias"):
        return np.zeros(rows, np.float32)
    fan_in = int(np.prod(rows[1:]))
    scale = 0.02 if "embedding" in name else fan_in**-0.5
    return np.random.default_rng(rng_seed).standard_normal(rows, np.float32) * np.float32(scale)


def _sinusoids(length: int, channels: int) -> Floats:
    """The encoder's fixed positions ("Attention is all you need", 3.5), float32 (length, channels)."""
    rates = np.exp(-np.log(10000) / (channels // 2 - 1) * np.arange(channels // 2))
    angles = np.arange(length)[:, None] * rates[None, :]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def main() -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Write a ggml Whisper model with random weights.")
    parser.add_argument("size", choices=sorted(OFFICIAL))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--type", choices=sorted(WEIGHT_TYPES), default="f16")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model = write_model(arguments.output, OFFICIAL[arguments.size], arguments.type, arguments.seed)
    print(f"{arguments.output}: {len(model.tensors)} tensors, {model.marks['end']:,} bytes")


if __name__ == "__main__":
    main()
