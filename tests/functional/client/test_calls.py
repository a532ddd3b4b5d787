"""Calls of the client against a service on a real socket."""

from __future__ import annotations

import base64
import io
import socket
import tarfile
import threading
import tracemalloc
from pathlib import Path

import pytest
import requests

from tests.functional.client.wire import JOB, NO_SUCH_JOB, RemoteJob, Wire, digest, serving
from weaverlite.client import InvalidUsage, ProblemError, TimedOut, Unreachable, WeaverClient, uploads

OTHER = "0b6f3c1e-aaaa-4c5a-9f5e-2f6a3c9d7e10"


def test_service_is_asked_about_itself(client: WeaverClient) -> None:
    assert client.info().body["title"] == "A small service"
    assert client.version().body == {"weaverlite": "0.0.0"}
    assert client.conformance().body["conformsTo"][0] == "http://example.org/core"


def test_all_pages_of_a_list_are_read(wire: Wire, client: WeaverClient) -> None:
    wire.processes = {f"p{number}": {"id": f"p{number}"} for number in range(250)}
    found = client.processes()
    assert [process["id"] for process in found.body["processes"]] == list(wire.processes)
    assert len(client.processes(limit=120).body["processes"]) == 120


def test_refusal_is_a_false_result_with_the_sentence_of_the_service(client: WeaverClient) -> None:
    result = client.status(job_id=OTHER)
    assert not result
    assert (result.code, result.message) == (404, f"There is no job '{OTHER}'.")
    assert isinstance(result.error, ProblemError) and result.error.type == NO_SUCH_JOB
    with pytest.raises(ProblemError, match="There is no job"):
        result.check()


def test_process_is_deployed_replaced_shown_and_removed(wire: Wire, client: WeaverClient) -> None:
    cwl = {"cwlVersion": "v1.2", "class": "CommandLineTool"}
    assert client.deploy("my-process", cwl=cwl).code == 201
    assert wire.calls[-1].headers["Content-Type"] == "application/ogcapppkg+json"
    assert wire.calls[-1].json["processDescription"] == {"id": "my-process"}
    assert client.deploy("echo", cwl=cwl, replace=True).code == 204
    assert (wire.calls[-1].method, wire.calls[-1].path) == ("PUT", "/processes/echo")
    client.deploy(cwl=cwl, workflow="main")
    assert wire.calls[-1].query == {"w": ["main"]}
    assert client.describe("echo").body["title"] == "Echo"
    assert client.package("echo").body == "cwlVersion: v1.2\n"
    assert client.undeploy("echo").code == 204
    assert not client.describe("absent")


def test_ids_are_one_segment_of_a_path(wire: Wire, client: WeaverClient) -> None:
    client.describe("a/../b?c#d")
    assert wire.calls[-1].path == "/processes/a%2F..%2Fb%3Fc%23d"
    with pytest.raises(InvalidUsage):
        client.describe("..")


def test_execution_gives_a_handle(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob(states=[{"status": "accepted"}, {"status": "successful"}]))
    job = client.execute("echo", inputs={"text": "hello"}, outputs={"out": {}}, options={"priority": 5})
    assert (job.success, job.job_id, job.status) == (True, JOB, "accepted")
    assert wire.calls[-1].headers["Prefer"] == "respond-async"
    assert wire.calls[-1].json == {"inputs": {"text": "hello"}, "outputs": {"out": {}}, "options": {"priority": 5}}
    assert client.monitor(job, timeout=60)
    assert client.status(job).body["status"] == "successful"


def test_sync_execution_says_how_long_it_waits(wire: Wire, client: WeaverClient) -> None:
    wire.canned[("POST", "/processes/echo/execution")] = (200, {"Content-Type": "application/json"}, b'{"out": 1}')
    job = client.execute("echo", mode="sync", wait="5s")
    assert (job.body, job.job_id, job.status) == ({"out": 1}, "", "successful")
    assert wire.calls[-1].headers["Prefer"] == "wait=5"


def test_execution_of_an_unknown_process_is_refused(client: WeaverClient) -> None:
    assert client.execute("absent", inputs={}).code == 404
    assert client.execute("absent", inputs=["n=1"]).code == 404


def test_every_part_of_a_job_has_its_call(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob(results={"n": 42, "file": {"href": "http://x/y", "type": "text/plain"}}))
    for name in ("inputs", "exceptions", "statistics", "history"):
        assert getattr(client, name)(JOB).body == {"part": name}
    assert client.logs(JOB, tail=3).body["events"] == []
    assert wire.calls[-1].query["tail"] == ["3"]
    assert client.results(job_id=JOB).body["n"] == 42
    assert client.dismiss(JOB).body["status"] == "dismissed"
    assert client.jobs(status="failed", labels={"a": "b"}).body["jobs"][0]["id"] == JOB
    assert wire.calls[-1].query == {"status": ["failed"], "label": ["a=b"], "limit": ["100"]}


