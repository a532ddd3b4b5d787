"""The forms in which results come: the tables of both versions of the standard, and what a client prefers."""

from __future__ import annotations

import base64
from dataclasses import replace
from email.parser import BytesParser

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc import profiles
from weaverlite.ogc.links import find, read_header
from weaverlite.testing.app import URL, settings_for

from .conftest import TABLE, ended, newest_job, submit

PAGE = b"<script>alert(1)</script>"


@pytest.fixture
def execute(http):
    def post(process, body, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return http.post(f"{URL}/processes/{process}/execution", json=body, headers=headers)

    return post


def parts_of(answer):
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + answer.content).get_payload()
    return {part["Content-ID"].strip("<>"): part for part in parts}


def related(answer):
    return find(read_header(answer.headers.get("Link", "")), rel.PROFILE)


# ---------------------------------------------------------------- version 2.0


def test_several_outputs_come_in_the_form_that_is_accepted(execute):
    body = {"outputs": {"count": {}, "table": {}, "box": {}}}
    answer = execute("report", body, Accept="multipart/related")
    assert answer.headers["Content-Type"].startswith("multipart/related; boundary=")
    assert answer.headers["Content-Type"].endswith('; type="text/csv"')
    assert 'boundary="' in answer.headers["Content-Type"]
    assert answer.headers["Content-Length"] == str(len(answer.content))
    found = parts_of(answer)
    assert list(found) == ["table", "count", "box"]
    assert found["table"].get_payload(decode=True).replace(b"\r\n", b"\n") == TABLE
    assert found["table"]["Content-Length"] == "70000"
    assert found["table"]["Content-Location"].endswith("/outputs/table/table.csv")
    assert found["count"].get_payload() == "3"
    assert execute("report", body, Accept="multipart/mixed").headers["Content-Type"].startswith("multipart/mixed")


@pytest.mark.parametrize("accept", ["image/png", "text/csv", "application/xml;q=0.5, text/plain"])
def test_several_outputs_in_a_form_that_there_is_not_are_refused_before_anything_runs(execute, http, accept):
    before = newest_job(http, "report")
    answer = execute("report", {"outputs": {"count": {}, "table": {}}}, Accept=accept)
    assert answer.status_code == 406
    assert "multipart/related" in answer.json()["detail"]
    assert newest_job(http, "report") == before


@pytest.mark.parametrize(
    "accept", [None, "*", "*/*", "text/csv", "text/*", "image/png, text/csv;q=0.1", ";;,", "text/csv;q=x"]
)
def test_one_output_comes_in_its_own_media_type(execute, accept):
    answer = execute("report", {"outputs": {"table": {}}}, Accept=accept)
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.content == TABLE


def test_one_output_comes_as_json_when_json_is_accepted(execute, http):
    answer = execute("report", {"outputs": {"table": {}}}, Accept="application/json")
    assert answer.json()["type"] == "text/csv"
    assert http.get(answer.json()["href"]).content == TABLE


def test_one_output_in_a_form_that_it_has_not_is_refused(execute):
    answer = execute("report", {"outputs": {"table": {}}}, Accept="image/png")
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]


@pytest.mark.parametrize(
    "wish",
    [
        {"Accept_Profile": f"<{profiles.RESULTS}>"},
        {"Accept": f'application/json;profile="{profiles.RESULTS}"'},
        {"Prefer": f"wait=20; profile={profiles.RESULTS}"},
        {"query": "?profile=ogc-results"},
        {"query": "?profile=unknown,[ogc:ogc-results]"},
    ],
    ids=["Accept-Profile", "Accept", "Prefer", "id", "CURIE"],
)
def test_one_output_comes_in_a_document_when_its_profile_is_wished_for(http, wish):
    wish = dict(wish)
    query = wish.pop("query", "")
    headers = {name.replace("_", "-"): value for name, value in wish.items()}
    answer = http.post(
        f"{URL}/processes/report/execution{query}", json={"outputs": {"count": {}}}, headers=headers
    )
    assert answer.json() == {"count": 3}
    assert related(answer).href == profiles.RESULTS


