"""The definition of the API, OpenAPI 3.1, from what the services declare: Colander nodes become parameters, schema
documents become components. There is no second description to keep in step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import colander

import weaverlite
from weaverlite import errors, schemas
from weaverlite.api import examples
from weaverlite.api.headers import HEADERS
from weaverlite.api.service import Answer, Body, Callback, Operation, Service
from weaverlite.ogc.negotiation import ANY, EVENTS, HTML, JSON, PROBLEM, YAML, essence, is_json, is_text
from weaverlite.settings import ServerSettings

_SEGMENT = re.compile(r"\{([^}:]+):[^}]*\}")
_REFERENCE = re.compile(r"([A-Za-z0-9_]+)\.yaml\Z")


_ERROR_HEADERS = {401: ("WWW-Authenticate",), 409: ("Location",), 429: ("Retry-After",), 503: ("Retry-After",)}
#: Bodies that are read as bytes, but are JSON documents all the same.
_PACKAGES = {"application/ogcapppkg+json": "applicationPackage", "application/cwl+json": "cwlDocument"}
#: What can be asked with an answer of 201: the parameter of a path, where its value stands, and the operation.
_FOLLOWING = {
    "statusInfo": ("job_id", "$response.body#/jobID", ("getStatus", "getResults", "getLogs")),
    "processSummary": ("process_id", "$response.body#/id", ("describeProcess", "getPackage")),
    "upload": ("upload_id", "$response.body#/id", ("getUpload",)),
}


def api_document(registry: Any, server: ServerSettings, base: str) -> dict[str, Any]:
    """Return the definition of everything that the services of this application answer."""
    services = {id(item): item for item in registry.cornice_services.values() if isinstance(item, Service)}
    has_users = server.auth != "none"
    document: dict[str, Any] = {
        "openapi": "3.1.1",
        "info": {
            "title": server.title,
            "description": server.description,
            "version": weaverlite.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base}],
        "tags": [{"name": tag} for tag in dict.fromkeys(item.tag for item in services.values())],
        "paths": {_path(item): dict(_path_item(item, has_users)) for item in services.values()},
        "components": {"schemas": {name: _rewritten(schemas.load(name)) for name in schemas.names()}},
    }
    if has_users:
        document["components"]["securitySchemes"] = {
            "proxy": {
                "type": "apiKey",
                "in": "header",
                "name": server.remote_user_header,
                "description": "Set by the proxy before the service, never by clients.",
            }
        }
    return document


def _path(service: Service) -> str:
    return _SEGMENT.sub(r"{\1}", service.path)


def _path_item(service: Service, has_users: bool) -> Iterator[tuple[str, Any]]:
    yield "summary", service.description
    for method, operation in service.operations.items():
        yield method.lower(), _operation(operation, has_users)


def _operation(operation: Operation, has_users: bool) -> dict[str, Any]:
    body = operation.schema["body"].typ if "body" in operation.schema else None
    document: dict[str, Any] = {
        "operationId": camel(operation.name),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": list(_parameters(camel(operation.name), operation.schema)),
        "responses": dict(_responses(operation, body, has_users)),
    }
    if body is not None:
        known = examples.bodies(document["operationId"])
        document["requestBody"] = {"required": not body.is_optional, "content": dict(_body_content(body, known))}
    if operation.callbacks:
        document["callbacks"] = {item.name: {item.expression: _callback(item)} for item in operation.callbacks}
    if has_users:
        document["security"] = [] if operation.is_public else [{"proxy": []}]
    return document


def _callback(item: Callback) -> dict[str, Any]:
    sent = {"required": True, "content": {JSON: {"schema": _reference(item.document)}}}
    return {
        "post": {
            "summary": item.description,
            "requestBody": sent,
            "responses": {"200": {"description": "It was taken; so does any other status of 2xx say."}},
        }
    }


def camel(name: str) -> str:
    """Return the name of a view as the id of an operation."""
    return re.sub(r"_([A-Za-z])", lambda found: found[1].upper(), name)


def _parameters(operation: str, schema: Any) -> Iterator[dict[str, Any]]:
    for location in ("path", "query", "header"):
        for node in schema[location]:
            parameter: dict[str, Any] = {
                "name": node.name,
                "in": location,
                "description": node.description,
                "required": node.missing is colander.required,
                "schema": node.typ.schema,
            }
            if (example := examples.parameter(operation, node.name)) is not None:
                parameter["example"] = example
            if node.typ.schema.get("type") == "array":
                parameter["style"], parameter["explode"] = "form", False
            yield parameter


def _body_content(body: Body, known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for media_type in body.media_types:
        name = body.document(media_type) or _PACKAGES.get(media_type)
        content: dict[str, Any] = {"schema": _content_schema(media_type, name)}
        if media_type in known:
            content["example"] = known[media_type]
        yield media_type, content


def _responses(operation: Operation, body: Body | None, has_users: bool) -> Iterator[tuple[str, Any]]:
    answered = {str(status): _answer(operation, status, answer) for status, answer in operation.answers.items()}
    for status in sorted(_error_statuses(operation, body, has_users)):
        # A status may be both: 503 of /ready tells parts, and any 503 may be a problem.
        known = answered.setdefault(str(status), {"description": HTTPStatus(status).phrase, "content": {}})
        for media_type in (PROBLEM, JSON, HTML):
            name = "problem" if media_type != HTML else None
            known.setdefault("content", {}).setdefault(media_type, {"schema": _content_schema(media_type, name)})
        if status in _ERROR_HEADERS:
            known.setdefault("headers", {}).update(_headers(_ERROR_HEADERS[status]))
    yield from sorted(answered.items())


def _error_statuses(operation: Operation, body: Body | None, has_users: bool) -> set[int]:
    # What any request may meet: a query that is not valid, a form that cannot be had, a store that is away.
    statuses = {400, 403, 406, 500, 503}
    for error in operation.raises:
        statuses |= {cls.status for cls in (error, *_kinds(error)) if cls.status != 500}
    if body is not None:
        statuses |= {413, 415}
    if has_users and not operation.is_public:
        statuses.add(401)
    return statuses


def _kinds(error: type[errors.WeaverLiteError]) -> Iterator[type[errors.WeaverLiteError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _answer(operation: Operation, status: int, answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = {"description": answer.description}
    if answer.document or answer.media_types != (JSON,):
        pages = (HTML,) if HTML in operation.offers and HTML not in answer.media_types and answer.document else ()
        document["content"] = {
            media_type: {"schema": _content_schema(media_type, answer.document)}
            for media_type in (*answer.media_types, *pages)
        }
    if answer.headers:
        document["headers"] = dict(_headers(answer.headers))
    if status == 201 and answer.document in _FOLLOWING:
        parameter, where, operations = _FOLLOWING[answer.document]
        document["links"] = {name: {"operationId": name, "parameters": {parameter: where}} for name in operations}
    return document


def _content_schema(media_type: str, name: str | None) -> dict[str, Any]:
    if name and (is_json(media_type) or essence(media_type) == YAML):
        return _reference(name)
    if media_type == ANY:
        return _reference("anyValue")
    if media_type == EVENTS:
        return _reference("serverSentEvents")
    if is_text(essence(media_type)):
        return {"type": "string"}
    return {"type": "string", "contentMediaType": media_type}


def _headers(names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        description, schema = HEADERS[name]
        yield name, {"description": description, "schema": schema}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _rewritten(value: Any) -> Any:
    """Return a schema document with its references to other documents made references to components."""
    if isinstance(value, Mapping):
        return {
            key: f"#/components/schemas/{found[1]}"
            if key == "$ref" and isinstance(item, str) and (found := _REFERENCE.match(item))
            else _rewritten(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(item) for item in value]
    return value