# ---------------------------------------------------------------- naming jobs


def test_job_is_named_by_the_beginning_of_its_id_or_its_url(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob())
    wire.add_job(RemoteJob(OTHER))
    assert client.status(JOB[:12]).body["id"] == JOB
    assert client.status(f"{wire.url}/jobs/{OTHER}/").body["id"] == OTHER
    with WeaverClient(token="secret") as nowhere:
        assert nowhere.status(f"{wire.url}/jobs/{OTHER}").body["id"] == OTHER
    assert wire.calls[-1].headers["Authorization"] == "Bearer secret"
    with pytest.raises(InvalidUsage, match=f"Several jobs begin with '{JOB[:8]}': {JOB}, {OTHER}"):
        client.status(JOB[:8])
    assert client.status("zzzzzz").code == 404
    with pytest.raises(InvalidUsage, match="A job is missing"):
        client.status("")


def test_other_services_need_no_prefixes(wire: Wire, client: WeaverClient) -> None:
    wire.has_prefixes = False
    wire.add_job(RemoteJob("job-number-1"))
    wire.add_job(RemoteJob("job-number-2"))
    assert client.status("job-number-2").body["id"] == "job-number-2"
    wire.canned[("GET", "/jobs")] = (501, {}, b"")
    assert client.status("job-number-1").body["id"] == "job-number-1"


# ---------------------------------------------------------------- credentials


def test_headers_and_token_are_sent(wire: Wire) -> None:
    with WeaverClient(wire.url, headers={"X-Key": "k"}, token="t") as client:
        client.info()
    assert wire.calls[-1].headers["X-Key"] == "k"
    assert wire.calls[-1].headers["Authorization"] == "Bearer t"


def test_token_comes_from_the_environment_and_not_from_netrc(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password word\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("WEAVERLITE_TOKEN", "from-the-shell")
    with WeaverClient(wire.url) as client:
        client.info()
    assert wire.calls[-1].headers["Authorization"] == "Bearer from-the-shell"


def test_credentials_do_not_follow_a_redirect_to_another_host(wire: Wire) -> None:
    with serving(Wire()) as other, WeaverClient(wire.url, headers={"X-Key": "k"}, token="t") as client:
        wire.canned[("GET", "/")] = (302, {"Location": other.url + "/"}, b"")
        assert client.info().body["title"] == "A small service"
        assert not {"X-Key", "Authorization"} & set(other.calls[-1].headers)


def test_redirects_come_to_an_end(wire: Wire, client: WeaverClient) -> None:
    wire.canned[("GET", "/")] = (302, {"Location": "/"}, b"")
    assert isinstance(client.info().error, Unreachable)
    wire.canned[("GET", "/")] = (302, {"Location": "file:///etc/passwd"}, b"")
    assert "not a web address" in client.info().message


def test_body_is_not_sent_after_a_redirect(wire: Wire, client: WeaverClient) -> None:
    wire.canned[("POST", "/processes")] = (301, {"Location": "https://elsewhere/processes"}, b"")
    with pytest.raises(InvalidUsage, match="use the service under that URL"):
        client.deploy(cwl={"cwlVersion": "v1.2"})


def test_session_of_the_caller_is_used_and_left_open(wire: Wire) -> None:
    with requests.Session() as session:
        session.headers["X-Session"] = "mine"
        with WeaverClient(wire.url, session=session) as client:
            client.info()
        assert session.get(wire.url, timeout=5).ok
    assert wire.calls[0].headers["X-Session"] == "mine"


# ---------------------------------------------------------------- the network


def test_nobody_there_is_a_false_result() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = WeaverClient(f"http://127.0.0.1:{port}").info()
    assert (result.success, result.code) == (False, None)
    assert isinstance(result.error, Unreachable)
    assert result.message == f"http://127.0.0.1:{port} cannot be reached: Connection refused."
    assert isinstance(WeaverClient("http://no-such-host.invalid").info().error, Unreachable)


def test_silence_is_told(wire: Wire) -> None:
    released = threading.Event()
    wire.on_call = lambda call: released.wait(10) and None
    try:
        with WeaverClient(wire.url, timeout=0.2) as client:
            assert isinstance(client.info().error, TimedOut)
    finally:
        released.set()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Bad gateway</html>", "502 Bad Gateway"),
        (b"{}", "The service answered 502."),
        (b"{broken", "502 Bad Gateway"),
        (b"", "502 Bad Gateway"),
    ],
)
def test_answer_that_is_no_problem_document_is_told_by_its_status(
    wire: Wire, client: WeaverClient, body: bytes, message: str
) -> None:
    wire.canned[("GET", "/")] = (502, {"Content-Type": "application/json"}, body)
    assert client.info().message == message


