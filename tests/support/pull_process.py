"""Downloads one file in a process of its own and tells what happens, line by line, on stdout.

python pull_process.py DIRECTORY BASE_URL SIZE SHA256 [LARGEST_FILE_BYTES]
"""

from __future__ import annotations

import sys
from pathlib import Path

from thoth.errors import DownloadError
from thoth.model.catalog import CatalogEntry
from thoth.model.download import download


def tell(*words: object) -> None:
    print(*words, flush=True)


def main(directory: str, base_url: str, size: str, sha256: str, largest_file_bytes: str = "") -> None:
    if largest_file_bytes:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest_file_bytes), int(largest_file_bytes)))
    entry = CatalogEntry("test.en", "ggml-test.en.bin", int(size), sha256)
    try:
        path = download(
            entry,
            Path(directory),
            base_url=base_url,
            progress=lambda done, total: tell("progress", done),
            notice=lambda line: tell("notice", line),
        )
    except DownloadError as error:
        tell("error", error)
    else:
        tell("done", path)


if __name__ == "__main__":
    main(*sys.argv[1:])
