from __future__ import annotations

from pathlib import Path

import pytest

from weaverlite.stores.filesystems import network_filesystem

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv/share rw,relatime shared:2 - nfs4 server:/share rw,vers=4.2
31 30 8:2 / /srv/share/local rw - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/my\\040disk rw - cifs //server/disk rw
33 22 0:42 / /mnt/remote rw - fuse.sshfs user@host: rw
34 22 0:43 / /mnt/rootless rw - fuse.fuse-overlayfs fuse-overlayfs rw
35 22 0:44 / /mnt/over rw - nfs server:/a rw
36 22 8:3 / /mnt/over rw - ext4 /dev/sdc1 rw
a line that is none
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib/weaverlite", ""),
        ("/srv/share", "nfs4"),
        ("/srv/share/deep/below", "nfs4"),
        ("/srv/share/local/data", ""),
        ("/srv/shared-by-name-only", ""),
        ("/mnt/my disk/data", "cifs"),
        ("/mnt/remote", "fuse.sshfs"),
        ("/mnt/rootless/data", ""),
        ("/mnt/over/data", ""),
    ],
)
def test_network_file_systems_are_told_from_local_ones(directory: str, kind: str) -> None:
    assert network_filesystem(Path(directory), MOUNTS) == kind


def test_nothing_known_is_taken_for_local() -> None:
    assert network_filesystem(Path("/data"), "") == ""


def test_this_process_reads_its_own_mounts(tmp_path: Path) -> None:
    assert isinstance(network_filesystem(tmp_path), str)
