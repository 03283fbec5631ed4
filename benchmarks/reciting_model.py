"""Writes models of an official size that say the same words of every audio, then end: random weights that behave.

Random weights never end a text, and what they say is judged and decoded again; a live session over them would measure
that. Here the decoder's last layer is a table of which token follows which, and the layers before it add nothing to
what it sees. All matrices are multiplied as in a trained model, so that a pass costs as much as one that says
``WORDS`` words. English-only sizes.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from ggml_blocks import WEIGHT_TYPES, Floats
from random_model import OFFICIAL, Model, Tensor, build_model
from token_ids import END_OF_TEXT, FIRST_TIMESTAMP, START_OF_TRANSCRIPT

WORDS = 12
"""Tokens of each pass: about what is said in three seconds."""

_SILENT = (b"attn.out.weight", b"mlp.2.weight", b"positional_embedding")
_LETTERS = 4  # of a word that is recited: such are one token each, and whole words

# A token's own embedding has a length of 0.4 in the network, and the step to the next one of some hundred: what comes
# out is certain, whatever rounding does to the weights.
_STEP = 10.0
_DETECTS_FROM = 10.0  # of the sqrt(384) or more that a token's match gives
_CONTRAST = 6.0


def write_reciting_model(path: Path, size: str = "tiny.en", dtype: str = "q8_0", words: int = WORDS) -> list[str]:
    """Write a model to ``path``; returns what it says of any audio, word by word."""
    if not size.endswith(".en"):
        raise ValueError(f"English-only sizes recite, not {size}")
    model = build_model(OFFICIAL[size], dtype)
    ids = _words_to_say(model, words)
    _silence(model)
    _teach(model, _embed(model), [START_OF_TRANSCRIPT, FIRST_TIMESTAMP, *ids, END_OF_TEXT])
    model.write(path)
    return [model.words[token].decode() for token in ids]


def _words_to_say(model: Model, count: int) -> list[int]:
    plain = (
        token
        for token, word in enumerate(model.words)
        if len(word) == _LETTERS + 1 and word[:1] == b" " and word[1:].isalpha() and word.islower()
    )
    return [next(plain) for _ in range(count)]


def _silence(model: Model) -> None:
    """Let the decoder's layers add nothing to what they are given."""
    for tensor in model.tensors:
        if tensor.name.startswith(b"decoder.") and tensor.name.endswith(_SILENT):
            _set(tensor, np.zeros(_shape(tensor), np.float32))


def _embed(model: Model) -> Floats:
    """Draw the token embedding anew, since it is needed to teach; float32 (vocabulary, state)."""
    tensor = model.tensor("decoder.token_embedding.weight")
    embedding = np.random.default_rng(0).standard_normal(_shape(tensor), np.float32) * np.float32(0.02)
    _set(tensor, embedding)
    return embedding


def _teach(model: Model, embedding: Floats, tokens: list[int]) -> None:
    """Make the last layer's MLP turn each token into the one behind it: a hidden unit finds it, and adds the other."""
    layer = f"decoder.blocks.{model.sizes['n_text_layer'] - 1}.mlp"
    finds, adds, bias = (model.tensor(f"{layer}.{name}") for name in ("0.weight", "2.weight", "0.bias"))
    rows, columns, offsets = (np.zeros(_shape(tensor), np.float32) for tensor in (finds, adds, bias))
    for unit, (token, following) in enumerate(itertools.pairwise(tokens)):
        rows[unit] = embedding[token] / np.linalg.norm(embedding[token])
        columns[:, unit] = _STEP * embedding[following] / np.linalg.norm(embedding[following])
        offsets[unit] = -_DETECTS_FROM
    for tensor, values in ((finds, rows), (adds, columns), (bias, offsets)):
        _set(tensor, values)
    scale = model.tensor("decoder.ln.weight")
    _set(scale, np.full(_shape(scale), _CONTRAST, np.float32))


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(reversed(tensor.dims))


def _set(tensor: Tensor, values: Floats) -> None:
    stored = next(kind for kind in WEIGHT_TYPES.values() if kind.type_id == tensor.type_id)
    tensor.data = lambda: stored.encode(values)
