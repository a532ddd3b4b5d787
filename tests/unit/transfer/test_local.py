from __future__ import annotations

import errno
import json
import os
import resource
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from weaverlite.errors import PublishError, ResultNotAvailable
from weaverlite.models.results import Manifest, OutputFile
from weaverlite.testing.transfer import JOB, Work
from weaverlite.transfer import local
from weaverlite.transfer.local import LocalPublisher


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "work")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def publisher(results: Path) -> LocalPublisher:
    return LocalPublisher(results)


def test_the_layout_is_the_one_layout(publisher: LocalPublisher, work: Work, results: Path) -> None:
    manifest = work.results({"stdout": b"out", "exitCode": b"0", "outputs/a/b.csv": b"1"})
    publisher.publish(manifest, work.directory(1))
    found = sorted(str(path.relative_to(results)) for path in results.rglob("*") if path.is_file())
    assert found == [f"{JOB}/{name}" for name in ("exitCode", "manifest.json", "outputs/a/b.csv", "stdout")]
    document = json.loads((results / JOB / "manifest.json").read_text(encoding="utf-8"))
    assert Manifest.from_json(document) == manifest


def test_files_are_linked_not_copied(publisher: LocalPublisher, work: Work, results: Path) -> None:
    publisher.publish(work.results({"outputs/large": b"x" * 1000}), work.directory(1))
    published, source = (root / "outputs/large" for root in (results / JOB, work.directory(1)))
    assert published.stat().st_ino == source.stat().st_ino


def test_a_file_with_another_name_elsewhere_is_copied(
    publisher: LocalPublisher, work: Work, results: Path, tmp_path: Path
) -> None:
    manifest = work.results({"outputs/a": b"content"})
    os.link(work.directory(1) / "outputs/a", tmp_path / "elsewhere")
    publisher.publish(manifest, work.directory(1))
    (tmp_path / "elsewhere").write_bytes(b"changed")
    assert (results / JOB / "outputs/a").read_bytes() == b"content"


def test_published_files_can_be_read_and_not_executed(publisher: LocalPublisher, work: Work, results: Path) -> None:
    manifest = work.results({"outputs/a": b"1", "outputs/b": b"2"})
    (work.directory(1) / "outputs/a").chmod(0o4711)
    (work.directory(1) / "outputs/b").chmod(0o400)
    publisher.publish(manifest, work.directory(1))
    assert [(results / JOB / "outputs" / name).stat().st_mode & 0o7777 for name in "ab"] == [0o600, 0o600]


def test_nothing_is_left_beside_the_results(publisher: LocalPublisher, work: Work, results: Path) -> None:
    publisher.publish(work.results({"stdout": b"1"}), work.directory(1))
    publisher.publish(work.results({"stdout": b"2"}, attempt=2), work.directory(2))
    with pytest.raises(PublishError):
        publisher.publish(work.results({"stdout": b"1"}), work.directory(1))
    assert os.listdir(results) == [JOB]


def test_what_a_crash_left_is_found_and_removed(publisher: LocalPublisher, results: Path) -> None:
    (results / f".{JOB}~2~0badc0de" / "outputs").mkdir(parents=True)
    (results / "lost+found").mkdir()
    (results / "README.txt").touch()
    assert [*publisher.find()] == [JOB]
    publisher.remove(JOB)
    assert [*publisher.find()] == []
    assert sorted(os.listdir(results)) == ["README.txt", "lost+found"]


@pytest.mark.parametrize("job_id", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "a~b", "a" * 200])
def test_strange_ids_of_jobs_reach_nothing(publisher: LocalPublisher, work: Work, results: Path, job_id: str) -> None:
    manifest = work.results({"stdout": b"x"})
    publisher.publish(manifest, work.directory(1))
    publisher.remove(job_id)
    with pytest.raises(ResultNotAvailable):
        publisher.open(job_id, manifest.streams[0])
    with pytest.raises(PublishError):
        publisher.publish(work.results({"stdout": b"x"}, job_id=job_id, attempt=2), work.directory(2))
    assert os.listdir(results) == [JOB]


