"""What tests assert on an answer; each says what came instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from jsonschema import Draft202012Validator, FormatChecker

from tests.conformance import schemas

EXCEPTIONS = "http://www.opengis.net/def/exceptions/"
RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0/"
PROFILES = "https://www.opengis.net/def/profile/OGC/0/"
JSON = "application/json"
PROBLEM = "application/problem+json"

_LINK = re.compile(r"<([^>]*)>\s*((?:;\s*[\w*]+\s*=\s*(?:\"[^\"]*\"|[^\s;,]+)\s*)*)")
_PARAMETER = re.compile(r";\s*([\w*]+)\s*=\s*(?:\"([^\"]*)\"|([^\s;,]+))")
_FORMATS = FormatChecker()


@_FORMATS.checks("date-time")
def _is_time(value: object) -> bool:
    # RFC 3339 wants an offset: clients and acceptance suites do too.
    pattern = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


def said(answer: requests.Response) -> str:
    """Return an answer in a line, for messages."""
    return (
        f"{answer.request.method} {answer.url} answers {answer.status_code} "
        f"{answer.headers.get('Content-Type', 'without a type')}: {answer.text[:600]}"
    )


def media_type(answer: requests.Response) -> str:
    """Return the media type of an answer without its parameters."""
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def status(answer: requests.Response, *codes: int) -> None:
    """Fail unless the answer has one of these statuses."""
    assert answer.status_code in codes, f"{' or '.join(map(str, codes))} was expected; {said(answer)}"


def body(answer: requests.Response, code: int = 200) -> Any:
    """Return the JSON of an answer that must have this status."""
    status(answer, code)
    assert media_type(answer) == JSON, f"JSON was expected; {said(answer)}"
    return answer.json()


def document(answer: requests.Response, schema: str, code: int = 200) -> Any:
    """Return the JSON of an answer that must have this status and be valid by one of our schemas."""
    found = body(answer, code)
    valid(found, schema, said(answer))
    return found


def valid(found: Any, schema: str | Mapping[str, Any], where: str = "") -> None:
    """Fail unless a document is valid by a schema: one of ours by its name, or one that is given."""
    wanted = schemas.named(schema) if isinstance(schema, str) else schema
    faults = [
        f"{error.json_path}: {error.message[:200]}"
        for error in Draft202012Validator(wanted, format_checker=_FORMATS).iter_errors(found)
    ]
    name = schema if isinstance(schema, str) else "given"
    assert not faults, f"not valid by the schema {name!r}: {faults}; {where or json.dumps(found)[:600]}"


def problem(answer: requests.Response, code: int | tuple[int, ...], kind: str = "") -> dict[str, Any]:
    """Return an exception, which must have this status and, if given, this type of the OGC."""
    status(answer, *(code if isinstance(code, tuple) else (code,)))
    # A parameter such as charset makes clients that compare the whole header miss the type.
    assert answer.headers.get("Content-Type") in (PROBLEM, JSON), f"an exception was expected; {said(answer)}"
    found: dict[str, Any] = answer.json()
    valid(found, "exception", said(answer))
    assert found.get("status", answer.status_code) == answer.status_code, said(answer)
    if kind:
        assert found["type"] == EXCEPTIONS + kind, said(answer)
    return found


def links(found: Any, rel: str, *others: str) -> list[dict[str, Any]]:
    """Return the links of a document that have this relation, or one of others that mean the same."""
    assert isinstance(found, dict), f"an object with links was expected: {found!r}"
    return [link for link in found.get("links", ()) if link.get("rel") in (rel, *others)]


def link(found: Any, rel: str, *others: str) -> dict[str, Any]:
    """Return the first link of a document that has this relation; fail if there is none."""
    matching = links(found, rel, *others)
    assert matching, f"no link {rel} among {[item.get('rel') for item in found.get('links', ())]}"
    valid(matching[0], "link")
    return matching[0]


def header_links(answer: requests.Response, rel: str) -> list[tuple[str, dict[str, str]]]:
    """Return the links of the ``Link`` headers that have this relation, each with its parameters."""
    found = []
    for target, parameters in _LINK.findall(answer.headers.get("Link", "")):
        named = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(parameters)}
        if rel in named.get("rel", "").split():
            found.append((target, named))
    return found


def profiled(answer: requests.Response, name: str) -> None:
    """Fail unless a ``Link`` header says that the answer has this profile of the OGC."""
    targets = [target for target, _ in header_links(answer, "profile")]
    assert PROFILES + name in targets, f"no profile {name} in the Link headers {targets}; {said(answer)}"


def no_nulls(found: Any, where: str = "$") -> None:
    """Fail if a member is null: optional ones are to be absent."""
    if isinstance(found, dict):
        for name, value in found.items():
            assert value is not None, f"{where}.{name} is null"
            no_nulls(value, f"{where}.{name}")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            no_nulls(value, f"{where}[{index}]")


def same(found: Iterable[Any], wanted: Iterable[Any]) -> None:
    """Fail unless two collections have the same members, in any order."""
    assert sorted(map(str, found)) == sorted(map(str, wanted))
