"""TensorFlow Lite by the C library that the wheel of pyopen-wakeword carries, with every answer of it checked.

The package's own classes ask for no checks (a model file that is missing or damaged ends the process), take a thread
for every core, and print; so only its library and its models are used. What is called is TensorFlow Lite's stable C
interface, https://ai.google.dev/edge/api/tflite/c: `c_api.h`.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import logging
import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from thoth.audio.samples import Samples
from thoth.errors import InvalidModel, ModelError, ModelNotFound

PACKAGE: Final = "pyopen_wakeword"
_EXTRA: Final = 'pip install "thoth-speech[wake]"'
_WHEELS: Final = "Linux with glibc 2.35 or newer on x86-64 and arm64, macOS 15 or newer, and Windows on x86-64"

_IDENTIFIER: Final = b"TFL3"
"""What a model file has at its fourth byte, by TensorFlow Lite's FlatBuffers schema."""

_OK: Final = 0
_FLOAT32: Final = 1
_ONE_THREAD: Final = 1  # more take 1.7 times the processor time on these models, and save 4 % of the wait
_LONGEST_MESSAGE: Final = 1024

_log = logging.getLogger("thoth.wake")

_Handle = ctypes.c_void_p
_Reporter = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)

_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "TfLiteModelCreateWithErrorReporter": (_Handle, (ctypes.c_char_p, ctypes.c_size_t, _Reporter, _Handle)),
    "TfLiteModelDelete": (None, (_Handle,)),
    "TfLiteInterpreterOptionsCreate": (_Handle, ()),
    "TfLiteInterpreterOptionsSetNumThreads": (None, (_Handle, ctypes.c_int32)),
    "TfLiteInterpreterOptionsSetErrorReporter": (None, (_Handle, _Reporter, _Handle)),
    "TfLiteInterpreterOptionsDelete": (None, (_Handle,)),
    "TfLiteInterpreterCreate": (_Handle, (_Handle, _Handle)),
    "TfLiteInterpreterDelete": (None, (_Handle,)),
    "TfLiteInterpreterGetInputTensorCount": (ctypes.c_int32, (_Handle,)),
    "TfLiteInterpreterGetOutputTensorCount": (ctypes.c_int32, (_Handle,)),
    "TfLiteInterpreterGetInputTensor": (_Handle, (_Handle, ctypes.c_int32)),
    "TfLiteInterpreterGetOutputTensor": (_Handle, (_Handle, ctypes.c_int32)),
    "TfLiteInterpreterResizeInputTensor": (
        ctypes.c_int,
        (_Handle, ctypes.c_int32, ctypes.POINTER(ctypes.c_int32), ctypes.c_int32),
    ),
    "TfLiteInterpreterAllocateTensors": (ctypes.c_int, (_Handle,)),
    "TfLiteInterpreterInvoke": (ctypes.c_int, (_Handle,)),
    "TfLiteTensorType": (ctypes.c_int, (_Handle,)),
    "TfLiteTensorNumDims": (ctypes.c_int32, (_Handle,)),
    "TfLiteTensorDim": (ctypes.c_int32, (_Handle, ctypes.c_int32)),
    "TfLiteTensorByteSize": (ctypes.c_size_t, (_Handle,)),
    "TfLiteTensorCopyFromBuffer": (ctypes.c_int, (_Handle, _Handle, ctypes.c_size_t)),
    "TfLiteTensorCopyToBuffer": (ctypes.c_int, (_Handle, _Handle, ctypes.c_size_t)),
}


