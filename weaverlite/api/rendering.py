"""Documents to bytes, and small responses."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite.ogc.negotiation import JSON


def write_json(document: Any) -> bytes:
    """Return a document as compact JSON in UTF-8.

    Outputs and log lines are made by users' programs: what JSON has no word for becomes null, half a surrogate pair is
    escaped.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":"), default=_plain).encode()
    except ValueError:
        return write_json(_finite(document))


def write_yaml(document: Any) -> bytes:
    """Return a document as YAML in UTF-8, members in their order."""
    import yaml  # Here for the start-up.

    # Through JSON: the dumper would write what two places share as an anchor.
    plain = yaml.load(write_json(document), yaml.CSafeLoader)
    text: bytes = yaml.dump(plain, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, encoding="utf-8")
    return text


def reply(
    document: Any, status: int = 200, *, headers: Mapping[str, str] | None = None, media_type: str = JSON
) -> Response:
    """Return a response of a JSON document. It keeps the document: it may have to become a page."""
    response = Response(body=write_json(document), status=status)
    response.document = document
    response.headers.update(headers or {})
    set_type(response, media_type)
    return response


def empty(status: int = 204) -> Response:
    """Return a response without a body."""
    response = Response(status=status)
    response.content_type = None
    return response


def redirect(url: str) -> Response:
    """Return a response that says where something is."""
    response = empty(302)
    response.location = url
    return response


def set_type(response: Response, media_type: str) -> None:
    """Set the media type, with its parameters and no others: webob would add a charset to some."""
    response.headers["Content-Type"] = media_type


def includeme(config: Configurator) -> None:
    config.add_renderer("weaverlite", lambda info: _render)


def _render(value: Any, system: Mapping[str, Any]) -> bytes:
    request: Request = system["request"]
    set_type(request.response, request.media_type)
    return write_json(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