@pytest.mark.parametrize("wish", ["unknown", "[", "https://example.org/none", "", ",,", profiles.JOB])
def test_a_profile_that_does_not_fit_changes_nothing(http, wish):
    answer = http.post(
        f"{URL}/processes/report/execution",
        params={"profile": wish},
        json={"outputs": {"count": {}}},
        headers={"Accept-Profile": wish},
    )
    assert answer.json() == 3
    assert related(answer) is None


def test_everything_comes_inline_when_the_representation_is_preferred(execute):
    body = {"outputs": {"table": {}, "page": {}, "count": {}, "parts": {}}}
    answer = execute("report", body, Prefer="return=representation")
    document = answer.json()
    assert answer.headers["Preference-Applied"] == "return=representation"
    assert document["table"] == {"value": TABLE.decode(), "mediaType": "text/csv"}
    assert document["page"] == {"value": PAGE.decode(), "mediaType": "text/html"}
    assert document["parts"] == [{"value": "one", "mediaType": "text/plain"}]
    assert document["count"] == 3


@pytest.mark.parametrize("prefer", [None, "return=minimal", "return=anything"])
def test_files_come_as_links_otherwise(execute, prefer):
    document = execute("report", {"outputs": {"table": {}, "count": {}}}, Prefer=prefer).json()
    assert document["table"]["href"].endswith("/outputs/table/table.csv")
    assert document["count"] == 3


def test_bytes_come_in_base64_when_that_was_asked_for(execute):
    wanted = {"table": {"format": {"encoding": "base64"}}, "count": {}}
    document = execute("report", {"outputs": wanted}, Prefer="return=representation").json()
    assert base64.b64decode(document["table"]["value"]) == TABLE
    found = parts_of(execute("report", {"outputs": wanted}, Accept="multipart/related"))
    assert found["table"]["Content-Transfer-Encoding"] == "base64"
    assert found["table"].get_payload(decode=True) == TABLE


# ---------------------------------------------------------------- version 1.0


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "image/png"])
def test_raw_outputs_of_version_1_come_as_its_table_says_whatever_is_accepted(execute, accept):
    several = execute("report", {"outputs": {"count": {}, "table": {}}, "response": "raw"}, Accept=accept)
    assert several.headers["Content-Type"].startswith("multipart/related; boundary=")
    one = execute("report", {"outputs": {"table": {"transmissionMode": "value"}}}, Accept=accept)
    assert one.headers["Content-Type"] == "text/csv"
    assert one.content == TABLE


def test_a_document_of_version_1_passes_outputs_as_they_were_asked_for(execute):
    body = {
        "response": "document",
        "outputs": {
            "table": {"transmissionMode": "value"},
            "page": {"transmissionMode": "reference"},
            "count": {"transmissionMode": "reference"},
            "box": {"transmissionMode": "value"},
            "parts": {},
        },
    }
    answer = execute("report", body)
    document = answer.json()
    assert document["table"] == {"value": TABLE.decode(), "mediaType": "text/csv"}
    assert document["page"]["href"].endswith(".html")
    assert document["count"]["href"].endswith("/results/count?f=text")
    assert document["box"] == {"value": {"a": [1, None]}, "mediaType": "application/json"}
    assert "href" in document["parts"][0]
    assert related(answer) is None


