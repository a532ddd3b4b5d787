"""Results: documents, values, files and their ranges."""

from __future__ import annotations

import hashlib

import pytest
import requests

from weaverlite.ogc import exceptions

from .conftest import TABLE, ended, submit


@pytest.fixture
def table(http, job):
    return http.get(f"{job}/results").json()["table"]["href"]


def test_the_document_has_values_and_links(http, job):
    document = http.get(f"{job}/results").json()
    assert document["count"] == 3
    assert document["table"] == {"href": f"{job}/outputs/table/table.csv", "type": "text/csv"}
    assert document["box"] == {"value": {"a": [1, None]}, "mediaType": "application/json"}
    assert document["maps"]["type"] == "inode/directory"
    assert [item["href"] for item in document["parts"]] == [f"{job}/outputs/parts/0/first.txt"]
    assert document["page"]["href"] == f"{job}/outputs/page/gr%C3%B6%C3%9Fe%20100%25.html"


def test_only_the_outputs_asked_for_come(http, job):
    assert http.get(f"{job}/results?outputs=count,table").json().keys() == {"count", "table"}
    answer = http.get(f"{job}/results?outputs=nothing,count,none")
    assert answer.status_code == 400
    assert answer.json()["type"] == exceptions.NO_SUCH_OUTPUT
    assert "'nothing'" in answer.json()["detail"]
    assert "'none'" in answer.json()["detail"]


def test_one_output_comes_as_it_is(http, job):
    assert http.get(f"{job}/results/count").json() == 3
    assert http.get(f"{job}/results/table").content == TABLE
    assert http.get(f"{job}/results/parts/0").text == "one"
    assert http.get(f"{job}/results/maps").json()["type"] == "inode/directory"
    assert http.get(f"{job}/results/parts").json()[0]["type"] == "text/plain"


@pytest.mark.parametrize("page", ["nothing", "nothing/0"])
def test_an_unknown_output_is_told(http, job, page):
    answer = http.get(f"{job}/results/{page}")
    assert answer.status_code == 400
    assert answer.json()["type"] == exceptions.NO_SUCH_OUTPUT


@pytest.mark.parametrize(
    ("index", "status"), [("1", 404), ("-1", 400), ("x", 400), ("9999999999999", 400), ("%D9%A1", 400)]
)
def test_an_item_that_is_not_there_is_told(http, job, index, status):
    assert http.get(f"{job}/results/parts/{index}").status_code == status


def test_results_of_a_running_job_are_not_ready(http, gate_name):
    running = submit(http, "gate", name=gate_name)
    for page in ("results", "results/name", "exitCode", "manifest"):
        answer = http.get(f"{running}/{page}")
        assert answer.status_code == 404
        assert answer.json()["type"] == exceptions.RESULT_NOT_READY


def test_results_of_a_failed_job_are_its_reason(http):
    failed = submit(http, "fail")
    ended(http, failed)
    answer = http.get(f"{failed}/results")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The tool ended with exit code 7."
    assert http.get(f"{failed}/manifest").json()["exitCode"] == 7


def test_outputs_that_were_not_asked_for_are_not_available(http, base):
    made = http.post(
        f"{base}/processes/report/execution", json={"outputs": {"count": {}}}, headers={"Prefer": "respond-async"}
    ).headers["Location"]
    ended(http, made)
    assert http.get(f"{made}/results").json() == {"count": 3}
    answer = http.get(f"{made}/results/table")
    assert answer.status_code == 404
    assert answer.json()["type"] == exceptions.RESULT_NOT_AVAILABLE


def test_a_request_of_version_1_gets_its_results_raw_unless_it_accepts_json(http, base):
    body = {"outputs": {"table": {}}, "response": "raw"}
    made = http.post(f"{base}/processes/report/execution", json=body, headers={"Prefer": "respond-async"})
    job = made.headers["Location"]
    assert http.get(f"{job}/results").status_code in (200, 404)
    ended(http, job)
    assert http.get(f"{job}/results").content == TABLE
    document = http.get(f"{job}/results", headers={"Accept": "application/json"}).json()
    assert document["table"]["type"] == "text/csv"


# ---------------------------------------------------------------- files


def test_a_file_comes_with_its_digest_and_harmless(http, table):
    answer = http.get(table)
    assert answer.content == TABLE
    assert answer.headers["ETag"] == f'"{hashlib.sha256(TABLE).hexdigest()}"'
    assert answer.headers["Content-Length"] == str(len(TABLE))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Content-Disposition"] == 'inline; filename="table.csv"'


