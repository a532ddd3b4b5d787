"""The list of jobs with its filters: job-list of both versions of Part 1."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conformance.asserts import JSON, document, link, links, media_type, no_nulls, problem, said, status
from tests.conformance.marks import V2, both, req
from tests.conformance.service import Job, Service

NO_SUCH_PROCESS = "ogcapi-processes-1/1.0/no-such-process"
STATUSES = ["accepted", "running", "successful", "failed", "dismissed"]


def crowd(service: Service) -> dict[str, Job]:
    """Return a job of each state: with them the list has something to filter."""
    return {
        "successful": service.successful,
        "failed": service.failed,
        "running": service.running,
        "accepted": service.accepted,
        "dismissed": service.dismissed,
    }


def window(service: Service) -> str:
    """Return the times between which the crowd was created: lists of these only are short."""
    times = sorted(document(service.get(job.url), "status")["created"] for job in crowd(service).values())
    return f"datetime={times[0]}/{times[-1]}"


def listed(service: Service, query: str = "") -> list[dict[str, Any]]:
    """Return the jobs of a filter, among those of the time of the crowd, page by page."""
    found: list[dict[str, Any]] = []
    following = f"/jobs?limit=1000&{window(service)}&{query}"
    while following:
        page = document(service.get(following), "jobList")
        found += page["jobs"]
        more = links(page, "next")
        following = more[0]["href"] if more else ""
    return found


def ids(found: list[dict[str, Any]]) -> set[str]:
    return {item["jobID"] for item in found}


@both("job-list/job-list-op")
@pytest.mark.parametrize("accept", [JSON, "*/*", None])
def test_req_job_list_job_list_op(service: Service, accept: str | None) -> None:
    assert crowd(service)
    assert document(service.get("/jobs", accept=accept), "jobList")["jobs"]


@both("job-list/job-list-success")
@pytest.mark.parametrize("state", STATUSES)
@pytest.mark.parametrize("schema", ["jobList-1.0", "jobList-2.0"])
def test_req_job_list_job_list_success(service: Service, state: str, schema: str) -> None:
    job = crowd(service)[state]
    page = document(service.get(f"/jobs?limit=1000&{window(service)}"), schema)
    no_nulls(page)
    found = [item for item in listed(service) if item["jobID"] == job.job_id]
    assert len(found) == 1
    assert found[0]["status"] == state


def parameter(service: Service, name: str) -> dict[str, Any]:
    """Return a parameter of the list from the definition of the API."""
    answer = service.get("/api", accept=None)
    status(answer, 200)
    definition = answer.json()
    for item in definition["paths"]["/jobs"]["get"]["parameters"]:
        if "$ref" in item:
            item = definition["components"]["parameters"][item["$ref"].rpartition("/")[2]]
        if item["name"] == name:
            return dict(item)
    raise AssertionError(f"the definition has no parameter {name}")


def kinds(schema: dict[str, Any]) -> set[str]:
    """Return the types that a schema allows, also those of its branches."""
    branches = [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    found = [branch.get("type") for branch in branches]
    return {kind for item in found for kind in (item if isinstance(item, list) else [item]) if kind}


@both("job-list/type-definition")
def test_req_job_list_type_definition(service: Service) -> None:
    found = parameter(service, "type")
    assert found["in"] == "query"
    assert not found.get("required", False)
    assert found["schema"]["type"] == "array"


@both("job-list/type-response")
@pytest.mark.parametrize("value", ["process", "process,openeo"])
def test_req_job_list_type_response(service: Service, value: str) -> None:
    wanted = {job.job_id for job in crowd(service).values()}
    assert wanted <= ids(listed(service, f"type={value}"))


@both("job-list/type-response")
def test_req_job_list_type_response__of_none(service: Service) -> None:
    assert crowd(service)
    assert listed(service, "type=process")
    answer = service.get("/jobs?type=openeo")
    if answer.status_code == 200:
        assert not document(answer, "jobList")["jobs"]
    else:
        problem(answer, 400)


@both("job-list/type-response")
def test_req_job_list_type_response__absent(service: Service) -> None:
    assert ids(listed(service, "type=process")) <= ids(listed(service))
    assert ids(listed(service))


@both("job-list/processID-definition")
def test_req_job_list_processid_definition(service: Service) -> None:
    found = parameter(service, "processID")
    assert found["in"] == "query"
    assert not found.get("required", False)
    assert found["schema"]["type"] == "array"


@both("job-list/processID-mandatory")
def test_req_job_list_processid_mandatory(service: Service) -> None:
    assert crowd(service)
    found = listed(service)
    assert found
    assert all(item.get("processID") for item in found)


@both("job-list/processID-mandatory")
@pytest.mark.parametrize("state", STATUSES)
def test_req_job_list_processid_mandatory__status(service: Service, state: str) -> None:
    assert document(service.get(crowd(service)[state].url), "status")["processID"]


@both("job-list/processID-response")
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("processID=conf-fail", {"conf-fail"}),
        ("processID=echo", {"echo"}),
        ("processID=echo,conf-fail", {"echo", "conf-fail"}),
        ("processID=conf-sleep", {"conf-sleep"}),
        ("processID=conf-giant", {"conf-giant"}),
    ],
)
def test_req_job_list_processid_response(service: Service, query: str, wanted: set[str]) -> None:
    assert crowd(service)
    assert {item["processID"] for item in listed(service, query)} == wanted


@both("job-list/processID-response")
@pytest.mark.parametrize("query", ["processID=nobody", "processID=echo,nobody"])
def test_req_job_list_processid_response__of_none(service: Service, query: str) -> None:
    problem(service.get(f"/jobs?{query}"), 404, NO_SUCH_PROCESS)


@both("job-list/status-definition")
def test_req_job_list_status_definition(service: Service) -> None:
    found = parameter(service, "status")
    assert found["in"] == "query"
    assert found["schema"]["type"] == "array"
    assert set(STATUSES) <= set(found["schema"]["items"]["enum"])


@both("job-list/status-response")
@pytest.mark.parametrize("state", STATUSES)
def test_req_job_list_status_response(service: Service, state: str) -> None:
    job = crowd(service)[state]
    found = listed(service, f"status={state}")
    assert job.job_id in ids(found)
    assert {item["status"] for item in found} == {state}


@both("job-list/status-response")
@pytest.mark.parametrize(
    "states", [("failed", "dismissed"), ("accepted", "running"), ("accepted", "running", "failed"), tuple(STATUSES)]
)
def test_req_job_list_status_response__several(service: Service, states: tuple[str, ...]) -> None:
    wanted = {crowd(service)[state].job_id for state in states}
    found = listed(service, f"status={','.join(states)}")
    assert wanted <= ids(found)
    assert {item["status"] for item in found} == set(states)


@both("job-list/status-response")
@pytest.mark.parametrize("state", ["done", "Failed", "failed|running", "failed,done"])
def test_req_job_list_status_response__refused(service: Service, state: str) -> None:
    answer = problem(service.get(f"/jobs?status={state}"), 400)
    assert "status" in str(answer)


@both("job-list/datetime-definition")
def test_req_job_list_datetime_definition(service: Service) -> None:
    found = parameter(service, "datetime")
    assert found["in"] == "query"
    assert found["schema"]["type"] == "string"


def moment(service: Service) -> datetime:
    """Return when the shared job was created."""
    return datetime.fromisoformat(document(service.get(service.failed.url), "status")["created"])


def write(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


#: Intervals around the time of a job, and whether the job is in them; offsets in hours from its creation.
INTERVALS: dict[str, tuple[str, bool]] = {
    "closed": ("{-1}/{1}", True),
    "open-start": ("../{1}", True),
    "open-end": ("{-1}/..", True),
    "empty-start": ("/{1}", True),
    "empty-end": ("{-1}/", True),
    "before": ("{-2}/{-1}", False),
    "after": ("{1}/{2}", False),
    "until-before": ("../{-1}", False),
    "from-after": ("{1}/..", False),
    "on-the-start": ("{0}/{1}", True),
    "on-the-end": ("{-1}/{0}", True),
    "instant": ("{0}", True),
    "other-instant": ("{1}", False),
}


@both("job-list/datetime-response")
@pytest.mark.parametrize("case", INTERVALS)
def test_req_job_list_datetime_response(service: Service, case: str) -> None:
    at = moment(service)
    pattern, is_in = INTERVALS[case]
    for hours in (-2, -1, 0, 1, 2):
        pattern = pattern.replace(f"{{{hours}}}", write(at + timedelta(hours=hours)))
    answer = service.get("/jobs", params={"datetime": pattern, "processID": "conf-fail", "limit": 1000})
    found = document(answer, "jobList")["jobs"]
    assert (service.failed.job_id in ids(found)) == is_in, said(answer)


@both("job-list/datetime-response")
def test_req_job_list_datetime_response__with_an_offset(service: Service) -> None:
    at = moment(service)
    text = (at + timedelta(hours=2) - timedelta(minutes=1)).replace(tzinfo=None).isoformat() + "+02:00"
    found = document(service.get("/jobs", params={"datetime": f"{text}/..", "limit": 1000}), "jobList")["jobs"]
    assert service.failed.job_id in ids(found)


@both("job-list/datetime-response")
@pytest.mark.parametrize(
    "value",
    ["yesterday", "2024-13-01T00:00:00Z", "2024-01-02T00:00:00Z/2024-01-01T00:00:00Z", "a/b", "../..x", "//", "1/2/3"],
)
def test_req_job_list_datetime_response__refused(service: Service, value: str) -> None:
    found = problem(service.get("/jobs", params={"datetime": value}), 400)
    assert "datetime" in str(found)


@both("job-list/duration-definition")
@pytest.mark.parametrize("name", ["minDuration", "maxDuration"])
def test_req_job_list_duration_definition(service: Service, name: str) -> None:
    found = parameter(service, name)
    assert found["in"] == "query"
    assert not found.get("required", False)
    schema = found["schema"]
    # 1.0 says array of integers, 2.0 integer.
    assert kinds(schema) & {"integer", "array", "number"}, schema


def seconds(item: dict[str, Any]) -> float:
    """Return how long a job of the list ran, if it has ended."""
    return (datetime.fromisoformat(item["finished"]) - datetime.fromisoformat(item["started"])).total_seconds()


@both("job-list/duration-response")
@pytest.mark.parametrize("least", [0, 1])
def test_req_job_list_duration_response__at_least(service: Service, least: int) -> None:
    assert crowd(service)
    slow = service.shared(
        "slow", lambda: service.start("echo", {"stringInput": "slow", "pause": 1.1}).ended("successful")
    )
    found = listed(service, f"minDuration={least}")
    slow_ones = document(service.get(f"/jobs?minDuration={least}&processID=echo&limit=1000"), "jobList")["jobs"]
    assert slow.job_id in ids(slow_ones)
    assert (service.failed.job_id in ids(found)) == (least == 0) or seconds(service.failed.info()) >= least
    for item in found:
        assert "started" in item, "jobs without the times are left out"
        if "finished" in item:
            assert seconds(item) >= least, item
        assert item["status"] != "accepted", "only jobs that run or ran are considered"


@both("job-list/duration-response")
@pytest.mark.parametrize("most", [0, 1, 3600])
def test_req_job_list_duration_response__at_most(service: Service, most: int) -> None:
    assert crowd(service)
    found = listed(service, f"maxDuration={most}")
    if most == 3600:
        assert service.failed.job_id in ids(found)
    assert ids(listed(service, "maxDuration=3600")), "some jobs took less than an hour"
    for item in found:
        assert item["status"] != "accepted"
        if "finished" in item:
            assert seconds(item) <= most, item


@both("job-list/duration-response")
def test_req_job_list_duration_response__running(service: Service) -> None:
    """A running job counts with the time since its start."""
    assert service.running.job_id in ids(listed(service, "minDuration=0&maxDuration=3600&status=running"))
    assert service.running.job_id not in ids(listed(service, "minDuration=3600"))


@both("job-list/duration-response")
@pytest.mark.parametrize(
    "query", ["minDuration=a", "maxDuration=-1", "minDuration=1e400", "minDuration=10&maxDuration=5"]
)
def test_req_job_list_duration_response__refused(service: Service, query: str) -> None:
    found = problem(service.get(f"/jobs?{query}"), 400)
    assert "Duration" in str(found)


@both("job-list/limit-definition")
def test_req_job_list_limit_definition(service: Service) -> None:
    found = parameter(service, "limit")
    assert found["schema"]["type"] == "integer"
    assert (found["schema"]["minimum"], found["schema"]["maximum"]) == (1, 10000)
    assert 1 <= found["schema"]["default"] <= 10000


@both("job-list/limit-definition")
@pytest.mark.parametrize("limit", ["0", "-1", "a", "1.5", ""])
def test_req_job_list_limit_definition__refused(service: Service, limit: str) -> None:
    found = problem(service.get(f"/jobs?limit={limit}"), 400)
    assert "limit" in str(found)


@both("job-list/limit-response")
@pytest.mark.parametrize("limit", [1, 2, 4])
def test_req_job_list_limit_response(service: Service, limit: int) -> None:
    assert crowd(service)
    assert len(document(service.get(f"/jobs?limit={limit}"), "jobList")["jobs"]) == limit


@both("job-list/links")
@pytest.mark.parametrize("query", ["", "limit=1", "status=failed&limit=2"])
def test_req_job_list_links(service: Service, query: str) -> None:
    assert crowd(service)
    page = document(service.get(f"/jobs?{query}"), "jobList")
    here = link(page, "self")
    assert here.get("type") == JSON
    asked = parse_qs(urlsplit(here["href"]).query)
    for name, values in parse_qs(query).items():
        assert asked.get(name) == values, here
    others = [item for item in links(page, "alternate") if item.get("type") == "text/html"]
    assert others, "HTML is another representation"
    answer = service.get(others[0]["href"], accept=None)
    status(answer, 200)
    assert media_type(answer) == "text/html"


@req(V2 + "core/next-links")
@pytest.mark.parametrize("query", ["", "status=successful,failed,dismissed", "processID=echo", "type=process"])
def test_req_core_next_links__jobs(service: Service, query: str) -> None:
    """Page by page every job comes once, and the filter stays."""
    assert crowd(service)
    seen: list[str] = []
    following = f"/jobs?limit=2&{window(service)}&{query}"
    for _ in range(3):
        page = document(service.get(following), "jobList")
        seen += [item["jobID"] for item in page["jobs"]]
        more = links(page, "next")
        if not more:
            break
        following = more[0]["href"]
    assert len(seen) == len(set(seen)), "a job came twice"
    # Asked for after the pages: jobs that end meanwhile come in, none goes.
    everything = listed(service, query)
    assert set(seen) <= ids(everything)
    if len(everything) > 2:
        assert len(seen) > 2


@req(V2 + "core/next-links")
def test_req_core_next_links__jobs_and_back(service: Service) -> None:
    assert crowd(service)
    # Of jobs that have ended, so that nothing changes between the requests.
    query = f"status=failed,dismissed&processID=conf-fail,conf-sleep&{window(service)}"
    first = document(service.get("/jobs?limit=1&" + query), "jobList")
    second = document(service.get(link(first, "next")["href"]), "jobList")
    assert not ids(first["jobs"]) & ids(second["jobs"])
    back = document(service.get(link(second, "prev")["href"]), "jobList")
    assert ids(back["jobs"]) == ids(first["jobs"])
