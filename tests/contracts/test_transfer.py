"""Our stagers and publishers keep the contracts that we ask of others."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.functional.transfer.servers import Server, reply, serving
from weaverlite.errors import NoSuchUpload
from weaverlite.models.upload import Upload
from weaverlite.testing.transfer import OfferContent, PublisherContract, StagerContract
from weaverlite.transfer.data import DataStager
from weaverlite.transfer.egress import Egress
from weaverlite.transfer.file import FileStager
from weaverlite.transfer.http import HTTPStager
from weaverlite.transfer.interfaces import Reference
from weaverlite.transfer.local import LocalPublisher
from weaverlite.transfer.vault import VaultStager


class TestDataStager(StagerContract):
    @pytest.fixture
    def stager(self) -> DataStager:
        return DataStager()

    @pytest.fixture
    def offer(self) -> OfferContent:
        return lambda content, name: Reference(
            href=f"data:application/octet-stream;base64,{base64.b64encode(content).decode()}"
        )


class TestFileStager(StagerContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "offered files"
        root.mkdir()
        return root

    @pytest.fixture
    def stager(self, root: Path) -> FileStager:
        return FileStager([root])

    @pytest.fixture
    def offer(self, root: Path) -> OfferContent:
        def offer(content: bytes, name: str) -> Reference:
            (root / name).write_bytes(content)
            return Reference(href=f"file://{quote(str(root / name))}")

        return offer

    @pytest.fixture
    def missing(self, root: Path) -> list[Reference]:
        return [Reference(href=f"file://{quote(str(root))}/none"), Reference(href=f"file://{quote(str(root))}/a/b")]


class TestVaultStager(StagerContract):
    @pytest.fixture
    def uploads(self) -> dict[str, Upload]:
        return {}

    @pytest.fixture
    def stager(self, tmp_path: Path, uploads: dict[str, Upload]) -> VaultStager:
        def lookup(upload_id: str) -> Upload:
            try:
                return uploads[upload_id]
            except KeyError:
                raise NoSuchUpload from None

        return VaultStager(tmp_path, lookup)

    @pytest.fixture
    def offer(self, tmp_path: Path, uploads: dict[str, Upload]) -> OfferContent:
        def offer(content: bytes, name: str) -> Reference:
            upload_id = f"upload-{len(uploads)}"
            uploads[upload_id] = Upload(
                upload_id=upload_id,
                name=name,
                media_type="application/octet-stream",
                size=len(content),
                sha256="",
                created_at=datetime.now(UTC),
                expires_at=datetime.now(UTC) + timedelta(days=1),
                owner="ada",
            )
            (tmp_path / upload_id).write_bytes(content)
            return Reference(href=f"vault:{upload_id}", owner="ada")

        return offer

    @pytest.fixture
    def missing(self, offer: OfferContent, tmp_path: Path) -> list[Reference]:
        lost = offer(b"x", "lost")
        (tmp_path / "upload-0").unlink()
        return [lost, Reference(href="vault:none", owner="ada")]


class TestHTTPStager(StagerContract):
    @pytest.fixture
    def contents(self) -> dict[str, bytes]:
        return {}

    @pytest.fixture
    def server(self, contents: dict[str, bytes]) -> Iterator[Server]:
        def answer(head: str) -> list[bytes]:
            path = head.split()[1]
            return reply(contents[path]) if path in contents else reply(status="404 Not Found")

        with serving(answer) as server:
            yield server

    @pytest.fixture
    def stager(self) -> HTTPStager:
        return HTTPStager(Egress(allow_private=["127.0.0.0/8"]), pause=0.01)

    @pytest.fixture
    def offer(self, server: Server, contents: dict[str, bytes]) -> OfferContent:
        def offer(content: bytes, name: str) -> Reference:
            contents[path := quote(f"/{name}")] = content
            return Reference(href=server.url(path))

        return offer

    @pytest.fixture
    def missing(self, server: Server) -> list[Reference]:
        return [Reference(href=server.url("/none")), Reference(href="http://127.0.0.1:1024/nobody-listens")]


class TestLocalPublisher(PublisherContract):
    @pytest.fixture
    def publisher(self, tmp_path: Path) -> LocalPublisher:
        return LocalPublisher(tmp_path / "results")
