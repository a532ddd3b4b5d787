"""The package of a process in the form a client wants: as it came, or as JSON or YAML, whole or its CWL alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from weaverlite.api.rendering import reply, set_type, write_yaml
from weaverlite.errors import NotAcceptable
from weaverlite.models.package import Package
from weaverlite.models.process import Deployed
from weaverlite.ogc import packages as known
from weaverlite.ogc.negotiation import HTML, JSON, YAML, choose, essence, takes_anything
from weaverlite.services.notations import Notation, is_cwl

_CWL = (known.CWL_JSON, known.CWL_YAML, known.CWL)
_PACKAGE = (known.PACKAGE_JSON, known.PACKAGE_YAML, known.PACKAGE)
_PLAIN = (JSON, YAML, "application/x-yaml", "text/yaml")
#: Everything that may be answered.
MEDIA_TYPES = tuple(
    sorted({*_CWL, *_PACKAGE, *_PLAIN, HTML, *known.CWL_TYPES, *known.PLAIN_TYPES, *known.MULTIPART_TYPES})
)


def package_response(request: Request, deployed: Deployed, package: Package) -> Response:
    """Return what was deployed, in the form that the request prefers.

    :raises NotAcceptable: there is none that it accepts.
    """
    as_sent = essence(deployed.media_type)
    whole = None if as_sent in known.MULTIPART_TYPES else _document(request, deployed)
    has_more = whole is not None and not is_cwl(whole)
    # Of several documents it is the one that they were packed into.
    sent = package.document if whole is None else whole
    forms: dict[str, Any] = {deployed.media_type: deployed.body}
    for media_type in (*(_PACKAGE if has_more else ()), *_PLAIN):
        forms.setdefault(media_type, sent)
    for media_type in _CWL:
        forms.setdefault(media_type, package.document if has_more else sent)
    accept = request.headers.get("Accept")
    if not takes_anything(accept):
        # A page is not what was deployed: browsers, which take anything, get that.
        forms.setdefault(HTML, sent)
    chosen = choose(accept, tuple(forms))
    if chosen == HTML:
        request.media_type = HTML
        return reply(sent)
    if chosen is None:
        raise NotAcceptable(f"The package can be had as {', '.join(forms)}; the request accepts none of these.")
    form = forms[chosen]
    response = Response(body=form.encode() if isinstance(form, str) else _write(form, chosen))
    set_type(response, chosen)
    return response


def _document(request: Request, deployed: Deployed) -> Mapping[str, Any]:
    notation = Notation(request.runtime.settings.limits)
    document: Mapping[str, Any] = notation.parse(deployed.body, essence(deployed.media_type))
    return document


def _write(document: Any, media_type: str) -> bytes:
    if media_type.endswith("json"):
        return json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"
    return write_yaml(document)
