"""Something to ask a service about: processes, jobs in several states and uploads, made as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import requests

#: A package that can be deployed under any id.
TOOL = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["echo", "Hello"],
    "inputs": {"name": {"type": "string", "inputBinding": {"position": 1}}},
    "outputs": {"greeting": {"type": "stdout"}},
    "stdout": "greeting.txt",
}
#: Operations after which what they were asked about is not what it was.
_CONSUMING = {"undeployProcess", "dismissJob", "updateJob", "startJob", "removeUpload"}


class Live:
    """Makes what operations ask about: shared where it is only looked at, new where it is changed."""

    def __init__(self, http: requests.Session, base: str) -> None:
        self._http, self._base = http, base
        self._numbers = count()
        self._shared: dict[str, Any] = {}

    def path(self, operation: str, names: set[str]) -> dict[str, str]:
        """Return values of these variables in the path of an operation with which it can succeed."""
        found: dict[str, str] = {}
        # The twins below /processes/{id} are asked about jobs of that process.
        operation = operation.removesuffix("ByProcess")
        if "process_id" in names:
            found["process_id"] = self._process(operation)
        if "upload_id" in names:
            found["upload_id"] = self._one("upload", operation, self._upload)
        if "job_id" in names:
            found.update(self._job(operation))
        return {name: found[name] for name in names}

    def _one(self, kind: str, operation: str, make: Callable[[], Any]) -> Any:
        if operation in _CONSUMING:
            return make()
        if kind not in self._shared:
            self._shared[kind] = make()
        return self._shared[kind]

    def _process(self, operation: str) -> str:
        if operation in ("replaceProcess", "updateProcess", "undeployProcess", "getPackage", "listRevisions"):
            return self._one("deployed", operation, self._deploy)
        return "echo"

    def _deploy(self) -> str:
        process_id = f"tool{next(self._numbers)}"
        headers = {"Content-Type": "application/cwl+json"}
        answer = self._http.post(f"{self._base}/processes", json={**TOOL, "id": process_id}, headers=headers)
        assert answer.status_code == 201, answer.text
        return process_id

    def _upload(self) -> str:
        answer = self._http.post(f"{self._base}/vault?name=words.txt", data=b"some words\n")
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def _job(self, operation: str) -> dict[str, str]:
        if operation in ("updateJob", "startJob"):
            return {"job_id": self._created(), "process_id": "echo"}
        job_id, href = self._one("job", operation, self._ended)
        return {
            "job_id": job_id,
            "process_id": "report",
            "output_id": "parts" if operation == "getItem" else "count",
            "index": "0",
            "path": href.partition("/outputs/")[2],
        }

    def _created(self) -> str:
        answer = self._http.post(f"{self._base}/jobs", json={"process": "echo", "inputs": {"stringInput": "Hello"}})
        assert answer.status_code == 201, answer.text
        return answer.json()["jobID"]

    def _ended(self) -> tuple[str, str]:
        headers = {"Prefer": "respond-async, wait=20"}
        answer = self._http.post(f"{self._base}/processes/report/execution", json={}, headers=headers)
        assert answer.status_code == 201, answer.text
        job_id = answer.json()["jobID"]
        self._http.get(f"{self._base}/jobs/{job_id}", headers={"Prefer": "wait=20"})
        results = self._http.get(f"{self._base}/jobs/{job_id}/results?f=json")
        assert results.status_code == 200, results.text
        return job_id, results.json()["table"]["href"]
