"""The description of the echo process keeps to what the executable test suite of OGC can use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weaverlite.processes.echo import PROCESS


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for item in schema.values():
            yield from _schemas(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _schemas(item)


def test_first_input_is_a_plain_required_string() -> None:
    first = PROCESS.inputs[0]
    assert (first.input_id, first.schema, first.min_occurs) == ("stringInput", {"type": "string"}, 1)
    assert [item.min_occurs for item in PROCESS.inputs[1:]] == [0] * 7


def test_outputs_are_the_inputs() -> None:
    assert [(item.output_id, item.schema) for item in PROCESS.outputs] == [
        (item.input_id, item.schema) for item in PROCESS.inputs
    ]


def test_schemas_use_only_what_openapi_3_0_has() -> None:
    for port in PROCESS.inputs:
        for schema in _schemas(port.schema):
            assert "$ref" not in schema
            assert not isinstance(schema.get("type"), list)
            assert schema.get("type") != "null"
            assert schema.get("format") != "byte"
            assert schema.get("contentEncoding") != "binary"
            assert isinstance(schema.get("exclusiveMinimum", True), bool)


def test_pause_is_bounded() -> None:
    pause = next(item for item in PROCESS.inputs if item.input_id == "pause")
    assert (pause.schema["default"], pause.schema["maximum"]) == (0, 60)
