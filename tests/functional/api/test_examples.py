"""The examples that stand in the definition of the API: each is sent as it stands, and succeeds."""

from __future__ import annotations

import json

import pytest

from tests.functional.api.conftest import PROCESSES
from tests.live import TOOL, Live
from weaverlite.testing.app import URL, running

_METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, backends):
    """A service in which nobody has done anything yet."""
    directory = tmp_path_factory.mktemp("examples")
    with running(directory, *PROCESSES, settings=backends.settings_for(directory)) as service:
        yield service


def test_every_example_runs(fresh):
    with fresh.session() as http:
        document = http.get(f"{URL}/api?f=json").json()
        live = Live(http, URL)
        ran = set()
        for path, item in document["paths"].items():
            for method in _METHODS:
                if method in item:
                    _run(http, live, path, method, item[method])
                    ran.add(item[method]["operationId"])
    assert len(ran) > 35


def _run(http, live, path, method, operation):
    name = operation["operationId"]
    query, known = {}, {}
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            assert parameter["example"], f"{name}: put one of {parameter['name']} into weaverlite/api/examples.py"
            known[parameter["name"]] = parameter["example"]
        elif "example" in parameter:
            # The parameters of a link are the inputs themselves.
            query.update(parameter["example"])
    values = live.path(name, set(known))
    if known.get("process_id") == "greet":
        _deploy_greet(http)
        values["process_id"] = "greet"
    headers, body = {}, None
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        media_type = next((key for key, kind in content.items() if "example" in kind), None)
        assert media_type, f"{name}: put an example of its body into weaverlite/api/examples.py"
        example = content[media_type]["example"]
        body = (example if isinstance(example, str) else json.dumps(example)).encode()
        headers["Content-Type"] = "text/plain" if media_type == "*/*" else media_type
        if name == "deployProcess":
            http.delete(f"{URL}/processes/greet")
        if name == "dismissJobs":
            body = json.dumps({"jobs": [live.path("dismissJob", {"job_id"})["job_id"]]}).encode()
    answer = http.request(method, URL + path.format(**values), params=query, data=body, headers=headers)
    assert 200 <= answer.status_code < 300, f"{name}: {answer.status_code} {answer.text[:500]}"


def _deploy_greet(http):
    answer = http.post(
        f"{URL}/processes", json={**TOOL, "id": "greet"}, headers={"Content-Type": "application/cwl+json"}
    )
    assert answer.status_code in (201, 409), answer.text
