"""JSON Schemas of the documents that the standards describe, written by us from their text; none is fetched."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_URI: Schema = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"}
_NAME: Schema = {"type": "string", "minLength": 1}


def _object(required: str = "", **properties: Schema) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties}


def _list(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


LINK = _object("href", href=_NAME, rel=_TEXT, type=_TEXT, hreflang=_TEXT, title=_TEXT)
LINK["not"] = {"required": ["value"]}
_LINKS = _list({**LINK, "required": ["href", "rel"]})

LANDING_PAGE = _object("links", title=_TEXT, description=_TEXT, attribution=_TEXT, links=_list(LINK, 3))
CONFORMANCE = _object("conformsTo", conformsTo=_list({"type": "string", "pattern": "^https?://[^ ]+$"}, 1))
CONFORMANCE["properties"]["conformsTo"]["uniqueItems"] = True

EXCEPTION = _object(
    "type",
    type={"type": "string", "minLength": 1},
    title=_TEXT,
    status={"type": "integer", "minimum": 400, "maximum": 599},
    detail=_TEXT,
    instance=_TEXT,
)

# ---------------------------------------------------------------- processes

_METADATA = _list(_object(title=_TEXT, role=_TEXT, href=_TEXT))
_DESCRIBED = {
    "title": _TEXT,
    "description": _TEXT,
    "keywords": _list(_TEXT),
    "metadata": _METADATA,
    "additionalParameters": {"type": "object"},
}
_OPTIONS = {"enum": ["sync-execute", "async-execute", "dismiss"]}
_SUMMARY_MEMBERS: dict[str, Schema] = {
    **_DESCRIBED,
    "id": _NAME,
    "version": _NAME,
    "mutable": {"type": "boolean"},
    "jobControlOptions": {**_list(_OPTIONS), "uniqueItems": True},
    "outputTransmission": {**_list({"enum": ["value", "reference"]}), "uniqueItems": True},
    "links": _LINKS,
}
_PROCESS_SUMMARY = _object("id version", **_SUMMARY_MEMBERS)
PROCESS_LIST = _object("processes links", processes=_list(_PROCESS_SUMMARY), links=_LINKS)

#: The ``schema`` of an input or output: a JSON Schema that says something.
_VALUE_SCHEMA: Schema = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        "type": {"anyOf": [_TEXT, _list(_TEXT, 1)]},
        "oneOf": _list({"type": "object"}, 1),
        "allOf": _list({"type": "object"}, 1),
        "anyOf": _list({"type": "object"}, 1),
        "enum": {"type": "array"},
        "contentMediaType": _TEXT,
        "contentEncoding": _TEXT,
    },
}
_INPUT = _object(
    "schema",
    **_DESCRIBED,
    minOccurs={"type": "integer", "minimum": 0},
    maxOccurs={"anyOf": [{"type": "integer", "minimum": 1}, {"const": "unbounded"}]},
    valuePassing={**_list({"enum": ["byValue", "byReference"]}, 1), "uniqueItems": True},
    schema=_VALUE_SCHEMA,
)
_OUTPUT = _object("schema", **_DESCRIBED, schema=_VALUE_SCHEMA)
PROCESS = _object(
    "id version inputs outputs",
    **_SUMMARY_MEMBERS,
    inputs={"type": "object", "additionalProperties": _INPUT},
    outputs={"type": "object", "additionalProperties": _OUTPUT},
)

# ---------------------------------------------------------------- jobs

_STATUSES = ["accepted", "running", "successful", "failed", "dismissed"]
_STATUS_MEMBERS: dict[str, Schema] = {
    "processID": _NAME,
    "message": _TEXT,
    "title": _TEXT,
    "created": _TIME,
    "started": _TIME,
    "finished": _TIME,
    "updated": _TIME,
    "progress": {"type": "integer", "minimum": 0, "maximum": 100},
    "links": _LINKS,
    "exception": EXCEPTION,
}
STATUS_1 = _object(
    "jobID status type", **_STATUS_MEMBERS, jobID=_NAME, status={"enum": _STATUSES}, type={"enum": ["process"]}
)
STATUS_2 = _object(
    "id status processingEntityType",
    **_STATUS_MEMBERS,
    id=_NAME,
    status={"enum": _STATUSES},
    processingEntityType={"enum": ["ogc-api-processes"]},
)
#: Both versions at once, and ``processID``: what this service promises.
STATUS: Schema = {"allOf": [STATUS_1, STATUS_2, {"required": ["processID"]}]}
STATUS_4 = _object(
    "id status type", **_STATUS_MEMBERS, id=_NAME, status={"enum": ["created", *_STATUSES]}, type={"enum": ["process"]}
)


def _listed(schema: Schema) -> Schema:
    """Return the schema of a status in a list, where jobs of Part 4 stand too: it has one more status."""
    return {**schema, "properties": {**schema["properties"], "status": {"enum": ["created", *_STATUSES]}}}


JOB_LIST_1 = _object("jobs links", jobs=_list(_listed(STATUS_1)), links=_LINKS)
JOB_LIST_2 = _object("jobs links", jobs=_list(_listed(STATUS_2)), links=_LINKS)
JOB_LIST: Schema = {"allOf": [JOB_LIST_1, JOB_LIST_2]}
JOB_INPUTS = _object(
    "inputs outputs", inputs={"type": "object"}, outputs={"type": "object"}, links=_LINKS, headers={"type": "object"}
)

# ---------------------------------------------------------------- results

_BBOX = _object(
    "bbox", bbox={"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}, crs=_TEXT
)
_QUALIFIED = _object("value", mediaType=_TEXT, encoding=_TEXT, format=_TEXT)
_RESULT: Schema = {
    "anyOf": [
        {"type": ["string", "number", "boolean", "array"]},
        _BBOX,
        _QUALIFIED,
        LINK,
    ]
}
RESULTS: Schema = {"type": "object", "minProperties": 1, "additionalProperties": _RESULT}

_NAMED: dict[str, Schema] = {
    "landingPage": LANDING_PAGE,
    "conformance": CONFORMANCE,
    "exception": EXCEPTION,
    "link": {**LINK, "required": ["href", "rel"]},
    "processList": PROCESS_LIST,
    "process": PROCESS,
    "processSummary": _PROCESS_SUMMARY,
    "status": STATUS,
    "status-1.0": STATUS_1,
    "status-2.0": STATUS_2,
    "status-part4": STATUS_4,
    "jobList": JOB_LIST,
    "jobList-1.0": JOB_LIST_1,
    "jobList-2.0": JOB_LIST_2,
    "jobInputs": JOB_INPUTS,
    "results": RESULTS,
    "bbox": _BBOX,
}


def named(name: str) -> Schema:
    """Return one of the schemas above."""
    return _NAMED[name]
