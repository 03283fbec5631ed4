"""A dictation in a process of its own, which stops in the state it is told to and waits to be killed, or to go on."""

from __future__ import annotations

import textwrap
from pathlib import Path

from python_process import PythonProcess

_CODE = """
    import sys
    from thoth.dictation.history.store import History
    from thoth.errors import ThothError

    history = History({folder!r})

    def tell(*words):
        print(*words, flush=True)

    def told(work):
        try:
            tell("did", work())
        except ThothError as error:
            tell(type(error).__name__)
"""


class HistoryProcess(PythonProcess):
    """A process that can be killed, too."""

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()


def history_process(folder: Path, code: str) -> HistoryProcess:
    """Run `code`, which finds `history`, `tell` and `told(work)` for what may raise."""
    return HistoryProcess(textwrap.dedent(_CODE).format(folder=str(folder)) + code)


def run_up_to(folder: Path, state: str, audio: bytes) -> tuple[HistoryProcess, int]:
    """Begin a run with its recording on the disk, and bring it as far as `state`; returns its entry's id, too."""
    process = history_process(
        folder,
        f"""
entry = history.begin(model="nano")
entry.audio_path.write_bytes({audio!r})
for state in ("transcribing", "filtering", "enhancing", "outputting")[: {_LATER.index(state)}]:
    history.update(entry.id, state=state)
history.update(entry.id, raw_text="as far as {state}")
tell(entry.id)
input()
""".strip(),
    )
    return process, int(process.line())


_LATER = ("recording", "transcribing", "filtering", "enhancing", "outputting")