def test_one_raw_output_by_reference_is_a_link(execute, http):
    answer = execute("report", {"response": "raw", "outputs": {"count": {"transmissionMode": "reference"}}})
    assert (answer.status_code, answer.content) == (204, b"")
    (link,) = read_header(answer.headers["Link"])
    assert (link.rel, link.title) == (rel.RELATED, "count")
    assert http.get(link.href).json() == 3


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"outputs": {"count": {}, "table": {}}}, "application/json"),
        ({"outputs": {"count": {}, "table": {}}, "response": "document"}, "application/json"),
        ({"outputs": {"count": {}, "table": {}}, "response": "raw"}, "multipart/related"),
        ({"outputs": {"table": {}}, "response": "raw"}, "text/csv"),
        ({"outputs": {"table": {}}}, "application/json"),
        ({"outputs": {"table": {"transmissionMode": "reference"}}}, None),
    ],
    ids=["2.0 several", "1.0 document", "1.0 raw several", "1.0 raw one", "2.0 one", "1.0 raw reference"],
)
def test_results_of_a_job_repeat_the_table_of_its_request(execute, http, body, expected):
    made = execute("report", body, Prefer="respond-async").headers["Location"]
    ended(http, made)
    answer = http.get(f"{made}/results")
    assert answer.headers.get("Content-Type", "").partition(";")[0] == (expected or "")
    assert answer.status_code == (200 if expected else 204)
    document = http.get(f"{made}/results", headers={"Accept": "application/json"})
    assert document.json().keys() == body["outputs"].keys()
    assert related(document).href == profiles.RESULTS


def test_results_of_a_job_remember_what_its_request_preferred(execute, http):
    made = execute("report", {"outputs": {"table": {}}}, Prefer="respond-async, return=representation")
    job = made.headers["Location"]
    ended(http, job)
    assert http.get(f"{job}/results").json()["table"]["value"] == TABLE.decode()


def test_results_of_a_job_without_outputs_are_not_available(execute, http):
    made = execute("report", {"outputs": {}}, Prefer="respond-async").headers["Location"]
    ended(http, made)
    for page in ("results", "results/count", "outputs", "results?f=zip"):
        answer = http.get(f"{made}/{page}")
        assert answer.status_code == 404
        assert answer.json()["type"] == exceptions.RESULT_NOT_AVAILABLE


# ---------------------------------------------------------------- results of a job


def test_results_come_inline_when_that_is_preferred_now(http, job):
    document = http.get(f"{job}/results?outputs=table,box", headers={"Prefer": "return=representation"}).json()
    assert document["table"] == {"value": TABLE.decode(), "mediaType": "text/csv"}
    assert document["box"]["value"] == {"a": [1, None]}
    one = http.get(
        f"{job}/results/table", headers={"Accept": "application/json", "Prefer": "return=representation"}
    ).json()
    assert one == document["table"]


def test_one_result_is_negotiated(http, job):
    assert http.get(f"{job}/results/table", headers={"Accept": "application/json"}).json()["type"] == "text/csv"
    assert http.get(f"{job}/results/parts/0", headers={"Accept": "text/*"}).text == "one"
    assert http.get(f"{job}/results/count", headers={"Accept": "text/plain"}).text == "3"
    for page in ("table", "count", "box", "maps", "parts/0"):
        answer = http.get(f"{job}/results/{page}", headers={"Accept": "image/png"})
        assert answer.status_code == 406
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_results_come_in_parts_when_those_are_accepted(http, job):
    answer = http.get(f"{job}/results?outputs=count,page", headers={"Accept": "multipart/related"})
    found = parts_of(answer)
    assert set(found) == {"count", "page"}
    assert found["page"]["Content-Disposition"].startswith("attachment; ")
    assert http.get(f"{job}/results", headers={"Accept": "image/png"}).status_code == 406


def test_results_of_one_output_can_be_had_as_they_are(http, job):
    answer = http.get(f"{job}/results?outputs=table", headers={"Accept": "text/csv"})
    assert answer.content == TABLE


def test_an_unknown_form_is_refused(http, job):
    answer = http.get(f"{job}/results?f=gif")
    assert answer.status_code == 400
    assert answer.json()["type"] == exceptions.INVALID_QUERY_PARAMETER_VALUE


@pytest.mark.parametrize(
    ("page", "profile"),
    [
        ("processes/shout", profiles.PROCESS_DESCRIPTION),
        ("processes", profiles.PROCESS_LIST),
        ("jobs", profiles.JOB_LIST),
    ],
)
def test_a_resource_links_to_its_profile(http, page, profile):
    answer = http.get(f"{URL}/{page}", params={"profile": "unknown"}, headers={"Accept-Profile": "<urn:none>"})
    assert answer.status_code == 200
    assert related(answer).href == profile


