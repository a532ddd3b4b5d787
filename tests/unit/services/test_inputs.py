"""Inputs against the description of a process: what is accepted in which form, and every fault with its pointer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from weaverlite.errors import InvalidInput, ReferenceRefused
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description, InputDescription, Process
from weaverlite.processes.echo import PROCESS as ECHO
from weaverlite.services.inputs import accept_inputs
from weaverlite.transfer.interfaces import Stager

BINARY = {"type": "string", "contentMediaType": "application/octet-stream", "contentEncoding": "binary"}
NETCDF = {"type": "string", "contentMediaType": "application/x-netcdf", "contentEncoding": "binary"}
CSV = {"type": "string", "contentMediaType": "text/csv"}
GEOJSON = {"type": "string", "contentMediaType": "application/geo+json"}
POINT = {"required": ["a"]}
BBOX = {"type": "object", "format": "ogc-bbox"}
BOX = {"bbox": [1, 2, 3, 4]}
FOLDER = {"type": "string", "contentMediaType": "inode/directory"}
MANY: dict[str, Any] = {"max_occurs": None}
FILE: dict[str, Any] = {"type_name": "File"}


class Web(Stager):
    """Lets every host pass but one."""

    schemes = frozenset({"https", "vault"})

    def check(self, reference):
        if "private" in reference.href:
            raise ReferenceRefused(f"{reference.href} is a private address (weaverlite.egress.allow_private).")
        if "gone" in reference.href:
            raise InvalidInput(f"there is no upload {reference.href}")

    def fetch(self, reference, destination, limits):
        raise AssertionError("nothing is fetched at acceptance")


WEB = Web()
STAGERS = {scheme: WEB for scheme in WEB.schemes}


def process(*inputs: InputDescription) -> Process:
    return Process(
        process_id="p",
        revision=1,
        package=Package.of(CWL_MEDIA_TYPE, {}),
        engine="cwl",
        description=Description(inputs=inputs),
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


def accept(schema: Any, value: Any, **members: Any) -> Any:
    """Return the accepted value of one input ``x``, or its faults as a list of strings."""
    one = process(InputDescription(input_id="x", schema=schema, **members))
    found = accept_inputs(one, {"x": value}, STAGERS, None)
    return [f"{fault.pointer}: {fault.message}" for fault in found.faults] or found.inputs.get("x")


@pytest.mark.parametrize(
    ("schema", "given", "stored", "members"),
    [
        ({"type": "string"}, "a", "a", {}),
        ({"type": "string"}, {"value": "a"}, "a", {}),
        ({"type": "integer"}, {"value": 3, "mediaType": "text/plain"}, 3, {}),
        ({"type": "object"}, {"value": {"a": 1}}, {"value": {"a": 1}}, {}),
        ({"type": "object"}, {"a": 1}, {"value": {"a": 1}}, {}),
        ({"type": "object"}, {"value": {"href": "x"}}, {"value": {"href": "x"}}, {}),
        ({}, {"a": [1]}, {"value": {"a": [1]}}, {}),
        ({"allOf": [{"format": "ogc-bbox"}]}, {"bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3, 4]}, {}),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2], [1, 2], {}),
        ({"type": "array", "items": {"type": "object"}}, [{"href": "x"}], {"value": [{"href": "x"}]}, {}),
        ({"type": "integer"}, [1, {"value": 2}], [1, 2], MANY),
        ({"type": "integer"}, 1, [1], MANY),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2], [[1, 2]], MANY),
        ({"type": "array", "items": {"type": "integer"}}, [[1], [2]], [[1], [2]], MANY),
        ({"type": "array", "items": {"type": "integer"}}, [{"value": [1]}], [[1]], MANY),
        ({"type": "string"}, {"href": "https://e.org/a"}, {"href": "https://e.org/a"}, {}),
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, {"value": "a"}, "a", {}),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 3, 3, {}),
        ({"oneOf": [{"type": "string", "contentMediaType": "application/gml+xml"}, GEOJSON]}, "<a/>", "<a/>", {}),
        ({"oneOf": [{"type": "integer", "contentMediaType": "text/csv"},
                    {"type": "string", "contentMediaType": "text/html"}]},
         {"value": "a", "format": {"mediaType": "text/html"}}, "a", {}),
        ({"type": "string", "contentEncoding": "base64"}, "aGVsbG8=", "aGVsbG8=", {}),
        # What a value says of itself chooses among the alternatives; JSON may be sent as it is for the text of it.
        ({"oneOf": [{"type": "integer"}, {"type": "string", "contentEncoding": "base64"}]},
         {"value": "aGVsbG8=", "encoding": "base64"}, "aGVsbG8=", {}),
        ({"oneOf": [{**GEOJSON, "contentSchema": {"required": ["b"]}}, {**GEOJSON, "contentSchema": POINT}]},
         {"value": '{"a": 1}', "schema": POINT}, '{"a": 1}', {}),
        (GEOJSON, {"value": {"type": "Point"}}, '{"type": "Point"}', {}),
        ({"type": "string"}, {"value": "a", "encoding": "UTF-8"}, "a", {}),
        ({"type": "string"}, "a", "a", {"value_passing": ("byValue",)}),
        ({"type": "integer"}, [1, 2], [1, 2], {"max_occurs": 2, "min_occurs": 2}),
        (BBOX, BOX, {"value": json.dumps(BOX), "mediaType": "application/json"}, FILE),
        # Files: a reference, or content whose encoding is decided here.
        (BINARY, {"href": "vault:1", "type": "text/csv", "title": "a.csv"},
         {"href": "vault:1", "type": "text/csv", "title": "a.csv"}, FILE),
        (BINARY, "aGVsbG8=", {"value": "aGVsbG8=", "mediaType": "application/octet-stream", "encoding": "base64"},
         FILE),
        (BINARY, {"value": "hello", "mediaType": "text/plain"}, {"value": "hello", "mediaType": "text/plain"}, FILE),
        (NETCDF, {"value": "aGVsbG8=", "mediaType": "application/netcdf"},
         {"value": "aGVsbG8=", "mediaType": "application/netcdf", "encoding": "base64"}, FILE),
        (CSV, {"value": "a,b", "title": "t.csv"}, {"value": "a,b", "mediaType": "text/csv", "title": "t.csv"}, FILE),
        (CSV, "a,b", {"value": "a,b", "mediaType": "text/csv"}, FILE),
        (CSV, {"value": "YSxi", "encoding": "base64"}, {"value": "YSxi", "mediaType": "text/csv",
         "encoding": "base64"}, FILE),
        (GEOJSON, {"value": {"type": "Point"}}, {"value": '{"type": "Point"}', "mediaType": "application/geo+json"},
         FILE),
        (FOLDER, {"href": "vault:1", "type": "application/x-tar"}, {"href": "vault:1", "type": "application/x-tar"},
         {"type_name": "Directory"}),
    ],
)  # fmt: skip
def test_values_are_stored_in_one_form(schema, given, stored, members):
    assert accept(schema, given, **members) == stored


@pytest.mark.parametrize(
    ("schema", "given", "expected", "members"),
    [
        ({"type": "integer"}, "a", "/inputs/x: is the string \"a\"; expected is a whole number", {}),
        ({"type": "integer"}, {"value": "a"}, "/inputs/x/value: is the string", {}),
        ({"type": "integer"}, [1, "a"], "/inputs/x/1: is the string", MANY),
        ({"type": "integer"}, [1, {"value": "a"}], "/inputs/x/1/value: is the string", MANY),
        ({"type": "integer"}, [1, 2], "/inputs/x: is a list of 2 values; this input takes one value", {}),
        ({"type": "integer"}, [1], "/inputs/x: is a list of 1 value; this input takes one value", {}),
        ({"type": "integer"}, [], "/inputs/x: has 0 values; at least 1 are needed", MANY),
        ({"type": "integer"}, [1, 2, 3], "/inputs/x: has 3 values; at most 2 are allowed", {"max_occurs": 2}),
        ({"type": "string"}, {"type": "wrong/type"}, "/inputs/x: is an object with neither 'value' nor 'href'", {}),
        ({"type": "string"}, {"value": 1, "href": "x:"}, "/inputs/x: has both", {}),
        ({"type": "string"}, {"href": 3}, "/inputs/x: has an 'href' that is not a URL", {}),
        ({"type": "string"}, {"value": "a", "format": 3}, "/inputs/x: has a 'format' that is not an object", {}),
        ({"type": "string"}, {"value": "a", "mediaType": 3}, "/inputs/x: has a 'mediaType' that is not a string", {}),
        ({"type": "string"}, None, "/inputs/x: is missing", {}),
        ({"allOf": [{"format": "ogc-bbox"}, {"type": "object"}]}, {"bbox": [1]},
         "/inputs/x: has a 'bbox' of 1 numbers: 4 are needed, or 6 with heights", {}),
        ({"type": "string"}, {"href": "ftp://e.org/a"},
         "/inputs/x/href: is 'ftp://e.org/a', which is not a URL of a kind known here (https, vault)", {}),
        ({"type": "string"}, {"href": "data.csv"}, "/inputs/x/href: is 'data.csv'", {}),
        ({"type": "string"}, {"href": "vault:gone"}, "/inputs/x/href: there is no upload", {}),
        ({"oneOf": [{**CSV}, {"type": "string", "contentMediaType": "text/html"}]}, {"value": "a",
         "mediaType": "image/png"},
         "/inputs/x: has the media type 'image/png'; accepted are text/csv, text/html", {}),
        ({"oneOf": [{"type": "integer"}, {"type": "boolean"}]}, "a",
         "/inputs/x: is the string \"a\"; expected is a whole number or true or false", {}),
        ({"type": "string", "contentEncoding": "base64"}, "?", "/inputs/x: is not base64", {}),
        ({"type": "string"}, {"value": "a", "encoding": "rot13"}, "/inputs/x: has the encoding 'rot13'", {}),
        ({"type": "string"}, {"value": "a", "mediaType": "text"}, "/inputs/x: has the media type 'text', which is", {}),
        ({"type": "string"}, "a", "/inputs/x: is sent itself; this input is taken by reference only",
         {"value_passing": ("byReference",)}),
        ({"type": "string"}, {"href": "https://e.org/a"}, "/inputs/x: is a reference; this input takes the value",
         {"value_passing": ("byValue",)}),
        ({"type": "integer"}, 1, "/inputs/x: has 1 value; at least 2 are needed", {"max_occurs": 3, "min_occurs": 2}),
        ({**GEOJSON, "contentSchema": POINT}, {"value": {"b": 1}}, "/inputs/x/value: holds JSON that does not fit",
         {}),
        ({**GEOJSON, "contentSchema": POINT}, '{"b": 1}', "/inputs/x: holds JSON that does not fit: at /a", FILE),
        (BBOX, {"bbox": [1, 2, 3, 4, 5]}, "/inputs/x: has a 'bbox' of 5 numbers", FILE),
        (BINARY, "hello", "/inputs/x: is not base64, as the content of a binary file must be", FILE),
        (BINARY, 3, "/inputs/x: is the number 3; expected is the content of a file", FILE),
        (BINARY, {"class": "File", "location": "a"},
         "/inputs/x: is an object with neither 'value' nor 'href': files are sent as", FILE),
        (CSV, {"href": "vault:1", "type": "image/png"},
         "/inputs/x: has the media type 'image/png'; accepted are text/csv", FILE),
        (FOLDER, "abc", "/inputs/x: is a directory, which cannot be sent inline", {"type_name": "Directory"}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_where_it_stands(schema, given, expected, members):
    found = accept(schema, given, **members)
    assert isinstance(found, list) and len(found) == 1
    assert found[0].startswith(expected)


def test_everything_wrong_is_told_at_once():
    found = accept_inputs(
        process(
            InputDescription(input_id="depth", schema={"type": "integer", "minimum": 0}),
            InputDescription(input_id="name", schema={"type": "string"}),
            InputDescription(input_id="xs", schema={"type": "integer"}, max_occurs=None),
        ),
        {"dept": 1, "depth": -1, "xs": [1, "a", None]},
        STAGERS,
        None,
    )
    assert {fault.pointer: fault.message.partition(";")[0] for fault in found.faults} == {
        "/inputs/depth": "is -1, less than the minimum 0",
        "/inputs/name": "is missing: the process needs it",
        "/inputs/xs/1": 'is the string "a"',
        "/inputs/xs/2": "is null",
        "/inputs/dept": "the process has no input 'dept'",
    }
    assert "is 'depth' meant?" in found.faults[-1].message


def test_names_are_escaped_in_pointers():
    found = accept_inputs(process(), {"a/b~c": 1}, STAGERS, None)
    assert found.faults[0].pointer == "/inputs/a~1b~0c"


def test_defaults_are_filled_in_when_an_input_is_absent_or_null():
    one = process(
        InputDescription(input_id="a", schema={"type": "integer", "default": 3}, min_occurs=0),
        InputDescription(input_id="b", schema={"type": "integer", "default": 0}, min_occurs=0),
        InputDescription(input_id="c", schema={"type": "integer", "default": [1, 2]}, min_occurs=0, max_occurs=None),
        InputDescription(input_id="d", schema={"type": "object", "default": {"x": 1}}, min_occurs=0),
        InputDescription(input_id="e", schema={"type": "string"}, min_occurs=0),
        InputDescription(input_id="f", schema={"type": "string", "default": "F"}, min_occurs=0, type_name="File"),
    )
    found = accept_inputs(one, {"b": None, "e": None}, STAGERS, None)
    assert found.inputs == {"a": 3, "b": 0, "c": [1, 2], "d": {"value": {"x": 1}}}
    assert not found.faults


def test_null_is_a_value_where_the_schema_speaks_of_it():
    assert accept_inputs(
        process(InputDescription(input_id="x", schema={"type": ["string", "null"], "default": "a"}, min_occurs=0)),
        {"x": None},
        STAGERS,
        None,
    ).inputs == {"x": None}


def test_references_are_checked_and_their_schemes_remembered():
    one = process(InputDescription(input_id="x", schema=BINARY, max_occurs=None, type_name="File[]"))
    given = {"x": [{"href": "https://e.org/a"}, {"href": "vault:1"}, {"value": "YQ==", "encoding": "base64"}]}
    assert accept_inputs(one, given, STAGERS, None).schemes == {"https", "vault"}


def test_what_policy_forbids_is_told_apart_from_what_is_wrong():
    one = process(InputDescription(input_id="x", schema=BINARY, type_name="File"))
    refused = accept_inputs(one, {"x": {"href": "https://private/a"}}, STAGERS, None)
    assert refused.is_refused
    assert "weaverlite.egress.allow_private" in refused.faults[0].message
    assert not accept_inputs(one, {"x": {"href": "https://private/a"}, "y": 1}, STAGERS, None).is_refused


def test_a_list_wrong_many_times_has_an_answer_of_bounded_size():
    one = process(InputDescription(input_id="x", schema={"type": "integer"}, max_occurs=None))
    assert len(accept_inputs(one, {"x": ["a"] * 10_000}, STAGERS, None).faults) == 200


def test_the_echo_process_takes_what_the_acceptance_suite_sends():
    echo = process(*ECHO.inputs)
    base = {"stringInput": "teststring", "objectInput": {"value": "teststring"}}
    assert accept_inputs(echo, base, STAGERS, None).inputs == {
        "stringInput": "teststring",
        "objectInput": "teststring",
        "pause": 0,
    }
    box = {"bbox": [51.9, 7, 52, 7.1], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    for more in ({"arrayInput": [1, 2, 3]}, {"boundingBoxInput": box}, {"doubleInput": 3.14}):
        assert not accept_inputs(echo, base | more, STAGERS, None).faults
    for wrong in ({"geometryInput": {"type": "wrong/type_1"}}, {"doubleInput": 0}, {"arrayInput": []}):
        assert accept_inputs(echo, base | wrong, STAGERS, None).faults
    assert accept_inputs(echo, {"objectInput": 3}, STAGERS, None).faults


class Numbered:
    """A kind of value that is told by its number, which must be even."""

    def read(self, reading, description, given, pointer):
        if given["number"] % 2:
            reading.fault("is odd", f"{pointer}/number")
        if given["number"] > 10:
            reading.refuse("is too large here", f"{pointer}/number")
        reading.schemes.add("numbers")
        return {"number": given["number"], "for": description.input_id}


def test_kinds_of_value_are_told_by_a_member():
    one = process(
        InputDescription(input_id="x", schema={"type": "string"}, max_occurs=None),
        InputDescription(input_id="own", schema={"type": "object", "properties": {"number": {}}}, min_occurs=0),
        InputDescription(input_id="any", schema={"type": "object"}, min_occurs=0),
    )

    def accepted(**inputs: Any) -> Any:
        return accept_inputs(one, inputs, STAGERS, None, {"number": Numbered()})

    found = accepted(x=["a", {"number": 2}], own={"number": 1}, any={"value": {"number": 1}})
    assert (found.faults, found.schemes) == ([], {"numbers"})
    assert found.inputs == {
        "x": ["a", {"number": 2, "for": "x"}],
        "own": {"value": {"number": 1}},
        "any": {"value": {"number": 1}},
    }
    assert accepted(x={"number": 2}).inputs == {"x": [{"number": 2, "for": "x"}]}
    assert [fault.pointer for fault in accepted(x=["a", {"number": 3}]).faults] == ["/inputs/x/1/number"]
    assert accepted(x={"number": 12}).is_refused
    assert not accepted(x={"number": 13}).is_refused


def test_many_and_long_unknown_names_are_answered_quickly():
    names = {"x" * 100_000: 1} | {f"unknown{number}": 1 for number in range(100_000)}
    found = accept_inputs(process(InputDescription(input_id="known", schema={}, min_occurs=0)), names, STAGERS, None)
    assert len(found.faults) == 200
