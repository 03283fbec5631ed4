from collections.abc import Callable
from typing import ClassVar, TypedDict

import numpy as np
import numpy.typing as npt

_Samples = npt.NDArray[np.float32]

__version__: str

class ModelInfo(TypedDict):
    n_vocab: int
    n_audio_ctx: int
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_text_ctx: int
    n_text_state: int
    n_text_head: int
    n_text_layer: int
    n_mels: int
    ftype: int
    multilingual: bool
    file_bytes: int
    n_tensors: int
