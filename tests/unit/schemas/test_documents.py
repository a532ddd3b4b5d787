"""The schema documents: complete in themselves, and what the service says fits them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from weaverlite import schemas
from weaverlite.errors import Fault, InvalidInput
from weaverlite.models.results import Manifest, OutputDirectory, OutputFile


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize("name", schemas.names())
def test_each_document_is_a_schema_that_refers_to_whole_documents_only(name):
    document = schemas.load(name)
    assert schemas.validate_schema(document) == []
    assert document["title"]
    for reference in references(document):
        assert reference.endswith(".yaml")
        assert reference.removesuffix(".yaml") in schemas.names()


def test_a_document_is_read_once():
    assert schemas.load("execute") is schemas.load("execute")


def test_an_unknown_document_is_named_with_the_nearest():
    with pytest.raises(KeyError, match="statusInfo"):
        schemas.load("statusinfo")


def test_problems_fit_their_document():
    problem = InvalidInput(faults=[Fault("is missing", "/inputs/a")]).problem()
    assert schemas.validate("problem", problem) == []


def test_manifests_fit_their_document():
    file = OutputFile(path="outputs/a/f", size=1, sha256="0" * 64, media_type="text/plain")
    manifest = Manifest(
        job_id="j",
        attempt=1,
        created_at=datetime.now(UTC),
        exit_code=0,
        outputs={"a": [file], "b": OutputDirectory(path="outputs/b/d", files=(file,)), "c": {"x": file}, "d": {"y": 1}},
        streams=(file,),
    )
    assert schemas.validate("manifest", manifest.to_json()) == []


def test_status_never_holds_nulls():
    status = {"id": "j", "jobID": "j", "processID": "p", "type": "process", "processingEntityType": "ogc-api-processes"}
    status["status"] = "running"
    assert schemas.validate("statusInfo", {**status, "started": "2024-01-01T00:00:00Z"}) == []
    assert [fault.pointer for fault in schemas.validate("statusInfo", {**status, "started": None})] == ["/started"]


@pytest.mark.parametrize(
    "value",
    [1, "a", True, [1, 2], {"bbox": [1, 2, 3, 4]}, {"value": {"a": 1}}, {"href": "https://e.org/a"},
        [{"href": "vault:1"}]],
)
def test_results_hold_values_and_links(value):
    assert schemas.validate("results", {"out": value}) == []


@pytest.mark.parametrize("value", [None, {"a": 1}])
def test_results_hold_no_nulls_and_no_bare_objects(value):
    assert schemas.validate("results", {"out": value})
