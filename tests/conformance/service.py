"""The service under test, as an HTTP client sees it: one session that is kept alive, and jobs that tests share."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.conformance import asserts
from tests.conformance.packages import PACKAGES

JSON = asserts.JSON
#: Nothing takes this long; a slow machine may need a part of it.
LONG = 120.0
Found = TypeVar("Found")


def until(ask: Callable[[], Found], what: str, seconds: float = LONG) -> Found:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


class Service:
    """A service at a URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.session.headers["Accept"] = JSON
        self._shared: dict[str, Job] = {}
        self._deployed: set[str] = set()
        self._left: list[Job] = []

    # ------------------------------------------------------------ requests

    def request(self, method: str, path: str, *, accept: str | None = JSON, **options: Any) -> requests.Response:
        """Send a request; ``accept=None`` sends no ``Accept`` at all."""
        headers = {"Accept": accept, **(options.pop("headers", None) or {})}
        where = path if "://" in path else self.url + path
        return self.session.request(
            method, where, headers=headers, timeout=LONG, allow_redirects=options.pop("follow", True), **options
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Any) -> requests.Response:
        return self.request("HEAD", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> requests.Response:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> requests.Response:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        return self.request("DELETE", path, **options)

    # ------------------------------------------------------------ processes

    def process(self, process_id: str) -> str:
        """Return the path of a process, which is deployed by now if it is one of ours.

        What came of the deployment is not looked at here: the test that needs the process will see.
        """
        if process_id in PACKAGES and process_id not in self._deployed:
            self._deployed.add(process_id)
            self.deploy(PACKAGES[process_id])
        return f"/processes/{process_id}"

    def deploy(self, package: Mapping[str, Any], media_type: str = "application/cwl+json") -> requests.Response:
        """Post a package."""
        return self.post("/processes", json=package, headers={"Content-Type": media_type})

    def put_once(self, process_id: str, mode: str) -> None:
        """Deploy a process that can be executed in one mode only."""
        if process_id not in self._deployed:
            self._deployed.add(process_id)
            unit = {**PACKAGES["conf-text"], "id": process_id}
            package = {
                "processDescription": {"process": {"id": process_id, "version": "1", "jobControlOptions": [mode]}},
                "executionUnit": {"value": unit, "mediaType": "application/cwl+json"},
            }
            self.deploy(package, "application/ogcapppkg+json")

    def execute(
        self, process_id: str, inputs: Any = None, *, prefer: str | None = None, accept: str | None = JSON, **body: Any
    ) -> requests.Response:
        """Execute a process; what else is given are members of the request's body."""
        headers = {} if prefer is None else {"Prefer": prefer}
        document = {**({} if inputs is None else {"inputs": inputs}), **body}
        return self.post(f"{self.process(process_id)}/execution", json=document, accept=accept, headers=headers)

    # ------------------------------------------------------------ jobs

    def start(self, process_id: str, inputs: Any = None, **body: Any) -> Job:
        """Execute a process asynchronously."""
        answer = self.execute(process_id, inputs, prefer="respond-async", **body)
        asserts.status(answer, 201)
        location = answer.headers.get("Location", "")
        assert location.startswith("http"), f"no absolute Location; {asserts.said(answer)}"
        return Job(self, location)

    def echo(self, text: str = "hello", **body: Any) -> Job:
        """Return a job of the process ``echo`` that has run."""
        return self.start("echo", {"stringInput": text}, **body).ended("successful")

    def shared(self, name: str, make: Callable[[], Job]) -> Job:
        """Return a job that several tests look at and none changes."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    @property
    def successful(self) -> Job:
        """A job that ended well, with one text as its result."""
        return self.shared("successful", lambda: self.echo("the shared one", outputs={"stringInput": {}}))

    @property
    def many(self) -> Job:
        """A job with results of every kind."""
        return self.shared("many", lambda: self.start("conf-many", {"text": "many"}).ended("successful"))

    @property
    def failed(self) -> Job:
        """A job whose tool ended with an error."""
        return self.shared("failed", lambda: self.start("conf-fail", {}).ended("failed"))

    @property
    def empty(self) -> Job:
        """A job that ended well and was asked for no outputs."""
        return self.shared("empty", lambda: self.start("echo", {"stringInput": "x"}, outputs={}).ended("successful"))

    @property
    def running(self) -> Job:
        """A job that runs for as long as the tests do; look at it only."""
        return self.shared("running", self.busy)

    @property
    def accepted(self) -> Job:
        """A job that no node can take; look at it only."""
        return self.shared("accepted", self.waiting)

    @property
    def dismissed(self) -> Job:
        """A job that was dismissed while it ran, and not removed."""

        def make() -> Job:
            job = self.busy()
            asserts.status(self.delete(job.url), 200)
            return job.ended("dismissed")

        return self.shared("dismissed", make)

    def busy(self) -> Job:
        """Return a job of this test that runs until it is dismissed."""
        job = self.start("conf-sleep", {})
        self._left.append(job)
        return job.until("running")

    def waiting(self) -> Job:
        """Return a job of this test that no node can take."""
        job = self.start("conf-giant", {})
        self._left.append(job)
        asserts.body(self.get(job.url))
        return job

    def close(self) -> None:
        """Dismiss what still runs."""
        for job in self._left:
            self.delete(job.url)
        self.session.close()


class Job:
    """A job of the service under test."""

    def __init__(self, service: Service, url: str) -> None:
        self.service = service
        self.url = url

    @property
    def job_id(self) -> str:
        return self.url.rstrip("/").rpartition("/")[2]

    def info(self) -> dict[str, Any]:
        """Return the status document."""
        found = asserts.body(self.service.get(self.url))
        assert isinstance(found, dict)
        assert "status" in found, f"a status document without a status: {found}"
        return found

    def until(self, status: str) -> Job:
        """Wait until the job has this status; fail as soon as it has ended with another."""

        def ask() -> bool:
            found = self.info()["status"]
            is_ended = found in ("successful", "failed", "dismissed")
            assert found == status or not is_ended, f"the job {self.url} is {found} instead of {status}: {self.info()}"
            return bool(found == status)

        until(ask, f"{self.url} is {status}")
        return self

    def ended(self, status: str) -> Job:
        """Wait until the job has ended, which must be with this status."""
        return self.until(status)

    def results(self, **options: Any) -> requests.Response:
        return self.service.get(f"{self.url}/results", **options)


def fresh(name: str) -> str:
    """Return an id that nobody uses yet."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


# ---------------------------------------------------------------- a service of our own


@contextmanager
def serving(directory: Path, **environment: str) -> Iterator[str]:
    """Start the installed ``weaverlite serve`` with data in this directory; yield its URL once it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEAVERLITE_")}
    command = [Path(sys.executable).parent / "weaverlite", "serve", "--port", str(port), "--data", directory / "data"]
    log = directory / "service.log"
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, env={**inherited, **environment}, stdout=words, stderr=words, start_new_session=True
        )

    def ready() -> bool:
        assert process.poll() is None, f"the service ended with {process.returncode}:\n{log.read_text()[-4000:]}"
        try:
            return requests.get(f"{url}/ready", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    try:
        until(ready, f"the service is ready:\n{log.read_text()[-4000:]}")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(LONG)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
