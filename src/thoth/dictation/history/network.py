"""Whether a folder lies on another machine, where a write-ahead log does not work."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK_TYPES: Final = frozenset(
    {
        *(
            "9p",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "davfs",
            "glusterfs",
            "lustre",
            "ncpfs",
            "nfs",
            "nfs4",
            "smb3",
            "smbfs",
        ),
        *("fuse.ceph", "fuse.davfs2", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    }
)


def is_on_network(path: Path) -> bool:
    """Whether `path` lies on a file system that other machines may write to; False where that cannot be known.

    A write-ahead log needs memory shared by all who have the file open (https://sqlite.org/wal.html), which no two
    machines have: SQLite does not notice, and the file breaks.
    """
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return file_system_of(path, mounts) in _NETWORK_TYPES


def file_system_of(path: Path, mounts: str) -> str:
    """Tell the type of the file system on which `path` lies, by `mounts` (proc_pid_mountinfo(5)); "" if none fits."""
    target = os.path.realpath(path)
    longest, found = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
        # Of two on the same point the later one covers the other.
        if len(point) >= longest and (target + "/").startswith(point.rstrip("/") + "/"):
            longest, found = len(point), after.split(" ")[0]
    return found
