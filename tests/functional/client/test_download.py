"""Results on the disk: whole, resumed, checked, and never outside their directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.functional.client.wire import JOB, RemoteJob, Wire, digest
from weaverlite.client import InvalidUsage, JobFailed, ProblemError, TransferFailed, Unreachable, WeaverClient, fetch

LARGE = os.urandom(3 * 1024 * 1024 + 17)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.001)


@pytest.fixture
def job(wire: Wire) -> RemoteJob:
    """A successful job with a file, a list of files with one name, a directory and a literal."""
    job = wire.add_job(RemoteJob())
    outputs = {
        "data": {"file": job.add_file("outputs/data/large.nc", LARGE, "application/netcdf")},
        "many": {
            "items": [
                {"file": job.add_file(f"outputs/many/{number}/x.txt", f"{number}".encode())} for number in range(2)
            ]
        },
        "folder": {
            "directory": {"path": "outputs/folder/d", "files": [job.add_file("outputs/folder/d/sub/f", b"f")]}
        },
        "empty": {"directory": {"path": "outputs/empty/e", "files": []}},
        "outputs": {"file": job.add_file("outputs/direct.txt", b"direct")},
        "count": {"value": 42},
    }
    job.make_manifest(outputs, stdout=b"said\n", stderr=b"", exitCode=b"0")
    base = f"{wire.url}/jobs/{JOB}"
    job.results = {
        "data": {"href": f"{base}/outputs/data/large.nc", "type": "application/netcdf"},
        "many": [{"href": f"{base}/outputs/many/{number}/x.txt", "type": "text/plain"} for number in range(2)],
        "folder": {
            "href": f"{base}/outputs/folder/d/",
            "type": "inode/directory",
            "listing": [{"href": f"{base}/outputs/folder/d/sub/f"}],
        },
        "empty": {"href": f"{base}/outputs/empty/e/", "type": "inode/directory"},
        "outputs": {"href": f"{base}/outputs/direct.txt", "type": "text/plain"},
        "count": 42,
    }
    return job


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


EVERYTHING = {
    "stdout",
    "stderr",
    "exitCode",
    "manifest.json",
    "results.json",
    "outputs/data/large.nc",
    "outputs/many/0/x.txt",
    "outputs/many/1/x.txt",
    "outputs/folder/d/sub/f",
    "outputs/direct.txt",
}


def test_everything_is_laid_out(wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path) -> None:
    results = client.results(job_id=JOB, output_dir=tmp_path / "not yet there")
    root = tmp_path / "not yet there" / JOB
    assert results and results.directory == root
    assert names(root) == EVERYTHING
    assert (root / "outputs" / "empty" / "e").is_dir()
    assert (root / "outputs" / "data" / "large.nc").read_bytes() == LARGE
    assert results.body["data"] == {**job.results["data"], "path": str(root / "outputs/data/large.nc")}
    assert results.body["many"][1]["path"] == str(root / "outputs/many/1/x.txt")
    assert results.body["folder"]["path"] == str(root / "outputs/folder/d")
    assert results.body["folder"]["listing"][0]["path"] == str(root / "outputs/folder/d/sub/f")
    assert results.body["count"] == 42
    assert json.loads((root / "results.json").read_text(encoding="utf-8")) == results.body
    assert json.loads((root / "manifest.json").read_text(encoding="utf-8")) == job.manifest


def test_results_can_be_used_as_documented(client: WeaverClient, job: RemoteJob) -> None:
    results = client.results(job_id=JOB)
    shown = {
        name: value["href"] if isinstance(value, dict) and "href" in value else value
        for name, value in results.body.items()
    }
    assert shown["count"] == 42 and shown["data"].endswith("/outputs/data/large.nc")


def test_download_without_a_directory_goes_to_the_current_one(
    client: WeaverClient, job: RemoteJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert client.results(JOB, download=True).directory == tmp_path / JOB


def test_download_that_is_cut_again_and_again_is_resumed(
    wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path
) -> None:
    wire.cuts = [1_000_000, 0, 1, 500_000]
    assert client.results(JOB, output_dir=tmp_path)
    assert (tmp_path / JOB / "outputs/data/large.nc").read_bytes() == LARGE
    assert names(tmp_path / JOB) == EVERYTHING


def test_next_command_goes_on_where_the_last_one_broke_off(
    wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*job.files]:
        if name != "outputs/data/large.nc":
            del job.files[name]
    job.make_manifest({"data": {"file": job.add_file("outputs/data/large.nc", LARGE)}})
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    wire.cuts = [1_000_000, 0]
    first = client.results(JOB, output_dir=tmp_path)
    part = tmp_path / JOB / "outputs/data/large.nc.part"
    assert not first and isinstance(first.error, Unreachable)
    there = part.stat().st_size
    assert 900_000 < there <= 1_000_000
    assert client.results(JOB, output_dir=tmp_path)
    assert wire.calls[-1].headers["Range"] == f"bytes={there}-"
    assert not part.exists() and part.with_suffix("").read_bytes() == LARGE


def test_part_of_something_else_is_thrown_away(
    wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path
) -> None:
    target = tmp_path / JOB / "outputs/data/large.nc"
    target.parent.mkdir(parents=True)
    for content in (b"x" * 1000, b"x" * len(LARGE), b"x" * (len(LARGE) + 1)):
        target.unlink(missing_ok=True)
        target.with_name("large.nc.part").write_bytes(content)
        assert client.results(JOB, output_dir=tmp_path)
        assert target.read_bytes() == LARGE


def test_server_without_ranges_is_read_from_the_start(
    wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path
) -> None:
    wire.honours_range = False
    wire.cuts = [1000]
    assert client.results(JOB, output_dir=tmp_path)
    assert (tmp_path / JOB / "outputs/data/large.nc").read_bytes() == LARGE


def test_damaged_file_is_never_put_in_place(wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path) -> None:
    job.files["outputs/direct.txt"] = b"dirEct"
    result = client.results(JOB, output_dir=tmp_path)
    assert isinstance(result.error, TransferFailed) and "outputs/direct.txt arrived damaged" in result.message
    assert not {name for name in names(tmp_path / JOB) if name.startswith("outputs/direct")}


@pytest.mark.parametrize("content", [b"direct and more", b"dir"])
def test_file_of_another_size_is_refused(client: WeaverClient, job: RemoteJob, tmp_path: Path, content: bytes) -> None:
    job.files["outputs/direct.txt"] = content
    result = client.results(JOB, output_dir=tmp_path)
    assert isinstance(result.error, TransferFailed) and "outputs/direct.txt" in result.message


def test_identical_files_are_kept_and_others_not_overwritten_unless_told(
    wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path
) -> None:
    assert client.results(JOB, output_dir=tmp_path)
    wire.calls.clear()
    assert client.results(JOB, output_dir=tmp_path)
    assert not [path for path in wire.paths() if "/outputs/" in path]
    mine = tmp_path / JOB / "outputs" / "direct.txt"
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(InvalidUsage, match=r"direct\.txt is there already and differs"):
        client.results(JOB, output_dir=tmp_path)
    assert mine.read_text(encoding="utf-8") == "mine"
    assert client.results(JOB, output_dir=tmp_path, overwrite=True)
    assert mine.read_text(encoding="utf-8") == "direct"


def test_directory_in_the_place_of_a_file_is_told(client: WeaverClient, job: RemoteJob, tmp_path: Path) -> None:
    (tmp_path / JOB / "stdout").mkdir(parents=True)
    with pytest.raises(InvalidUsage, match="stdout is a directory"):
        client.results(JOB, output_dir=tmp_path)


def test_names_that_lead_out_are_refused_before_anything_is_written(
    wire: Wire, client: WeaverClient, job: RemoteJob, tmp_path: Path
) -> None:
    assert job.manifest is not None
    job.manifest["outputs"]["evil"] = {"file": {**job.add_file("x", b"x"), "path": "outputs/../../../evil"}}
    result = client.results(JOB, output_dir=tmp_path / "out")
    assert isinstance(result.error, TransferFailed) and "outside the layout" in result.message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_place_that_cannot_be_written_is_told(client: WeaverClient, job: RemoteJob, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    result = client.results(JOB, output_dir=tmp_path / "file")
    assert isinstance(result.error, TransferFailed) and "cannot be made" in result.message


# ---------------------------------------------------------------- jobs that did not end well


@pytest.mark.parametrize(
    ("status", "problem"),
    [("failed", {"status": 400}), ("dismissed", {"status": 410, "detail": "The job was dismissed."})],
)
def test_what_a_failed_job_left_is_downloaded(
    wire: Wire, client: WeaverClient, tmp_path: Path, status: str, problem: dict[str, Any]
) -> None:
    job = wire.add_job(RemoteJob(states=[{"status": status}], problem=problem))
    job.make_manifest(
        {"part": {"file": job.add_file("outputs/part/x.txt", b"x")}, "n": {"value": 1}}, stdout=b"o", exitCode=b"1"
    )
    result = client.results(JOB, output_dir=tmp_path)
    root = tmp_path / JOB
    assert not result and isinstance(result.error, JobFailed) and result.error.status == status
    assert result.directory == root
    assert names(root) == {"stdout", "exitCode", "manifest.json", "results.json", "outputs/part/x.txt"}
    assert json.loads((root / "results.json").read_text(encoding="utf-8")) == {
        "part": {
            "href": f"{wire.url}/jobs/{JOB}/outputs/part/x.txt",
            "type": "text/plain",
            "path": str(root / "outputs/part/x.txt"),
        },
        "n": 1,
    }


def test_job_that_never_started_leaves_an_empty_directory(wire: Wire, client: WeaverClient, tmp_path: Path) -> None:
    wire.add_job(RemoteJob(states=[{"status": "dismissed"}], problem={"status": 410}))
    result = client.results(JOB, output_dir=tmp_path)
    assert not result and result.directory is not None and names(result.directory) == {"results.json"}


def test_results_of_a_running_job_are_not_ready(wire: Wire, client: WeaverClient, tmp_path: Path) -> None:
    wire.add_job(RemoteJob(states=[{"status": "running"}]))
    result = client.results(JOB, output_dir=tmp_path)
    assert (result.code, result.message) == (404, "The results are not ready: the job has not ended.")
    assert isinstance(result.error, ProblemError) and result.error.is_not_ready
    assert result.directory is None and not [*tmp_path.iterdir()]


def test_unknown_job_leaves_nothing(client: WeaverClient, tmp_path: Path) -> None:
    assert client.results(JOB, output_dir=tmp_path).code == 404
    assert not [*tmp_path.iterdir()]


# ---------------------------------------------------------------- other services


def test_files_of_a_service_without_manifests_are_found_by_reference(
    wire: Wire, client: WeaverClient, tmp_path: Path
) -> None:
    wire.has_manifest = False
    job = wire.add_job(RemoteJob("other"))
    for number, name in enumerate(("files/a.txt", "x/same.txt", "y/same.txt", "files/image")):
        job.files[name] = f"content {number}".encode()
    base = f"{wire.url}/jobs/other"
    job.results = {
        "one": {"href": f"{base}/files/a.txt", "type": "text/plain"},
        "two": [{"href": f"{base}/x/same.txt"}, {"href": f"{base}/y/same.txt"}],
        "typed": {"href": "files/image", "type": "image/png"},
        "bucket": {"href": "s3://bucket/key"},
        "inline": {"value": "<x/>", "mediaType": "text/xml"},
        "n": 3,
    }
    result = client.results("other", output_dir=tmp_path)
    root = tmp_path / "other"
    assert result.check()
    assert names(root) == {
        "results.json",
        "outputs/one/a.txt",
        "outputs/two/0/same.txt",
        "outputs/two/1/same.txt",
        "outputs/typed/image.png",
    }
    assert (root / "outputs/two/1/same.txt").read_bytes() == b"content 2"
    assert result.body["bucket"] == {"href": "s3://bucket/key"} and result.body["n"] == 3
    with pytest.raises(InvalidUsage, match="is there already"):
        client.results("other", output_dir=tmp_path)


def test_file_of_unknown_size_is_resumed_within_one_command(wire: Wire, client: WeaverClient, tmp_path: Path) -> None:
    wire.has_manifest = False
    job = wire.add_job(RemoteJob("other"))
    job.files["files/large"] = LARGE
    job.results = {"one": {"href": f"{wire.url}/jobs/other/files/large"}}
    wire.cuts = [1_000_000]
    assert client.results("other", output_dir=tmp_path)
    assert (tmp_path / "other/outputs/one/large").read_bytes() == LARGE
    assert wire.calls[-1].headers["If-Range"] == f'"{digest(LARGE)}"'


def test_results_that_are_no_document_are_told(wire: Wire, client: WeaverClient, tmp_path: Path) -> None:
    wire.has_manifest = False
    wire.add_job(RemoteJob("other"))
    wire.canned[("GET", "/jobs/other/results")] = (200, {"Content-Type": "text/plain"}, b"raw")
    result = client.results("other", output_dir=tmp_path)
    assert isinstance(result.error, TransferFailed) and "not a JSON document" in result.message