def test_a_page_is_saved_not_shown(http, job):
    answer = http.get(http.get(f"{job}/results").json()["page"]["href"])
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"gr__e 100_.html\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20100%25.html"
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-9", TABLE[:10]),
        ("bytes=69990-", TABLE[69990:]),
        ("bytes=-7", TABLE[-7:]),
        ("bytes=10-10", TABLE[10:11]),
        ("bytes=69999-999999", TABLE[69999:]),
        ("bytes=0-", TABLE),
    ],
)
def test_a_range_is_answered_with_a_part(http, table, wanted, expected):
    answer = http.get(table, headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.content == expected
    assert answer.headers["Content-Length"] == str(len(expected))
    assert answer.headers["Content-Range"].endswith("/70000")


@pytest.mark.parametrize("wanted", ["bytes=70000-", "bytes=99999-100000"])
def test_a_range_behind_the_end_is_refused(http, table, wanted):
    answer = http.get(table, headers={"Range": wanted})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */70000"


@pytest.mark.parametrize(
    "wanted",
    [
        *("bytes=5-2", "bytes=a-b", "lines=0-1", "bytes=0-1,5-9", "", "bytes=", "bytes=-"),
        pytest.param("bytes=9-" + "9" * 5000, id="too many digits"),
    ],
)
def test_a_range_that_is_none_is_answered_with_the_whole(http, table, wanted):
    answer = http.get(table, headers={"Range": wanted})
    assert answer.status_code == 200
    assert answer.content == TABLE


def test_a_range_depends_on_the_file_being_the_same(http, table):
    etag = http.head(table).headers["ETag"]
    assert http.get(table, headers={"Range": "bytes=0-0", "If-Range": etag}).status_code == 206
    assert http.get(table, headers={"Range": "bytes=0-0", "If-Range": '"other"'}).content == TABLE


def test_a_file_that_the_client_has_does_not_come_again(http, table):
    etag = http.head(table).headers["ETag"]
    for condition in (etag, f'"other", {etag}', "*", f"W/{etag}"):
        answer = http.get(table, headers={"If-None-Match": condition})
        assert answer.status_code == 304, condition
        assert answer.content == b""
        assert answer.headers["ETag"] == etag
    assert http.get(table, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_head_of_a_file_says_how_large_it_is(http, table):
    answer = http.head(table)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == "70000"
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "../manifest.json",
        "%2e%2e/manifest.json",
        "..%2fmanifest.json",
        "%2e%2e%2fmanifest.json",
        "%252e%252e%252fmanifest.json",
        "..%5cmanifest.json",
        "table/../../../../../../etc/passwd",
        "table/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "table/table.csv%00.txt",
        "table/table.csv%00",
        "table//table.csv",
        "table/./table.csv",
        "table/%2e/table.csv",
        "./table/table.csv",
        "table/table.csv/",
        "TABLE/TABLE.CSV",
        "",
        "tabl",
        "table/",
        "table/%ef%bc%8e%ef%bc%8e/table.csv",
        "file:///etc/passwd",
        "C:%5cwindows%5cwin.ini",
        "~/.ssh/id_rsa",
        "table/table.csv%0d%0aSet-Cookie:%20a=b",
        "*",
    ],
)
def test_a_path_that_the_manifest_does_not_have_leads_nowhere(http, base, job, path):
    # Sent as written: requests would resolve the dots before anyone could refuse them.
    answer = http.send(_as_written(http, f"{job}/outputs/{path}"))
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_the_path_of_an_output_without_a_file_is_the_output(http, job):
    assert http.get(f"{job}/outputs/table").content == TABLE
    assert http.get(f"{job}/outputs/count").json() == 3
    assert http.get(f"{job}/outputs/count", headers={"Accept": "image/png"}).status_code == 406


def test_an_item_of_a_list_is_below_its_output(http, base):
    job = submit(http, "rows")
    ended(http, job)
    for place in ("results", "outputs"):
        assert http.get(f"{job}/{place}/names/1").text == "b"
        assert http.get(f"{job}/{place}/names/2").json() == 3
        assert http.get(f"{job}/{place}/names/1", headers={"Accept": "application/json"}).json() == "b"
        assert http.get(f"{job}/{place}/names/1?f=gif").status_code == 400
        assert http.get(f"{job}/{place}/names/9").json()["type"] == exceptions.RESULT_NOT_AVAILABLE
        assert http.get(f"{job}/{place}/names/1234567890").status_code == 400
        twin = f"{base}/processes/rows/jobs/{job.rpartition('/')[2]}"
        assert http.get(f"{twin}/{place}/names/0").text == "a"
        # Each file of a list lies in a folder of its own: no path of a file is that of an item.
        assert http.get(f"{job}/{place}/files/0").text == "first"
        assert http.get(f"{job}/{place}/files/1").text == "second"
    assert http.get(f"{job}/outputs/files/1/0").text == "second"
    for path in ("names/first", "names/-1", "names/", "one/0", "none/0", "files/1/1"):
        assert http.get(f"{job}/outputs/{path}").json()["type"] == exceptions.RESULT_NOT_AVAILABLE, path


def test_every_value_of_the_outputs_is_a_link(http, job):
    answer = http.get(f"{job}/outputs")
    document = answer.json()
    assert document.keys() == {"table", "page", "maps", "parts", "count", "box"}
    assert document["count"] == {"href": f"{job}/results/count?f=text", "type": "text/plain"}
    assert document["box"] == {"href": f"{job}/results/box", "type": "application/json"}
    assert document["table"]["href"] == f"{job}/outputs/table/table.csv"
    assert document["parts"][0]["href"] == f"{job}/outputs/parts/0/first.txt"
    assert http.get(document["count"]["href"]).text == "3"
    assert http.get(document["box"]["href"]).json() == {"a": [1, None]}


def _as_written(http, url):
    prepared = http.prepare_request(requests.Request("GET", url.partition("/outputs/")[0]))
    prepared.url = url
    return prepared


def test_the_manifest_names_every_file(http, job):
    manifest = http.get(f"{job}/manifest").json()
    assert manifest["outputs"]["table"]["file"]["sha256"] == hashlib.sha256(TABLE).hexdigest()
    assert {file["path"] for file in manifest["streams"]} == {"stdout", "stderr", "exitCode"}
