"""The process that `cold_start.py` times: load one contender, have it transcribe once, tell the peak of memory.

It imports nothing that the contender would not, but for what all of them share.
"""

from __future__ import annotations

import json
import sys

import machine
from kinds import KINDS
from worker import noise


def main() -> None:
    kind, settings, seconds, limit = sys.argv[1:]
    outcome = KINDS[kind](**json.loads(settings)).transcribe(noise(float(seconds)), int(limit))
    if outcome.tokens < int(limit):
        raise SystemExit(f"{kind} decoded {outcome.tokens} tokens instead of {limit}")
    print(machine.peak_rss_bytes(), flush=True)


if __name__ == "__main__":
    main()
