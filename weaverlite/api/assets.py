"""What pages are made of: style sheets and scripts, ours and those of Swagger UI, from installed packages."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import FileResponse, Response

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_OURS = frozenset({"page.css", "api.css", "api.js"})
_SWAGGER = frozenset({"swagger-ui.css", "swagger-ui-bundle.js"})


def get_asset(request: Request) -> Response:
    """Return one of the files, named in a list: no name is made into a path."""
    name = request.matchdict["name"]
    if name in _OURS:
        path = Path(str(resources.files("weaverlite.api") / "static" / name))
    elif name in _SWAGGER:
        path = _swagger() / name
    else:
        raise HTTPNotFound()
    response: Any = FileResponse(str(path), request=request)
    response.headers["Content-Type"] = _TYPES[path.suffix]
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.conditional_response = True
    return response


def _swagger() -> Path:
    import swagger_ui_bundle  # Here for the start-up: most services are never asked for the page.

    return Path(swagger_ui_bundle.swagger_ui_path)


def includeme(config: Configurator) -> None:
    config.add_route("asset", "/static/{name}")
    config.add_view(get_asset, route_name="asset", request_method=("GET", "HEAD"))
