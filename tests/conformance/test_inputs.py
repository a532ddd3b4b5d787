"""Inputs of an execution: every way to give a value, and what is refused; core of both versions of Part 1."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.conformance.asserts import JSON, document, problem, said, status
from tests.conformance.marks import V1, V2, both, req
from tests.conformance.origin import Origin
from tests.conformance.service import Job, Service

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"


def value(service: Service, process_id: str, inputs: Any, output: str, **options: Any) -> Any:
    """Execute a process, wait for it, and return one of its outputs as JSON."""
    answer = service.execute(process_id, inputs, outputs={output: {}}, **options)
    status(answer, 200)
    assert answer.headers["Content-Type"].startswith(JSON), said(answer)
    return answer.json()


def text(service: Service, process_id: str, inputs: Any, output: str) -> str:
    """Execute a process, wait for it, and return one of its outputs as text."""
    answer = service.execute(process_id, inputs, outputs={output: {}}, accept="text/plain, */*;q=0.1")
    status(answer, 200)
    return answer.text


def echoed(service: Service, name: str, given: Any) -> Any:
    """Return what the process ``echo`` makes of an input."""
    return value(service, "echo", {"stringInput": "x", name: given}, name)


@both("core/process-execute-op")
@pytest.mark.parametrize("media_type", [JSON, "application/json; charset=UTF-8", "application/json;charset=utf-8"])
def test_req_core_process_execute_op(service: Service, media_type: str) -> None:
    answer = service.post(
        "/processes/echo/execution",
        data='{"inputs": {"stringInput": "größe"}, "outputs": {"stringInput": {}}}'.encode(),
        headers={"Content-Type": media_type},
    )
    status(answer, 200)
    assert answer.json() == "größe"


@both("core/process-execute-op")
@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/plain", b"{}"),
        ("application/xml", b"<a/>"),
        ("application/cwl+json", b"{}"),
        ("application/x-www-form-urlencoded", b"a=b"),
    ],
)
def test_req_core_process_execute_op__other_media_types(service: Service, media_type: str, body: bytes) -> None:
    answer = service.post("/processes/echo/execution", data=body, headers={"Content-Type": media_type})
    problem(answer, 415)


WRONG_BODIES = {
    "no-json": b"{",
    "empty": b"",
    "list": b"[]",
    "text": b'"a"',
    "number": b"1",
    "null": b"null",
    "inputs-list": b'{"inputs": []}',
    "inputs-text": b'{"inputs": "a"}',
    "outputs-list": b'{"inputs": {"stringInput": "x"}, "outputs": []}',
    "response": b'{"inputs": {"stringInput": "x"}, "response": "nonsense"}',
    "transmission": b'{"inputs": {"stringInput": "x"}, "outputs": {"stringInput": {"transmissionMode": "bird"}}}',
    "unknown-output": b'{"inputs": {"stringInput": "x"}, "outputs": {"nobody": {}}}',
    "unknown-input": b'{"inputs": {"stringInput": "x", "nobody": 1}}',
    "duplicate-key": b'{"inputs": {"stringInput": "x", "stringInput": "y"}}',
    "not-a-number": b'{"inputs": {"stringInput": "x", "doubleInput": NaN}}',
    "no-utf-8": b'{"inputs": {"stringInput": "\xff"}}',
    "deep": b'{"inputs": {"stringInput": "x", "objectInput": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}}",
}


@both("core/process-execute-request")
@pytest.mark.parametrize("case", WRONG_BODIES)
@pytest.mark.parametrize("prefer", [None, "respond-async"])
def test_req_core_process_execute_request__refused(service: Service, case: str, prefer: str | None) -> None:
    headers = {"Content-Type": JSON, **({"Prefer": prefer} if prefer else {})}
    problem(service.post("/processes/echo/execution", data=WRONG_BODIES[case], headers=headers), (400, 422))


@both("core/process-execute-request")
@pytest.mark.parametrize(
    "body",
    [
        {"inputs": {"stringInput": "x"}, "outputs": {"stringInput": {}}},
        {"inputs": {"stringInput": "x"}, "outputs": {"stringInput": {"format": {"mediaType": "application/json"}}}},
        {"process": "echo", "inputs": {"stringInput": "x"}, "outputs": {"stringInput": {}}},
        {"inputs": {"stringInput": {"value": "x"}}, "outputs": {"stringInput": {}}},
        # Members that the schema does not name are legal.
        {"inputs": {"stringInput": "x"}, "outputs": {"stringInput": {}}, "x-mine": {"a": [1]}},
    ],
    ids=["plain", "format", "process", "qualified", "more-members"],
)
def test_req_core_process_execute_request(service: Service, body: dict[str, Any]) -> None:
    answer = service.post("/processes/echo/execution", json=body)
    status(answer, 200)
    assert answer.json() == "x"


@both("core/process-execute-request")
def test_req_core_process_execute_request__no_members_are_required(service: Service) -> None:
    answer = service.post(f"{service.process('conf-values')}/execution", json={}, headers={"Prefer": "respond-async"})
    status(answer, 201)
    assert answer.json()["processID"] == "conf-values"


@req(V1 + "core/process-execute-inputs")
@pytest.mark.parametrize("media_type", ["text/plain", None])
def test_req_core_process_execute_inputs(service: Service, origin: Origin, media_type: str | None) -> None:
    """The same text by value and by reference."""
    href = origin.put("/files/both.txt", "the same", "text/plain")
    link = {"href": href, **({"type": media_type} if media_type else {})}
    assert text(service, "conf-copy", {"file": link}, "copy") == "the same"
    assert text(service, "conf-copy", {"file": {"value": "the same", "mediaType": "text/plain"}}, "copy") == "the same"


INLINE: dict[str, Any] = {
    "text": ("conf-values", "text", "a text", "a text"),
    "empty-text": ("conf-values", "text", "", ""),
    "unicode": ("conf-values", "text", "größe 🌍 \t\n", "größe 🌍 \t\n"),
    "json-in-text": ("conf-values", "text", '{"a": 1}', '{"a": 1}'),
    "number": ("conf-values", "number", 1.5, 1.5),
    "negative": ("conf-values", "number", -2.25, -2.25),
    "whole-number": ("conf-values", "number", 3, 3),
    "whole": ("conf-values", "whole", 7, 7),
    "zero": ("conf-values", "whole", 0, 0),
    "true": ("conf-values", "flag", True, True),
    "false": ("conf-values", "flag", False, False),
    "choice": ("conf-choice", "size", "small", "small"),
    "double": ("echo", "doubleInput", 0.5, 0.5),
    "upper-bound": ("echo", "doubleInput", 10, 10),
    "time": ("echo", "dateInput", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
    "time-with-offset": ("echo", "dateInput", "2024-02-29T12:00:00+02:00", "2024-02-29T12:00:00+02:00"),
}


@req(V1 + "core/process-execute-input-inline")
@pytest.mark.parametrize("case", INLINE)
@pytest.mark.parametrize("is_qualified", [False, True], ids=["bare", "qualified"])
def test_req_core_process_execute_input_inline(service: Service, case: str, is_qualified: bool) -> None:
    process_id, name, given, wanted = INLINE[case]
    more = {"stringInput": "x"} if process_id == "echo" else {}
    inputs = {**more, name: {"value": given} if is_qualified else given}
    found = value(service, process_id, inputs, name)
    assert found == wanted
    assert isinstance(found, bool) == isinstance(wanted, bool)


@req(V1 + "core/process-execute-input-ref")
@pytest.mark.parametrize("size", [0, 1, 5000, 300_000])
def test_req_core_process_execute_input_ref(service: Service, origin: Origin, size: int) -> None:
    content = ("0123456789" * (size // 10 + 1))[:size]
    href = origin.put(f"/files/size-{size}.txt", content, "text/plain")
    assert text(service, "conf-copy", {"file": {"href": href, "type": "text/plain"}}, "copy") == content


@req(V1 + "core/process-execute-input-ref")
def test_req_core_process_execute_input_ref__data_uri(service: Service) -> None:
    href = "data:text/plain;base64," + base64.b64encode(b"in the address").decode()
    assert text(service, "conf-copy", {"file": {"href": href}}, "copy") == "in the address"


@req(V1 + "core/process-execute-input-ref")
def test_req_core_process_execute_input_ref__of_what_is_no_file(service: Service, origin: Origin) -> None:
    """A value that is no file may stand elsewhere all the same: it is fetched and validated."""
    href = origin.put("/files/array.json", "[1, 2, 3]", JSON)
    assert echoed(service, "arrayInput", {"href": href, "type": JSON}) == [1, 2, 3]


@req(V1 + "core/process-execute-input-ref")
def test_req_core_process_execute_input_ref__several(service: Service, origin: Origin) -> None:
    hrefs = [origin.put(f"/files/part-{part}.txt", part, "text/plain") for part in "abc"]
    inputs = {"files": [{"href": href, "type": "text/plain"} for href in hrefs]}
    assert text(service, "conf-join", inputs, "joined") == "abc"


@req(V1 + "core/process-execute-input-ref")
def test_req_core_process_execute_input_ref__mixed_with_values(service: Service, origin: Origin) -> None:
    href = origin.put("/files/middle.txt", "b", "text/plain")
    first, last = {"value": "a", "mediaType": "text/plain"}, {"value": "c", "mediaType": "text/plain"}
    assert text(service, "conf-join", {"files": [first, {"href": href}, last]}, "joined") == "abc"


@req(V1 + "core/process-execute-input-ref")
@pytest.mark.parametrize(
    "href",
    ["http://127.0.0.1:1/nothing", "ftp://example.org/x", "file:///etc/passwd", "no uri", "", "javascript:alert(1)"],
)
def test_req_core_process_execute_input_ref__that_cannot_be_had(service: Service, href: str) -> None:
    """What cannot be fetched by its form is refused at once, else the job fails and says why."""
    answer = service.execute("conf-copy", {"file": {"href": href}}, prefer="respond-async")
    if answer.status_code == 201:
        job = Job(service, answer.headers["Location"]).ended("failed")
        problem(job.results(), (400, 404, 422, 500, 502))
    else:
        problem(answer, (400, 403, 422))


@req(V1 + "core/process-execute-input-ref")
def test_req_core_process_execute_input_ref__that_is_not_there(service: Service, origin: Origin) -> None:
    answer = service.execute("conf-copy", {"file": {"href": f"{origin.url}/files/missing.txt"}}, prefer="respond-async")
    status(answer, 201)
    Job(service, answer.headers["Location"]).ended("failed")


ARRAYS: dict[str, Any] = {
    "words": ("conf-lists", "words", ["a", "b"]),
    "one-word": ("conf-lists", "words", ["a"]),
    "many-words": ("conf-lists", "words", [f"word {number}" for number in range(200)]),
    "wholes": ("conf-lists", "wholes", [1, 2, 3]),
    "one-whole": ("conf-lists", "wholes", [1]),
    "flags": ("conf-lists", "flags", [True, False]),
    "array-value": ("echo", "arrayInput", [1, 2, 3]),
    "array-of-one": ("echo", "arrayInput", [1]),
    "array-of-ten": ("echo", "arrayInput", list(range(10))),
}


@both("core/process-execute-input-array")
@pytest.mark.parametrize("case", ARRAYS)
def test_req_core_process_execute_input_array(service: Service, case: str) -> None:
    process_id, name, given = ARRAYS[case]
    more = {"stringInput": "x"} if process_id == "echo" else {"words": ["w"]}
    assert value(service, process_id, {**more, name: given}, name) == given


@both("core/process-execute-input-array")
def test_req_core_process_execute_input_array__qualified_items(service: Service) -> None:
    assert value(service, "conf-lists", {"words": [{"value": "a"}, "b"]}, "words") == ["a", "b"]


@both("core/process-execute-input-array")
def test_req_core_process_execute_input_array__qualified_array(service: Service) -> None:
    assert echoed(service, "arrayInput", {"value": [1, 2]}) == [1, 2]


@both("core/process-execute-input-array")
@pytest.mark.parametrize("given", [[], ["a", 1], [["a"]], [None]], ids=["none", "number", "nested", "null"])
def test_req_core_process_execute_input_array__refused(service: Service, given: Any) -> None:
    answer = service.execute("conf-lists", {"words": given}, prefer="respond-async")
    if given == [] and answer.status_code == 201:
        # An empty list is a value of a list: the tool gets it.
        assert answer.json()["processID"] == "conf-lists"
    else:
        problem(answer, (400, 422))


@both("core/process-execute-input-array")
def test_req_core_process_execute_input_array__too_many(service: Service) -> None:
    problem(service.execute("conf-text", {"text": ["a", "b"]}), (400, 422))
    problem(service.execute("echo", {"stringInput": "x", "arrayInput": list(range(11))}), (400, 422))


OBJECTS: dict[str, Any] = {
    "flat": {"a": 1},
    "nested": {"a": {"b": [1, {"c": None}]}},
    "empty": {},
    "with-href": {"href": "not a reference"},
    "with-value": {"value": 1, "other": 2},
    "geometry": {"type": "Point", "coordinates": [1.0, 2.0]},
}


@both("core/process-execute-input-inline-object")
@pytest.mark.parametrize("case", OBJECTS)
def test_req_core_process_execute_input_inline_object(service: Service, case: str) -> None:
    inputs = {"stringInput": "beside it", "objectInput": {"value": OBJECTS[case]}}
    answer = service.execute("echo", inputs, outputs={"stringInput": {}, "objectInput": {}})
    results = document(answer, "results")
    assert results["stringInput"] == "beside it"
    found = results["objectInput"]
    # A server may give an object as it is, or qualified.
    assert OBJECTS[case] in (found, found.get("value")), found


@both("core/process-execute-input-inline-object")
def test_req_core_process_execute_input_inline_object__media_type(service: Service) -> None:
    found = echoed(service, "objectInput", {"value": {"a": 1}, "mediaType": JSON})
    assert {"a": 1} in (found, found.get("value")), found


@both("core/process-execute-input-mixed-type", "core/process-execute-input-inline-multiple-types")
@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("a text", "a text"),
        ({"value": "a text"}, "a text"),
        ({"value": {"a": 1}}, {"a": 1}),
        ({"value": "a text", "mediaType": "text/plain"}, "a text"),
    ],
    ids=["bare", "qualified", "object", "media-type"],
)
def test_req_core_process_execute_input_mixed_type(service: Service, given: Any, wanted: Any) -> None:
    found = echoed(service, "objectInput", given)
    assert found == wanted or found.get("value") == wanted, found


GML = '<gml:Point xmlns:gml="http://www.opengis.net/gml/3.2"><gml:pos>1 2</gml:pos></gml:Point>'
GEOJSON = '{"type": "Point", "coordinates": [1.0, 2.0]}'


@both("core/process-execute-input-mixed-type", "core/process-execute-input-inline-multiple-types")
@pytest.mark.parametrize("form", ["flat", "nested"])
@pytest.mark.parametrize(
    ("given", "media_type"),
    [(GML, "application/gml+xml"), (GEOJSON, "application/geo+json")],
    ids=["gml", "geojson"],
)
def test_req_core_process_execute_input_mixed_type__chosen_by_media_type(
    service: Service, given: str, media_type: str, form: str
) -> None:
    """``mediaType`` beside the value, as in the examples of the standard, or in ``format``, as acceptance tests do."""
    chosen = {"mediaType": media_type} if form == "flat" else {"format": {"mediaType": media_type}}
    answer = service.execute(
        "echo",
        {"stringInput": "x", "geometryInput": {"value": given, **chosen}},
        outputs={"geometryInput": {}},
        accept="*/*",
    )
    status(answer, 200)
    assert given in (answer.text, answer.json() if JSON in answer.headers["Content-Type"] else None)


@both("core/process-execute-input-mixed-type", "core/process-execute-input-inline-multiple-types")
@pytest.mark.parametrize("media_type", ["image/tiff", "text/csv", "application/xml"])
def test_req_core_process_execute_input_mixed_type__of_no_branch(service: Service, media_type: str) -> None:
    given = {"value": GML, "mediaType": media_type}
    problem(service.execute("echo", {"stringInput": "x", "geometryInput": given}), (400, 415, 422))


@both("core/process-execute-input-inline-binary")
@pytest.mark.parametrize("content", [b"", b"some text", bytes(range(256)), b"\x00" * 5000])
def test_req_core_process_execute_input_inline_binary(service: Service, content: bytes) -> None:
    given = {
        "value": base64.b64encode(content).decode(),
        "encoding": "base64",
        "mediaType": "application/octet-stream",
    }
    answer = service.execute("conf-copy", {"file": given}, outputs={"copy": {}}, accept="*/*")
    status(answer, 200)
    assert answer.content == content


@both("core/process-execute-input-inline-binary")
def test_req_core_process_execute_input_inline_binary__nested_format(service: Service) -> None:
    given = {
        "value": base64.b64encode(b"\x01\x02").decode(),
        "format": {"mediaType": "application/octet-stream", "encoding": "base64"},
    }
    answer = service.execute("conf-copy", {"file": given}, outputs={"copy": {}}, accept="*/*")
    status(answer, 200)
    assert answer.content == b"\x01\x02"


@both("core/process-execute-input-inline-binary")
@pytest.mark.parametrize("given", ["no base64!", "YQ=", "Y", "YWJj\u00e4"])
def test_req_core_process_execute_input_inline_binary__refused(service: Service, given: str) -> None:
    answer = service.execute("conf-copy", {"file": {"value": given, "encoding": "base64", "mediaType": "image/tiff"}})
    problem(answer, (400, 422))


BOXES: dict[str, Any] = {
    "four": {"bbox": [51.9, 7, 52, 7.1]},
    "crs84": {"bbox": [51.9, 7, 52, 7.1], "crs": CRS84},
    "negative": {"bbox": [-180, -90, 180, 90], "crs": CRS84},
    "six": {"bbox": [1, 2, 3, 4, 5, 6], "crs": CRS84H},
    # 2.0: the URI of any reference system.
    "other-crs": {"bbox": [1, 2, 3, 4], "crs": "http://www.opengis.net/def/crs/EPSG/0/4326"},
    "qualified": {"value": {"bbox": [1, 2, 3, 4]}},
}


@both("core/process-execute-input-inline-bbox")
@pytest.mark.parametrize("case", BOXES)
def test_req_core_process_execute_input_inline_bbox(service: Service, case: str) -> None:
    found = echoed(service, "boundingBoxInput", BOXES[case])
    wanted = BOXES[case].get("value", BOXES[case])
    assert found["bbox"] == wanted["bbox"]
    assert found.get("crs") in (wanted.get("crs"), CRS84)


@both("core/process-execute-input-inline-bbox")
@pytest.mark.parametrize(
    "given",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": [1, 2, 3, 4, 5]},
        {"bbox": [1, 2, 3, 4, 5, 6, 7]},
        {"bbox": ["a", 2, 3, 4]},
        {"bbox": [1, None, 3, 4]},
        {"bbox": "1,2,3,4"},
        {"bbox": [1, 2, 3, 4], "crs": 4326},
        {"crs": CRS84},
        [1, 2, 3, 4],
        "1,2,3,4",
    ],
    ids=["3", "5", "7", "text", "null", "string", "crs", "no-bbox", "list", "bare-text"],
)
def test_req_core_process_execute_input_inline_bbox__refused(service: Service, given: Any) -> None:
    problem(service.execute("echo", {"stringInput": "x", "boundingBoxInput": given}), (400, 422))


WRONG: dict[str, tuple[str, str, Any]] = {
    "number-for-text": ("echo", "stringInput", 1),
    "null-for-text": ("echo", "stringInput", None),
    "list-for-text": ("echo", "stringInput", ["a", "b"]),
    "object-for-text": ("echo", "stringInput", {"a": 1}),
    "text-for-number": ("echo", "doubleInput", "1"),
    "flag-for-number": ("echo", "doubleInput", True),
    "below-the-minimum": ("echo", "doubleInput", -1),
    "on-the-exclusive-minimum": ("echo", "doubleInput", 0),
    "above-the-maximum": ("echo", "doubleInput", 10.5),
    "pause-above-the-maximum": ("echo", "pause", 61),
    "no-time": ("echo", "dateInput", "yesterday"),
    "day-that-is-not": ("echo", "dateInput", "2024-02-30T00:00:00Z"),
    "time-without-offset": ("echo", "dateInput", "2024-02-29T12:00:00"),
    "empty-array": ("echo", "arrayInput", []),
    "text-in-array": ("echo", "arrayInput", [1, "2"]),
    "fraction-in-array": ("echo", "arrayInput", [1.5]),
    "number-for-mixed": ("echo", "objectInput", 1),
    "media-type-alone": ("echo", "geometryInput", {"type": "wrong/type"}),
    "qualified-wrong": ("echo", "doubleInput", {"value": "a"}),
    "qualified-out-of-range": ("echo", "doubleInput", {"value": 11}),
    "text-for-whole": ("conf-values", "whole", "1"),
    "fraction-for-whole": ("conf-values", "whole", 1.5),
    "text-for-flag": ("conf-values", "flag", "true"),
    "number-for-flag": ("conf-values", "flag", 1),
    "not-a-choice": ("conf-choice", "size", "medium"),
    "choice-in-other-case": ("conf-choice", "size", "Small"),
    "number-for-file": ("conf-copy", "file", 1),
    "number-in-words": ("conf-lists", "words", [1]),
}


@both("core/process-execute-input-validation")
@pytest.mark.parametrize("prefer", [None, "respond-async"])
@pytest.mark.parametrize("case", WRONG)
def test_req_core_process_execute_input_validation(service: Service, case: str, prefer: str | None) -> None:
    process_id, name, given = WRONG[case]
    more = {"echo": {"stringInput": "x"}, "conf-lists": {"words": ["w"]}}.get(process_id, {})
    answer = service.execute(process_id, {**more, name: given}, prefer=prefer)
    found = problem(answer, (400, 422))
    assert name in answer.text, f"the exception is to name the input {name}: {found}"


@both("core/process-execute-input-validation")
@pytest.mark.parametrize("prefer", [None, "respond-async"])
@pytest.mark.parametrize(
    ("process_id", "missing"),
    [("echo", "stringInput"), ("conf-text", "text"), ("conf-copy", "file"), ("conf-lists", "words")],
)
def test_req_core_process_execute_input_validation__missing(
    service: Service, process_id: str, missing: str, prefer: str | None
) -> None:
    answer = service.execute(process_id, {}, prefer=prefer)
    problem(answer, (400, 422))
    assert missing in answer.text


@both("core/process-execute-input-validation")
def test_req_core_process_execute_input_validation__all_faults_at_once(service: Service) -> None:
    inputs = {"stringInput": 1, "doubleInput": "a", "boundingBoxInput": {"bbox": [1]}, "nobody": 1}
    answer = service.execute("echo", inputs)
    problem(answer, (400, 422))
    for name in inputs:
        assert name in answer.text, f"{name} is not named: {said(answer)}"


@both("core/process-execute-input-validation")
@pytest.mark.parametrize(
    ("name", "content"),
    [("arrayInput", '["a"]'), ("arrayInput", "{"), ("boundingBoxInput", '{"bbox": [1]}'), ("doubleInput", "11")],
    ids=["items", "no-json", "box", "range"],
)
def test_req_core_process_execute_input_validation__of_what_is_referred_to(
    service: Service, origin: Origin, name: str, content: str
) -> None:
    """What stands behind a reference is held against the schema likewise: at once, or when the job gets it."""
    href = origin.put(f"/files/wrong-{name}-{len(content)}.json", content, JSON)
    answer = service.execute(
        "echo", {"stringInput": "x", name: {"href": href, "type": JSON}}, prefer="respond-async"
    )
    if answer.status_code == 201:
        found = Job(service, answer.headers["Location"]).ended("failed").info()
        assert name in str(found), found
    else:
        problem(answer, (400, 422))


@req(V2 + "core/process-execute-input-validation")
@pytest.mark.parametrize("case", ["text", "number", "whole", "time", "choice"])
def test_req_core_process_execute_input_validation__accepted(service: Service, case: str) -> None:
    """The counterpart: what is valid is not refused."""
    process_id, name, given, wanted = INLINE[case]
    more = {"stringInput": "x"} if process_id == "echo" else {}
    assert value(service, process_id, {**more, name: given}, name) == wanted