def test_a_job_links_to_its_profile(http, job):
    assert related(http.get(job)).href == profiles.JOB
    assert related(http.get(f"{URL}/jobs/nothing")) is None


# ---------------------------------------------------------------- preferences


@pytest.mark.parametrize(
    "prefer",
    ["fast", "colour=blue, shape", "wait=soon", "return=", "=;=,;", "handling=loose", '"', "respond-sync", "wait=-1"],
)
def test_preferences_that_mean_nothing_are_ignored(execute, prefer):
    answer = execute("shout", {"inputs": {"text": "a"}}, Prefer=prefer)
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("prefer", "named"),
    [
        ("handling=strict, fast", ["fast"]),
        ("fast; colour=blue; handling=strict", ["fast", "colour=blue"]),
        ("handling=strict, wait=soon, return=all", ["wait=soon", "return=all"]),
        ("handling=strict, wait=99999", ["wait=99999"]),
    ],
)
def test_strict_handling_refuses_what_cannot_be_honoured(execute, prefer, named):
    answer = execute("shout", {"inputs": {"text": "a"}}, Prefer=prefer)
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert (fault["location"], fault["pointer"]) == ("header", "Prefer")
    assert all(name in fault["message"] for name in named)


def test_what_is_preferred_strictly_is_told_with_all_other_faults(execute):
    answer = execute("picky", {"inputs": {"size": 99}}, Prefer="handling=strict, wait=99999")
    assert {"Prefer", "/inputs/size", "/inputs/name"} <= {fault["pointer"] for fault in answer.json()["errors"]}


def test_strict_handling_that_can_be_honoured_is_applied(execute):
    answer = execute("shout", {"inputs": {"text": "a"}}, Prefer="handling=strict, wait=20, return=minimal")
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=20, return=minimal, handling=strict"


# ---------------------------------------------------------------- links to the job


@pytest.mark.parametrize(
    ("body", "linked"),
    [
        ({}, True),
        ({"response": "document"}, True),
        ({"response": "raw"}, True),
        ({"outputs": {"loud": {"transmissionMode": "value"}}}, False),
        ({"outputs": {"loud": {"transmissionMode": "value"}}, "response": "document"}, False),
    ],
    ids=["2.0", "document", "raw", "mode", "mode document"],
)
def test_a_synchronous_answer_links_to_its_job_unless_a_transmission_mode_is_named(execute, body, linked):
    answer = execute("shout", {"inputs": {"text": "a"}, **body})
    assert (find(read_header(answer.headers.get("Link", "")), rel.MONITOR) is not None) is linked
    assert linked or "Link" not in answer.headers


@pytest.mark.parametrize("wanted", ["always", "never"])
def test_the_operator_decides_about_the_link(running_service, tmp_path, wanted):
    settings = settings_for(tmp_path)
    settings = replace(settings, server=replace(settings.server, monitor_link=wanted))
    with running_service(settings) as service, service.session() as http:
        for outputs in ({}, {"outputs": {"loud": {"transmissionMode": "value"}}}):
            answer = http.post(f"{URL}/processes/shout/execution", json={"inputs": {"text": "a"}, **outputs})
            assert answer.text == "A"
            assert ("Link" in answer.headers) is (wanted == "always")


def test_results_are_a_page_for_who_prefers_to_read(http, job):
    answer = http.get(f"{job}/results", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "table.csv" in answer.text


def test_a_dismissed_job_has_no_results_in_any_form(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    assert http.delete(job).json()["status"] == "dismissed"
    for page in ("results", "results/name", "results?f=zip", "outputs", "results?outputs=name"):
        answer = http.get(f"{job}/{page}")
        assert answer.status_code == 410, page
        assert answer.headers["Content-Type"] == "application/problem+json"
