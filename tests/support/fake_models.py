"""Small files that pass for models in the store: the right first bytes, a known size and digest."""

from __future__ import annotations

import hashlib
import random

from thoth.model.catalog import CatalogEntry


def model_bytes(size: int = 300_000, seed: int = 1) -> bytes:
    return (b"lmgg" + random.Random(seed).randbytes(size))[:size]


def entry_for(body: bytes, name: str = "test.en") -> CatalogEntry:
    return CatalogEntry(name, f"ggml-{name}.bin", len(body), hashlib.sha256(body).hexdigest())
