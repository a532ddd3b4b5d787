"""The command, run as people run it: what it prints where, and with which code it ends."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.functional.client.wire import JOB, RemoteJob, Wire, event, serving

COMMAND = Path(sys.executable).with_name("weaverlite")
DONE: dict[str, Any] = {"status": "successful", "progress": 100}
RUNNING: dict[str, Any] = {"status": "running", "progress": 10}
CWL = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: 'true'\ninputs: {}\noutputs: {}\n"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(wire: Wire, tmp_path: Path) -> Run:
    """Run the command in a directory of its own; ``WEAVERLITE_URL`` says where the service is."""

    def call(*arguments: object, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        environment = {"WEAVERLITE_URL": wire.url, "PATH": os.environ["PATH"], **options.pop("env", {})}
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=environment,
            **options,
        )
        assert done.returncode == code, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def job(wire: Wire) -> RemoteJob:
    job = wire.add_job(RemoteJob(states=[RUNNING, DONE], events=[event(1, "one"), event(2, "\x1b[31mtwo\x1b[0m")]))
    entry = job.add_file("outputs/out/x.txt", b"content")
    job.make_manifest({"out": {"file": entry}, "n": {"value": 42}}, stdout=b"one\n", stderr=b"", exitCode=b"0")
    job.results = {"out": {"href": f"{wire.url}/jobs/{JOB}/outputs/out/x.txt", "type": "text/plain"}, "n": 42}
    return job


def describe(wire: Wire, **inputs: dict[str, Any]) -> None:
    wire.processes["echo"]["inputs"] = inputs


# ---------------------------------------------------------------- plain questions


def test_service_is_asked_about_itself(run: Run) -> None:
    assert json.loads(run("info").stdout)["title"] == "A small service"
    assert json.loads(run("version").stdout)["service"] == {"weaverlite": "0.0.0"}
    assert "service" not in json.loads(run("version", env={"WEAVERLITE_URL": ""}).stdout)
    assert "http://example.org/core" in run("conformance").stdout


def test_version_of_another_service_is_not_needed(wire: Wire, run: Run) -> None:
    wire.canned[("GET", "/versions")] = (404, {}, b"")
    assert "service" not in json.loads(run("version").stdout)


def test_url_option_beats_the_variable(wire: Wire, run: Run) -> None:
    assert run("info", "-u", wire.url, env={"WEAVERLITE_URL": "http://127.0.0.1:9"})
    assert run("info", "--url", wire.url + "/", env={"WEAVERLITE_URL": ""})


def test_every_form_is_printed(wire: Wire, run: Run) -> None:
    wire.processes["other"] = {"id": "other", "title": "Other"}
    assert [process["id"] for process in json.loads(run("processes").stdout)["processes"]] == ["echo", "other"]
    assert yaml.safe_load(run("processes", "-F", "yaml").stdout) == json.loads(run("processes", "-F", "json").stdout)
    lines = run("processes", "-F", "ndjson").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["echo", "other"]
    assert run("processes", "-F", "table").stdout.splitlines() == [
        "ID     VERSION  TITLE",
        "echo   1.0.0    Echo",
        "other           Other",
    ]


def test_process_is_described(wire: Wire, run: Run) -> None:
    described = {"n": {"title": "A number", "schema": {"type": "integer"}, "minOccurs": 0, "maxOccurs": "unbounded"}}
    describe(wire, **described)
    assert json.loads(run("describe", "-p", "echo").stdout)["inputs"] == described
    assert run("describe", "-p", "echo", "-F", "table").stdout.splitlines()[-1] == "n      integer  0..*    A number"
    assert run("package", "-p", "echo", "-F", "yaml").stdout == "cwlVersion: v1.2\n\n"


def test_process_is_deployed_and_removed(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "package.cwl").write_text(CWL, encoding="utf-8")
    (tmp_path / "body.json").write_text('{"processDescription": {"id": "x"}}', encoding="utf-8")
    assert json.loads(run("deploy", "-p", "my-process", "--cwl", "package.cwl").stdout)["id"] == "deployed"
    assert wire.calls[-1].json["executionUnit"]["value"]["baseCommand"] == "true"
    run("deploy", "-b", "body.json")
    assert wire.calls[-1].json == {"processDescription": {"id": "x"}}
    run("deploy", "--cwl", "-", input=CWL)
    assert run("undeploy", "-p", "echo").stdout == ""
    assert wire.calls[-1].method == "DELETE"


def test_jobs_are_listed_and_shown(job: RemoteJob, wire: Wire, run: Run) -> None:
    assert JOB in run("jobs", "-F", "table", "-S", "running", "--limit", "5", "-l", "a=b").stdout
    assert wire.calls[-1].query == {"status": ["running"], "limit": ["5"], "label": ["a=b"]}
    for name in ("inputs", "exceptions", "statistics", "history"):
        assert json.loads(run(name, "-j", JOB).stdout) == {"part": name}
    assert json.loads(run("status", "-j", JOB[:6]).stdout)["jobID"] == JOB
    assert json.loads(run("status", "-j", f"{wire.url}/jobs/{JOB}", env={"WEAVERLITE_URL": ""}).stdout)["jobID"] == JOB
    assert json.loads(run("dismiss", "-j", JOB).stdout)["status"] == "dismissed"


def test_common_options_reach_the_service(wire: Wire, run: Run) -> None:
    run("info", "-H", "X-Key: a: b", "--header", "X-Other:c", env={"WEAVERLITE_TOKEN": "secret"})
    sent = wire.calls[-1].headers
    assert (sent["X-Key"], sent["X-Other"], sent["Authorization"]) == ("a: b", "c", "Bearer secret")


# ---------------------------------------------------------------- executions


def test_execution_prints_the_job(job: RemoteJob, run: Run) -> None:
    assert json.loads(run("execute", "-p", "echo").stdout)["jobID"] == JOB
    assert run("execute", "-p", "echo", "--id-only").stdout == f"{JOB}\n"


def test_uris_of_a_subscriber_are_sent_along(run: Run, wire: Wire, job: RemoteJob) -> None:
    given = ("--success-uri", "http://a.example/done", "--failed-uri", "http://a.example/failed")
    run("execute", "-p", "echo", *given, "--id-only")
    (sent,) = [call for call in wire.calls if call.method == "POST"]
    expected = {"successUri": "http://a.example/done", "failedUri": "http://a.example/failed"}
    assert json.loads(sent.body)["subscriber"] == expected


def test_inputs_of_every_source_are_merged(job: RemoteJob, wire: Wire, run: Run, tmp_path: Path) -> None:
    describe(
        wire,
        n={"schema": {"type": "integer"}},
        xs={"schema": {"type": "array", "items": {"type": "number"}}},
        file={"schema": {"type": "string", "contentEncoding": "binary"}, "x-cwl-type": "File"},
        url={"schema": {"type": "string"}, "x-cwl-type": "File"},
    )
    (tmp_path / "inputs.yaml").write_text("n: 1\nday: 2012-01-01\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    run(
        *("execute", "-p", "echo", "-I", "inputs.yaml", "-I", "-", "-I", "n=5", "-I", "xs=1;2.5"),
        *("-I", "file=@a.txt", "-I", "url=https://host/x", "--option", "priority=5", "--option", "labels.v=1"),
        *("--option", "timeouts.total=10m", "--output", "out"),
        input='{"stdin": true}',
    )
    assert wire.calls[-1].json == {
        "inputs": {
            "n": 5,
            "day": "2012-01-01",
            "stdin": True,
            "xs": [1, 2.5],
            "file": {"href": "vault:u1", "type": "text/plain", "title": "a.txt"},
            "url": {"href": "https://host/x"},
        },
        "outputs": {"out": {}},
        "options": {"priority": 5, "labels": {"v": "1"}, "timeouts": {"total": "10m"}},
    }


def test_text_for_a_file_is_refused_before_anything_is_sent(wire: Wire, run: Run) -> None:
    describe(wire, file={"schema": {"type": "string"}, "x-cwl-type": "File"})
    done = run("execute", "-p", "echo", "-I", "file=a.txt", code=2)
    assert "-I file=@a.txt" in done.stderr and done.stdout == ""
    assert not wire.paths("POST")


def test_execution_is_followed_and_downloaded(job: RemoteJob, run: Run, tmp_path: Path) -> None:
    done = run("execute", "-p", "echo", "--monitor", "-oD", "./outputs")
    root = tmp_path / "outputs" / JOB
    assert done.stdout.splitlines()[-1] == str(root)
    assert (root / "outputs" / "out" / "x.txt").read_text(encoding="utf-8") == "content"
    assert json.loads((root / "results.json").read_text(encoding="utf-8"))["n"] == 42
    done = run("execute", "-p", "echo", "--id-only", "-oD=./again")
    assert done.stdout.splitlines() == [JOB, str(tmp_path / "again" / JOB)]


def test_execution_that_is_followed_prints_the_last_status(job: RemoteJob, run: Run) -> None:
    assert json.loads(run("execute", "-p", "echo", "--monitor").stdout)["status"] == "successful"


def test_uploads_can_be_made_alone(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert json.loads(run("upload", "folder").stdout)["href"] == "vault:u1"
    assert wire.calls[-1].headers["Content-Type"] == "application/x-tar"


# ---------------------------------------------------------------- monitor, logs, results


def test_monitor_ends_with_the_outcome(wire: Wire, run: Run) -> None:
    job = wire.add_job(RemoteJob(states=[RUNNING, DONE]))
    done = run("monitor", "-j", JOB)
    assert json.loads(done.stdout)["status"] == "successful" and done.stderr == ""
    for status in ("failed", "dismissed"):
        job.states, job.asked = [RUNNING, {"status": status, "message": "the reason"}], 0
        done = run("monitor", "-j", JOB, code=1)
        assert json.loads(done.stdout)["status"] == status
        assert "the reason" in done.stderr


def test_monitor_prints_one_line_of_json_an_event(job: RemoteJob, run: Run) -> None:
    job.states = [RUNNING] * 1000 + [DONE]
    done = run("monitor", "-j", JOB, "-F", "ndjson", "--logs")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [found["event"] for found in events] == ["status", "log", "log", "status"]
    assert events[-1]["status"] == "successful" and events[1]["message"] == "one"
    assert done.stderr == ""


def test_log_lines_leave_stdout_to_the_document(job: RemoteJob, run: Run) -> None:
    job.states = [RUNNING] * 1000 + [DONE]
    done = run("monitor", "-j", JOB, "--logs")
    assert json.loads(done.stdout)["status"] == "successful"
    assert done.stderr.splitlines() == ["2026-01-31 12:00:00 stdout  one", "2026-01-31 12:00:00 stdout  two"]


def test_monitor_that_runs_out_of_time_says_how_to_come_back(wire: Wire, run: Run) -> None:
    wire.add_job(RemoteJob(states=[RUNNING]))
    done = run("monitor", "-j", JOB, "--timeout", "500ms", code=4)
    assert f"weaverlite monitor -u {wire.url} -j {JOB}" in done.stderr and done.stdout == ""


def test_interrupted_monitor_leaves_the_job_and_says_how_to_come_back(wire: Wire) -> None:
    wire.add_job(RemoteJob(states=[RUNNING]))
    asked = threading.Event()
    wire.on_call = lambda call: asked.set()
    process = subprocess.Popen(
        [COMMAND, "monitor", "-u", wire.url, "-j", JOB], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert asked.wait(20)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (130, "")
    assert f"The job goes on. Come back to it with: weaverlite monitor -u {wire.url} -j {JOB}" in stderr
    assert "Traceback" not in stderr
    assert not wire.paths("DELETE")


def test_service_that_goes_away_in_the_middle_of_a_monitor_is_waited_for() -> None:
    state = Wire(jobs={JOB: RemoteJob(states=[RUNNING])})
    asked = threading.Event()
    state.on_call = lambda call: asked.set()
    with serving(state):
        port = int(state.url.rpartition(":")[2])
        process = subprocess.Popen(
            [COMMAND, "monitor", "-u", state.url, "-j", JOB, "--timeout", "30"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert asked.wait(20)
        time.sleep(0.3)
    assert process.stderr is not None
    assert "Trying again." in process.stderr.readline()
    state.jobs[JOB].states = [DONE]
    with serving(state, port):
        stdout, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and json.loads(stdout)["status"] == "successful"


def test_logs_are_shown_and_followed(job: RemoteJob, wire: Wire, run: Run) -> None:
    assert [found["seq"] for found in json.loads(run("logs", "-j", JOB, "--tail", "5").stdout)["events"]] == [1, 2]
    assert wire.calls[-1].query["tail"] == ["5"]
    assert run("logs", "-j", JOB, "-F", "table").stdout.splitlines()[1] == "2026-01-31 12:00:00 stdout  two"
    assert run("logs", "-j", JOB, "-F", "table", "--stream", "stdout").stdout == "one\ntwo\n"
    lines = run("logs", "-f", "-j", JOB).stdout.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["one", "\x1b[31mtwo\x1b[0m"]
    assert run("logs", "--follow", "-j", JOB, "-F", "table", "--stream", "stdout").stdout == "one\ntwo\n"
    run("logs", "-j", JOB, "--since", "10m")
    assert wire.calls[-1].query["since"][0].endswith("+00:00")
    run("logs", "-j", JOB, "--since", "2026-01-31T12:00:00Z")
    assert wire.calls[-1].query["since"] == ["2026-01-31T12:00:00+00:00"]


def test_results_are_printed(job: RemoteJob, run: Run) -> None:
    job.asked = 1
    assert json.loads(run("results", "-j", JOB).stdout) == job.results


def test_results_that_are_not_ready_end_with_4(wire: Wire, run: Run) -> None:
    wire.add_job(RemoteJob(states=[RUNNING]))
    for arguments in (("results", "-j", JOB), ("results", "-j", JOB, "-oD", "out")):
        done = run(*arguments, code=4)
        assert done.stdout == ""
        assert done.stderr == "Error: The results are not ready: the job has not ended.\n"


def test_results_of_a_failed_job_end_with_1(wire: Wire, run: Run, tmp_path: Path) -> None:
    job = wire.add_job(RemoteJob(states=[{"status": "failed"}], problem={"detail": "The tool ended with 3."}))
    job.make_manifest(stdout=b"", exitCode=b"3")
    done = run("results", "-j", JOB, code=1)
    assert (done.stdout, done.stderr) == ("", "Error: The tool ended with 3.\n")
    done = run("results", "-j", JOB, "-oD", "out", code=1)
    assert done.stdout.splitlines()[-1] == str(tmp_path / "out" / JOB)
    assert done.stderr == "Error: The tool ended with 3.\n"
    assert (tmp_path / "out" / JOB / "exitCode").read_text(encoding="utf-8") == "3"


def test_download_that_is_cut_is_resumed(job: RemoteJob, wire: Wire, run: Run, tmp_path: Path) -> None:
    job.asked = 1
    content = os.urandom(2_000_000)
    assert job.manifest is not None
    job.manifest["outputs"]["out"]["file"] = job.add_file("outputs/out/x.txt", content)
    wire.cuts = [500_000, 1_000_000]
    done = run("results", "-j", JOB, "-oD", "out")
    assert (tmp_path / "out" / JOB / "outputs/out/x.txt").read_bytes() == content
    assert done.stdout == f"{tmp_path / 'out' / JOB}\n" and done.stderr == ""


def test_download_does_not_overwrite_unless_told(job: RemoteJob, run: Run, tmp_path: Path) -> None:
    job.asked = 1
    run("results", "-j", JOB, "-oD", "out")
    (tmp_path / "out" / JOB / "stdout").write_text("mine", encoding="utf-8")
    assert "differs" in run("results", "-j", JOB, "-oD", "out", code=2).stderr
    run("results", "-j", JOB, "-oD", "out", "--overwrite")
    assert (tmp_path / "out" / JOB / "stdout").read_text(encoding="utf-8") == "one\n"


# ---------------------------------------------------------------- how commands end


@pytest.mark.parametrize(
    "arguments",
    [
        ("absent",),
        ("describe",),
        ("describe", "-p", ""),
        ("status", "-j", ""),
        ("info", "-u", "localhost:4001"),
        ("info", "-F", "xml"),
        ("info", "-H", "no colon"),
        ("info", "--timeout", "soon"),
        ("deploy", "-p", "x"),
        ("deploy", "--cwl", "absent.cwl"),
        ("execute", "-p", "echo", "-I", "absent.json"),
        ("execute", "-p", "echo", "-I", "file=@absent"),
        ("execute", "-p", "echo", "--option", "priority"),
        ("logs", "-j", JOB, "--since", "yesterday"),
        ("logs", "-j", JOB, "--tail", "-1"),
        ("jobs", "-l", "label"),
        ("jobs", "--limit", "0"),
        ("upload", "absent"),
        ("results", "-j", JOB, "-oD"),
    ],
)
def test_wrong_usage_ends_with_2_and_sends_nothing(wire: Wire, run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, code=2)
    assert done.stdout == "" and done.stderr
    assert not wire.paths("POST")


def test_missing_url_is_wrong_usage(run: Run) -> None:
    assert "WEAVERLITE_URL" in run("info", code=2, env={"WEAVERLITE_URL": ""}).stderr


def test_unreachable_service_ends_with_3(run: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    for arguments in (("info",), ("monitor", "-j", JOB), ("execute", "-p", "echo"), ("results", "-j", JOB)):
        done = run(*arguments, "-u", url, code=3)
        assert (done.stdout, done.stderr) == ("", f"Error: {url} cannot be reached: Connection refused.\n")


def test_silent_service_ends_with_4(wire: Wire, run: Run) -> None:
    released = threading.Event()
    wire.on_call = lambda call: released.wait(20) and None
    try:
        assert "stays silent" in run("info", "--timeout", "300ms", code=4).stderr
    finally:
        released.set()


def test_refusal_repeats_the_sentence_and_every_fault(wire: Wire, run: Run) -> None:
    problem = {
        "detail": "The inputs do not fit\x1b[31m the process.",
        "errors": [
            {"location": "body", "pointer": "/inputs/a", "message": "3 is not a text."},
            {"location": "body", "pointer": "/inputs/b/0", "message": "It is missing."},
        ],
    }
    body = json.dumps(problem).encode()
    wire.canned[("POST", "/processes/echo/execution")] = (400, {"Content-Type": "application/problem+json"}, body)
    done = run("execute", "-p", "echo", code=3)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "Error: The inputs do not fit the process.",
        "  /inputs/a: 3 is not a text.",
        "  /inputs/b/0: It is missing.",
    ]


def test_unknown_job_ends_with_3(run: Run) -> None:
    for command in ("status", "monitor", "results", "logs", "dismiss"):
        done = run(command, "-j", JOB, code=3)
        assert (done.stdout, done.stderr) == ("", f"Error: There is no job '{JOB}'.\n")
    assert run("results", "-j", JOB, "-oD", "out", code=3).stdout == ""
    assert run("logs", "-f", "-j", JOB, code=3).stdout == ""


def test_characters_that_cannot_be_shown_end_nothing(wire: Wire, run: Run) -> None:
    wire.processes["echo"]["title"] = "Wetter \u00fc \u2014 \ud800"
    assert "Wetter" in run("processes", "-F", "table", env={"PYTHONIOENCODING": "ascii"}).stdout
    assert json.loads(run("describe", "-p", "echo").stdout)["title"] == wire.processes["echo"]["title"]


def test_reader_that_goes_away_ends_quietly(wire: Wire) -> None:
    wire.processes = {f"p{number}": {"id": f"p{number}"} for number in range(5000)}
    script = f"{COMMAND} processes -u {wire.url} -F table | head -1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("ID") and "Traceback" not in done.stderr and "Error" not in done.stderr


# ---------------------------------------------------------------- terminals and shells


def on_terminal(*arguments: str) -> tuple[int, str]:
    """Run the command on a terminal; return its exit code and all that was shown."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = subprocess.Popen([COMMAND, *arguments], stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    return process.wait(20), shown.decode()


