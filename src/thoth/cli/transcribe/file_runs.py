"""One file after another through one loaded model: a bad one is reported and the rest go on."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from thoth.cli.inputs import open_input
from thoth.cli.interrupt import Interrupt
from thoth.cli.terminal.console import DEBUG_VARIABLE, EXIT_FAILED, EXIT_INTERRUPTED
from thoth.cli.terminal.progress_line import clock
from thoth.cli.terminal.screen import Screen, StdoutError
from thoth.cli.transcribe import outputs
from thoth.cli.transcribe.outputs import Job
from thoth.errors import Cancelled, InvalidOption, ThothError

if TYPE_CHECKING:
    from thoth.model.options import TranscribeOptions
    from thoth.model.transcript import Segment, Transcript
    from thoth.model.whisper import WhisperModel

STREAMED_FORMAT = "txt"
"""The format whose lines can be written before the end is known."""


class FileRuns:
    """Transcribes jobs and delivers what comes out. Made, run once and thrown away, on the main thread."""

    def __init__(self, model: WhisperModel, options: TranscribeOptions, screen: Screen, *, overwrite: bool) -> None:
        self._model = model
        self._options = options
        self._screen = screen
        self._overwrite = overwrite

    def run(self, jobs: Sequence[Job]) -> int:
        """Do all jobs and return the exit code.

        Raises InvalidOption for an option that this model does not take, StdoutError or BrokenPipeError where
        stdout does not take the text.
        """
        from thoth._native import CancelToken

        failed = False
        with Interrupt(CancelToken()) as interrupt:
            for job in jobs:
                failed |= not self._run_reported(job, interrupt)
                if interrupt.seen:
                    self._screen.error("interrupted")
                    return EXIT_INTERRUPTED
        return EXIT_FAILED if failed else 0

    def _run_reported(self, job: Job, interrupt: Interrupt) -> bool:
        """Do one job; False if it failed, which is then told."""
        try:
            self._run(job, interrupt)
        except (InvalidOption, StdoutError, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get(DEBUG_VARIABLE):
                traceback.print_exc()
            # An input that ends in mid-air because of Ctrl-C is no news.
            if not interrupt.seen or isinstance(error, outputs.OutputError):
                self._screen.error(_message(job, error))
            return False
        return True

    def _run(self, job: Job, interrupt: Interrupt) -> None:
        outputs.check_free(job, overwrite=self._overwrite)
        try:
            with self._screen.progress_of(job.name), open_input(job.source, interrupt) as source:
                transcript = self._model.transcribe_file(
                    source,
                    on_segment=self._show if job.stdout_format == STREAMED_FORMAT else None,
                    on_progress=self._screen.progress,
                    cancel=interrupt.token,
                    **self._options,
                )
        except ThothError as error:
            cancelled = isinstance(error, Cancelled)
            if error.partial is not None and (cancelled or error.partial.segments):
                self._keep(job, error.partial)
            if not cancelled:
                raise
            return
        self._deliver(job, transcript)

    def _show(self, segment: Segment) -> None:
        from thoth.model.formats import line_of

        self._screen.result(line_of(segment))

    def _deliver(self, job: Job, transcript: Transcript) -> None:
        self._print(job, transcript)
        with self._rescued(transcript):
            written = outputs.write(job, transcript, overwrite=self._overwrite)
        info = transcript.info
        self._screen.note(
            f"{job.name}: {clock(info.duration)} of audio in {info.elapsed_s:.1f} s, RTF {info.rtf:.2f}"
            + "".join(f", wrote {path}" for path in written)
        )

    def _keep(self, job: Job, partial: Transcript) -> None:
        self._print(job, partial)
        with self._rescued(partial):
            written = outputs.write_partial(job, partial)
        self._screen.log(
            f"{job.name}: stopped at {clock(partial.info.duration)}"
            + "".join(f", the text so far is in {path}" for path in written)
        )

    @contextmanager
    def _rescued(self, transcript: Transcript) -> Iterator[None]:
        """Write the text to stdout where no file takes it: it cost work, and may be the only one there is."""
        from thoth.model.formats import to_txt

        try:
            yield
        except outputs.NotWritten as error:
            self._screen.result(to_txt(transcript))
            raise outputs.NotWritten(f"{error}; the text went to stdout instead") from error

    def _print(self, job: Job, transcript: Transcript) -> None:
        """Write to stdout what a format needs to be whole for."""
        from thoth.model.formats import FORMATS

        if job.stdout_format is not None and job.stdout_format != STREAMED_FORMAT:
            self._screen.result(FORMATS[job.stdout_format](transcript))


def _message(job: Job, error: Exception) -> str:
    said = str(error) if isinstance(error, (ThothError, OSError)) else f"{type(error).__name__}: {error}"
    return said if said.startswith((job.source, job.name)) else f"{job.name}: {said}"
