"""Jobs that are made first and started later (OGC API - Processes, part 4), and dry runs."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from weaverlite.ogc import exceptions as types
from weaverlite.testing.app import URL, settings_for

from .conftest import GATES, ended, submit

JSON = {"Content-Type": "application/json"}


def create(http, document, *, headers=None, **params):
    return http.post(f"{URL}/jobs", json=document, headers=headers, params=params)


def created(http, document):
    answer = create(http, document)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "created"
    return answer.headers["Location"]


def refused(answer, status, *pointers):
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["status"] == status
    assert sorted(fault["pointer"] for fault in problem.get("errors", ())) == sorted(pointers), problem
    return problem


def known(http, process_id):
    """Return the ids of the jobs of a process."""
    page = http.get(f"{URL}/jobs", params={"processID": process_id, "limit": 10_000}).json()
    return [item["jobID"] for item in page["jobs"]]


def shouting(**more):
    return {"process": "shout", "inputs": {"text": "hello"}, **more}


@pytest.fixture
def key():
    return f"key-{uuid.uuid4().hex}"


# ---------------------------------------------------------------- creation


def test_a_job_is_created_and_waits_for_its_start(http):
    answer = create(http, shouting(title="Loud", description="Very loud"))
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["Location"] == f"{URL}/jobs/{body['jobID']}"
    assert body["id"] == body["jobID"]
    assert (body["status"], body["type"], body["processID"]) == ("created", "process", "shout")
    assert (body["title"], body["description"]) == ("Loud", "Very loud")
    assert "started" not in body
    assert http.get(answer.headers["Location"]).json()["status"] == "created"
    assert http.get(f"{answer.headers['Location']}/results").status_code == 404


@pytest.mark.parametrize(
    "name",
    ["shout", "/processes/shout", "processes/shout", f"{URL}/processes/shout", f"{URL}/processes/shout/execution"],
)
def test_a_process_is_named_by_id_path_or_uri(http, name):
    job = created(http, {**shouting(), "process": name})
    assert http.get(job).json()["processID"] == "shout"


def test_a_job_runs_at_once_when_the_request_says_so(http):
    for headers, params in (({"Prefer": "respond-async"}, {}), ({}, {"start": "true"})):
        answer = create(http, shouting(), headers=headers, **params)
        assert answer.status_code == 201
        assert answer.json()["status"] in ("accepted", "running", "successful")
        assert ended(http, answer.headers["Location"])["status"] == "successful"
    assert answer.headers.get("Preference-Applied") is None


def test_a_job_is_waited_for_when_the_request_says_so(http):
    answer = create(http, shouting(), headers={"Prefer": "wait=20"})
    assert answer.json()["status"] == "successful"
    assert "wait=" in answer.headers["Preference-Applied"]
    assert http.get(f"{answer.headers['Location']}/results").json() == {"loud": "HELLO"}


def test_tags_of_the_request_are_tags_of_the_job(http):
    answer = create(http, shouting(options={"tags": ["own"], "priority": 2}), tags="sea,own,managed")
    job = answer.headers["Location"]
    assert sorted(answer.json()["tags"]) == ["managed", "own", "sea"]
    assert http.get(f"{job}/definition").json()["options"] == {"tags": ["own", "sea", "managed"], "priority": 2}
    http.patch(job, json={"title": "T"})
    assert http.post(f"{job}/results").status_code == 200
    found = http.get(f"{URL}/jobs?tags=sea,managed").json()["jobs"]
    assert job.rpartition("/")[2] in [item["jobID"] for item in found]
    assert create(http, shouting(), tags="sea", dryRun="true").json()["options"]["labels"] == {"sea": ""}
    refused(create(http, shouting(), tags="a,no tag"), 400, "tags")
    for options in ({"tags": 5}, 5):
        assert create(http, shouting(options=options), tags="sea").status_code == 400


def test_the_same_request_under_a_key_makes_one_job(http, key):
    first, again = (create(http, shouting(title="T"), headers={"Idempotency-Key": key}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    job = first.headers["Location"]
    assert again.headers["Location"] == job
    # It stays so when the job has gone on.
    http.patch(job, json={"title": "Second"})
    http.post(f"{job}/results")
    assert ended(http, job)["status"] == "successful"
    again = create(http, shouting(title="T"), headers={"Idempotency-Key": key})
    assert (again.headers["Location"], again.json()["status"]) == (job, "successful")
    http.delete(job)
    refused(create(http, shouting(title="T"), headers={"Idempotency-Key": key}), 410)


def test_another_request_under_a_key_is_refused(http, key):
    headers = {"Idempotency-Key": key}
    job = create(http, shouting(), headers=headers).json()["jobID"]
    for answer in (
        create(http, shouting(title="T"), headers=headers),
        create(http, shouting(), headers=headers, tags="sea"),
        create(http, shouting(), headers=headers, start="true"),
        http.post(f"{URL}/processes/shout/execution", json={"inputs": {"text": "hello"}}, headers=headers),
    ):
        assert job in refused(answer, 422)["detail"]


def test_a_refused_request_leaves_its_key_free(http, key):
    headers = {"Idempotency-Key": key}
    refused(create(http, shouting(title=5), headers=headers), 400, "/title")
    refused(create(http, {"process": "shout", "inputs": {"none": 1}}, headers=headers), 400, "/inputs/none")
    refused(create(http, {"process": "nothing"}, headers=headers), 404)
    assert create(http, shouting(), headers=headers, dryRun="true").status_code == 200
    assert "Idempotent-Replayed" not in create(http, shouting(), headers=headers).headers
    refused(create(http, shouting(), headers={"Idempotency-Key": "x" * 256}), 400, "Idempotency-Key")


def test_of_equal_creations_at_once_one_makes_the_job(http, service, key):
    def ask(session):
        return create(session, shouting(), headers={"Idempotency-Key": key, "Prefer": "respond-async"})

    with service.session() as other, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, (http, other)))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 1


@pytest.mark.parametrize(
    ("prefer", "body", "named"),
    [
        ("handling=strict, wait=99999", {}, ["wait=99999"]),
        ("handling=strict, respond-sync", {}, ["respond-sync"]),
        ("handling=strict, fast", {}, ["fast"]),
        ("handling=strict, respond-async", {"status": "create"}, ["status"]),
        ("handling=strict, wait=1", {"status": "create"}, ["status"]),
    ],
    ids=["long", "sync", "unknown", "waits", "waits for a time"],
)
def test_strict_handling_refuses_what_cannot_be_honoured(http, prefer, body, named):
    before = known(http, "shout")
    problem = refused(create(http, shouting(**body), headers={"Prefer": prefer}), 400, "Prefer")
    assert problem["errors"][0]["location"] == "header"
    assert all(name in problem["errors"][0]["message"] for name in named)
    assert known(http, "shout") == before


def test_what_is_preferred_strictly_is_told_with_all_other_faults(http):
    document = {"process": "picky", "title": 5, "inputs": {"size": 99}}
    for params in ({}, {"dryRun": "true"}):
        answer = create(http, document, headers={"Prefer": "handling=strict, wait=99999"}, **params)
        refused(answer, 400, "Prefer", "/title", "/inputs/size", "/inputs/name")


def test_strict_handling_that_can_be_honoured_is_applied(http):
    answer = create(http, shouting(), headers={"Prefer": "handling=strict, wait=20"})
    assert (answer.status_code, answer.json()["status"]) == (201, "successful")
    assert answer.headers["Preference-Applied"] == "wait=20, handling=strict"
    assert create(http, shouting(), headers={"Prefer": "handling=strict"}).json()["status"] == "created"


def test_results_come_as_was_preferred_when_the_job_was_made(http):
    job = create(http, {"process": "report", "outputs": {"table": {}}}, headers={"Prefer": "return=representation"})
    url = job.headers["Location"]
    http.patch(url, json={"title": "T"})
    http.post(f"{url}/results")
    assert ended(http, url)["status"] == "successful"
    assert http.get(f"{url}/results").json()["table"]["mediaType"] == "text/csv"
    assert "value" in http.get(f"{url}/results").json()["table"]


def test_a_job_that_waits_says_until_when(http):
    job = created(http, shouting())
    first = http.get(job).json()["expirationDate"]
    later = http.patch(job, json={"title": "T"}).json()["expirationDate"]
    assert datetime.fromisoformat(first) < datetime.fromisoformat(later)
    assert datetime.fromisoformat(later) > datetime.now(UTC) + timedelta(days=29)
    http.post(f"{job}/results")
    assert ended(http, job)["status"] == "successful"


@pytest.mark.parametrize(("setting", "waits"), [(timedelta(hours=1), True), (timedelta(0), False)], ids=["1h", "0"])
def test_how_long_a_job_waits_is_a_setting(running_service, tmp_path, setting, waits):
    settings = settings_for(tmp_path)
    settings = replace(settings, limits=replace(settings.limits, created=setting))
    with running_service(settings) as service, service.session() as http:
        status = http.get(created(http, shouting())).json()
        assert ("expirationDate" in status) is waits
        if waits:
            assert datetime.fromisoformat(status["expirationDate"]) < datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize("word", ["create", "created"])
def test_the_body_may_say_that_a_job_waits(http, word):
    answer = create(http, shouting(status=word), headers={"Prefer": "respond-async"}, start="true")
    assert answer.json()["status"] == "created"


def test_a_job_that_waits_may_lack_inputs_and_one_that_runs_may_not(http):
    job = created(http, {"process": "picky", "inputs": {"size": 3}})
    problem = refused(http.post(f"{job}/results"), 400, "/inputs/name")
    assert problem["type"] == types.INVALID_PARAMETER_VALUE
    assert http.get(job).json()["status"] == "created"
    refused(create(http, {"process": "picky", "inputs": {"size": 3}}, start="true"), 400, "/inputs/name")


def test_everything_wrong_with_a_definition_is_said_at_once(http):
    document = {
        "process": "picky",
        "title": 5,
        "inputs": {"size": 99, "kind": "z", "nonsense": 1},
        "outputs": {"none": {}},
        "options": {"priority": "high"},
    }
    refused(
        create(http, document),
        400,
        *("/title", "/inputs/size", "/inputs/kind", "/inputs/nonsense", "/outputs/none", "/options/priority"),
    )


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"inputs": {}}, "/process"),
        ({"process": ""}, "/process"),
        ({"process": 5}, "/process"),
        ({"process": "a/b"}, "/process"),
        ({"process": "https://other.example/processes/shout"}, "/process"),
        ({"process": "shout", "executionUnit": {}}, "/process"),
        ({"process": "shout", "status": "running"}, "/status"),
    ],
    ids=["none", "empty", "number", "path", "elsewhere", "and-package", "status"],
)
def test_a_definition_that_names_nothing_to_run_is_refused(http, document, pointer):
    answer = create(http, document)
    assert answer.status_code in (400, 422), answer.text
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]


def test_an_unknown_process_is_said_so(http):
    assert refused(create(http, {"process": "nothing"}), 404)["type"] == types.NO_SUCH_PROCESS


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{", b'{"a":1,"a":2}', b'{"process": "\xff"}'])
def test_a_body_that_is_no_definition_is_refused(http, body):
    refused(http.post(f"{URL}/jobs", data=body, headers=JSON), 400, "")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", ""])
def test_a_body_of_another_kind_is_not_supported(http, media_type):
    answer = http.post(f"{URL}/jobs", data=b"{}", headers={"Content-Type": media_type} if media_type else {})
    assert refused(answer, 415)["type"] == types.UNSUPPORTED_JOB_MEDIA_TYPE
    job = created(http, shouting())
    answer = http.patch(job, data=b"{}", headers={"Content-Type": media_type} if media_type else {})
    assert refused(answer, 415)["type"] == types.UNSUPPORTED_JOB_MEDIA_TYPE


def test_the_schema_of_the_body_may_be_named(http):
    known = "https://schemas.example/ogcapi/processes/part4/openapi/schemas/execute-workflows.yaml"
    assert create(http, shouting(), headers={"Content-Schema": known}).status_code == 201
    answer = create(http, shouting(), headers={"Content-Schema": "https://openeo.example/process-graph.json"})
    assert refused(answer, 422)["type"] == types.UNSUPPORTED_SCHEMA


# ---------------------------------------------------------------- change


def test_a_job_that_waits_is_changed_and_started(http):
    job = created(http, {"process": "picky", "inputs": {"size": 3, "kind": "a"}, "title": "First"})
    change = {"inputs": {"name": "n", "kind": None}, "title": "Second", "options": {"labels": {"by": "me"}}}
    answer = http.patch(job, json=change)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["title"]) == ("created", "Second")
    assert answer.json()["labels"] == {"by": "me"}
    document = http.get(f"{job}/inputs").json()
    assert document["inputs"] == {"size": 3, "name": "n"}
    assert http.get(f"{job}/definition").json() == {
        "process": "picky",
        "inputs": {"size": 3, "name": "n"},
        "title": "Second",
        "options": {"labels": {"by": "me"}},
    }
    found = http.get(f"{URL}/jobs?label=by=me").json()["jobs"]
    assert job.rpartition("/")[2] in [item["jobID"] for item in found]
    started = http.post(f"{job}/results")
    assert started.status_code == 200
    assert started.json()["status"] in ("accepted", "running", "successful")
    assert ended(http, job)["title"] == "Second"
    assert ended(http, job)["status"] == "successful"


def test_a_change_replaces_and_takes_away(http):
    job = created(http, shouting(title="A", outputs={"loud": {}}, response="document"))
    answer = http.patch(
        job,
        data=json.dumps({"title": None, "outputs": None, "response": None}),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200
    assert http.get(f"{job}/definition").json() == shouting()
    assert "title" not in http.get(job).json()


def test_a_change_may_name_another_process(http):
    job = created(http, shouting())
    refused(http.patch(job, json={"process": "picky"}), 400, "/inputs/text")
    assert http.get(job).json()["processID"] == "shout"
    change = {"process": f"{URL}/processes/picky", "inputs": {"text": None, "name": "n", "size": 1}}
    assert http.patch(job, json=change).json()["processID"] == "picky"
    assert http.get(f"{job}/inputs").json()["metadata"]["processID"] == "picky"
    found = http.get(f"{URL}/jobs?processID=picky&status=created&limit=100").json()["jobs"]
    assert job.rpartition("/")[2] in [item["jobID"] for item in found]


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({}, [""]),
        ({"inputs": [1]}, ["/inputs"]),
        ({"input": {}}, ["/input"]),
        ({"status": "accepted"}, ["/status"]),
        ({"process": None}, ["/process"]),
        ({"inputs": {"text": 5, "more": 1}, "outputs": {"x": {}}}, ["/inputs/more", "/inputs/text", "/outputs/x"]),
        ({"options": {"priority": 1000}}, ["/options/priority"]),
    ],
    ids=["empty", "list", "misspelt", "status", "no-process", "unfit", "options"],
)
def test_a_change_that_does_not_fit_changes_nothing(http, change, pointers):
    job = created(http, shouting())
    refused(http.patch(job, json=change), 400, *pointers)
    assert http.get(f"{job}/definition").json() == shouting()


def test_a_change_that_is_no_object_is_refused(http):
    job = created(http, shouting())
    for body in (b"[]", b"5", b"null", b"", b"{"):
        refused(http.patch(job, data=body, headers=JSON), 400, "")


def test_a_job_that_was_started_is_locked(http, gate_name):
    job = created(http, {"process": "gate", "inputs": {"name": gate_name}})
    assert http.post(f"{job}/results", json={}).status_code == 200
    for answer in (http.patch(job, json={"title": "x"}), http.post(f"{job}/results")):
        assert refused(answer, 423)["type"] == types.LOCKED
    GATES[gate_name].set()
    assert ended(http, job)["status"] == "successful"
    for answer in (http.patch(job, json={"title": "x"}), http.post(f"{job}/results")):
        assert refused(answer, 423)["type"] == types.LOCKED


def test_of_two_starts_one_is_the_first(http, service):
    job = created(http, shouting())
    with service.session() as other, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda session: session.post(f"{job}/results"), (http, other)))
    assert sorted(answer.status_code for answer in answers) == [200, 423]
    assert ended(http, job)["attempt"] == 1


def test_changes_at_the_same_time_are_all_made(http, service):
    job = created(http, {"process": "picky"})
    changes = ({"inputs": {"name": "n"}}, {"inputs": {"size": 2}}, {"title": "T"})
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda change: service.session().patch(job, json=change), changes))
    assert {answer.status_code for answer in answers} == {200}
    document = http.get(f"{job}/definition").json()
    assert document == {"process": "picky", "inputs": {"name": "n", "size": 2}, "title": "T"}


def test_a_job_that_an_execution_made_is_locked(http):
    job = submit(http, "shout", text="a")
    refused(http.patch(job, json={"title": "x"}), 423)


def test_a_start_takes_no_body_but_an_empty_one(http):
    job = created(http, shouting())
    refused(http.post(f"{job}/results", json={"inputs": {}}), 400, "/inputs")
    refused(http.post(f"{job}/results", data=b"[]", headers=JSON), 400, "")
    assert refused(http.post(f"{job}/results", data=b"a", headers={"Content-Type": "text/plain"}), 415)
    assert http.post(f"{job}/results", json={}).status_code == 200


def test_a_start_may_be_waited_for(http):
    job = created(http, shouting())
    answer = http.post(f"{job}/results", headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json()["status"]) == (200, "successful")


def test_a_job_that_waits_is_dismissed_and_removed(http):
    job = created(http, shouting())
    assert http.delete(job).json()["status"] == "dismissed"
    refused(http.post(f"{job}/results"), 423)
    assert http.delete(job).status_code == 200
    for answer in (http.patch(job, json={"title": "x"}), http.post(f"{job}/results"), http.get(f"{job}/definition")):
        refused(answer, 410)


def test_an_unknown_job_is_said_so(http):
    job = f"{URL}/jobs/00000000-0000-4000-8000-000000000000"
    for answer in (
        http.patch(job, json={"title": "x"}),
        http.post(f"{job}/results"),
        http.get(f"{job}/definition"),
        http.get(f"{job}/inputs"),
        http.get(f"{job}/prov"),
    ):
        assert refused(answer, 404)["type"] == types.NO_SUCH_JOB


# ---------------------------------------------------------------- definition and inputs


def test_the_definition_is_the_body_as_it_was_given(http):
    document = shouting(title="T", outputs={"loud": {"format": {"mediaType": "text/plain"}}}, extra={"a": [1, None]})
    job = created(http, document)
    assert http.get(f"{job}/definition").json() == document
    http.post(f"{job}/results")
    ended(http, job)
    assert http.get(f"{job}/definition").json() == document


def test_the_definition_of_an_execution_makes_an_equal_job(http):
    job = submit(http, "picky", name="n", size=2)
    document = http.get(f"{job}/definition").json()
    assert (document["process"], document["inputs"]) == ("picky", {"name": "n", "size": 2})
    body = {"inputs": {"name": {"value": "n"}, "size": 2}, "options": {"timeouts": {"execution": "1h"}}, "extra": 1}
    answer = http.post(f"{URL}/processes/picky/execution", json=body, headers={"Prefer": "respond-async"})
    assert http.get(f"{answer.headers['Location']}/definition").json() == {"process": "picky", **body}
    again = created(http, document)
    assert http.get(f"{again}/inputs").json()["inputs"] == {"name": "n", "size": 2}


def test_the_inputs_of_a_job_tell_what_was_asked_for(http):
    job = created(http, shouting(response="document", options={"priority": 3}))
    document = http.get(f"{job}/inputs").json()
    assert (document["inputs"], document["outputs"]) == ({"text": "hello"}, {"loud": {}})
    assert (document["response"], document["options"]["priority"]) == ("document", 3)
    assert document["metadata"]["processID"] == "shout"
    assert {link["rel"] for link in document["links"]} >= {"self", "up", "related"}


# ---------------------------------------------------------------- dry run


def test_a_dry_run_of_an_execution_stores_nothing(http):
    before = known(http, "picky")
    answer = http.post(
        f"{URL}/processes/picky/execution?dryRun=true", json={"inputs": {"name": "n", "size": 2}, "response": "raw"}
    )
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["processID"], document["inputs"]) == ("picky", {"name": "n", "size": 2})
    assert document["response"] == "raw"
    assert "missing" not in document
    assert known(http, "picky") == before


def test_a_dry_run_by_a_link_executes_nothing(http):
    answer = http.get(f"{URL}/processes/picky/execution?name=n&size=2&dryRun=true")
    assert (answer.status_code, answer.json()["inputs"]) == (200, {"name": "n", "size": 2})


def test_a_dry_run_lists_every_fault(http):
    body = {"inputs": {"size": 99, "kind": "z"}, "outputs": {"none": {}}, "options": {"priority": 1000}}
    pointers = ("/inputs/name", "/inputs/size", "/inputs/kind", "/outputs/none", "/options/priority")
    refused(http.post(f"{URL}/processes/picky/execution?dryRun=true", json=body), 400, *pointers)
    document = {"process": "picky", **body}
    refused(create(http, document, dryRun="true", start="true"), 400, *pointers)
    assert refused(http.post(f"{URL}/processes/none/execution?dryRun=true", json={}), 404)


def test_a_dry_run_of_a_creation_tells_what_is_missing(http):
    answer = create(http, {"process": "picky", "title": "T", "inputs": {"size": 1}}, dryRun="true")
    assert answer.status_code == 200
    assert (answer.json()["missing"], answer.json()["title"]) == (["name"], "T")


def test_a_dry_run_that_is_neither_true_nor_false_is_refused(http):
    for answer in (
        create(http, shouting(), dryRun="perhaps"),
        http.post(f"{URL}/processes/shout/execution?dryRun=perhaps", json={}),
    ):
        assert refused(answer, 400, "dryRun")["type"] == types.INVALID_QUERY_PARAMETER_VALUE
    assert refused(create(http, shouting(), start="now"), 400, "start")