def test_header_that_cannot_be_sent_is_refused(wire: Wire) -> None:
    with pytest.raises(InvalidUsage, match="cannot be sent"):
        WeaverClient(wire.url, headers={"X": "a\r\nb: c"}).info()


def test_missing_ca_file_is_told() -> None:
    with pytest.raises(InvalidUsage, match="cannot be sent"):
        WeaverClient("https://127.0.0.1:1", ca_file="/absent.pem").info()


# ---------------------------------------------------------------- files of this machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a b.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "in" / "sub" / "empty").write_bytes(b"")
    return tmp_path / "in"


def test_local_files_are_uploaded_once_each_and_referenced(wire: Wire, client: WeaverClient, folder: Path) -> None:
    wire.add_job(RemoteJob())
    path = folder / "a b.csv"
    assert client.execute("echo", {"one": path, "two": [path, folder / "sub" / "empty"]})
    first = {"href": "vault:u1", "type": "text/csv", "title": "a b.csv"}
    assert wire.calls[-1].json["inputs"] == {"one": first, "two": [first, {"href": "vault:u2", "title": "empty"}]}
    assert wire.uploads == {"u1": b"a,b\n1,2\n", "u2": b""}
    upload = next(call for call in wire.calls if call.path == "/vault")
    assert upload.headers["Content-Type"] == "text/csv"
    assert upload.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b.csv"
    assert upload.headers["Content-Length"] == "8"


def test_directories_are_uploaded_as_one_tar(wire: Wire, client: WeaverClient, folder: Path) -> None:
    wire.add_job(RemoteJob())
    assert client.execute("echo", {"d": folder})
    assert wire.calls[-1].json["inputs"] == {"d": {"href": "vault:u1", "type": "inode/directory", "title": "in"}}
    assert next(call for call in wire.calls if call.path == "/vault").headers["Content-Type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(wire.uploads["u1"])) as archive:
        assert archive.getnames() == ["a b.csv", "sub", "sub/empty"]


def test_upload_gives_what_inputs_refer_to(wire: Wire, client: WeaverClient, folder: Path) -> None:
    assert client.upload(folder / "a b.csv").body["href"] == "vault:u1"
    with pytest.raises(InvalidUsage, match="no file or directory"):
        client.upload("absent")


def test_damaged_upload_is_noticed(wire: Wire, client: WeaverClient, folder: Path) -> None:
    body = b'{"id": "u1", "href": "vault:u1", "sha256": "' + digest(b"other").encode() + b'"}'
    wire.canned[("POST", "/vault")] = (201, {"Content-Type": "application/json"}, body)
    result = client.execute("echo", {"f": folder / "a b.csv"})
    assert not result and "arrived damaged" in result.message
    assert wire.paths("POST") == ["/vault"]


def test_refused_upload_ends_the_execution(wire: Wire, client: WeaverClient, folder: Path) -> None:
    wire.canned[("POST", "/vault")] = (413, {"Content-Type": "application/json"}, b'{"detail": "Too large."}')
    result = client.execute("echo", {"f": folder / "a b.csv"})
    assert (result.code, result.message) == (413, "Too large.")


def test_small_files_go_inside_the_request_where_there_is_no_vault(
    wire: Wire, client: WeaverClient, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.has_vault = False
    wire.add_job(RemoteJob())
    (tmp_path / "x.nc").write_bytes(b"\x89\xff")
    assert client.execute("echo", {"text": folder / "a b.csv", "data": tmp_path / "x.nc"})
    assert wire.calls[-1].json["inputs"] == {
        "text": {"value": "a,b\n1,2\n", "mediaType": "text/csv"},
        "data": {
            "value": base64.b64encode(b"\x89\xff").decode(),
            "mediaType": "application/netcdf",
            "encoding": "base64",
        },
    }
    with pytest.raises(InvalidUsage, match="directory .* cannot be passed"):
        client.execute("echo", {"d": folder})
    monkeypatch.setattr(uploads, "INLINE_LIMIT", 4)
    with pytest.raises(InvalidUsage, match="too large"):
        client.execute("echo", {"f": folder / "a b.csv"})


def test_large_file_is_uploaded_in_little_memory(wire: Wire, client: WeaverClient, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(40 * 1024 * 1024)
    tracemalloc.start()
    try:
        body = uploads.FileBody(path)
        for _ in body:
            pass
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert client.upload(path).body["size"] == 40 * 1024 * 1024
