"""The shape of results, from what is stored of a job, over a real store and publisher."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.functional.services.conftest import finish, manifest_of, start, write
from weaverlite import schemas
from weaverlite.errors import (
    EngineError,
    JobDismissed,
    JobFailed,
    NoSuchJob,
    NoSuchOutput,
    ResultNotAvailable,
    ResultNotReady,
)
from weaverlite.models.results import OutputDirectory, OutputFile
from weaverlite.services.jobs import ExecuteRequest
from weaverlite.services.results import Results
from weaverlite.transfer.local import LocalPublisher


class Links:
    def output_file(self, job_id, path):
        return f"http://here/jobs/{job_id}/{path}"

    def output(self, job_id, output_id, index=None):
        return f"http://here/jobs/{job_id}/results/{output_id}" + ("" if index is None else f"/{index}")


LINKS = Links()


@pytest.fixture
def results(store, publisher):
    return Results(store, publisher)


@pytest.fixture
def source(tmp_path):
    return tmp_path / "work"


@pytest.fixture
def submit(jobs, store):
    """Submit and start a job that asks for these outputs."""

    def submit(outputs=None, owner=None):
        request = ExecuteRequest(inputs={"text": "a"}, outputs=outputs)
        return start(store, jobs.submit("stats", request, owner))

    return submit


@pytest.fixture
def shape(results):
    return lambda value: results.shape("j", value, LINKS, "out")


FILE = OutputFile(path="outputs/out/t.csv", size=3, sha256="0" * 64, media_type="text/csv")
LINK = {"href": "http://here/jobs/j/outputs/out/t.csv", "type": "text/csv"}


@pytest.mark.parametrize(
    ("value", "shaped"),
    [
        (42, 42),
        (True, True),
        ("text", "text"),
        ([1, 2], [1, 2]),
        ([], []),
        ({"bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3, 4]}),
        ({"a": {"b": 1}}, {"value": {"a": {"b": 1}}, "mediaType": "application/json"}),
        ([{"a": 1}], [{"value": {"a": 1}, "mediaType": "application/json"}]),
        (FILE, LINK),
        ([FILE, FILE], [LINK, LINK]),
        ({"n": 1, "f": FILE, "l": [FILE]}, {"value": {"n": 1, "f": LINK, "l": [LINK]},
         "mediaType": "application/json"}),
    ],
)
def test_values_have_the_shape_of_the_standard(shape, value, shaped):
    assert shape(value) == shaped
    assert schemas.validate("results", {"out": shaped}) == []


def test_secondary_files_are_links_too(shape):
    index = OutputFile(path="outputs/out/t.idx", size=0, sha256="0" * 64, media_type="application/octet-stream")
    file = OutputFile(path="outputs/out/t.csv", size=3, sha256="0" * 64, media_type="text/csv", secondary=(index,))
    assert shape(file)["secondaryFiles"] == [
        {"href": "http://here/jobs/j/outputs/out/t.idx", "type": "application/octet-stream"}
    ]


def test_a_directory_is_a_link_with_a_listing_of_files(shape):
    files = tuple(
        OutputFile(path=f"outputs/out/maps/{name}", size=0, sha256="0" * 64, media_type="image/png")
        for name in ("a.png", "deep/b.png")
    )
    directory = OutputDirectory(path="outputs/out/maps", files=files)
    found = shape(directory)
    assert found["href"] == "http://here/jobs/j/results/out"
    assert (found["type"], found["title"]) == ("inode/directory", "maps")
    assert [(item["title"], item["href"]) for item in found["listing"]] == [
        ("a.png", "http://here/jobs/j/outputs/out/maps/a.png"),
        ("deep/b.png", "http://here/jobs/j/outputs/out/maps/deep/b.png"),
    ]
    assert [item["href"] for item in shape([directory, directory])] == [
        "http://here/jobs/j/results/out/0",
        "http://here/jobs/j/results/out/1",
    ]


def test_the_document_holds_all_outputs_in_the_order_of_the_process(results, store, publisher, submit, source):
    table = write(source, "outputs/table/t.csv", "a,b\n", "text/csv")
    job = finish(store, publisher, submit(), source, count=3, all=None, table=table)
    document = results.document(job.job_id, None, LINKS)
    assert list(document.items()) == [
        ("table", {"href": f"http://here/jobs/{job.job_id}/outputs/table/t.csv", "type": "text/csv"}),
        ("count", 3),
    ]
    assert [(found.output_id, found.media_type) for found in results.outputs(job.job_id, None)] == [
        ("table", "text/csv"),
        ("count", "application/json"),
    ]


def test_only_requested_outputs_are_answered(results, store, publisher, submit, source):
    table = write(source, "outputs/table/t.csv", "a,b\n", "text/csv")
    job = finish(store, publisher, submit({"count": {}}), source, count=3, table=table)
    assert results.document(job.job_id, None, LINKS) == {"count": 3}
    with pytest.raises(ResultNotAvailable, match="without asking"):
        results.output(job.job_id, None, "table")
    with pytest.raises(ResultNotAvailable):
        results.document(job.job_id, None, LINKS, ["table"])
    with pytest.raises(NoSuchOutput, match="is 'count' meant"):
        results.output(job.job_id, None, "cuont")


def test_a_choice_of_outputs_can_be_asked_for(results, store, publisher, submit, source):
    job = finish(store, publisher, submit(), source, count=3, all={"a": 1})
    assert results.document(job.job_id, None, LINKS, ["count"]) == {"count": 3}
    with pytest.raises(NoSuchOutput):
        results.document(job.job_id, None, LINKS, ["count", "nope"])


def test_a_job_that_was_to_give_nothing_has_no_results(results, store, publisher, submit, source):
    job = finish(store, publisher, submit({}), source, count=3)
    with pytest.raises(ResultNotAvailable, match="without asking for any output"):
        results.document(job.job_id, None, LINKS)


def test_one_output_and_one_item_of_it(results, store, publisher, submit, source):
    job = finish(store, publisher, submit(), source, count=[1, "b"], table=None)
    assert results.output(job.job_id, None, "count").value == [1, "b"]
    item = results.output(job.job_id, None, "count", 1)
    assert (item.value, item.media_type) == ("b", "text/plain")
    for missing in (2, -1):
        with pytest.raises(ResultNotAvailable, match="no item"):
            results.output(job.job_id, None, "count", missing)
    with pytest.raises(ResultNotAvailable, match="without a value"):
        results.output(job.job_id, None, "table")


def test_a_job_that_has_not_ended_says_so(results, store, publisher, submit):
    job = submit()
    for question in (
        lambda: results.document(job.job_id, None, LINKS),
        lambda: results.output(job.job_id, None, "count"),
        lambda: results.manifest(job.job_id, None),
        lambda: results.file(job.job_id, None, "stdout"),
    ):
        with pytest.raises(ResultNotReady) as caught:
            question()
        assert caught.value.problem()["status"] == 404
        assert "the job is running" in caught.value.detail
    early = Results(store, publisher, not_ready_status=400)
    with pytest.raises(ResultNotReady) as caught:
        early.document(job.job_id, None, LINKS)
    problem = caught.value.problem()
    assert (caught.value.status, problem["status"]) == (400, 400)
    assert problem["type"].endswith("result-not-ready")


def test_results_of_a_failed_job_are_its_own_problem(results, store, publisher, submit, source):
    job = submit()
    failure = EngineError("The tool ended with exit code 3.").problem()
    manifest = manifest_of(job, source)
    publisher.publish(manifest, source)
    store.jobs.save(job.fail(failure, datetime.now(UTC), exit_code=3), manifest)
    with pytest.raises(JobFailed) as caught:
        results.document(job.job_id, None, LINKS)
    assert caught.value.status == 400
    assert caught.value.problem() == {**failure, "status": 400}
    # What it left is there all the same.
    stdout = results.file(job.job_id, None, "stdout")
    with results.open(job.job_id, stdout) as stream:
        assert stream.read() == b"said\n"
    assert results.manifest(job.job_id, None) == manifest


def test_a_dismissed_job_has_no_results_but_keeps_its_streams(results, store, publisher, submit, source):
    job = submit()
    manifest = manifest_of(job, source)
    publisher.publish(manifest, source)
    store.jobs.save(job.dismiss(datetime.now(UTC)), manifest)
    with pytest.raises(JobDismissed):
        results.output(job.job_id, None, "count")
    assert results.file(job.job_id, None, "exitCode").path == "exitCode"


def test_a_job_that_ended_before_it_started_left_nothing(results, jobs):
    job = jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}), None)
    jobs.dismiss(job.job_id, None)
    with pytest.raises(ResultNotAvailable):
        results.manifest(job.job_id, None)


def test_files_are_looked_up_never_made_into_paths(results, store, publisher, submit, source):
    job = finish(store, publisher, submit(), source)
    for path in ("../../jobs.db", "/etc/passwd", "outputs", "manifest.json", ""):
        with pytest.raises(ResultNotAvailable):
            results.file(job.job_id, None, path)


def test_a_publisher_that_has_urls_is_asked_for_them(store, submit, tmp_path, source):
    class Elsewhere(LocalPublisher):
        def link(self, job_id, file):
            return f"https://bucket/{job_id}/{file.path}?signed"

    publisher = Elsewhere(tmp_path / "bucket")
    table = write(source, "outputs/table/t.csv", "a,b\n", "text/csv")
    job = finish(store, publisher, submit(), source, table=table)
    document = Results(store, publisher).document(job.job_id, None, LINKS)
    assert document["table"]["href"] == f"https://bucket/{job.job_id}/outputs/table/t.csv?signed"


def test_results_are_their_owners_only(results, store, publisher, submit, source):
    job = finish(store, publisher, submit(owner="ann"), source, count=1)
    assert results.document(job.job_id, "ann", LINKS) == {"count": 1}
    for question in (
        lambda: results.document(job.job_id, "bob", LINKS),
        lambda: results.output(job.job_id, None, "count"),
        lambda: results.manifest(job.job_id, "bob"),
        lambda: results.file(job.job_id, "bob", "stdout"),
    ):
        with pytest.raises(NoSuchJob):
            question()
