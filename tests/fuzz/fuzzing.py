"""Requests made of the definition of the API, valid ones and others, and what must be true of every answer."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import Failure, FailureGroup

from tests.live import Live
from weaverlite.testing.openapi import Definition

checks.load_all_checks()
_CHECKS = checks.CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
_QUIET = hypothesis.settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=False
)
#: Examples that hypothesis makes of one operation before the next has its turn.
_TURN = 12
_ACCEPTED = ("*/*", "*/*", "application/json", "text/html", "text/html,application/xhtml+xml,*/*;q=0.8")
#: Inputs of ``echo``, and values that look like what an input may be, but are not: no schema leads to them.
_INPUTS = ("stringInput", "arrayInput", "boundingBoxInput", "objectInput", "geometryInput", "pause", "none")
_ODD: tuple[Any, ...] = (
    *(None, [], {}, "\0", 1e308, [[[]]], [None]),
    *({"value": None}, {"value": "x", "mediaType": 1}, {"value": "a", "encoding": "base64"}, {"value": {"bbox": None}}),
    *({"href": ""}, {"href": 1}, {"href": "vault:none"}, {"href": "http://[::1"}),
    *({"process": None}, {"process": {}}, {"process": "none"}, {"process": "echo"}, {"process": "echo", "inputs": []}),
    {"process": "echo", "inputs": {"stringInput": {"process": 1}}},
    {"process": "echo", "inputs": {"stringInput": "a"}, "outputs": []},
    *({"collection": None}, {"collection": {}}, {"collection": "none"}, {"$nested": "x"}),
    {"collection": "http://127.0.0.1:9/x", "filter": []},
    *({"bbox": [1]}, {"bbox": [1, 2, 3, 4, 5]}, {"bbox": [1, 2, 3, 4], "crs": 1}),
)
#: Seconds after which an answer that does not come is a failure.
_PATIENCE = 60


class Fuzz:
    """One run over a service that is being served."""

    def __init__(self, url: str, document: Mapping[str, Any], seed: int) -> None:
        self._url, self._seed = url, seed
        self._random = random.Random(seed)
        self._session = requests.Session()
        self._session.trust_env = False
        self._live = Live(self._session, url)
        self._definition = Definition(document)
        self._schema = schemathesis.openapi.from_dict(dict(document))
        self._operations = [found.ok() for found in self._schema.get_all_operations()]
        #: How many answers each operation gave, by status.
        self.answers: dict[str, Counter[int]] = {self._name(item): Counter() for item in self._operations}
        #: The first thing that was wrong, of each kind.
        self.failures: dict[str, str] = {}

    @property
    def requests(self) -> int:
        return sum(sum(counter.values()) for counter in self.answers.values())

    def run(self, count: int) -> None:
        """Send at least so many requests."""
        for operation in self._operations:
            self._send_example(operation)
        for turn in itertools.count():
            for operation in self._operations:
                if turn and self.requests >= count:
                    return
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    self._send_some(operation, mode, self._seed + turn)

    def summary(self) -> str:
        """Return the result as a table."""
        statuses: Counter[int] = sum(self.answers.values(), Counter())
        reached = [name for name, counter in self.answers.items() if any(200 <= status < 300 for status in counter)]
        lines = [
            f"seed {self._seed}: {self.requests} requests to {len(self.answers)} operations, "
            f"{len(reached)} of them reached a 2xx, {len(self.failures)} kinds of failure",
            "  ".join(f"{status}: {number}" for status, number in sorted(statuses.items())),
            *(f"never 2xx: {name} {dict(self.answers[name])}" for name in self.answers if name not in reached),
            *self.failures.values(),
        ]
        return "\n".join(lines)

    def _send_some(self, operation: Any, mode: GenerationMode, seed: int) -> None:
        @hypothesis.seed(seed)
        @hypothesis.settings(_QUIET, max_examples=_TURN)
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            self._send(operation, case, with_example=self._random.random() < 0.3)

        try:
            send()
        except Unsatisfiable:
            # Nothing can be wrong with a request that has no parameters.
            pass

    def _send_example(self, operation: Any) -> None:
        self._send(operation, operation.Case(query=self._example_query(operation)), with_example=True)

    def _example_query(self, operation: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for parameter in operation.definition.raw["parameters"]:
            if parameter["in"] == "query" and "example" in parameter:
                found.update(parameter["example"])
        return found

    def _send(self, operation: Any, case: Any, *, with_example: bool) -> None:
        name = self._name(operation)
        names = {item["name"] for item in operation.definition.raw["parameters"] if item["in"] == "path"}
        path = {key: str(value) for key, value in (case.path_parameters or {}).items()}
        if with_example or self._random.random() < 0.7:
            path.update(self._live.path(name, names))
        case.path_parameters = path
        url = self._url + operation.path.format(**{key: quote(value, safe="") for key, value in path.items()})
        headers = {str(key): _header(value) for key, value in (case.headers or {}).items()}
        body = case.body if not isinstance(case.body, schemathesis.core.NotSet) else None
        media_type = case.media_type
        content = operation.definition.raw.get("requestBody", {}).get("content", {})
        example = next((key for key, kind in content.items() if "example" in kind), None)
        if with_example and example:
            media_type, body = example, content[example]["example"]
            if name == "deployProcess":
                body = {**body, "id": f"fuzz{self.requests}"}
            elif "inputs" in body and self._random.random() < 0.6:
                spoilt = {self._random.choice(_INPUTS): self._random.choice(_ODD)}
                body = {**body, "inputs": {**body["inputs"], **spoilt}}
        if media_type and body is not None:
            headers.setdefault("Content-Type", "text/plain" if media_type == "*/*" else media_type)
        query = dict(case.query or {})
        if "f" in query and self._random.random() < 0.7:
            # Most forms cannot be had of most resources: too many answers would say no more than that.
            del query["f"]
        headers.setdefault("Accept", self._random.choice(_ACCEPTED))
        answer = self._session.request(
            operation.method.upper(), url, params=query, headers=headers, data=_bytes(body), timeout=_PATIENCE
        )
        self.answers[name][answer.status_code] += 1
        self._check(name, case, answer)

    def _check(self, name: str, case: Any, answer: requests.Response) -> None:
        faults = []
        try:
            self._definition.check(answer)
        except AssertionError as error:
            faults.append(str(error))
        try:
            case.validate_response(answer, checks=_CHECKS)
        except (Failure, FailureGroup) as error:
            found = error.exceptions if isinstance(error, FailureGroup) else [error]
            faults += [f"{type(item).__name__}: {item.title}: {item.message}" for item in found]
        for fault in faults:
            request = answer.request
            told = f"{name} {answer.status_code}: {fault[:600]}\n  {request.method} {request.url} {request.body!r:.300}"
            self.failures.setdefault(f"{name} {answer.status_code} {fault[:40]}", told)

    @staticmethod
    def _name(operation: Any) -> str:
        name: str = operation.definition.raw["operationId"]
        return name


def _header(value: Any) -> bytes:
    # What http clients refuse to send never arrives.
    text = "".join(c for c in str(value) if c.isprintable()).strip()
    return text.encode("utf-8", "replace")


def _bytes(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    return json.dumps(body, default=str).encode("utf-8", "replace")
