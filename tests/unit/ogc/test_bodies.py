import pytest

from weaverlite.ogc.bodies import is_execute_schema


@pytest.mark.parametrize(
    "uri",
    [
        "https://schemas.example/ogcapi/processes/part1/1.0/openapi/schemas/execute.yaml",
        "<https://schemas.example/ogcapi/processes/part4/1.0/openapi/schemas/execute-workflows.yaml>",
        "https://www.example/def/profile/OGC/0/ogc-execute-request",
        "http://localhost/api#/components/schemas/jobDefinition",
        "execute.json",
    ],
)
def test_schemas_of_execute_requests_are_known(uri):
    assert is_execute_schema(uri)


@pytest.mark.parametrize("uri", ["", "https://openeo.example/process_graph.json", "https://[", "executes.yaml", "/"])
def test_other_schemas_are_not(uri):
    assert not is_execute_schema(uri)