def test_people_get_tables(wire: Wire) -> None:
    code, shown = on_terminal("processes", "-u", wire.url)
    assert code == 0 and shown.split() == ["ID", "VERSION", "TITLE", "echo", "1.0.0", "Echo"]


def test_people_see_a_bar_and_log_lines(wire: Wire, job: RemoteJob) -> None:
    job.states = [RUNNING] * 1000 + [DONE]
    code, shown = on_terminal("monitor", "-u", wire.url, "-j", JOB, "--logs")
    assert code == 0
    assert "running" in shown and "10%" in shown and "stdout  two" in shown
    assert "status     successful" in shown


def test_people_see_downloads_grow(wire: Wire, job: RemoteJob, tmp_path: Path) -> None:
    job.asked = 1
    code, shown = on_terminal("results", "-u", wire.url, "-j", JOB, "-oD", str(tmp_path))
    assert code == 0 and "B/s" in shown
    assert shown.splitlines()[-1].strip().endswith(str(tmp_path / JOB))


@pytest.mark.parametrize(("words", "found"), [("weaverlite mon", "monitor"), ("weaverlite logs --fol", "--follow")])
def test_completion_knows_commands_and_options(words: str, found: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "_WEAVERLITE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run([COMMAND], env=environment, capture_output=True, text=True, timeout=30)
    assert f"plain,{found}" in done.stdout.splitlines()


def test_completion_works_in_bash() -> None:
    script = (
        'eval "$(weaverlite completion bash)"; COMP_WORDS=(weaverlite mon); COMP_CWORD=1; '
        "_weaverlite_completion weaverlite; echo ${COMPREPLY[@]}"
    )
    environment = {"PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "monitor"
