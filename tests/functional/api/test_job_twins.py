"""Jobs below their process: each path of a job has a twin there."""

from __future__ import annotations

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links

from .conftest import GATES, ended, submit

PAGES = ["", "/results", "/results/loud", "/manifest", "/stdout", "/stderr", "/exitCode", "/logs", "/logs?f=text"] + [
    "/history",
    "/inputs",
    "/exceptions",
    "/statistics",
]


def twin(job, process_id):
    return job.replace("/jobs/", f"/processes/{process_id}/jobs/")


@pytest.fixture(scope="module")
def over(service):
    with service.session() as http:
        job = submit(http, "shout", text="a")
        ended(http, job)
        return job


@pytest.mark.parametrize("page", PAGES)
def test_a_twin_answers_as_the_job_does(http, over, page):
    first, second = http.get(f"{over}{page}"), http.get(f"{twin(over, 'shout')}{page}")
    assert first.status_code == second.status_code == 200
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert second.content == first.content or page.startswith(("/results/", "/logs"))
    assert second.headers.get("ETag") == first.headers.get("ETag")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("process_id", ["halves", "nothing"])
def test_a_job_of_another_process_is_not_there(http, over, page, process_id):
    answer = http.get(f"{twin(over, process_id)}{page}")
    assert answer.status_code == 404
    assert answer.json()["type"] == exceptions.NO_SUCH_JOB


def test_a_twin_names_a_version_too(http, base, over):
    version = http.get(f"{base}/processes/shout").json()["version"]
    assert http.get(twin(over, f"shout:{version}")).status_code == 200
    answer = http.get(twin(over, "shout:99.9.9"))
    assert (answer.status_code, answer.json()["type"]) == (404, exceptions.NO_SUCH_PROCESS)


def test_every_path_of_a_job_has_a_twin_in_the_definition(http, base):
    paths = http.get(f"{base}/api?f=json").json()["paths"]
    single = {path: set(item) for path, item in paths.items() if path.startswith("/jobs/{job_id}")}
    assert len(single) > 10
    for path, methods in single.items():
        assert set(paths["/processes/{process_id}" + path]) == methods, path
    operations = [item for path in paths.values() for item in path.values() if isinstance(item, dict)]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


def test_jobs_of_a_process_are_listed_below_it(http, base, over):
    page = http.get(f"{base}/processes/shout/jobs?limit=1").json()
    assert {job["processID"] for job in page["jobs"]} == {"shout"}
    links = read_links(page)
    assert find(links, rel.SELF).href == f"{base}/processes/shout/jobs?limit=1"
    assert find(links, rel.UP).href == f"{base}/processes/shout"
    submit(http, "shout", text="b")
    page = http.get(f"{base}/processes/shout/jobs?limit=1").json()
    following = find(read_links(page), rel.NEXT).href
    assert following.startswith(f"{base}/processes/shout/jobs?")
    assert http.get(following).json()["jobs"]


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("nothing/jobs", 404, exceptions.NO_SUCH_PROCESS),
        ("shout/jobs?processID=halves", 400, exceptions.INVALID_PARAMETER_VALUE),
        ("shout:1.0.0/jobs", 400, exceptions.INVALID_PARAMETER_VALUE),
        ("shout/jobs?limit=0", 400, exceptions.INVALID_QUERY_PARAMETER_VALUE),
    ],
)
def test_a_list_that_is_none_is_refused(http, base, path, status, kind):
    answer = http.get(f"{base}/processes/{path}")
    assert (answer.status_code, answer.json()["type"]) == (status, kind)


def test_a_twin_can_be_dismissed_and_is_gone_with_its_job(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    below = twin(job, "gate")
    assert http.delete(twin(job, "shout")).status_code == 404
    assert http.delete(below).json()["status"] == "dismissed"
    assert http.get(f"{below}/results").status_code == 410
    GATES[gate_name].set()
    assert http.delete(below).status_code == 200
    for page in PAGES:
        assert http.get(f"{below}{page}").status_code == 410, page


def test_a_method_that_is_not_there_is_said_so(http, over):
    answer = http.put(twin(over, "shout"), json={})
    assert answer.status_code == 405
