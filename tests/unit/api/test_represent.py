"""Models become the documents that the standard names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from weaverlite import schemas
from weaverlite.api import represent
from weaverlite.api.urls import Urls
from weaverlite.models.job import Job, JobEvent, Usage
from weaverlite.models.options import Options
from weaverlite.models.package import Package
from weaverlite.models.process import Deployed, Description, InputDescription, OutputDescription, Process
from weaverlite.models.results import Manifest, OutputFile
from weaverlite.models.upload import Upload
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
URLS = Urls("https://x.org/w/")


def job(**members):
    made = Job(job_id="j1", process_id="p", process_revision=1, created_at=NOW, **members)
    return made.accept(NOW)


def states():
    accepted = job(options=Options(name="n", labels={"a": "b"}))
    running = accepted.start("w", NOW + timedelta(seconds=2))
    done = running.succeed(NOW + timedelta(seconds=5), usage=Usage(cpu_seconds=1.5, peak_memory=10))
    failed = running.fail({"type": "about:blank", "detail": "no"}, NOW + timedelta(seconds=5), exit_code=2)
    return [accepted, running, done, failed, running.dismiss(NOW), accepted.dismiss(NOW)]


@pytest.mark.parametrize("one", states(), ids=lambda one: f"{one.status}-{one.attempt}")
def test_every_state_is_valid_and_has_no_nulls(one):
    document = represent.status_info(one, URLS)
    assert schemas.validate("statusInfo", document) == []
    assert None not in document.values()
    assert find(read_links(document), rel.MONITOR).href == "https://x.org/w/jobs/j1"
    assert (find(read_links(document), rel.RESULTS) is not None) == (one.status == "successful")
    assert (find(read_links(document), rel.EXCEPTIONS) is not None) == (one.status == "failed")


@pytest.mark.parametrize("one", states(), ids=lambda one: f"{one.status}-{one.attempt}")
def test_history_and_statistics_of_every_state_are_valid(one):
    event = JobEvent(job_id="j1", attempt=1, at=NOW, topic="status", message="x", seq=1, step="s")
    assert schemas.validate("history", represent.history(one, [event])) == []
    assert schemas.validate("statistics", represent.statistics(one, None, NOW + timedelta(seconds=9))) == []


def test_statistics_tell_times_usage_and_files():
    done = states()[2]
    stream = OutputFile(path="stdout", size=5, sha256="0", media_type="text/plain")
    table = OutputFile(path="outputs/t/t.csv", size=7, sha256="0", media_type="text/csv")
    manifest = Manifest(job_id="j1", attempt=1, created_at=NOW, outputs={"t": [table]}, streams=(stream,))
    assert represent.statistics(done, manifest, NOW) == {
        "jobID": "j1",
        "attempts": 1,
        "queuedSeconds": 2.0,
        "runSeconds": 3.0,
        "cpuSeconds": 1.5,
        "peakMemory": 10,
        "outputFiles": 1,
        "outputBytes": 7,
    }


def test_the_time_of_a_running_job_goes_on():
    running = states()[1]
    assert represent.statistics(running, None, NOW + timedelta(seconds=12))["runSeconds"] == 10


@pytest.fixture
def process():
    return Process(
        process_id="p",
        revision=3,
        package=Package.of("application/cwl+json", {}),
        engine="cwl",
        description=Description(
            title="T",
            description="D",
            keywords=("k",),
            inputs=(
                InputDescription(input_id="f", schema={"type": "string"}, type_name="File[]", max_occurs=None),
                InputDescription(input_id="n", schema={"type": "integer"}, min_occurs=0, title="N", keywords=("x",)),
            ),
            outputs=(OutputDescription(output_id="o", schema={"type": "string"}, type_name="File"),),
        ),
        created_at=NOW,
        metadata=({"role": "r", "href": "h"},),
        deployed=Deployed(media_type="application/cwl", body=""),
    )


def test_a_description_is_valid_and_tells_files_from_values(process):
    document = represent.process_description(process, URLS)
    assert schemas.validate("process", document) == []
    assert document["inputs"]["f"]["maxOccurs"] == "unbounded"
    assert document["inputs"]["f"]["valuePassing"] == ["byReference", "byValue"]
    assert document["inputs"]["n"] == {
        "title": "N",
        "keywords": ["x"],
        "minOccurs": 0,
        "maxOccurs": 1,
        "valuePassing": ["byValue", "byReference"],
        "schema": {"type": "integer"},
    }
    assert document["outputs"]["o"]["x-cwl-type"] == "File"
    assert find(read_links(document), rel.EXECUTE).href == "https://x.org/w/processes/p/execution"


def test_a_summary_is_valid_and_says_whether_it_can_be_changed(process):
    document = represent.process_summary(process, URLS)
    assert schemas.validate("processSummary", document) == []
    assert document["mutable"] is True


def test_an_upload_names_its_reference():
    kept = Upload(upload_id="u", name="n", media_type="a/b", size=1, sha256="0" * 64, created_at=NOW, expires_at=NOW)
    document = represent.upload(kept)
    assert schemas.validate("upload", document) == []
    assert document["href"] == "vault:u"


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("outputs/a/b.txt", "https://x.org/w/jobs/j/outputs/a/b.txt"),
        ("outputs/a b/ü?#%.txt", "https://x.org/w/jobs/j/outputs/a%20b/%C3%BC%3F%23%25.txt"),
    ],
)
def test_urls_of_files_are_escaped(path, url):
    assert URLS.output_file("j", path) == url
