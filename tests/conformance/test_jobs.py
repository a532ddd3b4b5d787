"""Status and results of jobs: core of both versions of Part 1."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.asserts import (
    JSON,
    PROFILES,
    RELATIONS,
    document,
    header_links,
    link,
    links,
    media_type,
    problem,
    profiled,
    said,
    status,
)
from tests.conformance.marks import V2, both, req
from tests.conformance.packages import MANY_OUTPUTS, MANY_TYPES
from tests.conformance.service import Job, Service

NO_JOB = "ogcapi-processes-1/1.0/no-such-job"
NOT_READY = "ogcapi-processes-1/1.0/result-not-ready"
NOT_AVAILABLE = "ogcapi-processes-1/1.0/result-not-available"
NO_OUTPUT = "ogcapi-processes-1/1.0/no-such-output"
BAD_VALUE = "ogcapi-processes-1/1.0/invalid-query-parameter-value"
STATES = ["successful", "failed", "running", "accepted", "dismissed", "empty", "many"]
#: Ids that no job has.
STRANGERS = [
    "nobody",
    "00000000-0000-0000-0000-000000000000",
    "invalid-job-6d1d1e7c",
    "null",
    "%F0%9F%8C%8D",
    "a" * 300,
    "x.y",
    "1",
]


def shared(service: Service, name: str) -> Job:
    """Return the job of this state that all tests share."""
    found = getattr(service, name)
    assert isinstance(found, Job)
    return found


@both("core/job-op")
@pytest.mark.parametrize("accept", [JSON, "*/*", None])
@pytest.mark.parametrize("name", STATES)
def test_req_core_job_op(service: Service, name: str, accept: str | None) -> None:
    job = shared(service, name)
    found = document(service.get(job.url, accept=accept), "status")
    assert found["jobID"] == found["id"] == job.job_id


@both("core/job-success")
@pytest.mark.parametrize("schema", ["status-1.0", "status-2.0"])
@pytest.mark.parametrize("name", STATES)
def test_req_core_job_success(service: Service, name: str, schema: str) -> None:
    found = document(service.get(shared(service, name).url), schema)
    assert found["status"] == {"empty": "successful", "many": "successful"}.get(name, name)
    assert found["processID"] in ("echo", "conf-many", "conf-fail", "conf-giant", "conf-sleep")
    # 1.0 and 2.0 name the same things by other words: both are there.
    assert found["type"] == "process"
    assert found["processingEntityType"] == "ogc-api-processes"


@both("core/job-success")
@pytest.mark.parametrize("name", STATES)
def test_req_core_job_success__times(service: Service, name: str) -> None:
    """The times that are known are there, and in order."""
    found = document(service.get(shared(service, name).url), "status")
    assert "created" in found
    is_begun = name not in ("accepted",)
    is_ended = name in ("successful", "failed", "empty", "many", "dismissed")
    assert ("started" in found) == is_begun, found
    assert ("finished" in found) == is_ended, found
    times = [found[member] for member in ("created", "started", "finished") if member in found]
    assert times == sorted(times), found
    assert found["updated"] >= found["created"]


@both("core/job-success")
@pytest.mark.parametrize("name", STATES)
def test_req_core_job_success__progress(service: Service, name: str) -> None:
    found = document(service.get(shared(service, name).url), "status")
    assert 0 <= found["progress"] <= 100
    if name in ("successful", "empty", "many"):
        assert found["progress"] == 100


@both("core/job-success")
def test_req_core_job_success__failure(service: Service) -> None:
    """A failed job says why, in the exception of 2.0 and in words."""
    found = document(service.get(service.failed.url), "status")
    assert found["exception"]["type"]
    assert found["message"]


@req(V2 + "core/job-links")
@pytest.mark.parametrize("name", STATES)
def test_req_core_job_links(service: Service, name: str) -> None:
    job = shared(service, name)
    found = document(service.get(job.url), "status")
    assert link(found, "monitor")["href"] == job.url
    assert link(found, "self")["href"] == job.url
    has_results = name in ("successful", "many", "empty")
    results = links(found, RELATIONS + "results")
    assert bool(results) == has_results or name == "empty", found["links"]
    if name in ("successful", "many"):
        assert results[0]["href"] == f"{job.url}/results"
        document(service.get(results[0]["href"]), "results")
    status(service.get(link(found, RELATIONS + "log")["href"], accept=None), 200)


@req(V2 + "core/job-links")
def test_req_core_job_links__exceptions(service: Service) -> None:
    found = document(service.get(service.failed.url), "status")
    status(service.get(link(found, RELATIONS + "exceptions")["href"]), 200)


@both("core/job-exception-no-such-job")
@pytest.mark.parametrize("accept", [JSON, None])
@pytest.mark.parametrize("job_id", STRANGERS)
def test_req_core_job_exception_no_such_job(service: Service, job_id: str, accept: str | None) -> None:
    problem(service.get(f"/jobs/{job_id}", accept=accept), 404, NO_JOB)


@both("core/job-results-exception-no-such-job")
@pytest.mark.parametrize("accept", [JSON, None])
@pytest.mark.parametrize("job_id", STRANGERS)
def test_req_core_job_results_exception_no_such_job(service: Service, job_id: str, accept: str | None) -> None:
    problem(service.get(f"/jobs/{job_id}/results", accept=accept), 404, NO_JOB)


@both("core/job-results-exception-no-such-job")
@pytest.mark.parametrize("path", ["/results/a", "/results/a/0", "/outputs", "/logs", "/inputs", "/manifest"])
def test_req_core_job_results_exception_no_such_job__below(service: Service, path: str) -> None:
    problem(service.get(f"/jobs/nobody{path}"), 404, NO_JOB)


@both("core/job-results-exception-results-not-ready")
@pytest.mark.parametrize("accept", [JSON, None])
@pytest.mark.parametrize("path", ["/results", "/results/stringInput", "/results?outputs=stringInput"])
@pytest.mark.parametrize("name", ["running", "accepted"])
def test_req_core_job_results_exception_results_not_ready(
    service: Service, name: str, path: str, accept: str | None
) -> None:
    problem(service.get(shared(service, name).url + path, accept=accept), 404, NOT_READY)


@both("core/job-results-failed")
@pytest.mark.parametrize("accept", [JSON, None])
@pytest.mark.parametrize("path", ["/results", "/results/never", "/results?outputs=never"])
def test_req_core_job_results_failed(service: Service, path: str, accept: str | None) -> None:
    found = problem(service.get(service.failed.url + path, accept=accept), (400, 404, 500))
    assert not found["type"].endswith(("no-such-job", "result-not-ready")), found
    assert "exit" in str(found) or "3" in str(found.get("detail")), f"the reason is missing: {found}"


@req(V2 + "core/job-results-exception-results-not-available")
@pytest.mark.parametrize("accept", [JSON, None])
def test_req_core_job_results_exception_results_not_available(service: Service, accept: str | None) -> None:
    problem(service.empty.results(accept=accept), 404, NOT_AVAILABLE)


@req(V2 + "core/job-results-exception-results-not-available")
def test_req_core_job_results_exception_results_not_available__dismissed(service: Service) -> None:
    """A dismissed job has none and never will: it may say 410."""
    problem(service.dismissed.results(), 410)


# ---------------------------------------------------------------- results of 2.0


@req(V2 + "core/job-results-op")
@pytest.mark.parametrize("accept", [JSON, "*/*", None])
@pytest.mark.parametrize("name", ["successful", "many"])
def test_req_core_job_results_op(service: Service, name: str, accept: str | None) -> None:
    found = document(shared(service, name).results(accept=accept), "results")
    expected = {"stringInput"} if name == "successful" else {*MANY_OUTPUTS, "numbers", "parts"}
    assert found.keys() == expected


@req(V2 + "core/job-results-op")
def test_req_core_job_results_op__not_acceptable(service: Service) -> None:
    problem(service.many.results(accept="image/tiff"), 406)


@req(V2 + "core/job-results-async-many")
@pytest.mark.parametrize("name", ["text", "table", "data", "parts"])
def test_req_core_job_results_async_many(service: Service, name: str) -> None:
    """Files are there by value or behind a link that leads to them."""
    found = document(service.many.results(), "results")[name]
    values = found if isinstance(found, list) else [found]
    for value in values:
        if "href" in value:
            answer = service.get(value["href"], accept=None)
            status(answer, 200)
            assert value.get("type", media_type(answer)).partition(";")[0] == media_type(answer)
        else:
            assert value["value"] or value["value"] == ""


@req(V2 + "core/job-results-async-many")
def test_req_core_job_results_async_many__also_with_one(service: Service) -> None:
    found = document(service.successful.results(), "results")
    value = found["stringInput"]
    assert (value["value"] if isinstance(value, dict) else value) == "the shared one"


@req(V2 + "core/job-results-profile")
@pytest.mark.parametrize("name", ["successful", "many"])
@pytest.mark.parametrize("how", ["plain", "parameter", "header"])
def test_req_core_job_results_profile(service: Service, name: str, how: str) -> None:
    wanted = PROFILES + "ogc-results"
    answer = shared(service, name).results(
        params={"profile": wanted} if how == "parameter" else {},
        headers={"Accept-Profile": f"<{wanted}>"} if how == "header" else {},
    )
    document(answer, "results")
    profiled(answer, "ogc-results")
    assert len(header_links(answer, "profile")) == 1


FILTERS: list[tuple[str, ...]] = [("text",), ("count",), ("text", "count"), ("parts", "flag", "table")]


@req(V2 + "core/job-results-param-outputs")
@pytest.mark.parametrize("names", FILTERS, ids="-".join)
def test_req_core_job_results_param_outputs(service: Service, names: tuple[str, ...]) -> None:
    answer = service.many.results(params={"outputs": ",".join(names)})
    assert document(answer, "results").keys() == set(names)


@req(V2 + "core/job-results-param-outputs-response")
@pytest.mark.parametrize("names", FILTERS, ids="-".join)
def test_req_core_job_results_param_outputs_response(service: Service, names: tuple[str, ...]) -> None:
    """What the filter leaves is what it is without the filter."""
    whole = document(service.many.results(), "results")
    found = document(service.many.results(params={"outputs": ",".join(reversed(names))}), "results")
    assert found == {name: whole[name] for name in names}


@req(V2 + "core/job-results-param-outputs")
def test_req_core_job_results_param_outputs__in_the_definition(service: Service) -> None:
    answer = service.get("/api", accept=None)
    status(answer, 200)
    operation = next(
        item["get"] for path, item in answer.json()["paths"].items() if path.startswith("/jobs/") and
        path.endswith("/results")
    )
    names = [
        item.get("name") or answer.json()["components"]["parameters"][item["$ref"].rpartition("/")[2]]["name"]
        for item in operation["parameters"]
    ]
    assert "outputs" in names


@req(V2 + "core/job-results-exception-invalid-query-parameter-value")
@pytest.mark.parametrize("outputs", ["nobody", "text,nobody", "TEXT", "text;count"])
def test_req_core_job_results_exception_invalid_query_parameter_value(service: Service, outputs: str) -> None:
    found = problem(service.many.results(params={"outputs": outputs}), 400)
    assert found["type"].endswith(("invalid-query-parameter-value", "no-such-output")), found


@req(V2 + "core/job-results-exception-no-such-output")
@pytest.mark.parametrize("name", ["nobody", "TEXT", "text%2C", "%00"])
@pytest.mark.parametrize("accept", [JSON, None])
def test_req_core_job_results_exception_no_such_output(service: Service, name: str, accept: str | None) -> None:
    problem(service.get(f"{service.many.url}/results/{name}", accept=accept), 400, NO_OUTPUT)


@req(V2 + "core/job-results-exception-no-such-output")
def test_req_core_job_results_exception_no_such_output__not_asked_for(service: Service) -> None:
    """An output of the process that the execution did not ask for is not found."""
    problem(service.get(f"{service.successful.url}/results/pause"), (400, 404))


@req(V2 + "core/job-result-op")
@pytest.mark.parametrize("accept", [None, "*/*"])
@pytest.mark.parametrize("name", MANY_OUTPUTS)
def test_req_core_job_result_op(service: Service, name: str, accept: str | None) -> None:
    answer = service.get(f"{service.many.url}/results/{name}", accept=accept)
    status(answer, 200)
    assert media_type(answer) in MANY_TYPES[name], said(answer)
    assert answer.text.strip().strip('"') == MANY_OUTPUTS[name].strip().strip('"')


@req(V2 + "core/job-result-op")
@pytest.mark.parametrize("name", ["text", "table", "count"])
def test_req_core_job_result_op__head(service: Service, name: str) -> None:
    whole = service.get(f"{service.many.url}/results/{name}", accept=None)
    status(whole, 200)
    assert whole.text.strip() == MANY_OUTPUTS[name].strip()
    answer = service.head(f"{service.many.url}/results/{name}", accept=None)
    status(answer, 200)
    assert answer.headers["Content-Length"] == str(len(whole.content))
    assert media_type(answer) == media_type(whole)


@req(V2 + "core/job-results-async-one")
@pytest.mark.parametrize("name", ["count", "ratio", "flag", "word", "numbers"])
def test_req_core_job_results_async_one(service: Service, name: str) -> None:
    answer = service.get(f"{service.many.url}/results/{name}", accept=JSON)
    status(answer, 200)
    assert media_type(answer) == JSON
    expected: Any = {"count": 3, "ratio": 0.5, "flag": True, "word": "a word", "numbers": [1, 2, 3]}[name]
    assert answer.json() == expected


@req(V2 + "core/job-results-async-one")
@pytest.mark.parametrize("name", ["count", "word"])
def test_req_core_job_results_async_one__not_acceptable(service: Service, name: str) -> None:
    problem(service.get(f"{service.many.url}/results/{name}", accept="image/tiff"), 406)


@req(V2 + "core/job-result-op-nth")
@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("name", ["parts", "numbers"])
def test_req_core_job_result_op_nth(service: Service, name: str, index: int) -> None:
    answer = service.get(f"{service.many.url}/results/{name}/{index}", accept=None)
    status(answer, 200)
    assert answer.text.strip() == (f"part {index + 1}" if name == "parts" else str(index + 1))


@req(V2 + "core/job-result-op-nth")
@pytest.mark.parametrize("index", ["3", "-1", "x", "1.5", "99999999999999999999"])
def test_req_core_job_result_op_nth__out_of_bounds(service: Service, index: str) -> None:
    problem(service.get(f"{service.many.url}/results/parts/{index}"), (400, 404))
