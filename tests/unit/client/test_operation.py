from __future__ import annotations

import pytest

from weaverlite.client.errors import ClientError, ProblemError
from weaverlite.client.jobs import handle_of, judge
from weaverlite.client.operation import JobHandle, OperationResult


def test_result_is_true_when_it_succeeded() -> None:
    assert OperationResult(success=True)
    assert not OperationResult(success=False)


def test_check_gives_the_result_or_raises_its_error() -> None:
    good = OperationResult(success=True)
    assert good.check() is good
    error = ProblemError(404, {"detail": "There is no job."})
    with pytest.raises(ProblemError) as caught:
        OperationResult(success=False, error=error).check()
    assert caught.value is error
    with pytest.raises(ClientError, match="why"):
        OperationResult(success=False, message="why").check()


def test_text_of_every_kind_of_body() -> None:
    assert OperationResult(success=True, body="text").text == "text"
    assert OperationResult(success=True, body=b"bytes").text == "bytes"
    assert OperationResult(success=True, body={"a": 1}).text == '{\n  "a": 1\n}'
    assert OperationResult(success=True).text == ""


def test_links_of_body_and_header_are_joined() -> None:
    result = OperationResult(
        success=True,
        url="http://host/jobs/1",
        headers={"Link": '</jobs/1>; rel="monitor", <http://other/x>; rel=related; type="text/csv"'},
        body={"links": [{"href": "http://host/jobs/1", "rel": "monitor"}, {"href": "results", "rel": "results"}]},
    )
    assert result.links() == [
        {"href": "http://host/jobs/1", "rel": "monitor"},
        {"href": "http://host/jobs/results", "rel": "results"},
        {"href": "http://other/x", "rel": "related", "type": "text/csv"},
    ]
    assert result.links("monitor") == [{"href": "http://host/jobs/1", "rel": "monitor"}]
    assert OperationResult(success=True, body=[1]).links() == []


def test_problem_is_built_from_the_wire() -> None:
    error = ProblemError(400, {"type": "t", "title": "T", "detail": "D", "errors": [{"pointer": "/a"}, 3]})
    assert (str(error), error.type, error.title, error.status) == ("D", "t", "T", 400)
    assert error.faults == ({"pointer": "/a"},)
    assert str(ProblemError(400, {"title": "T"})) == "T"
    assert str(ProblemError(400, {"code": "X", "description": "older form"})) == "older form"
    assert str(ProblemError(502, {"detail": 3})) == "The service answered 502."


@pytest.mark.parametrize("status", [404, 400])
def test_not_ready_is_known_by_its_type(status: int) -> None:
    for scheme in ("http", "https"):
        kind = f"{scheme}://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/result-not-ready"
        assert ProblemError(status, {"type": kind}).is_not_ready
    assert not ProblemError(status, {"type": "about:blank"}).is_not_ready


def test_handle_takes_the_job_from_body_and_location() -> None:
    answer = OperationResult(
        success=True,
        code=201,
        url="http://host/processes/p/execution",
        headers={"Location": "/jobs/abc"},
        body={"jobID": "abc", "status": "accepted"},
    )
    handle = handle_of(answer)
    assert isinstance(handle, JobHandle)
    assert (handle.job_id, handle.job_url, handle.status) == ("abc", "http://host/jobs/abc", "accepted")


def test_handle_takes_the_job_from_location_alone() -> None:
    headers = {"Location": "http://host/jobs/a%20b"}
    answer = OperationResult(success=True, code=201, url="http://host/x", headers=headers)
    assert handle_of(answer).job_id == "a b"


def test_handle_of_a_synchronous_execution_has_the_results() -> None:
    answer = OperationResult(success=True, code=200, url="http://host/x", body={"out": 1, "id": "an output"})
    handle = handle_of(answer)
    assert (handle.job_id, handle.status, handle.body["out"]) == ("", "successful", 1)


def test_outcome_of_a_job_is_that_of_its_state() -> None:
    def outcome(**body: object) -> OperationResult:
        return judge(OperationResult(success=True, code=200, body={"jobID": "abc", **body}))

    assert outcome(status="successful")
    assert outcome(status="running")
    failed = outcome(status="failed", message="m", exception={"detail": "the reason"})
    assert not failed and failed.message == "The job abc failed: the reason" and failed.body["status"] == "failed"
    assert outcome(status="dismissed").message == "The job abc was dismissed."
    assert outcome(status="failed", message="m").message == "The job abc failed: m"
