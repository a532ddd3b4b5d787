"""Which directories are on disks of this host: SQLite's write-ahead log needs memory that all its users share."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")

#: File systems whose files are shared with other hosts (names of the kernel, as in /proc/self/mountinfo).
_NETWORK = frozenset(
    "9p afs beegfs ceph cifs davfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs smb2 smb3 smbfs".split()
)
#: User-space file systems over a local disk; all others of this kind are taken for remote ones, as most are.
_LOCAL_FUSE = frozenset(
    "fuse.encfs fuse.fuse-overlayfs fuse.gocryptfs fuse.lxcfs fuse.mergerfs fuse.ntfs-3g fuse.unionfs fuseblk".split()
)


def network_filesystem(directory: Path, mounts: str | None = None) -> str:
    """Return the kind of network file system ``directory`` is on, or ``""`` when it is local or cannot be told.

    ``mounts`` is text in the form of ``/proc/self/mountinfo``; None reads that of this process.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return ""
    path = os.path.realpath(directory)
    best, kind = "", ""
    for line in mounts.splitlines():
        # 36 35 98:0 /root /mount/point options [optional fields] - type source options
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) < 5 or not kinds:
            continue
        point = _unescape(fields[4])
        # Of two mounts on one point the later one is seen.
        if _below(path, point) and len(point) >= len(best):
            best, kind = point, kinds[0]
    if kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE):
        return kind
    return ""


def _below(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
