"""Transcribe with Thoth and with pywhispercpp, which brings a ggml of its own, in one process: both must go on working.

python two_ggmls.py RECORDING thoth other, or RECORDING other thoth: who is imported and loaded first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

EXPECTED = "three two seven four"


def thoth() -> Callable[[str], str]:
    """Load Thoth."""
    from thoth import WhisperModel

    model = WhisperModel("nano.en")
    return lambda recording: model.transcribe(recording).text


def other() -> Callable[[str], str]:
    """Load pywhispercpp, with the same model."""
    from pywhispercpp.model import Model

    import thoth

    assets = Path(thoth.__file__).parent / "assets"
    model = Model(str(assets / "ggml-nano.en-q5_1.bin"), print_progress=False, redirect_whispercpp_logs_to=None)

    def transcribe(recording: str) -> str:
        from thoth.audio.decode import decode

        return " ".join(segment.text for segment in model.transcribe(decode(recording)))

    return transcribe


def main() -> None:
    """Load both in the order asked for, and let each speak twice, in turns."""
    recording, *order = sys.argv[1:]
    loaded = {name: {"thoth": thoth, "other": other}[name]() for name in order}
    for name in [*order, *order]:
        said = loaded[name](recording).strip().lower().rstrip(".")
        print(f"{' before '.join(order)}: {name}: {said}")
        if said != EXPECTED:
            sys.exit(f"{name} should have said {EXPECTED!r}")


if __name__ == "__main__":
    main()
