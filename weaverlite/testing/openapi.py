"""Answers of a service against its own definition: every status, media type and JSON body that comes must be in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_URI = "urn:weaverlite:definition"
_VARIABLE = re.compile(r"\\\{[^}]+\\\}")


class Definition:
    """An OpenAPI document, to check answers by."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._registry: Any = Registry().with_resource(_URI, DRAFT202012.create_resource(document))
        self._base = urlsplit(document["servers"][0]["url"]).path.rstrip("/")
        # Paths without variables first, and longer before shorter: /a/b is not /a/{x}.
        ordered = sorted(document["paths"].items(), key=lambda item: (item[0].count("{"), -len(item[0])))
        self._paths = [(_pattern(path), item) for path, item in ordered]
        #: Operations that were answered, and with which status.
        self.seen: set[tuple[str, int]] = set()

    def check(self, answer: requests.Response) -> None:
        """Fail if the definition does not say that this may come."""
        method = (answer.request.method or "").lower()
        path = urlsplit(answer.request.url or "").path.removeprefix(self._base)
        item = next((item for pattern, item in self._paths if pattern.match(path)), None)
        operation = item and item.get("get" if method == "head" else method)
        if not operation:
            if path.startswith("/static/") or (method == "options" and answer.status_code == 204):
                # What pages are made of, and what browsers ask before a page of another origin sends.
                return
            # A path or a method that is not there is answered with a problem all the same.
            assert answer.status_code in (400, 403, 404, 405), f"{method} {path} answers {answer.status_code}"
            if "json" in answer.headers.get("Content-Type", ""):
                self._validate({"$ref": "#/components/schemas/problem"}, answer)
            return
        where = f"{operation['operationId']} {answer.status_code}"
        self.seen.add((operation["operationId"], answer.status_code))
        said = operation["responses"].get(str(answer.status_code))
        assert said is not None, f"{where}: the definition does not have this status"
        content = said.get("content")
        media_type = answer.headers.get("Content-Type", "")
        if not content:
            assert not media_type, f"{where}: the definition has no content here, this is {media_type}"
            return
        kind = _kind(content, media_type)
        assert kind is not None, f"{where}: the definition does not have the media type {media_type!r}"
        if method != "head" and "schema" in kind and "json" in media_type and not _is_stream(answer):
            self._validate(kind["schema"], answer)

    def _validate(self, schema: Mapping[str, Any], answer: requests.Response) -> None:
        if answer.request.method == "HEAD":
            return
        checker = OAS31Validator.FORMAT_CHECKER
        # Every schema of an answer is a reference to a component.
        validator = OAS31Validator({"$ref": _URI + schema["$ref"]}, registry=self._registry, format_checker=checker)
        faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json())]
        assert not faults, f"{answer.request.method} {answer.url}: {faults}"


def _is_stream(answer: requests.Response) -> bool:
    return "X-Accel-Buffering" in answer.headers


def _kind(content: Mapping[str, Any], media_type: str) -> Any:
    bare = media_type.partition(";")[0].strip()
    for name, kind in content.items():
        if name in ("*/*", media_type) or name.partition(";")[0] == bare:
            return kind
    return None


def _pattern(path: str) -> re.Pattern[str]:
    *folders, last = _VARIABLE.split(re.escape(path))
    # A file's path has slashes; no other variable does.
    variable = "(.+)" if path.endswith("/outputs/{path}") else "([^/]+)"
    return re.compile("([^/]+)".join(folders) + (variable if folders else "") + last + r"\Z")