class Interpreter:
    """One model with one float32 input and one float32 output, on one thread.

    path: a .tflite file, read once.
    input_shape: what a model takes that leaves its input's shape open.

    Raises ModelNotFound where there is no such file, InvalidModel where it is not such a model, ModelError without the
    `wake` extra. One thread at a time; the GIL is released while it computes.
    """

    def __init__(self, path: Path, input_shape: Sequence[int] | None = None) -> None:
        self._path = path
        self._lib = lib = library()
        content = _content_of(path)
        self._owned: list[tuple[Callable[[int], None], int]] = []
        self._free = weakref.finalize(self, _free, self._owned, content)  # the model points into its content
        self._free.atexit = False
        model = self._made(lib.TfLiteModelCreateWithErrorReporter(content, len(content), _reporter, None))
        self._owned.append((lib.TfLiteModelDelete, model))
        self._interpreter = self._new_interpreter(model)
        self._owned.append((lib.TfLiteInterpreterDelete, self._interpreter))
        self._checked(self._lib.TfLiteInterpreterGetInputTensorCount(self._interpreter) == 1, "it has several inputs")
        self._checked(self._lib.TfLiteInterpreterGetOutputTensorCount(self._interpreter) == 1, "it has several outputs")
        if input_shape is not None:
            self._resize(input_shape)
        self._allocate()

    @property
    def path(self) -> Path:
        """The file that the model came from."""
        return self._path

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return not self._free.alive

    def run(self, values: Samples) -> Samples:
        """Return the output for an input of `input_shape`, both float32. Raises ModelError where that fails."""
        if self.closed:
            raise ModelError(f"{self._path.name} was closed: make another listener")
        values = np.ascontiguousarray(values, np.float32)
        lib, output = self._lib, np.empty(self.output_shape, np.float32)
        done = (
            lib.TfLiteTensorCopyFromBuffer(self._input, values.ctypes.data, values.nbytes) == _OK
            and lib.TfLiteInterpreterInvoke(self._interpreter) == _OK
            and lib.TfLiteTensorCopyToBuffer(self._output, output.ctypes.data, output.nbytes) == _OK
        )
        if not done:
            raise ModelError(f"{self._path} did not run on an input of shape {values.shape}: see the log thoth.wake")
        return output

    def close(self) -> None:
        """Free the model's memory. Not while another thread is in `run()`."""
        self._free()

    def _new_interpreter(self, model: int) -> int:
        options = self._made(self._lib.TfLiteInterpreterOptionsCreate())
        self._lib.TfLiteInterpreterOptionsSetNumThreads(options, _ONE_THREAD)
        self._lib.TfLiteInterpreterOptionsSetErrorReporter(options, _reporter, None)
        interpreter = self._lib.TfLiteInterpreterCreate(model, options)
        self._lib.TfLiteInterpreterOptionsDelete(options)
        return self._made(interpreter)

    def _resize(self, shape: Sequence[int]) -> None:
        sizes = (ctypes.c_int32 * len(shape))(*shape)
        resized = self._lib.TfLiteInterpreterResizeInputTensor(self._interpreter, 0, sizes, len(shape))
        self._checked(resized == _OK, f"it takes no input of shape {tuple(shape)}")

    def _allocate(self) -> None:
        self._checked(self._lib.TfLiteInterpreterAllocateTensors(self._interpreter) == _OK, "it cannot be prepared")
        self._input = self._made(self._lib.TfLiteInterpreterGetInputTensor(self._interpreter, 0))
        self._output = self._made(self._lib.TfLiteInterpreterGetOutputTensor(self._interpreter, 0))
        self.input_shape = self._shape_of(self._input)
        self.output_shape = self._shape_of(self._output)

    def _shape_of(self, tensor: int) -> tuple[int, ...]:
        lib = self._lib
        shape = tuple(lib.TfLiteTensorDim(tensor, axis) for axis in range(lib.TfLiteTensorNumDims(tensor)))
        is_plain = lib.TfLiteTensorType(tensor) == _FLOAT32 and lib.TfLiteTensorByteSize(tensor) == 4 * np.prod(shape)
        self._checked(is_plain, "its values are not float32")
        return shape

    def _made(self, handle: int | None) -> int:
        self._checked(handle is not None, "it is damaged, or needs what this version of TensorFlow Lite lacks")
        return handle or 0

    def _checked(self, is_right: bool, problem: str) -> None:
        if not is_right:
            raise InvalidModel(f"{self._path} is no model that can be used here: {problem}")


@functools.cache
def folder() -> Path:
    """Where pyopen-wakeword is installed. Raises ModelError where it is not."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"openWakeWord needs the extra `wake`: {_EXTRA}; there are wheels of it for {_WHEELS}")
    return Path(spec.submodule_search_locations[0])


@functools.cache
def library() -> ctypes.CDLL:
    """Load the C library and declare its functions. Raises ModelError where it is not installed or does not load."""
    found = sorted((folder() / "lib").glob("*tensorflowlite_c.*"))
    try:
        lib = ctypes.CDLL(os.fspath(found[0]))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
    except (IndexError, OSError, AttributeError) as error:
        raise ModelError(
            f"the TensorFlow Lite of pyopen-wakeword in {folder()} does not load ({error}): "
            f"it runs on {_WHEELS}; install it again with {_EXTRA}"
        ) from error
    return lib


def _content_of(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelNotFound(f"no wake-word model at {path}") from error
    except OSError as error:
        raise ModelNotFound(f"the wake-word model {path} cannot be read: {error.strerror}") from error
    if content[4:8] != _IDENTIFIER:
        raise InvalidModel(f"{path} is no TensorFlow Lite model: openWakeWord's are files that end in .tflite")
    return content


def _free(owned: list[tuple[Callable[[int], None], int]], _content: bytes) -> None:
    while owned:
        delete, handle = owned.pop()
        delete(handle)


def _report(_data: int | None, form: bytes, arguments: int | None) -> int:
    """Log what the library would print: the last argument is C's va_list."""
    message = ctypes.create_string_buffer(_LONGEST_MESSAGE)
    ctypes.pythonapi.PyOS_vsnprintf(message, ctypes.c_size_t(len(message)), form, ctypes.c_void_p(arguments))
    _log.info("TensorFlow Lite: %s", message.value.decode("utf-8", "replace"))
    return 0


_reporter: Final = _Reporter(_report)
