"""TensorFlow Lite on what it does not expect: an error that tells, and never the end of the process."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_process import PythonProcess

from thoth.errors import InvalidModel, ModelError, ModelNotFound
from thoth.wake.tflite import Interpreter, folder

MODEL = folder() / "models" / "alexa.tflite"
CONTENT = MODEL.read_bytes()
METADATA_BYTES = 12_000
"""Behind the weights stands what describes them, where damage does the most."""


def _run(path: Path) -> None:
    interpreter = Interpreter(path)
    interpreter.run(np.zeros(interpreter.input_shape, np.float32))
    interpreter.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", b"a text, and a long one at that " * 40, b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + bytes(1000)],
    ids=["empty", "identifier only", "text", "header", "zeros"],
)
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes(content)
    with pytest.raises(InvalidModel, match=r"broken\.tflite"):
        Interpreter(tmp_path / "broken.tflite")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_a_model_that_was_cut_off_is_refused(share: float, tmp_path: Path) -> None:
    (tmp_path / "half.tflite").write_bytes(CONTENT[: round(len(CONTENT) * share)])
    with pytest.raises(InvalidModel, match=r"half\.tflite"):
        Interpreter(tmp_path / "half.tflite")


@settings(deadline=None, max_examples=60)
@given(damage=st.lists(st.tuples(st.integers(1, METADATA_BYTES), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_model_runs_or_is_refused(
    damage: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(CONTENT)
    for at, value in damage:
        content[-at] = value
    path = tmp_path_factory.mktemp("damaged") / "damaged.tflite"
    path.write_bytes(content)
    # Which damage shows is the library's affair; that this line is left again is what counts.
    with contextlib.suppress(ModelError):
        _run(path)


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ModelNotFound, match="nowhere"):
        Interpreter(Path("nowhere.tflite"))


def test_a_shape_that_the_model_cannot_take_is_told() -> None:
    with pytest.raises(InvalidModel, match=r"\(1, 5, 7\)|prepared"):
        Interpreter(MODEL, (1, 5, 7))


def test_nothing_is_printed_and_the_log_has_what_the_library_says(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken.tflite").write_bytes(CONTENT[:5000])
    with caplog.at_level(logging.INFO, "thoth.wake"), pytest.raises(InvalidModel):
        Interpreter(tmp_path / "broken.tflite")
    _run(MODEL)
    assert capfd.readouterr() == ("", "")
    assert any("Flatbuffer" in record.getMessage() for record in caplog.records)


def test_an_interpreter_outlives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(CONTENT)
    interpreter = Interpreter(path)
    zeros = np.zeros(interpreter.input_shape, np.float32)
    before = interpreter.run(zeros)
    path.write_bytes(b"")
    path.unlink()
    assert interpreter.run(zeros) == before


def test_a_closed_interpreter_does_not_run() -> None:
    interpreter = Interpreter(MODEL)
    interpreter.close()
    interpreter.close()
    with pytest.raises(ModelError, match=r"alexa\.tflite was closed"):
        interpreter.run(np.zeros(interpreter.input_shape, np.float32))


def test_an_input_of_another_size_is_refused() -> None:
    interpreter = Interpreter(MODEL)
    with pytest.raises(ModelError, match=r"\(1, 15, 96\)"):
        interpreter.run(np.zeros((1, 15, 96), np.float32))


def test_without_the_extra_the_error_names_it() -> None:
    code = """
        import sys
        sys.modules["pyopen_wakeword"] = None  # as where it is not installed
        from thoth.errors import ModelError
        from thoth.wake.openwakeword import OpenWakeWord
        try:
            OpenWakeWord("alexa")
        except ModelError as error:
            print(error)
    """
    with PythonProcess(code) as process:
        _, out, err = process.outcome()
    assert 'pip install "thoth-speech[wake]"' in out, err
    assert "macOS 15" in out


@pytest.mark.parametrize("content", [None, b"not a library"], ids=["no library", "another library"])
def test_a_library_that_does_not_load_is_told(content: bytes | None, tmp_path: Path) -> None:
    package = tmp_path / "pyopen_wakeword"
    (package / "lib").mkdir(parents=True)
    (package / "models").symlink_to(folder() / "models")
    (package / "__init__.py").touch()
    if content is not None:
        (package / "lib" / "libtensorflowlite_c.so").write_bytes(content)
    code = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from thoth.errors import ModelError
        from thoth.wake.openwakeword import OpenWakeWord
        try:
            OpenWakeWord("alexa")
        except ModelError as error:
            print(error)
    """
    with PythonProcess(code) as process:
        _, out, err = process.outcome()
    assert "does not load" in out, err
    assert "Linux with glibc" in out
