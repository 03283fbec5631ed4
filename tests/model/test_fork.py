"""A model in a child made by fork(): told so at once, whatever the parent's threads were at, and never a hang."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest
from python_process import PythonProcess

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

DIGITS = "digits_07_4.flac"

_BEGINNING = """
    import os, signal, sys, threading, time, warnings
    import numpy as np
    import thoth
    from thoth.model.gate import Gate

    warnings.simplefilter("ignore", DeprecationWarning)  # of fork() with threads: that is what is tested

    def in_child(work):
        child = os.fork()
        if child == 0:
            signal.alarm(60)  # ends a child that hangs
            try:
                work()
                os._exit(0)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", flush=True)
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def told(call):
        try:
            call()
        except thoth.ModelError as error:
            assert "before the process forked: load it again in the child" in str(error), error
        else:
            raise AssertionError("nothing raised")
"""


def _run(code: str, recording: Path) -> None:
    source = f"{textwrap.dedent(_BEGINNING)}\nPATH = {os.fspath(recording)!r}\n{textwrap.dedent(code)}"
    with PythonProcess(source) as process:
        status, out, err = process.outcome(limit_s=300)
        assert (status, out, err) == (0, "", "")


def test_everything_in_the_child_is_told_while_the_parents_threads_use_the_model(audio: Path) -> None:
    """Ten forks at any moment of a model in full use, so that its locks are held in some of them."""
    _run(
        """
        model = thoth.WhisperModel("nano.en", threads=1)
        samples = np.zeros(8000, np.float32)
        token, failures = thoth.CancelToken(), []

        def use(work):
            try:
                while True:
                    work()
            except thoth.Cancelled:
                pass
            except BaseException as error:
                failures.append(error)

        works = [
            lambda: model.transcribe_file(PATH, cancel=token, temperature=0.0),
            lambda: model.transcribe_samples(samples, cancel=token, vad_filter=False, temperature=0.0),
            lambda: (model.stats, model.metrics, model.transcribe_samples(samples[:1], cancel=token)),
        ]
        threads = [threading.Thread(target=use, args=(work,)) for work in works]
        for thread in threads:
            thread.start()

        def child():
            told(lambda: model.transcribe_file(PATH))
            told(lambda: model.transcribe_samples(samples))
            told(lambda: model.transcribe_samples(samples, timeout=0))
            told(lambda: model.detect_language(samples))
            told(lambda: model.stats)
            told(lambda: model.metrics)
            told(model.close)
            told(lambda: model.__exit__(None, None, None))
            assert model.state == "unloaded", model.state
            assert repr(model).endswith("unloaded>")

        statuses = []
        for _ in range(10):
            statuses.append(in_child(child))
            time.sleep(0.02)  # another moment of theirs
        token.cancel()
        for thread in threads:
            thread.join()
        assert failures == [], failures
        assert statuses == [0] * 10, statuses
        assert model.transcribe_file(PATH).text == "three two seven four"
        model.close()
        """,
        audio / DIGITS,
    )


def test_the_child_can_load_and_use_a_model_of_its_own(audio: Path) -> None:
    _run(
        """
        model = thoth.WhisperModel("nano.en", threads=2)
        model.transcribe_file(PATH)

        def child():
            with thoth.WhisperModel("nano.en", threads=2) as own:
                assert own.transcribe_file(PATH).text == "three two seven four"
                assert own.stats.batch.granted > 0
            assert own.state == "unloaded"

        status = in_child(child)
        assert status == 0, status
        """,
        audio / DIGITS,
    )


def test_a_gate_of_ones_own_says_so_too(audio: Path) -> None:
    _run(
        """
        gate = Gate()

        def ask():
            with gate.hold("live", timeout=0):
                raise AssertionError("it let two in")

        def child():
            told(ask)
            told(lambda: gate.stats)

        with gate.hold("batch") as permit:
            def give_up():
                child()
                permit.release()  # must not wait for a lock that nobody opens
            statuses = [in_child(give_up), in_child(child)]
            assert gate.stats.holder == "batch"
        assert statuses == [0, 0], statuses
        """,
        audio / DIGITS,
    )