def test_a_file_that_was_changed_or_replaced_is_not_served(
    publisher: LocalPublisher, work: Work, results: Path, tmp_path: Path
) -> None:
    manifest = work.results({"outputs/a": b"12345", "outputs/b/c": b"67890"})
    publisher.publish(manifest, work.directory(1))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "c").write_bytes(b"nosey")
    (results / JOB / "outputs/a").write_bytes(b"123")
    (results / JOB / "outputs/b/c").unlink()
    (results / JOB / "outputs/b").rmdir()
    (results / JOB / "outputs/b").symlink_to(tmp_path / "secret")
    for path in ("outputs/a", "outputs/b/c"):
        file = manifest.find(path)
        assert file
        with pytest.raises(ResultNotAvailable):
            publisher.open(JOB, file)


def test_the_manifest_cannot_be_an_output(publisher: LocalPublisher, work: Work, results: Path) -> None:
    manifest = work.results({"manifest.json": b"{}"})
    with pytest.raises(PublishError):
        publisher.publish(manifest, work.directory(1))
    assert os.listdir(results) == []


def test_a_value_that_is_no_json_is_told(publisher: LocalPublisher, work: Work) -> None:
    bare = Manifest(job_id=JOB, attempt=1, created_at=datetime(2026, 1, 1, tzinfo=UTC), outputs={"a": object()})
    with pytest.raises(PublishError):
        publisher.publish(bare, work.directory(1))


def test_a_full_disk_is_told_and_leaves_nothing(publisher: LocalPublisher, work: Work, results: Path) -> None:
    manifest = work.results({"outputs/a": b"x" * 50_000})
    os.link(work.directory(1) / "outputs/a", work.directory(1) / "second")  # A second name: it must be copied.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(PublishError, match="could not be copied"):
            publisher.publish(manifest, work.directory(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(results) == []


def test_directories_are_swapped_also_where_the_kernel_cannot(
    publisher: LocalPublisher, work: Work, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Network file systems refuse RENAME_EXCHANGE; none is at hand here.
    monkeypatch.setattr(local, "_renameat2", lambda: None)
    publisher.publish(work.results({"stdout": b"first"}), work.directory(1))
    manifest = work.results({"stdout": b"second"}, attempt=2)
    publisher.publish(manifest, work.directory(2))
    with publisher.open(JOB, manifest.streams[0]) as stream:
        assert stream.read() == b"second"
    assert os.listdir(results) == [JOB]


def test_a_file_system_without_links_gets_copies(publisher: LocalPublisher, work: Work, tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    here = Work(shared / f"weaverlite-{os.getpid()}")
    try:
        manifest = here.results({"stdout": b"from elsewhere"})
        publisher.publish(manifest, here.directory(1))
    finally:
        here.remove(1)
        here.directory(1).rmdir()
        here.directory(1).parent.rmdir()
    with publisher.open(JOB, manifest.streams[0]) as stream:
        assert stream.read() == b"from elsewhere"


def test_words_of_the_system_are_given(publisher: LocalPublisher, results: Path, work: Work) -> None:
    results.write_bytes(b"a file where the directory should be")
    with pytest.raises(PublishError, match=os.strerror(errno.ENOTDIR)):
        publisher.publish(work.results({"stdout": b"x"}), work.directory(1))
    with pytest.raises(ResultNotAvailable):
        publisher.open(JOB, OutputFile(path="stdout", size=1, sha256="", media_type="text/plain"))


def test_an_interrupted_publication_is_removed_unless_its_attempt_still_runs(tmp_path: Path) -> None:
    publisher = LocalPublisher(tmp_path)
    for attempt in (1, 2):
        hidden = tmp_path / f".job~{attempt}~0123456789ab"
        hidden.mkdir()
        (hidden / "stdout").write_bytes(b"half")
    (tmp_path / ".hidden-of-somebody-else").mkdir()
    publisher.tidy(lambda job_id, attempt: (job_id, attempt) == ("job", 2))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".hidden-of-somebody-else", ".job~2~0123456789ab"]
