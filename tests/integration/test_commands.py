"""Every form of the command line, as a user types it, against a service that is really served."""

from __future__ import annotations

import http.server
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import BIN, EXAMPLES, Service, free_port, serving, weaverlite
from tests.integration.tools import SHELL, Gate, deploy, tree, until

pytestmark = pytest.mark.integration

#: Says on its standard output what it was given, and has its files as outputs.
KINDS: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "requirements": {
        "InitialWorkDirRequirement": {
            "listing": [
                {
                    "entryname": "show.py",
                    "entry": (
                        "import json, os, sys\n"
                        "def show(value):\n"
                        "    if isinstance(value, list):\n"
                        "        return [show(item) for item in value]\n"
                        "    if not isinstance(value, dict):\n"
                        "        return value\n"
                        "    if value['class'] == 'File':\n"
                        "        return [value['basename'], open(value['path']).read()]\n"
                        "    found = {}\n"
                        "    for above, _, names in os.walk(value['path']):\n"
                        "        for name in names:\n"
                        "            path = os.path.join(above, name)\n"
                        "            found[os.path.relpath(path, value['path'])] = open(path).read()\n"
                        "    return found\n"
                        "given = json.load(open('given.json'))\n"
                        "seen = {key: show(value) for key, value in given.items() if value is not None}\n"
                        "json.dump(seen, open('seen.json', 'w'))\n"
                    ),
                },
                {"entryname": "given.json", "entry": "$(inputs)"},
            ]
        }
    },
    "baseCommand": ["python3", "show.py"],
    "inputs": {
        "text": "string?",
        "number": "float?",
        "flag": "boolean?",
        "size": [{"type": "enum", "symbols": ["small", "large"]}, "null"],
        "xs": "int[]?",
        "names": "string[]?",
        "file": "File?",
        "files": "File[]?",
        "folder": "Directory?",
    },
    "outputs": {"seen": {"type": "File", "outputBinding": {"glob": "seen.json"}}},
}
#: Commands that call a service.
CALLING = (
    "deploy processes describe package undeploy execute monitor results upload jobs status logs inputs exceptions "
    "statistics history dismiss info version conformance"
).split()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with two processes; references may point to web servers of this host."""
    directory = tmp_path_factory.mktemp("commands")
    with serving(directory, "--concurrency", "4", WEAVERLITE_EGRESS_ALLOW_PRIVATE="127.0.0.1") as running:
        deploy(running, "shell", SHELL, directory)
        deploy(running, "kinds", KINDS, directory)
        yield running


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate that is open at the latest when the test is over, so that no job is left waiting."""
    made = Gate(tmp_path)
    yield made
    made.open()


def submit(service: Service, script: str, *arguments: str) -> str:
    return service.run("execute", "-p", "shell", "-I", f"script={script}", "--id-only", *arguments).stdout.strip()


