"""ggml's weight types in NumPy: float32 rows to the bytes that a model file holds.

The results equal those of ggml's reference quantizers (``quantize_row_*_ref`` in ``ggml-quants.c``) exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

BLOCK_VALUES = 32


@dataclass(frozen=True)
class WeightType:
    """A type for the large matrices: its ids in ggml and the conversion of float32 rows to bytes."""

    type_id: int
    ftype: int
    encode: Callable[[Floats], bytes]


def _encode_f32(values: Floats) -> bytes:
    return values.astype("<f4").tobytes()


def _encode_f16(values: Floats) -> bytes:
    return values.astype("<f2").tobytes()


def _encode_q8_0(values: Floats) -> bytes:
    """Per 32 values: f16 d, int8 q; x = d * q."""
    blocks = values.reshape(-1, BLOCK_VALUES)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    scaled = blocks * _inverse(scale)
    q = np.copysign(np.floor(np.abs(scaled) + np.float32(0.5)), scaled).astype(np.int8)
    return _join(_half(scale), q.view(np.uint8))


def _encode_q5_0(values: Floats) -> bytes:
    """Per 32 values: f16 d, 32 fifth bits, 32 nibbles; x = d * (q - 16)."""
    blocks = values.reshape(-1, BLOCK_VALUES)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    scale = extreme / np.float32(-16)
    q = np.clip(np.floor(blocks * _inverse(scale) + np.float32(16.5)), 0, 31).astype(np.uint8)
    return _join(_half(scale), _fifth_bits(q), _nibbles(q))


def _encode_q5_1(values: Floats) -> bytes:
    """Per 32 values: f16 d, f16 m, 32 fifth bits, 32 nibbles; x = d * q + m."""
    blocks = values.reshape(-1, BLOCK_VALUES)
    low = blocks.min(axis=1, keepdims=True)
    scale = (blocks.max(axis=1, keepdims=True) - low) / np.float32(31)
    q = np.clip(np.floor((blocks - low) * _inverse(scale) + np.float32(0.5)), 0, 31).astype(np.uint8)
    return _join(_half(scale), _half(low), _fifth_bits(q), _nibbles(q))


def _inverse(scale: Floats) -> Floats:
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)


def _half(numbers: Floats) -> npt.NDArray[np.uint8]:
    return numbers.astype("<f2").view(np.uint8)


def _fifth_bits(q: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.packbits((q >> 4).astype(bool), axis=1, bitorder="little")


def _nibbles(q: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    half = BLOCK_VALUES // 2
    return np.asarray((q[:, :half] & 15) | (q[:, half:] << 4), np.uint8)


def _join(*columns: npt.NDArray[np.uint8]) -> bytes:
    return np.concatenate(columns, axis=1).tobytes()


# A quantized ftype carries ggml's quantization version, 2, times 1000.
WEIGHT_TYPES = {
    "f32": WeightType(0, 0, _encode_f32),
    "f16": WeightType(1, 1, _encode_f16),
    "q5_0": WeightType(6, 2008, _encode_q5_0),
    "q5_1": WeightType(7, 2009, _encode_q5_1),
    "q8_0": WeightType(8, 2007, _encode_q8_0),
}
