"""Whole result sets as zip and tar archives."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile

import pytest

from weaverlite.ogc import exceptions
from weaverlite.testing.app import URL

from .conftest import TABLE, ended, submit

PATHS = {
    "manifest.json",
    "stdout",
    "stderr",
    "exitCode",
    "outputs/table/table.csv",
    "outputs/page/größe 100%.html",
    "outputs/maps/maps/deep/a.txt",
    "outputs/parts/0/first.txt",
}
LARGE = bytes(range(256)) * (1 << 17)


def files_of(answer, form):
    """Return the content of each file in an archive, by its name."""
    stream = io.BytesIO(answer.content)
    if form == "zip":
        with zipfile.ZipFile(stream) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        return {item.name: archive.extractfile(item).read() for item in archive if item.isfile()}


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_has_every_file_in_its_place_with_its_digest(http, job, form):
    answer = http.get(f"{job}/results?f={form}")
    assert answer.headers["Content-Type"] == {"zip": "application/zip", "tar": "application/x-tar"}[form]
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job.rpartition("/")[2]}.{form}"'
    found = files_of(answer, form)
    assert found.keys() == PATHS
    assert found["outputs/table/table.csv"] == TABLE
    manifest = json.loads(found["manifest.json"])
    assert manifest["outputs"]["count"] == {"value": 3}
    told = manifest["outputs"]["table"]["file"]
    assert (told["size"], told["sha256"]) == (len(TABLE), hashlib.sha256(TABLE).hexdigest())


@pytest.mark.parametrize(
    "accept", ["application/zip", "application/zip, application/json;q=0.1", "application/zip;q=0.2"]
)
def test_an_archive_comes_for_who_accepts_it(http, job, accept):
    assert http.get(f"{job}/results", headers={"Accept": accept}).headers["Content-Type"] == "application/zip"


@pytest.mark.parametrize("accept", ["application/*", "*/*", "application/zip;q=0.1, application/json"])
def test_an_archive_does_not_come_for_who_accepts_anything(http, job, accept):
    assert http.get(f"{job}/results", headers={"Accept": accept}).headers["Content-Type"] == "application/json"


def test_an_archive_of_some_outputs_has_these_alone(http, job):
    found = files_of(http.get(f"{job}/results?f=zip&outputs=page"), "zip")
    assert found.keys() == {"manifest.json", "stdout", "stderr", "exitCode", "outputs/page/größe 100%.html"}
    assert json.loads(found["manifest.json"])["outputs"].keys() == {"page"}
    assert files_of(http.get(f"{job}/results/maps?f=tar"), "tar")["outputs/maps/maps/deep/a.txt"] == b"a"


@pytest.mark.parametrize("body", [{}, {"response": "raw"}, {"outputs": {"table": {"transmissionMode": "reference"}}}])
def test_an_execution_can_be_answered_with_an_archive(http, body):
    answer = http.post(f"{URL}/processes/report/execution?f=tar", json=body)
    assert files_of(answer, "tar")["outputs/table/table.csv"] == TABLE


def test_an_archive_of_what_is_not_there_is_refused_like_any_results(http, job, gate_name):
    failed = submit(http, "fail")
    ended(http, failed)
    assert http.get(f"{failed}/results?f=zip").status_code == 400
    answer = http.get(f"{job}/results?f=zip&outputs=nothing")
    assert answer.json()["type"] == exceptions.NO_SUCH_OUTPUT
    running = submit(http, "gate", name=gate_name)
    assert http.get(f"{running}/results?f=zip").json()["type"] == exceptions.RESULT_NOT_READY
    assert http.get(f"{URL}/processes?f=zip").status_code == 406


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_is_made_while_it_is_sent_and_ends_with_its_reader(service, http, form, monkeypatch):
    made = submit(http, "large")
    ended(http, made)
    opened = []
    real = service.runtime.publisher.open

    def watched(job_id, file):
        opened.append(stream := real(job_id, file))
        return stream

    # The publisher is the real one; the test only remembers what it gave out.
    monkeypatch.setattr(service.runtime.publisher, "open", watched)
    with http.get(f"{made}/results?f={form}", stream=True) as answer:
        assert int(answer.headers["Content-Length"]) > len(LARGE)
        received = 0
        for chunk in answer.iter_content(1 << 20):
            received += len(chunk)
            if received > 4 << 20:
                break
        assert received < len(LARGE) / 2
        assert not opened[-1].closed
    assert opened[-1].closed


def test_the_head_of_an_archive_says_how_large_it_is(http, job):
    whole = http.get(f"{job}/results?f=tar")
    head = http.head(f"{job}/results?f=tar")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert head.content == b""
