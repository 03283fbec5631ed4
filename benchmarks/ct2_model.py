"""Turns a random-weight ggml model into a CTranslate2 model of the same weights, which faster-whisper's engine runs.

Needs ctranslate2. The quantization to int8 is CTranslate2's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.converters.utils import fuse_linear
from ctranslate2.specs import common_spec, whisper_spec
from ggml_blocks import Floats
from random_model import Dims, Model, build_model
from token_ids import (
    END_OF_TEXT,
    NO_SPEECH,
    NO_TIMESTAMPS,
    START_OF_MODEL,
    START_OF_PREVIOUS,
    START_OF_TRANSCRIPT,
    TRANSCRIBE,
    TRANSLATE,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

SPECIAL = {
    END_OF_TEXT: "<|endoftext|>",
    START_OF_TRANSCRIPT: "<|startoftranscript|>",
    TRANSLATE: "<|translate|>",
    TRANSCRIBE: "<|transcribe|>",
    START_OF_MODEL: "<|startoflm|>",
    START_OF_PREVIOUS: "<|startofprev|>",
    NO_SPEECH: "<|nospeech|>",
    NO_TIMESTAMPS: "<|notimestamps|>",
}


def write_ct2_model(folder: Path, dims: Dims, seed: int, quantization: str = "int8") -> None:
    """Write the CTranslate2 twin of ``write_model(…, dims, seed=seed)`` of an English-only size into ``folder``."""
    spec = whisper_spec.WhisperSpec(dims.audio_layer, dims.head, dims.text_layer, dims.head)
    weights = _Weights(build_model(dims, "f32", seed))
    _fill_encoder(spec.encoder, weights)
    _fill_decoder(spec.decoder, weights)
    words = [SPECIAL.get(token, f"token{token}") for token in range(dims.vocab)]
    spec.register_vocabulary(words)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = []
    spec.config.alignment_heads = []
    spec.validate()
    spec.optimize(quantization)
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    # Without it faster-whisper would fetch OpenAI's.
    tokenizer = Tokenizer(WordLevel({word: token for token, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.save(str(folder / "tokenizer.json"))


class _Weights:
    """The tensors of a float32 model by name."""

    def __init__(self, model: Model) -> None:
        self._tensors = {tensor.name.decode(): tensor for tensor in model.tensors}

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def __getitem__(self, name: str) -> Floats:
        tensor = self._tensors[name]
        # A copy: quantizing scales in place.
        return np.frombuffer(tensor.data(), np.float32).reshape(tensor.dims[::-1]).copy()


def _fill_encoder(spec: Any, weights: _Weights) -> None:
    for name in ("conv1", "conv2"):
        convolution = getattr(spec, name)
        convolution.weight = weights[f"encoder.{name}.weight"]
        convolution.bias = weights[f"encoder.{name}.bias"].reshape(-1)
    spec.position_encodings.encodings = weights["encoder.positional_embedding"]
    _fill_norm(spec.layer_norm, weights, "encoder.ln_post")
    for index, layer in enumerate(spec.layer):
        _fill_block(layer, weights, f"encoder.blocks.{index}")


def _fill_decoder(spec: Any, weights: _Weights) -> None:
    spec.embeddings.weight = weights["decoder.token_embedding.weight"]
    spec.projection.weight = weights["decoder.token_embedding.weight"]
    spec.position_encodings.encodings = weights["decoder.positional_embedding"]
    _fill_norm(spec.layer_norm, weights, "decoder.ln")
    for index, layer in enumerate(spec.layer):
        block = f"decoder.blocks.{index}"
        _fill_block(layer, weights, block)
        query, key, value, out = _attention(weights, f"{block}.cross_attn")
        fuse_linear(layer.attention.linear[0], [query])
        fuse_linear(layer.attention.linear[1], [key, value])
        fuse_linear(layer.attention.linear[2], [out])
        _fill_norm(layer.attention.layer_norm, weights, f"{block}.cross_attn_ln")


def _fill_block(layer: Any, weights: _Weights, block: str) -> None:
    query, key, value, out = _attention(weights, f"{block}.attn")
    fuse_linear(layer.self_attention.linear[0], [query, key, value])
    fuse_linear(layer.self_attention.linear[1], [out])
    _fill_norm(layer.self_attention.layer_norm, weights, f"{block}.attn_ln")
    fuse_linear(layer.ffn.linear_0, [_linear(weights, f"{block}.mlp.0")])
    fuse_linear(layer.ffn.linear_1, [_linear(weights, f"{block}.mlp.2")])
    _fill_norm(layer.ffn.layer_norm, weights, f"{block}.mlp_ln")


def _attention(weights: _Weights, name: str) -> list[common_spec.LinearSpec]:
    return [_linear(weights, f"{name}.{part}") for part in ("query", "key", "value", "out")]


def _linear(weights: _Weights, name: str) -> common_spec.LinearSpec:
    spec = common_spec.LinearSpec()
    spec.weight = weights[f"{name}.weight"]
    if f"{name}.bias" in weights:
        spec.bias = weights[f"{name}.bias"]
    return spec


def _fill_norm(spec: Any, weights: _Weights, name: str) -> None:
    spec.gamma = weights[f"{name}.weight"]
    spec.beta = weights[f"{name}.bias"]
