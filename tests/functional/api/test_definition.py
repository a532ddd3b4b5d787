"""The definition of the API: valid in both versions of OpenAPI, complete, and with examples that run."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from weaverlite.testing.app import running

_OPENAPI = "application/vnd.oai.openapi+json;version="
_METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def definition(service):
    with service.session() as http:
        return http.get("http://localhost:4001/api").json()


@pytest.fixture(scope="module")
def older(service):
    with service.session() as http:
        return http.get("http://localhost:4001/api?version=3.0").json()


def operations(document):
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def test_the_definition_is_valid_openapi_3_1(definition):
    assert definition["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(definition).validate()


def test_the_definition_is_valid_openapi_3_0(older):
    assert older["openapi"].startswith("3.0.")
    OpenAPIV30SpecValidator(older).validate()


@pytest.mark.parametrize(
    ("query", "accept", "media_type", "version"),
    [
        ("", None, _OPENAPI + "3.1", "3.1"),
        ("", "*/*", _OPENAPI + "3.1", "3.1"),
        ("", _OPENAPI + "3.1", _OPENAPI + "3.1", "3.1"),
        ("", _OPENAPI + "3.0", _OPENAPI + "3.0", "3.0"),
        ("", _OPENAPI + "3.1, " + _OPENAPI + "3.0;q=0.5", _OPENAPI + "3.1", "3.1"),
        ("", 'application/vnd.oai.openapi+json; version="3.0"', _OPENAPI + "3.0", "3.0"),
        ("?version=3.0", None, _OPENAPI + "3.0", "3.0"),
        ("?version=3.1", _OPENAPI + "3.0", _OPENAPI + "3.1", "3.1"),
        ("?f=json", None, "application/json", "3.1"),
        ("?f=json&version=3.0", None, "application/json", "3.0"),
        ("?f=yaml", None, "application/yaml", "3.1"),
        ("?version=3.0", "application/yaml", "application/yaml", "3.0"),
    ],
)
def test_the_definition_comes_in_both_versions_as_json_and_yaml(http, base, query, accept, media_type, version):
    answer = http.get(f"{base}/api{query}", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == media_type
    document = yaml.load(answer.content, yaml.CSafeLoader) if "yaml" in media_type else answer.json()
    assert document["openapi"].startswith(version)
    assert document["servers"] == [{"url": base}]
    if "yaml" in media_type:
        assert document == http.get(f"{base}/api?f=json&version={version}").json()


def test_a_version_that_is_not_there_is_refused(http, base):
    assert http.get(f"{base}/api?version=2.0").status_code == 400


def test_the_page_of_the_definition_works_without_other_hosts(http, base):
    answer = http.get(f"{base}/api?f=html")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assets = re.findall(r'(?:src|href)="([^"]+/static/[^"]+)"', answer.text)
    assert len(assets) == 5
    assert all(url.startswith(base) for url in re.findall(r'(?:src|href|data-url)="([^"]+)"', answer.text))
    for url in assets:
        asset = http.get(url)
        assert asset.status_code == 200
        assert asset.headers["Content-Type"].startswith("text/javascript" if url.endswith(".js") else "text/css")
        assert asset.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["none.css", "..%2fhtml.py", "swagger-ui.js.map"])
def test_nothing_else_is_served_with_the_pages(http, base, name):
    assert http.get(f"{base}/static/{name}").status_code == 404


STARTED = """
import sys
from pathlib import Path
from weaverlite.api import make_app
from weaverlite.runtime import Runtime
from weaverlite.testing.app import settings_for
runtime = Runtime.from_settings(settings_for(Path(sys.argv[1])))
make_app(runtime)
runtime.close()
print(*sys.modules)
"""


def test_a_start_loads_nothing_that_only_pages_need(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", STARTED, str(tmp_path)]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "weaverlite.api.definitions" in loaded
    pages = {"jinja2", "swagger_ui_bundle", "weaverlite.api.html", "weaverlite.ogc.requirements"}
    assert not pages & set(loaded)


def test_the_url_that_clients_use_stands_in_the_definition(http, base):
    answer = http.get(f"{base}/api", headers={"Host": "127.0.0.1:4001"})
    assert answer.json()["servers"] == [{"url": "http://127.0.0.1:4001"}]


# ---------------------------------------------------------------- complete


def test_every_operation_has_its_own_id_and_is_described(definition):
    found = [operation for _, _, operation in operations(definition)]
    assert len({operation["operationId"] for operation in found}) == len(found) > 25
    for operation in found:
        assert operation["summary"], operation["operationId"]
        assert {"400", "403", "406", "500", "503"} <= set(operation["responses"]), operation["operationId"]


@pytest.mark.parametrize("version", ["3.1", "3.0"])
def test_every_answer_has_a_description_and_a_schema(definition, older, version):
    for _, _, operation in operations(definition if version == "3.1" else older):
        for status, answer in operation["responses"].items():
            assert answer["description"], (operation["operationId"], status)
            for media_type, content in answer.get("content", {}).items():
                assert content.get("schema"), (operation["operationId"], status, media_type)


def test_every_parameter_has_a_schema_and_is_described(definition):
    for path, _, operation in operations(definition):
        for parameter in operation["parameters"]:
            assert parameter["description"] and parameter["schema"], (path, parameter["name"])
        inside = {item["name"] for item in operation["parameters"] if item["in"] == "path"}
        assert inside == set(re.findall(r"{([^}]+)}", path))


def test_no_schema_is_empty(definition, older):
    for document in (definition, older):
        for name, schema in document["components"]["schemas"].items():
            assert set(schema) - {"title", "description", "nullable"}, name


def test_nothing_of_openapi_3_1_is_left_in_the_older_one(older):
    text = json.dumps({"paths": older["paths"], "components": older["components"]})
    for word in ("const", "$defs", "prefixItems", "patternProperties", "contentMediaType", "contentEncoding"):
        assert f'"{word}": ' not in text, word
    for place in _types(older["components"]):
        assert isinstance(place, str)


def _types(value):
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "type" and not isinstance(item, dict):
                yield item
            elif name not in ("example", "default", "enum"):
                yield from _types(item)
    elif isinstance(value, list):
        for item in value:
            yield from _types(item)


def test_the_execution_tells_of_its_callbacks(definition):
    callbacks = definition["paths"]["/processes/{process_id}/execution"]["post"]["callbacks"]
    assert set(callbacks) == {"successUri", "inProgressUri", "failedUri"}
    assert "{$request.body#/subscriber/successUri}" in callbacks["successUri"]


def test_who_asks_is_told_where_it_is_asked(tmp_path, base):
    from weaverlite.settings import ServerSettings
    from weaverlite.testing.app import settings_for

    server = ServerSettings(port=0, auth="remote-user", trusted_proxies=("127.0.0.1",))
    with running(tmp_path, settings=settings_for(tmp_path, server=server), worker=False) as service:
        document = service.session().get(f"{base}/api", headers={"X-Remote-User": "ada"}).json()
        older = service.session().get(f"{base}/api?version=3.0", headers={"X-Remote-User": "ada"}).json()
    OpenAPIV31SpecValidator(document).validate()
    OpenAPIV30SpecValidator(older).validate()
    assert document["components"]["securitySchemes"]["proxy"]["name"] == "X-Remote-User"
    assert document["paths"]["/jobs"]["get"]["security"] == [{"proxy": []}]
    assert "401" in document["paths"]["/jobs"]["get"]["responses"]
    assert document["paths"]["/health"]["get"]["security"] == []
