#!/usr/bin/env python3
"""Looks at the ARM code of the rings: each count is loaded with acquire (ldar) and stored with release (stlr).

A run under qemu on x86 cannot show this, since that machine's own order hides what is missing. What it shows: the
compiler made of the header the instructions that the algorithm's argument stands on; not that the argument is right,
for which see tests/native/check_ring_orders.cpp. To show that it would see one that is missing, it looks again with
each order in turn weakened, and fails unless it finds that.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NATIVE = Path(__file__).resolve().parent.parent / "src" / "native"
HEADERS = ("audio/ring_buffer.hpp", "audio/counted_ring.hpp")
ACQUIRE, RELEASE = re.compile(r"\bldap?r\b"), re.compile(r"\bstlr\b")

PROBE = """
#include "audio/counted_ring.hpp"
using Ring = thoth::RingBuffer<float>;
using Counted = thoth::CountedRing;
extern "C" {
std::size_t ring_write(Ring::Producer& end, const float* from, std::size_t count) { return end.write({from, count}); }
std::size_t ring_read(Ring::Consumer& end, float* to, std::size_t count) { return end.read({to, count}); }
std::size_t ring_free(Ring::Producer& end) { return end.free(); }
std::size_t ring_available(Ring::Consumer& end) { return end.available(); }
void counted_lose(Counted::Producer& end) { end.lose(1); }
std::uint64_t counted_lost(const Counted::Consumer& end) { return end.lost(); }
}
"""
# Functions, by a part of their name, with the loads and stores of counts that each has at least.
WANTED = {
    "ring_free": (1, 0),
    "ring_available": (1, 0),
    "ring_write": (1, 1),
    "ring_read": (1, 1),
    "Producer::write_some": (0, 1),
    "Consumer::read_some": (0, 1),
    "counted_lose": (0, 1),
    "counted_lost": (1, 0),
}


def main() -> None:
    """Exit with a sentence unless all orders are there, and each would be missed."""
    missing = orders_missing(headers())
    if missing:
        sys.exit("without the order that the ring needs: " + ", ".join(missing))
    weaker = list(weakened())
    blind = [what for what, changed in weaker if not orders_missing(changed)]
    if blind:
        sys.exit("this check does not see it when these are weakened: " + ", ".join(blind))
    print(f"{len(WANTED)} functions with their ldar and stlr; each of {len(weaker)} weakened orders was seen")


def headers() -> dict[str, str]:
    """Return the text of each header by its name."""
    return {name: (NATIVE / name).read_text() for name in HEADERS}


def weakened() -> Iterator[tuple[str, dict[str, str]]]:
    """Give the headers with one acquire or release after another made relaxed, and where that was."""
    for name, text in headers().items():
        for order in re.finditer("memory_order_(acquire|release)", text):
            line = text.count("\n", 0, order.start()) + 1
            changed = text[: order.start()] + "memory_order_relaxed" + text[order.end() :]
            yield f"{name}:{line}", headers() | {name: changed}


def orders_missing(texts: dict[str, str]) -> list[str]:
    """Tell which functions lack a load or store that they need, with those they have."""
    found = {name: (len(ACQUIRE.findall(code)), len(RELEASE.findall(code))) for name, code in functions(texts)}
    missing = []
    for wanted, (loads, stores) in WANTED.items():
        counts = [count for name, count in found.items() if wanted in name]
        if not counts or any(count[0] < loads or count[1] < stores for count in counts):
            missing.append(f"{wanted} {counts}")
    return missing


def functions(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Give the name and the instructions of every function that the probe becomes."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        Path(folder, "probe.cpp").write_text(PROBE)
        compiler = ["aarch64-linux-gnu-g++", "-std=c++20", "-O3", "-DNDEBUG", "-I.", "-c", "probe.cpp", "-o", "probe.o"]
        subprocess.run(compiler, cwd=folder, check=True)
        dump = ["aarch64-linux-gnu-objdump", "--disassemble", "--demangle", "--no-show-raw-insn", "probe.o"]
        code = subprocess.run(dump, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
    for part in re.split(r"^(?=[0-9a-f]{16} <)", code, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        yield head, body


if __name__ == "__main__":
    main()
