"""What every stager and every publisher must do, as test classes to inherit from.

A binding says how to make one::

    class TestMyStager(StagerContract):
        @pytest.fixture
        def stager(self): ...

        @pytest.fixture
        def offer(self): ...
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from weaverlite.errors import (
    InvalidInput,
    NoSuchUpload,
    PublishError,
    ReferenceRefused,
    ResultNotAvailable,
    StagingError,
)
from weaverlite.models.results import LocalFile, Manifest, OutputDirectory, OutputFile
from weaverlite.models.upload import Upload
from weaverlite.settings import Settings
from weaverlite.transfer.interfaces import FetchLimits, Publisher, Reference, Stager

#: Makes content available and returns a reference to it, called as the name says where the technology has names.
OfferContent: TypeAlias = Callable[[bytes, str], Reference]

ENOUGH = FetchLimits(size=10 * 1024**2, seconds=30)
CONTENT = bytes(range(256)) * 40


class StagerContract:
    """Bindings give the fixtures ``stager``, ``offer`` and ``missing`` (references to nothing; may be empty).

    The class has ``create(settings, lookup)``, where ``lookup`` gives the record of an upload by its id.
    """

    @pytest.fixture
    def stager(self) -> Stager:
        raise NotImplementedError

    @pytest.fixture
    def offer(self) -> OfferContent:
        raise NotImplementedError

    @pytest.fixture
    def missing(self) -> list[Reference]:
        return []

    @pytest.fixture
    def destination(self, tmp_path: Path) -> Path:
        directory = tmp_path / "staged" / "one"
        directory.mkdir(parents=True)
        return directory

    def test_is_made_from_settings(self, stager: Stager, tmp_path: Path) -> None:
        def lookup(upload_id: str) -> Upload:
            raise NoSuchUpload

        cls: Any = type(stager)
        made = cls.create(Settings(data=tmp_path), lookup)
        assert made.schemes == stager.schemes
        assert all(scheme and scheme == scheme.lower() for scheme in made.schemes)

    def test_brings_the_content_as_a_file_below_the_destination(
        self, stager: Stager, offer: OfferContent, destination: Path
    ) -> None:
        reference = offer(CONTENT, "measured values.bin")
        stager.check(reference)
        staged = stager.fetch(reference, destination, ENOUGH)
        assert isinstance(staged, LocalFile)
        assert staged.path.read_bytes() == CONTENT
        assert staged.path == destination / staged.name
        assert [*destination.parent.rglob("*")] == [destination, staged.path]

    def test_brings_nothing_at_all_if_that_is_the_content(
        self, stager: Stager, offer: OfferContent, destination: Path
    ) -> None:
        assert stager.fetch(offer(b"", "empty"), destination, ENOUGH).path.read_bytes() == b""

    def test_obeys_the_name_and_the_type_of_the_reference(
        self, stager: Stager, offer: OfferContent, destination: Path
    ) -> None:
        given = offer(CONTENT, "x.bin")
        reference = Reference(href=given.href, owner=given.owner, name="wanted.nc", media_type="application/netcdf")
        staged = stager.fetch(reference, destination, ENOUGH)
        assert isinstance(staged, LocalFile)
        assert (staged.name, staged.media_type) == ("wanted.nc", "application/netcdf")

    @pytest.mark.parametrize(
        "name", ["../../escaped", "/etc/escaped", "a/../../escaped", "..\\escaped", "\0escaped\r\n"]
    )
    def test_writes_below_the_destination_whatever_the_name(
        self, stager: Stager, offer: OfferContent, destination: Path, name: str
    ) -> None:
        given = offer(CONTENT, "x.bin")
        staged = stager.fetch(Reference(href=given.href, owner=given.owner, name=name), destination, ENOUGH)
        assert staged.path == destination / "escaped"

    def test_takes_what_is_as_large_as_the_limit_and_nothing_larger(
        self, stager: Stager, offer: OfferContent, destination: Path
    ) -> None:
        stager.fetch(offer(CONTENT, "fits"), destination, FetchLimits(size=len(CONTENT), seconds=30))
        with pytest.raises(StagingError, match=str(len(CONTENT) - 1)):
            stager.fetch(offer(CONTENT, "larger"), destination, FetchLimits(size=len(CONTENT) - 1, seconds=30))
        assert len([*destination.iterdir()]) == 1

    def test_says_that_there_is_nothing(self, stager: Stager, missing: list[Reference], destination: Path) -> None:
        for reference in missing:
            with pytest.raises(StagingError):
                stager.fetch(reference, destination, ENOUGH)
        assert not [*destination.iterdir()]

    def test_refuses_what_is_no_reference(self, stager: Stager, destination: Path) -> None:
        for scheme in stager.schemes:
            for href in (scheme, f"{scheme}:", f"{scheme}://", f"{scheme}://\0", f"{scheme}:// /"):
                with pytest.raises((InvalidInput, ReferenceRefused)):
                    stager.check(Reference(href=href))
                with pytest.raises((StagingError, ReferenceRefused)):
                    stager.fetch(Reference(href=href), destination, ENOUGH)

    def test_gives_a_copy_that_a_job_may_change(self, stager: Stager, offer: OfferContent, destination: Path) -> None:
        reference = offer(CONTENT, "x.bin")
        with stager.fetch(reference, destination, ENOUGH).path.open("r+b") as file:
            file.write(b"changed")
        again = destination.with_name("two")
        again.mkdir()
        assert stager.fetch(reference, again, ENOUGH).path.read_bytes() == CONTENT

    def test_serves_many_at_once(self, stager: Stager, offer: OfferContent, destination: Path) -> None:
        references = [offer(CONTENT + bytes([number]), f"{number}.bin") for number in range(8)]

        def fetch(number: int) -> bytes:
            place = destination / str(number)
            place.mkdir()
            return stager.fetch(references[number], place, ENOUGH).path.read_bytes()

        with ThreadPoolExecutor(8) as pool:
            assert [*pool.map(fetch, range(8))] == [CONTENT + bytes([number]) for number in range(8)]


JOB = "5a0c1d1e-9f3f-4d4a-8a51-6b8f4f2f7c11"
OTHER_JOB = "0b7d0c52-5f0e-4a41-9d8e-1f9c8a3f5e22"


class PublisherContract:
    """Bindings give the fixture ``publisher``; it must be empty. The class has ``create(settings)``."""

    @pytest.fixture
    def publisher(self) -> Publisher:
        raise NotImplementedError

    @pytest.fixture
    def work(self, tmp_path: Path) -> Work:
        return Work(tmp_path / "work")

    def test_is_made_from_settings(self, publisher: Publisher, tmp_path: Path) -> None:
        cls: Any = type(publisher)
        made = cls.create(Settings(data=tmp_path))
        assert made.name == publisher.name

    def test_gives_back_what_was_published(self, publisher: Publisher, work: Work) -> None:
        manifest = work.results(
            {"stdout": b"", "outputs/table/märz 2015.csv": CONTENT, "outputs/tree/a/b/c": b"deep", "outputs/x": b"#"}
        )
        publisher.publish(manifest, work.directory(1))
        work.remove(1)
        for file in manifest.files():
            with publisher.open(JOB, file) as stream:
                assert hashlib.sha256(stream.read()).hexdigest() == file.sha256
        table = manifest.find("outputs/table/märz 2015.csv")
        assert table
        with publisher.open(JOB, table) as stream:
            stream.seek(-4, 2)
            assert stream.read() == CONTENT[-4:]
        link = publisher.link(JOB, table)
        assert link is None or link.startswith(("http://", "https://"))

    def test_finds_the_jobs_of_which_it_keeps_something(self, publisher: Publisher, work: Work) -> None:
        assert [*publisher.find()] == []
        publisher.publish(work.results({"stdout": b"x"}), work.directory(1))
        publisher.publish(work.results({"stdout": b"x"}, job_id=OTHER_JOB, attempt=2), work.directory(2))
        assert sorted(publisher.find()) == sorted([JOB, OTHER_JOB])

    def test_removes_everything_of_a_job_and_nothing_else(self, publisher: Publisher, work: Work) -> None:
        one, other = work.results({"stdout": b"x"}), work.results({"stdout": b"y"}, job_id=OTHER_JOB, attempt=2)
        publisher.publish(one, work.directory(1))
        publisher.publish(other, work.directory(2))
        publisher.remove(JOB)
        publisher.remove(JOB)
        with pytest.raises(ResultNotAvailable):
            publisher.open(JOB, one.streams[0])
        with publisher.open(OTHER_JOB, other.streams[0]) as stream:
            assert stream.read() == b"y"
        assert [*publisher.find()] == [OTHER_JOB]

    def test_tidying_keeps_what_is_visible(self, publisher: Publisher, work: Work) -> None:
        manifest = work.results({"stdout": b"said"})
        publisher.publish(manifest, work.directory(1))
        publisher.tidy(lambda job_id, attempt: False)
        with publisher.open(JOB, manifest.streams[0]) as stream:
            assert stream.read() == b"said"

    def test_publishing_an_attempt_again_changes_nothing(self, publisher: Publisher, work: Work) -> None:
        manifest = work.results({"stdout": b"x", "outputs/a": b"1"})
        publisher.publish(manifest, work.directory(1))
        publisher.publish(manifest, work.directory(1))
        with publisher.open(JOB, manifest.streams[0]) as stream:
            assert stream.read() == b"x"

    def test_a_newer_attempt_replaces_an_older_one(self, publisher: Publisher, work: Work) -> None:
        old = work.results({"stdout": b"first", "outputs/only-first": b"1"})
        new = work.results({"stdout": b"the second", "outputs/a": b"2"}, attempt=2)
        publisher.publish(old, work.directory(1))
        publisher.publish(new, work.directory(2))
        with publisher.open(JOB, new.streams[0]) as stream:
            assert stream.read() == b"the second"
        gone = old.find("outputs/only-first")
        assert gone
        with pytest.raises(ResultNotAvailable):
            publisher.open(JOB, gone)
        assert [*publisher.find()] == [JOB]

    def test_an_older_attempt_that_wakes_up_late_replaces_nothing(self, publisher: Publisher, work: Work) -> None:
        old = work.results({"stdout": b"first"})
        new = work.results({"stdout": b"the second"}, attempt=2)
        publisher.publish(new, work.directory(2))
        with pytest.raises(PublishError, match="Attempt 2"):
            publisher.publish(old, work.directory(1))
        with publisher.open(JOB, new.streams[0]) as stream:
            assert stream.read() == b"the second"

    @pytest.mark.parametrize("spoil", ["remove", "grow", "link", "directory", "pipe"])
    def test_shows_nothing_if_a_file_is_not_what_the_manifest_says(
        self, publisher: Publisher, work: Work, tmp_path: Path, spoil: str
    ) -> None:
        manifest = work.results({"stdout": b"fine", "outputs/a/b": b"12345"})
        work.spoil("outputs/a/b", spoil, tmp_path)
        with pytest.raises(PublishError):
            publisher.publish(manifest, work.directory(1))
        with pytest.raises(ResultNotAvailable):
            publisher.open(JOB, manifest.streams[0])
        assert [*publisher.find()] == []

    @pytest.mark.parametrize("path", ["../x", "/etc/passwd", "outputs/../../x", "", "a//b", "./x", "a\0b"])
    def test_publishes_and_opens_no_path_that_leads_out(self, publisher: Publisher, work: Work, path: str) -> None:
        manifest = work.results({"stdout": b"fine"})
        strange = OutputFile(path=path, size=4, sha256="0" * 64, media_type="text/plain")
        with pytest.raises(PublishError):
            publisher.publish(
                Manifest(job_id=JOB, attempt=1, created_at=manifest.created_at, outputs={"a": strange}),
                work.directory(1),
            )
        publisher.publish(manifest, work.directory(1))
        with pytest.raises(ResultNotAvailable):
            publisher.open(JOB, strange)

    def test_readers_see_whole_files_while_attempts_replace_each_other(self, publisher: Publisher, work: Work) -> None:
        manifests = [
            work.results({"stdout": bytes([number]) * 5000, "outputs/a": bytes([number]) * 7000}, attempt=number)
            for number in range(1, 21)
        ]
        publisher.publish(manifests[0], work.directory(1))
        over = threading.Event()
        strange: list[bytes] = []

        def read() -> None:
            while not over.is_set():
                with publisher.open(JOB, manifests[0].streams[0]) as stream:
                    content = stream.read()
                if len(content) != 5000 or len(set(content)) != 1:
                    strange.append(content)

        with ThreadPoolExecutor(1) as pool:
            reader = pool.submit(read)
            try:
                for manifest in manifests[1:]:
                    publisher.publish(manifest, work.directory(manifest.attempt))
            finally:
                over.set()
            reader.result(30)
        assert not strange

    def test_jobs_are_published_at_the_same_time(self, publisher: Publisher, work: Work) -> None:
        jobs = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(8)]
        manifests = [
            work.results({"stdout": job.encode()}, job_id=job, attempt=number) for number, job in enumerate(jobs, 1)
        ]
        with ThreadPoolExecutor(8) as pool:
            [*pool.map(lambda manifest: publisher.publish(manifest, work.directory(manifest.attempt)), manifests)]
        assert sorted(publisher.find()) == jobs


class Work:
    """Directories of attempts with results in them, as a worker leaves them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def directory(self, attempt: int) -> Path:
        return self._root / str(attempt)

    def results(self, contents: Mapping[str, bytes], *, job_id: str = JOB, attempt: int = 1) -> Manifest:
        """Write files and return the manifest that lists them: those outside ``outputs/`` are streams."""
        files = [self._write(self.directory(attempt), path, content) for path, content in contents.items()]
        outputs = [file for file in files if file.path.startswith("outputs/")]
        return Manifest(
            job_id=job_id,
            attempt=attempt,
            created_at=datetime(2026, 1, 2, tzinfo=UTC),
            exit_code=0,
            outputs={"tree": OutputDirectory(path="outputs", files=tuple(outputs)), "count": len(outputs)},
            streams=tuple(file for file in files if file not in outputs),
        )

    def spoil(self, path: str, how: str, elsewhere: Path) -> None:
        """Make a file of attempt 1 something else than its manifest says."""
        target = self.directory(1) / path
        if how == "grow":
            target.write_bytes(target.read_bytes() + b"more")
            return
        size = target.stat().st_size
        target.unlink()
        if how == "link":
            (elsewhere / "secret").write_bytes(b"s" * size)
            target.symlink_to(elsewhere / "secret")
        elif how == "directory":
            target.mkdir()
        elif how == "pipe":
            os.mkfifo(target)

    def remove(self, attempt: int) -> None:
        for path in sorted(self._below(attempt), reverse=True):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()

    def _below(self, attempt: int) -> Iterator[Path]:
        yield from self.directory(attempt).rglob("*")

    def _write(self, directory: Path, path: str, content: bytes) -> OutputFile:
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return OutputFile(
            path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest(), media_type="text/plain"
        )
