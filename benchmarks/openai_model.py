"""Turns a random-weight ggml model into a checkpoint of the same weights for openai-whisper. Needs torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from random_model import Dims, build_model


def write_openai_model(path: Path, dims: Dims, seed: int) -> None:
    """Write the float32 twin of ``write_model(…, dims, seed=seed)``; the names of the tensors are OpenAI's."""
    model = build_model(dims, "f32", seed)
    weights = {}
    for tensor in model.tensors:
        name = tensor.name.decode()
        values = np.frombuffer(tensor.data(), np.float32).reshape(tensor.dims[::-1]).copy()
        # ggml keeps the biases of the convolutions as columns.
        weights[name] = torch.from_numpy(values.ravel() if name.endswith(".bias") else values)
    sizes = {name: size for name, size in model.sizes.items() if name != "ftype"}
    torch.save({"dims": sizes, "model_state_dict": weights}, path)