def finished(service: Service, script: str, status: int = 0) -> str:
    job = submit(service, script)
    service.run("monitor", "-j", job, status=status)
    return job


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check that a command told why on stderr, and nothing on stdout."""
    assert done.stdout == ""
    assert done.stderr.startswith(("Error: ", "Usage: "))
    for word in words:
        assert word in done.stderr


def on_terminal(service: Service, *arguments: str) -> tuple[int, str]:
    """Run a command with stdout and stderr on a terminal; return its exit code and what was seen there."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, 200))
    command = subprocess.Popen(
        [BIN / "weaverlite", *arguments],
        # Whoever runs the tests may have said how wide his own terminal is.
        env={**{name: said for name, said in os.environ.items() if name != "COLUMNS"}, "WEAVERLITE_URL": service.url},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:
        # Linux says so when the last one who had the terminal has closed it.
        pass
    finally:
        os.close(ours)
    return command.wait(30), seen.decode()


class Recorder:
    """A web server that notes the requests it gets and answers each alike."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                recorder.requests.append((self.command, self.path, dict(self.headers)))
                body = b'{"title": "recorded"}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


# ---------------------------------------------------------------- the service and its processes


def test_info_version_and_conformance_tell_what_the_service_is(service: Service) -> None:
    assert json.loads(service.run("info", "-u", service.url).stdout)["title"] == "WeaverLite"
    versions = json.loads(service.run("version").stdout)
    assert versions["client"] == next(
        part["version"] for part in versions["service"]["versions"] if part["name"] == "weaverlite"
    )
    assert any(uri.endswith("/conf/core") for uri in json.loads(service.run("conformance").stdout)["conformsTo"])


def test_version_needs_no_service() -> None:
    assert list(json.loads(weaverlite("version").stdout)) == ["client"]
    assert weaverlite("--version").stdout.startswith("weaverlite ")


@pytest.mark.parametrize("form", ["--cwl yaml", "--cwl json", "-b yaml", "-b json", "--cwl -"])
def test_process_is_deployed_described_and_removed(service: Service, tmp_path: Path, form: str) -> None:
    option, kind = form.split()
    process_id = f"deployed-{re.sub('[^a-z]+', '', form) or 'stdin'}"
    document: dict[str, Any] = SHELL
    if option == "-b":
        unit = {"value": SHELL, "mediaType": "application/cwl+json"}
        document = {"processDescription": {"id": process_id, "title": "From a body"}, "executionUnit": unit}
    text = yaml.safe_dump(document) if kind == "yaml" else json.dumps(document)
    path = tmp_path / f"package.{kind}"
    path.write_text(text, encoding="utf-8")
    name = [] if option == "-b" else ["-p", process_id]
    done = service.run("deploy", *name, option, "-" if kind == "-" else path, input=text if kind == "-" else None)
    assert json.loads(done.stdout)["id"] == process_id
    listed = json.loads(service.run("processes").stdout)["processes"]
    assert process_id in [process["id"] for process in listed]
    described = json.loads(service.run("describe", "-p", process_id).stdout)
    assert described["inputs"]["script"]["schema"] == {"type": "string"}
    package = json.loads(service.run("package", "-p", process_id).stdout)
    assert package["baseCommand"] == ["sh", "-c"]
    assert service.run("undeploy", "-p", process_id).stdout == ""
    refused(service.run("describe", "-p", process_id, status=3), process_id)


def test_package_may_bring_its_own_id(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "package.json"
    path.write_text(json.dumps({**SHELL, "id": "own-id"}), encoding="utf-8")
    assert json.loads(service.run("deploy", "--cwl", path).stdout)["id"] == "own-id"
    assert json.loads(service.run("package", "-p", "own-id").stdout)["baseCommand"] == ["sh", "-c"]
    service.run("undeploy", "-p", "own-id")


def test_deployed_process_is_replaced_only_when_asked(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "package.json"
    path.write_text(json.dumps({**SHELL, "label": "First"}), encoding="utf-8")
    service.run("deploy", "-p", "replaced", "--cwl", path)
    path.write_text(json.dumps({**SHELL, "label": "Second"}), encoding="utf-8")
    refused(service.run("deploy", "-p", "replaced", "--cwl", path, status=3), "replaced")
    service.run("deploy", "-p", "replaced", "--cwl", path, "--replace")
    assert json.loads(service.run("describe", "-p", "replaced").stdout)["title"] == "Second"
    service.run("undeploy", "-p", "replaced")


# ---------------------------------------------------------------- inputs


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with files, not the one that commands are run in."""
    made = tmp_path / "files"
    (made / "folder" / "deep").mkdir(parents=True)
    (made / "a.txt").write_text("first", encoding="utf-8")
    (made / "b.txt").write_text("second", encoding="utf-8")
    (made / "folder" / "c.txt").write_text("third", encoding="utf-8")
    (made / "folder" / "deep" / "ü d.txt").write_text("fourth", encoding="utf-8")
    return made


SEEN = {
    "text": "a text",
    "xs": [1, 2, 3],
    "file": ["a.txt", "first"],
    "files": [["a.txt", "first"], ["b.txt", "second"]],
    "folder": {"c.txt": "third", "deep/ü d.txt": "fourth"},
}
ORDER = {
    "text": "a text",
    "xs": [1, 2, 3],
    "file": {"class": "File", "path": "a.txt"},
    "files": [{"class": "File", "path": "a.txt"}, {"class": "File", "location": "b.txt"}],
    "folder": {"class": "Directory", "path": "folder"},
}
DOCUMENTS = {
    "CWL job order": ORDER,
    "bare mapping": {
        **ORDER,
        "file": {"href": "a.txt"},
        "files": [{"href": "a.txt"}, {"href": "b.txt"}],
        "folder": {"href": "folder"},
    },
    "OGC execute body": {"inputs": ORDER, "outputs": {"seen": {}}, "response": "document"},
    "Weaver's list": [
        {"id": "text", "value": "a text"},
        *({"id": "xs", "value": number} for number in (1, 2, 3)),
        {"id": "file", "href": "a.txt"},
        {"id": "files", "href": "a.txt"},
        {"id": "files", "href": "b.txt"},
        {"id": "folder", "href": "folder"},
    ],
}


def seen_by(service: Service, tmp_path: Path, *arguments: str | Path, **options: Any) -> Any:
    """Execute ``kinds`` and return what the tool saw."""
    target = tmp_path / "downloaded"
    done = service.run("execute", "-p", "kinds", *arguments, "--monitor", "-oD", target, **options)
    return json.loads((Path(done.stdout.splitlines()[-1]) / "outputs" / "seen" / "seen.json").read_text())


@pytest.mark.parametrize("form", DOCUMENTS)
@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_documents_of_inputs_are_understood(
    service: Service, files: Path, tmp_path: Path, form: str, kind: str
) -> None:
    document = files / f"inputs.{kind}"
    text = json.dumps(DOCUMENTS[form]) if kind == "json" else yaml.safe_dump(DOCUMENTS[form])
    document.write_text(text, encoding="utf-8")
    assert seen_by(service, tmp_path, "-I", document, cwd=tmp_path) == SEEN


def test_inputs_come_from_standard_input(service: Service, files: Path, tmp_path: Path) -> None:
    assert seen_by(service, tmp_path, "-I", "-", input=json.dumps(ORDER), cwd=files) == SEEN


def test_inputs_stand_on_the_command_line(service: Service, files: Path, tmp_path: Path, recorder: Recorder) -> None:
    texts = (
        *("text=https://example.org/not-fetched", "number=0.5", "flag=true", "size=large", "xs=1;2;3", "names=a;b"),
        *("file=@files/a.txt", "files=@files/a.txt", f"files={recorder.url}/b.json", "folder=@files/folder"),
    )
    assignments = [part for text in texts for part in ("-I", text)]
    assert seen_by(service, tmp_path, *assignments, cwd=tmp_path) == {
        "text": "https://example.org/not-fetched",
        "number": 0.5,
        "flag": True,
        "size": "large",
        "xs": [1, 2, 3],
        "names": ["a", "b"],
        "file": ["a.txt", "first"],
        "files": [["a.txt", "first"], ["b.json", '{"title": "recorded"}']],
        "folder": {"c.txt": "third", "deep/ü d.txt": "fourth"},
    }
    assert [path for _, path, _ in recorder.requests] == ["/b.json"]


def test_command_line_wins_over_the_document_before_it(service: Service, tmp_path: Path) -> None:
    document = tmp_path / "inputs.json"
    document.write_text('{"text": "from the document", "xs": [1]}', encoding="utf-8")
    job = service.run("execute", "-p", "kinds", "-I", document, "-I", "text=from the line", "--id-only").stdout.strip()
    told = json.loads(service.run("inputs", "-j", job).stdout)["inputs"]
    assert (told["text"], told["xs"]) == ("from the line", [1])
    service.run("monitor", "-j", job)


def test_text_for_a_file_input_is_refused_before_anything_is_sent(service: Service, files: Path) -> None:
    before = service.log.read_text().count('"POST ')
    done = service.run("execute", "-p", "kinds", "-I", "files=@a.txt", "-I", "file=a.txt", cwd=files, status=2)
    refused(done, "-I file=@a.txt")
    assert service.log.read_text().count('"POST ') == before


@pytest.mark.parametrize("text", ["file=@missing.txt", "missing.json", "folder=@a.txt"])
def test_files_that_are_not_there_are_wrong_usage(service: Service, files: Path, text: str) -> None:
    refused(service.run("execute", "-p", "kinds", "-I", text, cwd=files, status=2))


def test_uploads_are_named_in_inputs(service: Service, files: Path, tmp_path: Path) -> None:
    file = json.loads(service.run("upload", files / "b.txt").stdout)
    folder = json.loads(service.run("upload", files / "folder").stdout)
    assert file["size"] == len("second") and file["href"].startswith("vault:")
    inputs = {
        "file": {"href": file["href"]},
        "folder": {"href": folder["href"], "type": "inode/directory", "title": "folder"},
    }
    seen = seen_by(service, tmp_path, "-I", "-", input=json.dumps(inputs))
    assert seen == {"file": ["b.txt", "second"], "folder": SEEN["folder"]}


# ---------------------------------------------------------------- executions


def test_one_step_submits_follows_and_downloads(service: Service, tmp_path: Path) -> None:
    script = "echo out; echo err >&2; mkdir made; echo said > said.txt; echo 1 > made/one.txt; echo 2 > made/two.txt"
    target = tmp_path / "made" / "if missing"
    done = service.run("execute", "-p", "shell", "-I", f"script={script}", "--monitor", "-oD", target)
    job = Path(done.stdout.splitlines()[-1])
    assert job.parent == target and len(done.stdout.splitlines()) == 1
    found = tree(job)
    results, manifest = json.loads(found.pop("results.json")), json.loads(found.pop("manifest.json"))
    assert found == {
        "exitCode": b"0\n",
        "stdout": b"out\n",
        "stderr": b"err\n",
        "outputs/said.txt": b"said\n",
        "outputs/made/one.txt": b"1\n",
        "outputs/made/two.txt": b"2\n",
    }
    assert results["outputs"] == {
        "href": f"{service.url}/jobs/{job.name}/outputs/said.txt",
        "type": "text/plain",
        "path": str(job / "outputs" / "said.txt"),
    }
    assert [Path(value["path"]).read_text() for value in results["made"]] == ["1\n", "2\n"]
    # The same on the node: what only the client writes is the document with paths of this disk.
    node = tree(service.data / "results" / job.name)
    assert json.loads(node.pop("manifest.json")) == manifest
    assert node == found


def test_results_hold_literals_as_values(service: Service, tmp_path: Path) -> None:
    service.run("deploy", "-p", "words", "--cwl", EXAMPLES / "word-count" / "package.cwl")
    poem = EXAMPLES / "word-count" / "jabberwocky.txt"
    done = service.run("execute", "-p", "words", "-I", f"text=@{poem}", "-I", "top=3", "--monitor", "-oD", tmp_path)
    job = Path(done.stdout.splitlines()[-1])
    results = json.loads((job / "results.json").read_text())
    assert (results["lines"], results["words"]) == (34, 167)
    printed = json.loads(service.run("results", "-j", job.name).stdout)
    assert printed["words"] == 167 and printed["frequencies"]["type"] == "text/csv"
    assert "path" not in printed["frequencies"]
    assert (job / "stdout").read_text() == "167 words, 91 different ones\n"


def test_downloading_again_changes_nothing_and_overwrites_only_when_asked(service: Service, tmp_path: Path) -> None:
    job = finished(service, "echo said > said.txt")
    first = service.run("results", "-j", job, "-oD", tmp_path).stdout
    said = Path(first.strip()) / "outputs" / "said.txt"
    before = said.stat()
    assert service.run("results", "-j", job, "-oD", tmp_path).stdout == first
    assert said.stat().st_ino == before.st_ino
    said.write_text("mine")
    refused(service.run("results", "-j", job, "-oD", tmp_path, status=2), str(said))
    service.run("results", "-j", job, "-oD", tmp_path, "--overwrite")
    assert said.read_text() == "said\n"


def test_only_the_outputs_that_were_asked_for_are_results(service: Service) -> None:
    script = "script=echo said > said.txt; mkdir made; echo 1 > made/one.txt"
    asked = ("--output", "made", "--option", "labels.by=commands", "--option", "priority=3")
    job = service.run("execute", "-p", "shell", "-I", script, *asked, "--id-only").stdout.strip()
    service.run("monitor", "-j", job)
    assert list(json.loads(service.run("results", "-j", job).stdout)) == ["made"]
    listed = json.loads(service.run("jobs", "-l", "by=commands").stdout)["jobs"]
    assert [each["jobID"] for each in listed] == [job]


def test_failed_job_is_downloaded_and_exits_with_1(service: Service, tmp_path: Path) -> None:
    script = "script=echo out; echo sorry >&2; exit 3"
    done = service.run("execute", "-p", "shell", "-I", script, "--monitor", "-oD", tmp_path, status=1)
    job = Path(done.stdout.splitlines()[-1])
    assert "exit code 3: sorry" in done.stderr
    found = tree(job)
    assert (found["exitCode"], found["stdout"], found["stderr"]) == (b"3\n", b"out\n", b"sorry\n")
    assert json.loads(found["results.json"]) == {}
    again = service.run("results", "-j", job.name, "-oD", tmp_path, status=1)
    assert again.stdout == done.stdout
    refused(service.run("results", "-j", job.name, status=1), "exit code 3: sorry")
    refused_by_monitor = service.run("monitor", "-j", job.name, status=1)
    assert json.loads(refused_by_monitor.stdout)["status"] == "failed"
    assert "sorry" in refused_by_monitor.stderr
    problems = json.loads(service.run("exceptions", "-j", job.name).stdout)["exceptions"]
    assert any("exit code 3" in problem["detail"] for problem in problems)


def test_dismissed_job_is_downloaded_and_exits_with_1(service: Service, tmp_path: Path, gate: Gate) -> None:
    job = submit(service, f"echo begun; {gate.script}")
    gate.reached()
    assert json.loads(service.run("dismiss", "-j", job).stdout)["status"] == "dismissed"
    done = service.run("results", "-j", job, "-oD", tmp_path / "downloaded", status=1)
    assert "dismissed" in done.stderr
    found = Path(done.stdout.splitlines()[-1])
    assert (found / "stdout").read_text() == "begun\n"
    assert {"exitCode", "stderr", "manifest.json", "results.json"} <= tree(found).keys()
    assert "dismissed" in service.run("monitor", "-j", job, status=1).stderr
    # Once more removes it with all that is kept of it.
    service.run("dismiss", "-j", job)
    refused(service.run("status", "-j", job, status=3), job)


def test_results_of_a_running_job_are_not_ready(service: Service, gate: Gate) -> None:
    job = submit(service, gate.script)
    gate.reached()
    refused(service.run("results", "-j", job, status=4), "not ready")
    gate.open()
    service.run("monitor", "-j", job)


def test_service_may_say_not_ready_with_400_and_the_command_says_the_same(
    serve: Any, tmp_path: Path, gate: Gate
) -> None:
    other = serve(WEAVERLITE_SERVER_RESULT_NOT_READY_STATUS="400")
    deploy(other, "shell", SHELL, tmp_path)
    job = submit(other, gate.script)
    gate.reached()
    refused(other.run("results", "-j", job, status=4), "The results are not ready: the job is running.")
    assert f'"GET /jobs/{job}/results" 400 ' in other.log.read_text()


# ---------------------------------------------------------------- following


def test_monitor_gives_up_after_its_timeout_and_the_job_goes_on(service: Service, gate: Gate) -> None:
    job = submit(service, gate.script)
    gate.reached()
    refused(service.run("monitor", "-j", job, "--timeout", "300ms", status=4), "weaverlite monitor", job)
    gate.open()
    assert json.loads(service.run("monitor", "-j", job, "--timeout", "1m").stdout)["status"] == "successful"


def test_execute_gives_up_after_its_timeout_too(service: Service, gate: Gate) -> None:
    execute = ("execute", "-p", "shell", "-I", f"script={gate.script}")
    refused(service.run(*execute, "--monitor", "--timeout", "300ms", status=4), "weaverlite monitor")


def test_monitor_prints_one_line_of_json_an_event(service: Service) -> None:
    job = submit(service, "echo one; echo two >&2")
    lines = service.run("monitor", "-j", job, "--logs", "-F", "ndjson").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert {"status", "log"} == {event["event"] for event in events}
    logged = {(event["topic"], event["message"]) for event in events if event["event"] == "log"}
    assert {("stdout", "one"), ("stderr", "two"), ("status", "successful")} <= logged
    assert [event["status"] for event in events if event["event"] == "status"][-1] == "successful"


def test_monitor_keeps_log_lines_out_of_a_json_document(service: Service) -> None:
    job = finished(service, "echo one")
    done = service.run("monitor", "-j", job, "--logs")
    assert json.loads(done.stdout)["jobID"] == job
    assert re.search(r"stdout +one$", done.stderr, re.MULTILINE)
    shown = service.run("monitor", "-j", job, "--logs", "-F", "table").stdout
    assert re.search(r"stdout +one$", shown, re.MULTILINE)


@pytest.mark.parametrize("command", ["monitor", "execute"])
def test_interrupt_leaves_the_job_running_and_says_how_to_come_back(
    service: Service, gate: Gate, command: str
) -> None:
    if command == "monitor":
        arguments = ["monitor", "-j", submit(service, gate.script), "-F", "ndjson"]
    else:
        arguments = ["execute", "-p", "shell", "-I", f"script={gate.script}", "--monitor", "-F", "ndjson"]
    watching = subprocess.Popen(
        [BIN / "weaverlite", *arguments],
        env={**os.environ, "WEAVERLITE_URL": service.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout
    for line in watching.stdout:
        # From the first notice on it watches.
        if '"running"' in line:
            break
    gate.reached()
    watching.send_signal(signal.SIGINT)
    _, told = watching.communicate(timeout=30)
    assert watching.returncode == 130
    back = re.search(r"The job goes on\. Come back to it with: weaverlite (monitor -u \S+ -j (\S+))\n\Z", told)
    assert back, told
    assert json.loads(service.run("status", "-j", back[2]).stdout)["status"] == "running"
    gate.open()
    assert json.loads(weaverlite(*shlex.split(back[1])).stdout)["status"] == "successful"


def test_logs_are_followed_while_the_job_runs(service: Service, gate: Gate) -> None:
    job = submit(service, f"echo early; {gate.script}; echo late")
    following = subprocess.Popen(
        [BIN / "weaverlite", "logs", "-f", "-j", job, "-F", "table", "--stream", "stdout"],
        env={**os.environ, "WEAVERLITE_URL": service.url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout
    assert following.stdout.readline() == "early\n"
    gate.open()
    rest, _ = following.communicate(timeout=30)
    assert (rest, following.returncode) == ("late\n", 0)


def test_logs_are_read_after_the_end(service: Service) -> None:
    job = finished(service, "for n in 1 2 3 4; do echo line $n; done; echo wrong >&2")
    shown = service.run("logs", "-j", job, "-F", "table").stdout
    for topic, message in (("status", "accepted"), ("stdout", "line 4"), ("stderr", "wrong"), ("status", "successful")):
        assert re.search(rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {topic} +{message}$", shown, re.MULTILINE)
    tail = service.run("logs", "-j", job, "--stream", "stdout", "--tail", "2", "-F", "table").stdout
    assert tail == "line 3\nline 4\n"
    document = json.loads(service.run("logs", "-j", job, "--since", "1h").stdout)
    assert [event["seq"] for event in document["events"]] == sorted(event["seq"] for event in document["events"])
    followed = service.run("logs", "-f", "-j", job).stdout.splitlines()
    assert [json.loads(line) for line in followed] == document["events"]


def test_people_see_tables_and_a_bar(service: Service, gate: Gate) -> None:
    job = submit(service, f"echo hello; {gate.script}")
    gate.reached()
    code, seen = on_terminal(service, "jobs", "--limit", "5")
    assert code == 0 and seen.splitlines()[0].split() == ["JOB", "PROCESS", "STATUS", "%", "CREATED", "MESSAGE"]
    code, seen = on_terminal(service, "monitor", "-j", job, "--timeout", "500ms")
    assert code == 4 and "running" in seen and "%|" in seen
    gate.open()
    code, seen = on_terminal(service, "monitor", "-j", job, "--logs")
    assert code == 0 and "stdout  hello" in seen


# ---------------------------------------------------------------- jobs


def test_jobs_are_listed_and_filtered(service: Service) -> None:
    good, bad = finished(service, "true"), finished(service, "false", status=1)
    failed = [job["jobID"] for job in json.loads(service.run("jobs", "-S", "failed").stdout)["jobs"]]
    assert bad in failed and good not in failed
    of_shell = json.loads(service.run("jobs", "-p", "shell").stdout)["jobs"]
    assert {job["processID"] for job in of_shell} == {"shell"} and of_shell[0]["jobID"] == bad
    assert len(json.loads(service.run("jobs", "--limit", "1").stdout)["jobs"]) == 1


def test_job_tells_its_inputs_history_and_statistics(service: Service) -> None:
    job = finished(service, "echo said > said.txt")
    assert json.loads(service.run("status", "-j", job).stdout)["status"] == "successful"
    told = json.loads(service.run("inputs", "-j", job).stdout)
    assert told["inputs"] == {"script": "echo said > said.txt"}
    history = json.loads(service.run("history", "-j", job).stdout)
    assert [attempt["exitCode"] for attempt in history["attempts"]] == [0]
    assert [event["message"] for event in history["events"]] == ["accepted", "running", "successful"]
    statistics = json.loads(service.run("statistics", "-j", job).stdout)
    assert statistics["outputBytes"] >= len("said\n") and statistics["attempts"] == 1
    assert json.loads(service.run("exceptions", "-j", job).stdout)["exceptions"] == []


def test_job_is_named_by_id_prefix_and_url(service: Service) -> None:
    done = service.run("execute", "-p", "shell", "-I", "script=true")
    job = json.loads(done.stdout)["jobID"]
    service.run("monitor", "-j", job)
    for name in (job[:6], f"{service.url}/jobs/{job}"):
        assert json.loads(service.run("status", "-j", name).stdout)["jobID"] == job
    # The URL says where the service is, too.
    assert json.loads(weaverlite("status", "-j", f"{service.url}/jobs/{job}").stdout)["jobID"] == job


def test_id_only_prints_the_bare_id(service: Service, tmp_path: Path) -> None:
    execute = ("execute", "-p", "shell", "-I", "script=true", "--id-only")
    printed = service.run(*execute).stdout
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n", printed)
    job, directory = service.run(*execute, "--monitor", "-oD", tmp_path).stdout.splitlines()
    assert Path(directory) == tmp_path / job


@pytest.mark.parametrize("form", ["json", "yaml", "table", "ndjson"])
def test_format_is_what_was_asked_for(service: Service, form: str) -> None:
    text = service.run("processes", "-F", form).stdout
    if form == "table":
        found = [line.split()[0] for line in text.splitlines()[1:]]
    elif form == "ndjson":
        found = [json.loads(line)["id"] for line in text.splitlines()]
    else:
        document = json.loads(text) if form == "json" else yaml.safe_load(text)
        found = [process["id"] for process in document["processes"]]
    assert {"echo", "shell", "kinds"} <= set(found)


# ---------------------------------------------------------------- how commands end, and how they reach the service


@pytest.mark.parametrize("arguments", ["status -j 00000000-0000-4000-8000-000000000000", "describe -p no-such-process"])
def test_refusal_is_the_sentence_of_the_service_and_exits_with_3(service: Service, arguments: str) -> None:
    refused(service.run(*arguments.split(), status=3), arguments.split()[-1])


def test_unreachable_service_exits_with_3() -> None:
    url = f"http://localhost:{free_port()}"
    refused(weaverlite("info", "-u", url, status=3), url)
    refused(weaverlite("monitor", "-u", url, "-j", "00000000-0000-4000-8000-000000000000", status=3), url)


@pytest.mark.parametrize(
    "arguments",
    ["info", "no-such-command", "monitor -j x -f json", "status", "jobs -F xml -u http://x", "info -u x -H nonsense"],
)
def test_wrong_usage_exits_with_2(arguments: str) -> None:
    refused(weaverlite(*arguments.split(), status=2))


def test_option_names_the_service_before_the_variable_does(service: Service) -> None:
    weaverlite("info", "-u", service.url, env={"WEAVERLITE_URL": f"http://localhost:{free_port()}"})


def test_headers_and_token_are_sent_with_every_request(service: Service, recorder: Recorder) -> None:
    service.run("info", "-H", "X-Request-ID: from-the-command-line", "-H", "X-Other: 1")
    assert re.search(r'"GET /" 200 .* from-the-command-line$', service.log.read_text(), re.MULTILINE)
    weaverlite("info", "-u", recorder.url, "-H", "X-Other: a: b", env={"WEAVERLITE_TOKEN": "secret"})
    _, path, headers = recorder.requests[0]
    assert (path, headers["Authorization"], headers["X-Other"]) == ("/", "Bearer secret", "a: b")


@pytest.mark.parametrize("command", CALLING)
def test_every_calling_command_has_the_options_of_a_service(command: str) -> None:
    text = weaverlite(command, "-h").stdout
    assert text == weaverlite(command, "--help").stdout
    for option in ("-u, --url", "-F, --format", "-H, --header", "--ca-file", "--insecure", "WEAVERLITE_URL"):
        assert option in text


def test_shells_complete_commands_and_options() -> None:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    words = 'eval "$(weaverlite completion bash)" && complete -p weaverlite'
    done = subprocess.run(["bash", "-c", words], env={"PATH": path}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "weaverlite" in done.stdout, done.stderr
    for typed, expected in (("weaverlite exe", "plain,execute"), ("weaverlite execute --mon", "plain,--monitor")):
        variables = {"_WEAVERLITE_COMPLETE": "bash_complete", "COMP_WORDS": typed}
        found = weaverlite(env={**variables, "COMP_CWORD": str(len(typed.split()) - 1)}).stdout
        assert found.split() == [expected]
    for shell in ("zsh", "fish"):
        assert "weaverlite" in weaverlite("completion", shell).stdout


# ---------------------------------------------------------------- from Python


SNIPPET = """
from weaverlite.client import WeaverClient
client = WeaverClient(url="http://localhost:4001")
job = client.execute("my-process", inputs={"text": "hello"})
client.monitor(job, timeout=60)
results = client.results(job_id=job.job_id)
for name, value in results.body.items():
    print(name, value["href"] if isinstance(value, dict) and "href" in value else value)
print(client.results(job_id=job.job_id, download=True).body["said"]["path"])
print(client.status("00000000-0000-4000-8000-000000000000").code)
"""


@pytest.mark.parametrize("module", ["weaverlite.client", "weaverlite.cli"])
def test_client_of_the_readme_works_from_any_directory(service: Service, tmp_path: Path, module: str) -> None:
    process_id = f"my-process-{module.rpartition('.')[2]}"
    tool = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": "echo",
        "inputs": {"text": {"type": "string", "inputBinding": {"position": 1}}},
        "outputs": {"said": {"type": "stdout"}},
        "stdout": "said.txt",
    }
    deploy(service, process_id, tool, tmp_path)
    program = SNIPPET.replace("http://localhost:4001", service.url).replace('"my-process"', repr(process_id))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [BIN / "python", "-c", program.replace("weaverlite.client", module)],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    said, path, code = done.stdout.splitlines()
    assert re.fullmatch(rf"said {re.escape(service.url)}/jobs/[^/]+/outputs/said/said\.txt", said)
    assert Path(path).is_relative_to(elsewhere) and Path(path).read_text() == "hello\n"
    assert code == "404"


# ---------------------------------------------------------------- running a service


def test_init_writes_settings_that_check_and_serve_take(tmp_path: Path) -> None:
    directory = tmp_path / "made"
    assert "weaverlite serve --ini" in weaverlite("init", directory).stdout
    refused(weaverlite("init", directory, status=2), "weaverlite.ini")
    ini = directory / "weaverlite.ini"
    parts = json.loads(weaverlite("check", "--ini", ini, "-F", "json").stdout)["parts"]
    assert {part["state"] for part in parts} == {"ok"} and {"settings", "store", "queue"} <= {p["part"] for p in parts}
    text = ini.read_text(encoding="utf-8")
    ini.write_text(text.replace("server.title = WeaverLite", "server.title = From the file"), encoding="utf-8")
    serving_it = subprocess.Popen(
        [BIN / "weaverlite", "serve", "--ini", ini, "--host", "127.0.0.1", "--port", "0", "--concurrency", "1"],
        cwd=tmp_path,
        env={**os.environ, "WEAVERLITE_SERVER_DESCRIPTION": "From the environment"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert serving_it.stdout
        url = serving_it.stdout.readline().removeprefix("weaverlite: listening on ").strip()
        told = json.loads(weaverlite("info", "-u", url).stdout)
        assert (told["title"], told["description"]) == ("From the file", "From the environment")
        weaverlite("execute", "-u", url, "-p", "echo", "-I", "stringInput=hello", "--monitor")
        assert list((directory / "var" / "results").iterdir())
    finally:
        serving_it.terminate()
        assert serving_it.wait(40) == 0
        serving_it.communicate()


def test_front_end_and_worker_run_apart(serve: Any, tmp_path: Path) -> None:
    front = serve("--no-worker")
    job = front.run("execute", "-p", "echo", "-I", "stringInput=hello", "--id-only").stdout.strip()
    refused(front.run("monitor", "-j", job, "--timeout", "300ms", status=4), "accepted")
    worker = subprocess.Popen(
        [BIN / "weaverlite", "work", "--data", front.data, "--concurrency", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert worker.stdout
        assert worker.stdout.readline() == "weaverlite: working, 1 jobs at a time\n"
        front.run("monitor", "-j", job, "--timeout", "1m")
    finally:
        worker.terminate()
        assert worker.wait(40) == 0
        worker.communicate()


def test_service_that_cannot_start_says_why(service: Service, tmp_path: Path) -> None:
    taken = weaverlite("serve", "--port", str(service.port), "--data", tmp_path / "data", status=2)
    refused(taken, str(service.port))
    refused(weaverlite("serve", "--host", "0.0.0.0", "--data", tmp_path / "data", status=2), "trusted_network")
    ini = tmp_path / "wrong.ini"
    ini.write_text("[app:main]\nuse = egg:weaverlite\nweaverlite.server.prot = 1\n", encoding="utf-8")
    refused(weaverlite("serve", "--ini", ini, status=2), "weaverlite.server.port")
    checked = weaverlite("check", "--ini", ini, status=1)
    assert "weaverlite.server.port" in checked.stdout


def test_service_stops_in_order_when_told(serve: Any) -> None:
    running = serve()
    job = running.run("execute", "-p", "echo", "-I", "stringInput=x", "--id-only").stdout.strip()
    running.run("monitor", "-j", job)
    assert running.stop() == 0
    until(lambda: not (running.data / "work").exists() or not any((running.data / "work").iterdir()))
