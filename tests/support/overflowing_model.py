"""A model whose weights are finite, and overflow on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import random_model


def write_overflowing_model(path: Path) -> Path:
    """Write a small model that computes NaN, and return its path."""
    random_model.write_model(path, random_model.Dims(64, 1, 1, 1), corrupt=_make_huge)
    return path


def _make_huge(model: random_model.Model) -> None:
    tensor = model.tensor("decoder.blocks.0.mlp.0.weight")
    data = tensor.data()
    tensor.data = lambda: np.full(len(data) // 2, 60_000, np.float16).tobytes()
    norm = model.tensor("decoder.ln.weight")
    size = len(norm.data()) // 4
    norm.data = lambda: np.full(size, 3e38, np.float32).tobytes()
