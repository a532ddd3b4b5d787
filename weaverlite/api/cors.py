"""Web pages of other origins (CORS): only those that ``weaverlite.server.cors_origins`` names, letter by letter.

Without the setting nothing here answers. Credentials are never allowed: who asks is said by a proxy, not by a cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import INGRESS

from weaverlite.api.headers import HEADERS
from weaverlite.api.rendering import empty

Handler = Callable[[Request], Response]

_EXPOSED = ", ".join(sorted({*HEADERS, "X-Request-ID", "Content-Length"}))
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_DAY = "86400"


class Origins:
    """The origins whose pages may read answers."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins)

    def __bool__(self) -> bool:
        return bool(self._origins)

    def names(self, request: Request) -> bool:
        """Whether a page of one of them sent this request."""
        return request.environ.get("HTTP_ORIGIN") in self._origins


def share(handler: Handler, registry: Any) -> Handler:
    """Answer preflight requests of named origins, and let their pages read the answers."""
    origins: Origins = registry.origins
    if not origins:
        return handler

    def sharing(request: Request) -> Response:
        is_named = origins.names(request)
        if is_named and request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.environ:
            response = empty()
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            if wanted := request.environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"):
                response.headers["Access-Control-Allow-Headers"] = wanted
            response.headers["Access-Control-Max-Age"] = _DAY
        else:
            response = handler(request)
        if is_named:
            response.headers["Access-Control-Allow-Origin"] = request.environ["HTTP_ORIGIN"]
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        # What a cache keeps for one origin is not for another.
        response.headers["Vary"] = "Accept, Origin"
        return response

    return sharing


def includeme(config: Configurator) -> None:
    config.registry.origins = Origins(config.registry.runtime.settings.server.cors_origins)
    config.add_tween("weaverlite.api.cors.share", under=INGRESS)
