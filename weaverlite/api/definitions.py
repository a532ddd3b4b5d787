"""The definition of the API in both versions of OpenAPI, as text, built when it is first asked for and then kept."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from weaverlite.api.rendering import write_json, write_yaml
from weaverlite.settings import ServerSettings

#: Texts kept at a time: the base of a URL comes from the request, so there may be many.
_KEPT = 16


class Definitions:
    """Builds the definition of one application."""

    def __init__(self, registry: Any, server: ServerSettings) -> None:
        self._registry = registry
        self._server = server
        self._lock = threading.Lock()
        self._document = lru_cache(maxsize=2)(self._build)
        self._text = lru_cache(maxsize=_KEPT)(self._write)

    def text(self, base: str, version: str, *, is_yaml: bool) -> bytes:
        """Return the definition of a version of OpenAPI, with the URLs below ``base``."""
        with self._lock:
            return self._text(base, version, is_yaml)

    def _write(self, base: str, version: str, is_yaml: bool) -> bytes:
        document = {**self._document(version), "servers": [{"url": base}]}
        return write_yaml(document) if is_yaml else write_json(document)

    def _build(self, version: str) -> dict[str, Any]:
        from weaverlite.api.openapi import api_document  # Here for the start-up: most services are never asked.

        document = api_document(self._registry, self._server, "")
        if version == "3.0":
            from weaverlite.api.openapi30 import converted  # Here for the start-up.

            return converted(document)
        return document


def definitions(request: Request) -> Definitions:
    """Return the definitions of the application that a request came to."""
    found: Definitions = request.registry.definitions
    return found


def includeme(config: Configurator) -> None:
    config.registry.definitions = Definitions(config.registry, config.registry.runtime.settings.server)
