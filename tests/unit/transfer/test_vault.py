from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from weaverlite.errors import InvalidInput, NoSuchUpload, StagingError
from weaverlite.models.results import LocalDirectory
from weaverlite.models.upload import Upload
from weaverlite.transfer.interfaces import FetchLimits, Reference
from weaverlite.transfer.vault import VaultStager

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = FetchLimits(size=10_000, seconds=10)


class Vault:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.records: dict[str, Upload] = {}
        self.stager = VaultStager(directory, self.find, files=50, now=lambda: NOW)

    def find(self, upload_id: str) -> Upload:
        if upload_id not in self.records:
            raise NoSuchUpload
        return self.records[upload_id]

    def add(self, content: bytes, *, owner: str | None = "ada", name: str = "a.txt", life: float = 60) -> Upload:
        upload = Upload(
            upload_id=f"u{len([*self.directory.iterdir()])}",
            name=name,
            media_type="text/plain",
            size=len(content),
            sha256="",
            created_at=NOW,
            expires_at=NOW + timedelta(seconds=life),
            owner=owner,
        )
        (self.directory / upload.stored_as).write_bytes(content)
        self.records[upload.upload_id] = upload
        return upload

    def unpack(self, archive: bytes, out: Path, limits: FetchLimits = LIMITS) -> Path:
        upload = self.add(archive)
        reference = Reference(href=f"vault:{upload.upload_id}", owner="ada", name="dir", is_directory=True)
        staged = self.stager.fetch(reference, out, limits)
        assert isinstance(staged, LocalDirectory) and staged.path == out / "dir"
        return staged.path


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    (tmp_path / "vault").mkdir()
    return Vault(tmp_path / "vault")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def tar(*members: tuple[str, bytes | None] | tarfile.TarInfo, format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return an archive of files (name, content), directories (name, None) and whatever else is given."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=format) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(b"x" * member.size) if member.isreg() else None)
                continue
            name, content = member
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return written.getvalue()


def special(name: str, type: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, target
    return info


# ---------------------------------------------------------------- whose, and until when


@pytest.mark.parametrize(("owner", "asks"), [("ada", "bob"), ("ada", None), (None, "bob")])
def test_uploads_of_others_do_not_exist(vault: Vault, out: Path, owner: str | None, asks: str | None) -> None:
    upload = vault.add(b"x", owner=owner)
    nothing = Reference(href="vault:nothing", owner=asks)
    for reference in (Reference(href=f"vault:{upload.upload_id}", owner=asks), nothing):
        with pytest.raises(InvalidInput, match="There is no upload"):
            vault.stager.check(reference)
        with pytest.raises(StagingError, match="There is no upload"):
            vault.stager.fetch(reference, out, LIMITS)


def test_an_upload_of_nobody_is_for_nobody(vault: Vault, out: Path) -> None:
    upload = vault.add(b"x", owner=None)
    assert vault.stager.fetch(Reference(href=f"vault:{upload.upload_id}"), out, LIMITS).path.read_bytes() == b"x"


def test_an_expired_upload_does_not_exist(vault: Vault) -> None:
    upload = vault.add(b"x", life=0)
    with pytest.raises(InvalidInput, match="expired"):
        vault.stager.check(Reference(href=f"vault:{upload.upload_id}", owner="ada"))


@pytest.mark.parametrize("upload_id", ["", "..", "../vault/u0", "/etc/passwd", "u0.json", "a\0b", "%2e%2e", "a" * 5000])
def test_ids_are_not_paths(vault: Vault, upload_id: str) -> None:
    vault.add(b"x")
    with pytest.raises(InvalidInput):
        vault.stager.check(Reference(href=f"vault:{upload_id}", owner="ada"))


def test_an_upload_that_lost_bytes_is_told(vault: Vault, out: Path) -> None:
    upload = vault.add(b"12345")
    (vault.directory / upload.stored_as).write_bytes(b"123")
    with pytest.raises(StagingError, match="damaged"):
        vault.stager.fetch(Reference(href=f"vault:{upload.upload_id}", owner="ada"), out, LIMITS)


def test_a_link_in_the_vault_is_not_followed(vault: Vault, out: Path, tmp_path: Path) -> None:
    upload = vault.add(b"12345")
    (tmp_path / "secret").write_bytes(b"54321")
    (vault.directory / upload.stored_as).unlink()
    (vault.directory / upload.stored_as).symlink_to(tmp_path / "secret")
    with pytest.raises(StagingError):
        vault.stager.fetch(Reference(href=f"vault:{upload.upload_id}", owner="ada"), out, LIMITS)


# ---------------------------------------------------------------- directories


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_directory_is_unpacked_as_it_was(vault: Vault, out: Path, format: int) -> None:
    script = tarfile.TarInfo("sub/run.sh")
    script.size, script.mode = 3, 0o4777
    long = "n" * 90 + "/" + "m" * 90 + ".txt"
    archive = tar(("./", None), ("a.txt", b"a"), ("sub", None), script, (long, b"l"), ("é.txt", b"e"), format=format)
    unpacked = vault.unpack(archive, out)
    files = {str(path.relative_to(unpacked)): path.read_bytes() for path in unpacked.rglob("*") if path.is_file()}
    assert files == {"a.txt": b"a", "sub/run.sh": b"xxx", long: b"l", "é.txt": b"e"}
    assert (unpacked / "sub" / "run.sh").stat().st_mode & 0o7777 == 0o755


def test_an_empty_directory_is_one(vault: Vault, out: Path) -> None:
    assert [*vault.unpack(tar(), out).iterdir()] == []


SLIPS: dict[str, bytes] = {
    "parent": tar(("../escaped", b"x")),
    "deep parent": tar(("a/../../escaped", b"x")),
    "absolute": tar(("/escaped", b"x")),
    "parent directory": tar(("../escaped", None)),
    "symbolic link": tar(special("link", tarfile.SYMTYPE, "/etc")),
    "link and file behind it": tar(special("link", tarfile.SYMTYPE, ".."), ("link/escaped", b"x")),
    "hard link": tar(special("link", tarfile.LNKTYPE, "/etc/passwd")),
    "link to a member": tar(("a", b"x"), special("b", tarfile.LNKTYPE, "a")),
    "character device": tar(special("null", tarfile.CHRTYPE)),
    "block device": tar(special("disk", tarfile.BLKTYPE)),
    "pipe": tar(special("pipe", tarfile.FIFOTYPE)),
    "unknown type": tar(special("what", b"Z")),
    "twice": tar(("a", b"1"), ("a", b"2")),
    "file then directory": tar(("a", b"1"), ("a/b", b"2")),
    "directory then file": tar(("a", None), ("a", b"2")),
    "long part": tar(("a" * 300, b"x")),
    "deep": tar(("a/" * 70 + "b", b"x")),
    "root as file": tar((".", b"x")),
}


@pytest.mark.parametrize("archive", SLIPS.values(), ids=SLIPS.keys())
def test_nothing_but_files_and_directories_comes_out(vault: Vault, out: Path, archive: bytes) -> None:
    with pytest.raises(StagingError):
        vault.unpack(archive, out)
    assert {path.name for path in out.iterdir()} <= {"dir"}
    assert not (out.parent / "escaped").exists()
    assert not any(path.is_symlink() for path in out.rglob("*"))


def negative_size() -> bytes:
    header = bytearray(tar(("a", b"x"))[:512])
    header[124:136] = b"\xff" * 8 + struct.pack(">i", -1024)
    return _checked(header) + b"\0" * 1024


def huge_header() -> bytes:
    header = bytearray(tar(("a", b"x"))[:512])
    header[156:157] = tarfile.GNUTYPE_LONGNAME
    header[124:136] = b"77777777777\0"
    return _checked(header) + b"\0" * 1024


def _checked(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def sparse() -> bytes:
    info = tarfile.TarInfo("sparse")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": "9000000000000",
    }
    info.size = 1024
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(b"1\n0\n512\n".ljust(512, b"\0") + b"x" * 512))
    return written.getvalue()


HONEST = tar(("a", b"x" * 600), ("b", b"y"))
BROKEN: dict[str, Callable[[], bytes]] = {
    "text": lambda: b"not an archive" * 100,
    "nothing": lambda: b"",
    "compressed": lambda: gzip.compress(HONEST),
    "cut in a file": lambda: HONEST[:900],
    "cut in a header": lambda: HONEST[:1700],
    "cut at a header": lambda: HONEST[:1536],
    "cut before the end": lambda: HONEST[:2560],
    "broken header": lambda: HONEST[:1536] + b"?" + HONEST[1537:],
    "negative size": negative_size,
    "huge header": huge_header,
    "sparse": sparse,
    "headers without end": lambda: _checked(bytearray(tar(("a", b""))[:156] + b"K" + tar(("a", b""))[157:512])) * 3000,
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_archive_is_told(vault: Vault, out: Path, make: Callable[[], bytes]) -> None:
    with pytest.raises(StagingError):
        vault.unpack(make(), out, FetchLimits(size=10_000_000, seconds=10))


def test_an_archive_has_limits(vault: Vault, out: Path) -> None:
    with pytest.raises(StagingError, match="50 files"):
        vault.unpack(tar(*[(f"{number}", b"") for number in range(60)]), out)
    with pytest.raises(StagingError, match="10000 bytes"):
        vault.unpack(tar(("a", b"x" * 6000), ("b", b"x" * 6000)), out / "again")
    with pytest.raises(StagingError, match="seconds"):
        vault.unpack(tar(("a", b"x")), out / "late", FetchLimits(size=10_000, seconds=-1))


def test_the_copy_of_an_upload_is_another_file(vault: Vault, out: Path) -> None:
    upload = vault.add(b"x" * 100)
    staged = vault.stager.fetch(Reference(href=f"vault:{upload.upload_id}", owner="ada"), out, LIMITS)
    assert os.stat(staged.path).st_ino != os.stat(vault.directory / upload.stored_as).st_ino
